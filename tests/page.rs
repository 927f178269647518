//! The page in a real browser: the numbers that it shows are the numbers that were sent.

use std::path::PathBuf;

use serde_json::json;
use tokio::process::Command;

use crate::support::clients::{self, Caller};
use crate::support::collector::Collector;
use crate::support::server::Server;
use crate::support::{eventually, installed, root};

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_was_called() {
    let collector = Collector::start().await;
    let server = Server::start(&collector.grpc).await;
    let people = [
        (
            Caller {
                name: "desk-agent",
                version: "2.0",
                user: "ada",
            },
            "2026-07-28",
            12,
        ),
        (
            Caller {
                name: "desk-agent",
                version: "1.9",
                user: "grace",
            },
            "2025-11-25",
            9,
        ),
        (
            Caller {
                name: "code-pilot",
                version: "0.4",
                user: "linus",
            },
            "2025-06-18",
            6,
        ),
    ];
    let (mut calls, mut failures, mut caller_errors) = (0, 0, 0);
    let mut cells = Vec::new();
    for (caller, protocol, rounds) in people {
        let client = clients::rmcp(&server.url, caller, protocol).await;
        client.list_all_tools().await.unwrap();
        for round in 0..rounds {
            // Every third call of `flaky` fails; it is the tool `fail` on the wire, so `echo` stays healthy.
            let (tool, arguments) = match round % 3 {
                0 => ("fail", json!({})),
                1 => ("echo", json!({"text": "<b>\u{202e}x</b>"})),
                _ => ("no_such_tool", json!({})),
            };
            clients::call(&client, tool, &arguments).await;
        }
        let third = rounds / 3;
        (calls, failures, caller_errors) = (calls + rounds, failures + third, caller_errors + third);
        // The handshake and the list are calls of the client too, and of the total.
        let handshake = if protocol == "2026-07-28" { 2 } else { 3 };
        calls += handshake;
        cells.push(
            json!({"client": caller.name, "version": caller.version, "protocol": protocol,
            "calls": rounds + handshake, "failures": third}),
        );
    }
    server.toolsight.flush().await;
    collector.tool_calls(27).await;
    eventually("the health of tools has been looked at", || async {
        let tools = collector.api("tools").await;
        tools["tools"]
            .as_array()?
            .iter()
            .any(|tool| tool["state"] == "broken")
            .then_some(())
    })
    .await;

    let expected = json!({
        "totals": {"calls": calls, "failures": failures, "caller_errors": caller_errors, "users": 3, "clients": 2},
        "tools": [
            {"server": "endings", "tool": "fail", "calls": 9, "failures": 9, "state": "broken"},
            {"server": "endings", "tool": "echo", "calls": 9, "failures": 0, "state": "healthy"},
            {"server": "endings", "tool": "no_such_tool", "calls": 9, "failures": 0, "state": "healthy"},
        ],
        "clients": cells,
        "users": [{"user": "ada", "calls": 14}, {"user": "grace", "calls": 12}, {"user": "linus", "calls": 9}],
        "collector": {"received": calls, "inserted": calls, "queued": 0, "set_aside": 0},
        "opened": {"tool": "echo", "arguments": "{\n  \"text\": \"<b>\\u202ex</b>\"\n}", "result": "\"text\": \"<b>\\u202ex</b>\""},
        "failed_calls": [{"tool": "fail", "outcome": "tool_error", "count": 9}],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("expected.json");
    std::fs::write(&file, expected.to_string()).unwrap();
    let screenshots = std::env::var_os("TOOLSIGHT_SCREENSHOTS").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    installed("tests/browser/node_modules");
    let output = Command::new("node")
        .arg(root().join("tests/browser/page.mjs"))
        .args([&collector.page])
        .arg(&file)
        .arg(&screenshots)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
}
