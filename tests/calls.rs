//! What clients did and what the collector's API tells must be the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::clients::{self, Caller};
use crate::support::collector::Collector;
use crate::support::server::Server;

/// What is compared of a call.
type Seen = [String; 8];

/// The calls of every tool in the order in which they were made; with how each ends for the caller and in the record.
fn plan() -> [(&'static str, Value, &'static str, &'static str, &'static str); 6] {
    [
        ("echo", json!({"text": "hello"}), "ok", "ok", "none"),
        ("fail", json!({}), "tool_error", "tool_error", "server"),
        ("crash", json!({}), "-32603", "internal_error", "server"),
        ("echo", json!({"text": 5}), "tool_error", "invalid_arguments", "caller"),
        ("no_such_tool", json!({}), "-32602", "unknown_tool", "caller"),
        ("big", json!({"bytes": 100_000}), "ok", "ok", "none"),
    ]
}

fn expected(caller: Caller, protocol: &str) -> Vec<Seen> {
    let row = |(tool, _, result, outcome, fault): (&str, Value, &str, &str, &str)| {
        let code = if result.starts_with('-') { result } else { "null" };
        [
            caller.name,
            caller.version,
            caller.user,
            protocol,
            tool,
            outcome,
            fault,
            code,
        ]
        .map(str::to_owned)
    };
    plan().map(row).to_vec()
}

fn seen(call: &Value) -> Seen {
    let fields = [
        "client",
        "client_version",
        "user",
        "protocol",
        "target",
        "outcome",
        "fault",
        "rpc_code",
    ];
    fields.map(|field| {
        call[field]
            .as_str()
            .map_or_else(|| call[field].to_string(), str::to_owned)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_rmcp_clients_are_told_as_they_were_made() {
    let collector = Collector::start().await;
    let server = Server::start(&collector.grpc).await;
    let mut expected_calls = Vec::new();
    for (protocol, version) in [
        ("2026-07-28", "3.0"),
        ("2025-11-25", "2.5"),
        ("2025-06-18", "2.0"),
        ("2025-03-26", "1.0"),
    ] {
        let caller = Caller {
            name: "rusty",
            version,
            user: "ada",
        };
        let client = clients::rmcp(&server.url, caller, protocol).await;
        client.list_all_tools().await.unwrap();
        for (tool, arguments, result, ..) in plan() {
            assert_eq!(
                clients::call(&client, tool, &arguments).await,
                result,
                "{protocol} {tool}"
            );
        }
        expected_calls.extend(expected(caller, protocol));
    }
    server.toolsight.flush().await;
    let calls = collector.tool_calls(expected_calls.len()).await;
    assert_eq!(calls.iter().map(seen).collect::<Vec<_>>(), expected_calls);
    assert_eq!(server.toolsight.dropped().total(), 0);

    // Sizes and sessions are the wire's: legacy calls have a session, modern ones have none.
    let big = calls.iter().filter(|call| call["target"] == "big");
    assert!(
        big.clone()
            .all(|call| call["response_bytes"].as_u64().unwrap() > 100_000)
    );
    for call in &calls {
        assert_eq!(call["session"] == "", call["protocol"] == "2026-07-28", "{call}");
        assert_eq!(
            (&call["server"], &call["transport"]),
            (&json!("endings"), &json!("streamable_http"))
        );
    }

    // Tables and totals are made of the same calls.
    let tools = collector.api("tools").await;
    let by_tool: BTreeMap<_, _> = tools["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| (tool["tool"].as_str().unwrap(), tool))
        .collect();
    let counts = |tool: &str| {
        ["calls", "failures", "caller_errors", "users"].map(|field| by_tool[tool][field].as_u64().unwrap())
    };
    assert_eq!(counts("echo"), [8, 0, 4, 1]);
    assert_eq!(counts("fail"), [4, 4, 0, 1]);
    assert_eq!(counts("crash"), [4, 4, 0, 1]);
    assert_eq!(counts("no_such_tool"), [4, 0, 4, 1]);
    let clients = collector.api("clients").await;
    let versions: Vec<_> = clients["clients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| format!("{} {} {}", cell["client"], cell["version"], cell["protocol"]))
        .collect();
    assert_eq!(versions.len(), 4, "{versions:?}");
    let users = collector.api("users").await;
    assert_eq!(users["users"].as_array().unwrap().len(), 1);
    assert_eq!(users["users"][0]["user"], "ada");
    let totals = &collector.api("overview").await["totals"];
    assert_eq!(
        (totals["failures"].as_u64(), totals["caller_errors"].as_u64()),
        (Some(8), Some(8))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_the_python_sdk_are_told_as_they_were_made() {
    let collector = Collector::start().await;
    let server = Server::start(&collector.grpc).await;
    let mut expected_calls = Vec::new();
    for (mode, version, protocol) in [("auto", "2.3.0", "2026-07-28"), ("legacy", "2.2.0", "2025-11-25")] {
        let caller = Caller {
            name: "pythonic",
            version,
            user: "grace",
        };
        let calls: Vec<_> = plan()
            .into_iter()
            .map(|(tool, arguments, ..)| json!([tool, arguments]))
            .collect();
        let (spoken, results) = clients::python(&server.url, mode, caller, &Value::Array(calls)).await;
        assert_eq!(spoken, protocol);
        assert_eq!(results, plan().map(|(_, _, result, ..)| result));
        expected_calls.extend(expected(caller, protocol));
    }
    server.toolsight.flush().await;
    let calls = collector.tool_calls(expected_calls.len()).await;
    assert_eq!(calls.iter().map(seen).collect::<Vec<_>>(), expected_calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_the_inspector_are_told_as_they_were_made() {
    let collector = Collector::start().await;
    let server = Server::start(&collector.grpc).await;
    for (era, user) in [("legacy", "edsger"), ("modern", "barbara")] {
        clients::inspector(&server.url, era, user, "echo", &["text=hello"]).await;
        clients::inspector(&server.url, era, user, "fail", &[]).await;
    }
    server.toolsight.flush().await;
    let calls = collector.tool_calls(4).await;
    let told: Vec<_> = calls.iter().map(seen).collect();
    let row = |user: &str, protocol: &str, tool: &str, outcome: &str, fault: &str| {
        ["inspector-cli", "2.12.0", user, protocol, tool, outcome, fault, "null"].map(str::to_owned)
    };
    assert_eq!(
        told,
        [
            row("edsger", "2025-11-25", "echo", "ok", "none"),
            row("edsger", "2025-11-25", "fail", "tool_error", "server"),
            row("barbara", "2026-07-28", "echo", "ok", "none"),
            row("barbara", "2026-07-28", "fail", "tool_error", "server"),
        ]
    );
}
