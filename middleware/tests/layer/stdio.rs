use std::path::PathBuf;

use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::transport::TokioChildProcess;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _};
use tokio::process::Command;

use crate::receiver::{Received, attributes};

/// The example beside this test, which `cargo test` and `cargo nextest run` build as well.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let example = test.parent().unwrap().with_file_name("examples").join("stdio_rmcp");
    assert!(
        example.exists(),
        "run cargo build --example stdio_rmcp first: {}",
        example.display()
    );
    example
}

#[tokio::test]
async fn a_server_on_stdio_is_recorded_to_its_end() {
    for (version, lifecycle) in [
        (ProtocolVersion::V_2025_11_25, ClientLifecycleMode::Initialize),
        (
            ProtocolVersion::V_2026_07_28,
            ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            },
        ),
    ] {
        let received = Received::default();
        let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
        let mut command = Command::new(example());
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}"));
        let mut client = ClientConfig::new(ClientCapabilities::default(), Implementation::new("tester", "0.9"));
        client.protocol_version = version.clone();
        let transport = TokioChildProcess::new(command).unwrap();
        let client = client.serve_with_lifecycle(transport, lifecycle).await.unwrap();
        let name = serde_json::json!({"name": "Ada"});
        let greet = CallToolRequestParams::new("greet").with_arguments(name.as_object().unwrap().clone());
        client.call_tool(greet).await.unwrap();
        client.call_tool(CallToolRequestParams::new("nope")).await.unwrap_err();
        // Closes the pipe, and waits until the server has gone: it has sent everything by then.
        client.cancel().await.unwrap();

        let spans = received.spans();
        let span = |name: &str| attributes(spans.iter().find(|span| span.name == name).unwrap());
        let told = span("tools/call greet");
        for (key, value) in [
            ("toolsight.transport", "stdio"),
            ("network.transport", "pipe"),
            ("mcp.client.name", "tester"),
            ("mcp.server.name", "greeter"),
            ("mcp.protocol.version", version.as_str()),
            ("toolsight.outcome", "ok"),
        ] {
            assert_eq!(told.get(key).map(String::as_str), Some(value), "{version}: {key}");
        }
        assert!(!told.contains_key("mcp.session.id") && !told.contains_key("network.protocol.name"));
        assert_eq!(span("tools/call nope")["toolsight.fault"], "caller", "{version}");
    }
}
