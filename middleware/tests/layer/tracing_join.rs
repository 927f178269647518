use opentelemetry::trace::{SpanId, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use rmcp::model::ProtocolVersion;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::receiver;
use crate::server::{call, connect, start};

/// The subscriber is installed for the whole process, since the server runs on tasks of its own.
#[tokio::test]
async fn the_application_s_own_spans_are_children_of_the_call() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("application"));
    let filter = tracing_subscriber::filter::Targets::new()
        .with_target("toolsight", tracing::Level::INFO)
        .with_target("layer", tracing::Level::INFO);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(filter).with(layer)).unwrap();

    let (received, toolsight) = receiver::observing().await;
    let url = start(&toolsight).await;

    // The caller's trace is told in the body only.
    let mut params = call("add", 1, 2);
    let caller = "00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-01";
    params.meta = Some(serde_json::from_value(serde_json::json!({"traceparent": caller})).unwrap());
    let client = connect(&url, ProtocolVersion::V_2026_07_28).await;
    client.call_tool(params).await.unwrap();
    // Nothing tells a trace.
    client.call_tool(call("add", 3, 4)).await.unwrap();
    toolsight.flush().await;

    let calls: Vec<_> = received
        .spans()
        .into_iter()
        .filter(|span| span.name == "tools/call add")
        .collect();
    let own = exporter.get_finished_spans().unwrap();
    // The subscriber also sees the servers of other tests; what belongs here hangs below this test's calls.
    let below = |parent: SpanId, name: &str, trace: &[u8]| {
        let found = own.iter().find(|span| {
            let same_trace = span.span_context.trace_id().to_bytes().as_slice() == trace;
            span.parent_span_id == parent && span.name == name && same_trace
        });
        found
            .unwrap_or_else(|| panic!("no span {name:?} below {parent}"))
            .span_context
            .clone()
    };
    let id = |bytes: &[u8]| SpanId::from_bytes(bytes.try_into().unwrap());
    assert_eq!(calls.len(), 2);
    for call in &calls {
        below(id(&call.span_id), "explicit", &call.trace_id);
    }
    assert_eq!(
        calls[0].trace_id,
        u128::from_str_radix(&caller[3..35], 16).unwrap().to_be_bytes()
    );
    assert_eq!(id(&calls[0].parent_span_id).to_string(), &caller[36..52]);
    // Where nothing tells a trace, the span that the service runs in begins it, and the call is its child.
    let request = below(SpanId::INVALID, "mcp request", &calls[1].trace_id);
    assert_eq!(id(&calls[1].parent_span_id), request.span_id());
    below(request.span_id(), "ambient", &calls[1].trace_id);
}
