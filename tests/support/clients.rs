//! Real MCP clients: `rmcp`, the Python SDK, and the Inspector's command line.

use std::collections::HashMap;
use std::process::Stdio;

use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{RunningService, ServiceError};
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::{IntoTransport, StreamableHttpClientTransport};
use rmcp::{ClientLifecycleMode, ClientServiceExt as _, RoleClient};
use serde_json::{Value, json};
use tokio::process::Command;

use super::installed;
use super::server::USER;

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) user: &'static str,
}

/// Connects with `rmcp`, speaking `protocol`.
pub(crate) async fn rmcp(url: &str, caller: Caller, protocol: &str) -> RunningService<RoleClient, ClientConfig> {
    let headers = HashMap::from([(USER, caller.user.parse().unwrap())]);
    let config = StreamableHttpClientTransportConfig::with_uri(url).custom_headers(headers);
    rmcp_over(StreamableHttpClientTransport::from_config(config), caller, protocol).await
}

/// The same over any transport, such as a child process.
pub(crate) async fn rmcp_over<T, E, A>(
    transport: T,
    caller: Caller,
    protocol: &str,
) -> RunningService<RoleClient, ClientConfig>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let version: ProtocolVersion = serde_json::from_value(json!(protocol)).unwrap();
    let mut client = ClientConfig::new(
        ClientCapabilities::default(),
        Implementation::new(caller.name, caller.version),
    );
    client.protocol_version = version.clone();
    let lifecycle = if version == ProtocolVersion::V_2026_07_28 {
        ClientLifecycleMode::Discover {
            preferred_versions: vec![version],
        }
    } else {
        ClientLifecycleMode::Initialize
    };
    client.serve_with_lifecycle(transport, lifecycle).await.unwrap()
}

/// Calls `tool` and says how it ended: `ok`, `tool_error` or the JSON-RPC code.
pub(crate) async fn call(client: &RunningService<RoleClient, ClientConfig>, tool: &str, arguments: &Value) -> String {
    let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.as_object().unwrap().clone());
    match client.call_tool(params).await {
        Ok(result) if result.is_error == Some(true) => "tool_error".into(),
        Ok(_) => "ok".into(),
        Err(ServiceError::McpError(error)) => error.code.0.to_string(),
        Err(error) => panic!("{tool}: {error}"),
    }
}

/// Calls with the Python SDK; returns the protocol version it spoke and how each call ended.
pub(crate) async fn python(url: &str, mode: &str, caller: Caller, calls: &Value) -> (String, Vec<String>) {
    let output = Command::new(installed("tests/peers/python/venv/bin/python"))
        .arg(installed("tests/peers/python/client.py"))
        .args([url, mode, caller.name, caller.version, caller.user, &calls.to_string()])
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let results = told["results"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    (text(&told["protocol"]), results.map(text).collect())
}

/// Calls one tool with the Inspector's command line in `era` (`legacy`, `auto`, `modern`).
pub(crate) async fn inspector(url: &str, era: &str, user: &str, tool: &str, arguments: &[&str]) {
    let bin = installed("tests/peers/inspector/node_modules/.bin/mcp-inspector");
    let path = format!(
        "{}:{}",
        bin.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut command = Command::new(bin);
    // The Inspector needs the Node.js that is installed beside it.
    command.env("PATH", path);
    command.args([
        "--cli",
        url,
        "--transport",
        "http",
        "--protocol-era",
        era,
        "--header",
        &format!("x-user: {user}"),
    ]);
    command.args(["--method", "tools/call", "--tool-name", tool, "-q", "--format", "json"]);
    if !arguments.is_empty() {
        command.arg("--tool-arg").args(arguments);
    }
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    // A tool that fails makes the command fail; what it says must still be an answer of the server.
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() || said.contains("database is away"), "{said}");
}
