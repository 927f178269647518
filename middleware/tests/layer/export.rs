use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use rmcp::model::ProtocolVersion;
use toolsight::Toolsight;
use toolsight::http::RequestBody;
use tower::{Layer as _, ServiceExt as _};

use crate::receiver::{self, Received, attributes};
use crate::server::{call, connect, start};

#[tokio::test]
async fn calls_of_both_eras_arrive_as_spans_with_the_names_of_the_convention() {
    for (version, session) in [
        (ProtocolVersion::V_2026_07_28, false),
        (ProtocolVersion::V_2025_06_18, true),
    ] {
        let (received, toolsight) = receiver::observing().await;
        let client = connect(&start(&toolsight).await, version.clone()).await;
        client.list_all_tools().await.unwrap();
        client.call_tool(call("add", 1, 2)).await.unwrap();
        client.call_tool(call("divide", 1, 0)).await.unwrap();
        client.call_tool(call("multiply", 1, 2)).await.unwrap_err();
        toolsight.flush().await;
        let spans = received.spans();
        let span = |name: &str| attributes(spans.iter().find(|span| span.name == name).unwrap());

        let add = span("tools/call add");
        for (key, value) in [
            ("mcp.method.name", "tools/call"),
            ("gen_ai.tool.name", "add"),
            ("gen_ai.operation.name", "execute_tool"),
            ("mcp.protocol.version", version.as_str()),
            ("mcp.client.name", "tester"),
            ("mcp.client.version", "0.9"),
            ("mcp.server.name", "calculator"),
            ("mcp.server.version", "1.2.3"),
            ("network.transport", "tcp"),
            ("network.protocol.name", "http"),
            ("network.protocol.version", "1.1"),
            ("toolsight.outcome", "ok"),
        ] {
            assert_eq!(add.get(key).map(String::as_str), Some(value), "{version}: {key}");
        }
        assert_eq!(add.contains_key("mcp.session.id"), session, "{version}");
        assert!(!add.contains_key("error.type"));
        let divide = span("tools/call divide");
        assert_eq!(
            (&*divide["toolsight.outcome"], &*divide["error.type"]),
            ("tool_error", "tool_error")
        );
        // Anybody can make up names, which would be as many names of spans.
        let unknown = span("tools/call");
        assert_eq!(unknown["gen_ai.tool.name"], "multiply");
        assert_eq!(
            (&*unknown["toolsight.fault"], &*unknown["rpc.response.status_code"]),
            ("caller", "-32602")
        );
        assert!(
            !unknown.contains_key("error.type"),
            "a caller's mistake is no error of the server's"
        );
        assert!(
            received
                .metrics()
                .iter()
                .any(|name| name == "mcp.server.operation.duration")
        );
        assert_eq!(toolsight.dropped().total(), 0);
    }
}

#[tokio::test]
async fn a_short_queue_loses_nothing_of_what_is_read_together() {
    // Whoever asks for counts fills the queue.
    for asks in [false, true] {
        let (received, toolsight) = with_a_short_queue().await;
        ping(&toolsight, 20).await;
        if asks {
            toolsight.dropped();
        }
        toolsight.shutdown().await;
        assert_eq!((received.spans().len(), toolsight.dropped().total()), (20, 0), "{asks}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_during_the_shutdown_cost_none_of_those_before_it() {
    for _ in 0..20 {
        let (received, toolsight) = with_a_short_queue().await;
        ping(&toolsight, 200).await;
        let late = toolsight.clone();
        let late = tokio::spawn(async move { ping(&late, 1).await });
        toolsight.shutdown().await;
        late.await.unwrap();
        // The one may have come too late.
        assert!(received.spans().len() >= 200, "{:?}", toolsight.dropped());
    }
}

async fn with_a_short_queue() -> (Received, Toolsight) {
    let received = Received::default();
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let builder = Toolsight::builder().endpoint(format!("http://{address}"));
    (received, builder.queue_records(4).build().unwrap())
}

/// So many calls, whose ends pass one behind the other, and each makes a record.
async fn ping(toolsight: &Toolsight, count: u32) {
    let service = toolsight.layer().layer(tower::service_fn(
        |request: http::Request<RequestBody<String>>| async move {
            request.into_body().collect().await?;
            Ok::<_, std::convert::Infallible>(http::Response::new("x".to_owned()))
        },
    ));
    let mut responses = Vec::new();
    for id in 0..count {
        let ping = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let request = http::Request::post("/mcp").body(ping).unwrap();
        responses.push(service.clone().oneshot(request).await.unwrap());
    }
}

#[tokio::test]
async fn a_collector_that_is_away_costs_nothing_but_what_does_not_fit() {
    let received = Received::default();
    let (address, collector) = received.start(([127, 0, 0, 1], 0).into()).await;
    collector.abort();
    let _ = collector.await;
    let toolsight = Toolsight::builder()
        .endpoint(format!("http://{address}"))
        .queue_records(8)
        // A batch that is tried again may have half a minute to wait.
        .shutdown_timeout(Duration::from_secs(120))
        .build()
        .unwrap();
    let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
    // The export thread holds one batch of 512 that it keeps trying; the queue holds 8; the rest is counted.
    for _ in 0..900 {
        client.call_tool(call("add", 1, 2)).await.unwrap();
    }
    assert!(toolsight.dropped().queue_full > 0);
    let (_, _collector) = received.start(address).await;
    client.call_tool(call("divide", 4, 2)).await.unwrap();
    toolsight.shutdown().await;
    let (sent, lost) = (received.spans().len() as u64, toolsight.dropped());
    assert_eq!(lost.total(), lost.queue_full);
    // The server's first answer, to `server/discover`, is a record too.
    assert_eq!(
        sent + lost.queue_full,
        902,
        "every record is either delivered once or counted as lost"
    );
}

#[tokio::test]
async fn shutdown_keeps_its_deadline_and_counts_what_it_could_not_send() {
    let received = Received::default();
    let (address, collector) = received.start(([127, 0, 0, 1], 0).into()).await;
    collector.abort();
    let _ = collector.await;
    let toolsight = Toolsight::builder()
        .endpoint(format!("http://{address}"))
        .shutdown_timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
    client.call_tool(call("add", 1, 2)).await.unwrap();
    let begin = Instant::now();
    toolsight.shutdown().await;
    assert!(begin.elapsed() < Duration::from_secs(5));
    client.call_tool(call("add", 1, 2)).await.unwrap();
    assert_eq!(toolsight.dropped().shutdown, 3, "two before the shutdown, one after it");
}

#[tokio::test]
async fn a_session_that_is_open_at_the_shutdown_is_in_the_metrics() {
    for (version, sessions) in [(ProtocolVersion::V_2025_06_18, 1), (ProtocolVersion::V_2026_07_28, 0)] {
        let (received, toolsight) = receiver::observing().await;
        let client = connect(&start(&toolsight).await, version.clone()).await;
        client.call_tool(call("add", 1, 2)).await.unwrap();
        toolsight.flush().await;
        let counted = || received.counted("mcp.server.session.duration");
        assert_eq!(counted(), 0, "{version}: it is open");
        toolsight.shutdown().await;
        assert_eq!(counted(), sessions, "{version}");
    }
}

#[test]
fn an_address_that_is_none_is_refused_with_the_reason() {
    let error = Toolsight::builder()
        .endpoint("not a url")
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains("check the endpoint"), "{error}");
    let error = Toolsight::builder()
        .header("bad header", "x")
        .build()
        .unwrap_err()
        .to_string();
    assert!(error.contains("bad header"), "{error}");
}

#[tokio::test]
async fn a_layer_goes_on_without_the_handle_that_made_it() {
    let (received, toolsight) = receiver::observing().await;
    let url = start(&toolsight).await;
    drop(toolsight);
    let client = connect(&url, ProtocolVersion::V_2026_07_28).await;
    client.call_tool(call("add", 1, 2)).await.unwrap();
    // The answer to `server/discover` and the call.
    received.wait(2).await;
}
