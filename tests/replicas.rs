//! Several collectors on one store, as behind a balancer.

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::support::collector::Collector;

/// Sessions of the test; each begins some milliseconds after the one before, and so at another moment of a batch.
const SESSIONS: u64 = 12;

/// A request of one call in a session, which tells its client or not.
fn request(session: u64, method: &str, client: Option<&str>) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let mut attributes = vec![
        text("mcp.method.name", method),
        text("mcp.session.id", &format!("session-{session}")),
    ];
    match client {
        Some(client) => attributes.extend([
            text("mcp.client.name", client),
            text("mcp.client.version", "1.5"),
            text("mcp.protocol.version", "2025-06-18"),
        ]),
        None => attributes.push(text("gen_ai.tool.name", "echo")),
    }
    let span = json!({
        "traceId": format!("{:032x}", session + 1),
        "spanId": format!("{:016x}", rand::random::<u64>() | 1),
        "name": method,
        "kind": 2,
        "startTimeUnixNano": now.to_string(),
        "endTimeUnixNano": (now + 1_000_000).to_string(),
        "attributes": attributes,
    });
    let resource = json!({"attributes": [text("service.name", "replicated")]});
    json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_have_the_client_whose_handshake_another_collector_was_sent_a_moment_before() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    // A slow machine has time for both batches within the wait for a handshake.
    let short = ["--batch-milliseconds", "100"];
    let first = Collector::start_in(folders[0].path(), &short).await;
    first.ready().await;
    let access = std::fs::read_to_string(folders[0].path().join("store/engine.access")).unwrap();
    let password = access.lines().last().unwrap();
    let store = format!("http://writer:{password}@127.0.0.1:{}/toolsight", first.store_port());
    let second = Collector::start_in(folders[1].path(), &["--store", &store, short[0], short[1]]).await;
    second.ready().await;
    let client = Client::new();
    let send = async |collector: &Collector, request: Value| {
        let url = format!("{}/v1/traces", collector.http);
        assert_eq!(
            client.post(url).json(&request).send().await.unwrap().status(),
            StatusCode::OK
        );
    };
    for session in 0..SESSIONS {
        send(&first, request(session, "initialize", Some("claude"))).await;
        send(&second, request(session, "tools/call", None)).await;
        send(&second, request(session, "tools/call", None)).await;
        tokio::time::sleep(std::time::Duration::from_millis(170)).await;
    }
    first.drained().await;
    second.drained().await;
    for (question, calls) in [
        (
            "SELECT count() FROM toolsight.calls WHERE client = 'claude' AND client_version = '1.5' \
            AND protocol_version = '2025-06-18' AND method = 'tools/call'",
            2 * SESSIONS,
        ),
        (
            "SELECT sum(calls) FROM toolsight.client_calls_per_hour WHERE client = 'claude' AND slice = 'client'",
            3 * SESSIONS,
        ),
        ("SELECT count() FROM toolsight.calls WHERE client = ''", 0),
    ] {
        assert_eq!(
            first.ask(folders[0].path(), question).await,
            calls,
            "{question}: {}",
            second.log()
        );
    }
    assert_eq!(second.metric("toolsight_clients_unresolved_total").await, Some(0.0));
    assert_eq!(
        second.metric("toolsight_clients_resolved_total").await,
        Some(2.0 * SESSIONS as f64)
    );
}
