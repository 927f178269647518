//! Whatever is wrong gets a clear message, and nothing else breaks.

use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::StatusCode;
use serde_json::json;

use crate::support::clients::{self, Caller};
use crate::support::collector::{Collector, run};
use crate::support::sender::Sender;
use crate::support::server::Server;

const CALLER: Caller = Caller {
    name: "rusty",
    version: "1.0",
    user: "ada",
};

fn post(server: &Server, body: &str) -> reqwest::RequestBuilder {
    reqwest::Client::new()
        .post(&server.url)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .body(body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_are_recorded_as_what_they_are_and_harm_nothing() {
    let collector = Collector::start().await;
    let server = Server::start(&collector.grpc).await;
    assert!(
        post(&server, "this is not JSON")
            .send()
            .await
            .unwrap()
            .status()
            .is_client_error()
    );
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#;
    assert!(post(&server, batch).send().await.unwrap().status().is_client_error());

    let modern = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "hang", "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "<script>alert(1)</script>", "version": "'; DROP TABLE calls"},
        "io.modelcontextprotocol/clientCapabilities": {}}}});
    let hang = post(&server, &modern.to_string())
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/call")
        .header("mcp-name", "hang");
    let hung = tokio::time::timeout(std::time::Duration::from_secs(1), async {
        let mut response = hang.send().await.unwrap();
        while response.chunk().await.unwrap().is_some() {}
    });
    assert!(hung.await.is_err(), "the client hangs up");

    let client = clients::rmcp(&server.url, CALLER, "2026-07-28").await;
    assert_eq!(clients::call(&client, "big", &json!({"bytes": 10 << 20})).await, "ok");
    server.toolsight.flush().await;

    let calls = collector.tool_calls(2).await;
    assert_eq!(
        (&calls[0]["outcome"], &calls[0]["fault"]),
        (&json!("cancelled"), &json!("client_gone"))
    );
    assert_eq!(calls[0]["client"], "<script>alert(1)</script>");
    assert_eq!(calls[1]["outcome"], "ok");
    assert!(calls[1]["response_bytes"].as_u64().unwrap() > 10 << 20);
    let all = collector.api("calls?range=1h").await;
    let others: Vec<_> = all["calls"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["method"] != "tools/call")
        .collect();
    let odd = |method: &str| {
        others
            .iter()
            .filter(|call| call["method"] == method && call["fault"] == "caller")
            .count()
    };
    assert_eq!(odd(""), 1, "the body that is not JSON: {others:?}");
    assert_eq!(
        odd("ping"),
        2,
        "each message of the batch that the server refused: {others:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_any_day_are_stored_and_no_batch_is_refused_for_them() {
    const CALLS: u64 = 400;
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    let sender = Sender::new("sender");
    let mut request = sender.request(CALLS);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .unwrap();
    for (day, span) in spans.iter_mut().enumerate() {
        let begin = match day {
            0 => 0,
            1 => u64::MAX,
            day => now - day as u64 * 86_400_000_000_000,
        };
        span["startTimeUnixNano"] = json!(begin.to_string());
        span["endTimeUnixNano"] = json!(begin.saturating_add(1_000_000).to_string());
    }
    assert_eq!(sender.post(&collector.http, &request).await, Some(StatusCode::OK));
    collector.drained().await;
    assert_eq!(collector.api("status").await["rows"]["lost"], 0);
    let batches = collector.metric("toolsight_batch_rows_count").await;
    assert_eq!(batches, Some(1.0), "the store took all of them together");
    let days = "SELECT sum(calls) FROM toolsight.calls_per_day WHERE slice = 'server'";
    assert_eq!(collector.ask(folder.path(), days).await, CALLS);
    // What is older than 30 days counts as of now: no insert touches more days than ClickHouse takes at once.
    let oldest = "SELECT dateDiff('day', min(first_seen), now()) FROM toolsight.tenant_users_per_day";
    assert!((28..=31).contains(&collector.ask(folder.path(), oldest).await));
}

#[tokio::test]
async fn wrong_settings_are_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("toolsight.toml");
    std::fs::write(&file, "grcp_listen = \"127.0.0.1:0\"\n").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let store = format!("embedded:{}", folder.path().join("store").display());
    let free = ["--http-listen", "127.0.0.1:0", "--page-listen", "127.0.0.1:0"];
    for (name, arguments, expected) in [
        (
            "a wrong key in the file",
            vec!["check-config", "--config", file.to_str().unwrap()],
            vec!["grcp_listen", "grpc_listen"],
        ),
        (
            "a file that is not there",
            vec!["check-config", "--config", "/no/such/file"],
            vec!["/no/such/file"],
        ),
        (
            "an address that is none",
            vec!["--grpc-listen", "here"],
            vec!["here", "grpc-listen"],
        ),
        (
            "an occupied port",
            [&["--store", &store, "--grpc-listen", &taken][..], &free].concat(),
            vec![&taken, "--grpc-listen"],
        ),
        (
            "a missing engine",
            [
                &[
                    "--store",
                    &store,
                    "--grpc-listen",
                    "127.0.0.1:0",
                    "--engine-library",
                    "/no/such/library.so",
                ][..],
                &free,
            ]
            .concat(),
            vec!["/no/such/library.so", "--store http"],
        ),
        (
            "a store that is none",
            vec!["--store", "ftp://x"],
            vec!["embedded:", "http(s)://"],
        ),
    ] {
        let output = run(&arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{name}: {said}");
        for part in expected {
            assert!(said.contains(part), "{name}: {part:?} is not in {said:?}");
        }
        assert!(!said.contains("panicked"), "{name}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_and_kept_out_of_the_log() {
    let first = Collector::start().await;
    let port = first.store_port();
    let folder = tempfile::tempdir().unwrap();
    let store = format!("http://toolsight:wrong-secret@127.0.0.1:{port}/toolsight");
    let second = Collector::start_in(folder.path(), &["--store", &store]).await;
    let error = crate::support::eventually("the store's refusal is told", || async {
        let status = second.api("status").await;
        status["store"]["error"].as_str().map(str::to_owned)
    })
    .await;
    assert!(error.contains("password") && error.contains("toolsight"), "{error}");
    assert!(!second.log().contains("wrong-secret") && !error.contains("wrong-secret"));
    // The first one does not care.
    assert_eq!(first.api("status").await["store"]["state"], "ready");
}
