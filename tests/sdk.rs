//! A server in another language that is not wrapped, but reports itself by OpenTelemetry.

use std::net::TcpListener;
use std::process::Stdio;

use serde_json::json;
use tokio::process::Command;

use crate::support::clients::{self, Caller};
use crate::support::collector::Collector;
use crate::support::{eventually, installed};

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_the_python_sdk_reports_are_told_as_they_were_made() {
    let collector = Collector::start().await;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let _server = Command::new(installed("tests/peers/python/venv/bin/python"))
        .arg(installed("tests/peers/python/server.py"))
        .arg(port.to_string())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.http)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}/mcp");
    eventually("the server listens", || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;

    let caller = Caller {
        name: "rusty",
        version: "1.0",
        user: "ada",
    };
    let client = clients::rmcp(&url, caller, "2026-07-28").await;
    assert_eq!(clients::call(&client, "add", &json!({"a": 1, "b": 2})).await, "ok");
    assert_eq!(clients::call(&client, "fail", &json!({})).await, "tool_error");
    let calls = collector.tool_calls(2).await;
    let told = calls.iter().map(|call| {
        let field = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
        [
            field("server"),
            field("target"),
            field("outcome"),
            field("fault"),
            field("protocol"),
        ]
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ["python-server", "add", "ok", "none", "2026-07-28"],
            ["python-server", "fail", "tool_error", "server", "2026-07-28"],
        ]
    );
}
