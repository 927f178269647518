use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::transport::TokioChildProcess;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use toolsight::Toolsight;

use crate::examples::example;
use crate::receiver::{self, Received, attributes};

/// As where a handler of SIGTERM shuts down while the client still listens.
#[tokio::test]
async fn what_is_open_on_a_pipe_is_sent_at_the_shutdown() {
    let (received, toolsight) = receiver::observing().await;
    let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"add\"}}\n";
    let (mut read, mut write) = toolsight.pipe(call.as_bytes(), Vec::new());
    let mut room = [0; 1000];
    let count = read.read(&mut room).await.unwrap();
    assert_eq!(count, call.len());
    toolsight.shutdown().await;
    let spans = received.spans();
    let told: Vec<_> = spans
        .iter()
        .map(|span| attributes(span)["toolsight.outcome"].clone())
        .collect();
    assert_eq!(told, ["abandoned"]);
    write
        .write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n")
        .await
        .unwrap();
    drop(write);
    assert_eq!(toolsight.dropped().total(), 0, "nothing comes after it");
}

/// Tells the process that this test starts of itself where to send.
const RECEIVER: &str = "TOOLSIGHT_TEST_RECEIVER";

/// Not by a shutdown, and long before its batch would be sent: a server ends when its client closes the pipe.
#[tokio::test]
async fn what_was_said_is_sent_when_the_pipe_ends() {
    if let Ok(receiver) = std::env::var(RECEIVER) {
        return answer_one_call(&receiver).await;
    }
    let received = Received::default();
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself
        .args(["--exact", "stdio::what_was_said_is_sent_when_the_pipe_ends"])
        .env(RECEIVER, format!("http://{address}"))
        .env("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        .kill_on_drop(true);
    let _child = itself.spawn().unwrap();
    let spans = received.wait(1).await;
    assert_eq!(attributes(&spans[0])["toolsight.outcome"], "ok");
}

async fn answer_one_call(receiver: &str) {
    let toolsight = Toolsight::builder().endpoint(receiver).build().unwrap();
    let call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"add\"}}\n";
    let (mut read, mut write) = toolsight.pipe(call.as_bytes(), Vec::new());
    read.read_to_end(&mut Vec::new()).await.unwrap();
    write
        .write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n")
        .await
        .unwrap();
    drop((read, write));
    // The test ends this process once it has the record.
    std::future::pending::<()>().await;
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
        let mut command = Command::new(example("stdio_rmcp"));
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
        assert_eq!(span("tools/call")["toolsight.fault"], "caller", "{version}");
    }
}
