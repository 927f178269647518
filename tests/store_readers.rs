//! Other programs read the embedded store of a running collector, with the clients that its makers publish.

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::collector::{self, Collector};
use crate::support::installed;

/// What a reader must not do, and how it is refused.
const REFUSED: &[(&str, &str)] = &[
    ("INSERT INTO calls (tenant) VALUES ('x')", "ACCESS_DENIED"),
    ("ALTER TABLE calls DELETE WHERE 1", "ACCESS_DENIED"),
    ("DROP TABLE calls", "ACCESS_DENIED"),
    (
        "CREATE TABLE x (y String) ENGINE = MergeTree ORDER BY y",
        "ACCESS_DENIED",
    ),
    ("BACKUP DATABASE toolsight TO File('/tmp/x')", "ACCESS_DENIED"),
    ("SELECT count() FROM system.users", "ACCESS_DENIED"),
    ("SELECT count() FROM system.processes", "ACCESS_DENIED"),
    ("SELECT count() FROM information_schema.tables", "ACCESS_DENIED"),
    (
        "SELECT count() FROM file('/etc/passwd', 'LineAsString')",
        "ACCESS_DENIED",
    ),
    (
        "SELECT count() FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "ACCESS_DENIED",
    ),
];

/// Sends spans of so many calls, as any instrumentation does.
async fn report(collector: &Collector, count: u64) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos()
        .to_string();
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let span = |n: u64| {
        json!({
            "traceId": format!("{n:032x}"), "spanId": format!("{n:016x}"), "name": "tools/call add", "kind": 2,
            "startTimeUnixNano": now, "endTimeUnixNano": now,
            "attributes": [text("mcp.method.name", "tools/call"), text("gen_ai.tool.name", "add")],
        })
    };
    let spans: Vec<_> = (1..=count).map(span).collect();
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    let sent = reqwest::Client::new()
        .post(format!("{}/v1/traces", collector.http))
        .json(&body);
    assert_eq!(sent.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn published_clients_read_the_calls_and_can_do_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    report(&collector, 3).await;
    collector.tool_calls(3).await;
    let store = format!("embedded:{}", folder.path().join("store").display());
    let told = collector::run(&["store-info", "--store", &store]).await;
    assert!(told.status.success(), "{told:?}");
    let told = String::from_utf8(told.stdout).unwrap();
    let told: HashMap<_, _> = told.lines().filter_map(|line| line.split_once('=')).collect();

    let python = [
        installed("tests/peers/store/venv/bin/python"),
        installed("tests/peers/store/read.py"),
    ];
    installed("tests/peers/store/node_modules/@clickhouse/client");
    let node = [Path::new("node").to_owned(), installed("tests/peers/store/read.mjs")];
    for [program, script] in [python, node] {
        let mut command = Command::new(program);
        command.arg(&script);
        command.args([told["url"], told["user"], told["password_file"], told["database"]]);
        command.args([
            "SELECT count() FROM calls",
            "SELECT sum(calls) FROM toolsight.calls_per_minute WHERE slice = 'server'",
        ]);
        command.args(REFUSED.iter().map(|(query, _)| query));
        let output = command.kill_on_drop(true).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answers[..2], [json!(3), json!(3)], "{script:?}");
        for ((query, error), answer) in REFUSED.iter().zip(&answers[2..]) {
            assert_eq!(*answer, json!({"refused": error}), "{script:?}: {query}");
        }
    }
}
