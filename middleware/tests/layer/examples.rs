//! The examples, started as they are.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation};
use rmcp::transport::StreamableHttpClientTransport;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::receiver::{Received, attributes};

/// An example beside this test, which `cargo test` and `cargo nextest run` build as well.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let example = test.parent().unwrap().with_file_name("examples").join(name);
    assert!(
        example.exists(),
        "run cargo build --example {name} first: {}",
        example.display()
    );
    example
}

#[tokio::test]
async fn a_server_behind_http_is_recorded_and_ends_with_all_sent() {
    for (name, path, own_span) in [("axum_rmcp", "/mcp", Some("look up greeting")), ("tower", "", None)] {
        let received = Received::default();
        let (receiver, _) = received.start(([127, 0, 0, 1], 0).into()).await;
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut server = Command::new(example(name))
            .arg(free.to_string())
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{receiver}"))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while TcpStream::connect(free).await.is_err() {
            assert_eq!(server.try_wait().unwrap(), None, "{name} has ended");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let config = ClientConfig::new(ClientCapabilities::default(), Implementation::new("tester", "0.9"));
        let transport = StreamableHttpClientTransport::from_uri(format!("http://{free}{path}"));
        let client = config.serve(transport).await.unwrap();
        let arguments = serde_json::json!({"name": "Ada"}).as_object().cloned().unwrap();
        let answer = client.call_tool(CallToolRequestParams::new("greet").with_arguments(arguments));
        let answer = serde_json::to_string(&answer.await.unwrap()).unwrap();
        assert!(answer.contains("Hello Ada"), "{name}: {answer}");
        client.cancel().await.unwrap();
        let interrupt = Command::new("kill")
            .args(["-INT", &server.id().unwrap().to_string()])
            .status();
        assert!(interrupt.await.unwrap().success());
        assert!(server.wait().await.unwrap().success(), "{name}");

        let spans = received.spans();
        let span = |name: &str| spans.iter().find(|span| span.name == name);
        let call = span("tools/call greet").expect(name);
        let told = attributes(call);
        assert_eq!(
            (&*told["toolsight.outcome"], &*told["mcp.client.name"]),
            ("ok", "tester"),
            "{name}"
        );
        if let Some(own) = own_span {
            let own = span(own).expect(name);
            assert_eq!(own.parent_span_id, call.span_id, "{name}");
            assert_eq!(own.trace_id, call.trace_id, "{name}");
        }
    }
}
