use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rmcp::model::{CallToolRequestParams, ProtocolVersion};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::receiver::{self, attributes};
use crate::server::{call, connect, start};

#[tokio::test]
async fn what_the_server_asks_of_the_client_is_a_span_below_the_call() {
    let (received, toolsight) = receiver::observing().await;
    let client = connect(&start(&toolsight).await, ProtocolVersion::V_2025_11_25).await;
    let answer = client.call_tool(CallToolRequestParams::new("ask")).await.unwrap();
    assert_eq!(answer.content[0].as_text().unwrap().text, "it is");
    // The last of the exchanges may end a moment after its answer.
    toolsight.flush().await;
    let spans = received.wait(4).await;
    let span = |name: &str| spans.iter().find(|span| span.name == name).unwrap();

    let (call, asked) = (span("tools/call ask"), span("ping"));
    assert_eq!(asked.kind, SpanKind::Client as i32);
    assert_eq!(call.kind, SpanKind::Server as i32);
    assert_eq!(
        (&asked.parent_span_id, &asked.trace_id),
        (&call.span_id, &call.trace_id)
    );
    assert!(asked.start_time_unix_nano >= call.start_time_unix_nano);
    assert!(asked.end_time_unix_nano <= call.end_time_unix_nano);
    let told = attributes(asked);
    for (key, value) in [
        ("toolsight.direction", "to_client"),
        ("toolsight.outcome", "ok"),
        ("mcp.client.name", "tester"),
        ("mcp.protocol.version", "2025-11-25"),
    ] {
        assert_eq!(told.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert!(!attributes(call).contains_key("toolsight.direction"));
    assert!(!told.contains_key("gen_ai.operation.name"), "it is no call of a tool");
    for metric in [
        "mcp.client.operation.duration",
        "toolsight.calls.in_flight",
        "toolsight.calls.oldest",
    ] {
        assert!(received.metrics().iter().any(|name| name == metric), "{metric}");
    }
}

#[tokio::test]
async fn progress_is_counted_on_the_span_of_the_call() {
    for version in [ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2026_07_28] {
        let (received, toolsight) = receiver::observing().await;
        let client = connect(&start(&toolsight).await, version.clone()).await;
        client.call_tool(CallToolRequestParams::new("walk")).await.unwrap();
        client.call_tool(call("divide", 1, 1)).await.unwrap();
        toolsight.flush().await;
        let spans = received.wait(3).await;
        let progress = |name: &str| {
            let span = spans.iter().find(|span| span.name == name).unwrap();
            attributes(span).get("toolsight.progress.count").cloned()
        };
        assert_eq!(progress("tools/call walk").as_deref(), Some("2"), "{version}");
        assert_eq!(progress("tools/call divide"), None, "{version}");
    }
}

#[tokio::test]
async fn a_call_that_still_waits_for_its_answer_is_sent_at_the_end() {
    let (received, toolsight) = receiver::observing().await;
    let service = service_fn(
        |request: Request<toolsight::http::RequestBody<Full<Bytes>>>| async move {
            request.into_body().collect().await.unwrap();
            Ok::<_, Infallible>(Response::builder().status(202).body(Full::<Bytes>::default()).unwrap())
        },
    );
    let call = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add"}}"#;
    let request = Request::post("/mcp")
        .header("mcp-session-id", "s1")
        .body(Full::from(call))
        .unwrap();
    toolsight.layer().layer(service).oneshot(request).await.unwrap();
    toolsight.flush().await;
    assert_eq!(received.spans(), [], "the answer may still come");
    toolsight.shutdown().await;
    let spans = received.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(attributes(&spans[0])["toolsight.outcome"], "deferred");
}
