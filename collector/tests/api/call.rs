//! One call: that the list and the answer about it have all that is stored.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::engine;
use crate::seed::{Row, SECOND, call, ending, insert, now, yesterday};

/// Columns of `calls` that have another name or unit in the API.
const RENAMED: [(&str, &str); 7] = [
    ("duration_us", "duration_ms"),
    ("first_byte_us", "first_byte_ms"),
    ("waited_us", "waited_ms"),
    ("protocol_version", "protocol"),
    ("session_id", "session"),
    ("user_id", "user"),
    ("chain_id", "chain"),
];

/// A call of which everything is known.
fn known(time: i64) -> Row {
    Row {
        tenant: "acme".into(),
        server_version: "1.2".into(),
        instance: "pod-1".into(),
        resource_uri: "file:///a".into(),
        error_type: "timeout".into(),
        rpc_code: -32001,
        http_status: 504,
        message: "gateway timeout".into(),
        header_mismatch: "name".into(),
        duration_us: 1_500,
        first_byte_us: 250,
        request_bytes: 10,
        response_bytes: 20,
        client_bridge: "mcp-remote".into(),
        session_id: "s1".into(),
        user_id: "ann".into(),
        direction: "to_client".into(),
        chain_id: "c1".into(),
        args_hash: 16,
        invalid_arguments: "path".into(),
        result_flags: "empty,identical".into(),
        content_types: "image,text".into(),
        attempt: 2,
        waited_us: 500,
        progress: 3,
        definition_hash: 255,
        definition_bytes: 900,
        arguments: r#"{"path":"/a"}"#.into(),
        result: r#"{"content":[]}"#.into(),
        weight: 10,
        parent_span_id: *b"parent_1",
        ..ending(call(time, 42), "timeout", "server")
    }
}

fn path_of(call: &Value) -> String {
    let id = |name: &str| call[name].as_str().unwrap().to_owned();
    format!("/api/v1/calls/{}/{}", id("trace_id"), id("span_id"))
}

#[tokio::test]
async fn a_call_is_shown_with_all_that_is_known_of_it() {
    let engine = engine::start().await;
    let time = yesterday() * SECOND + 123_456;
    insert(&engine.client, &[known(time), call(time - SECOND, 41)]).await;
    let app = App::new(&engine.client);
    let range = format!("from={}&to={}", yesterday() - 60, yesterday() + 60);
    let page = app.get(&format!("/api/v1/calls?{range}")).await;
    let mut expected = json!({
        "time": time as f64 / 1e6, "server": "files", "method": "tools/call", "kind": "tool", "target": "read",
        "outcome": "timeout", "fault": "server", "error_type": "timeout", "rpc_code": -32001, "http_status": 504,
        "message": "gateway timeout", "header_mismatch": "name", "duration_ms": 1.5, "client": "editor",
        "client_version": "1.0", "client_bridge": "mcp-remote", "protocol": "2025-11-25", "transport": "stdio",
        "user": "ann", "session": "s1", "request_id": "42", "request_bytes": 10, "response_bytes": 20,
        "trace_id": "30303030303030303030303030303432", "span_id": "3030303030303432",
    });
    let details = json!({
        "parent_span_id": "706172656e745f31", "tenant": "acme", "weight": 10, "direction": "to_client", "chain": "c1",
        "server_version": "1.2", "instance": "pod-1", "resource_uri": "file:///a", "args_hash": "0000000000000010",
        "invalid_arguments": "path", "result_flags": "empty,identical", "content_types": "image,text",
        "first_byte_ms": 0.25, "waited_ms": 0.5, "attempt": 2, "progress": 3, "definition_hash": "00000000000000ff",
        "definition_bytes": 900,
    });
    let details = details.as_object().unwrap().clone();
    expected.as_object_mut().unwrap().extend(details);
    assert_eq!(page["calls"][0], expected);
    let unknown = &page["calls"][1];
    assert_eq!(unknown["request_id"], "41");
    for field in ["rpc_code", "http_status", "first_byte_ms"] {
        assert_eq!(unknown[field], json!(null), "{field}");
    }
    for field in ["parent_span_id", "args_hash", "definition_hash"] {
        assert_eq!(unknown[field], "", "{field}");
    }
    let whole = app.get(&path_of(&expected)).await;
    let said = json!({"call": expected, "arguments": r#"{"path":"/a"}"#, "result": r#"{"content":[]}"#});
    assert_eq!(whole, said);
}

#[tokio::test]
async fn every_column_of_a_call_is_shown() {
    let engine = engine::start().await;
    insert(&engine.client, &[known(now() - SECOND)]).await;
    let app = App::new(&engine.client);
    let listed = app.get("/api/v1/calls").await["calls"][0].clone();
    let mut whole = app.get(&path_of(&listed)).await;
    let mut shown = whole.as_object_mut().unwrap().clone();
    let listed = shown.remove("call").unwrap();
    shown.extend(listed.as_object().unwrap().clone());
    let shown: BTreeSet<String> = shown.into_iter().map(|(name, _)| name).collect();
    let columns = "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'calls'";
    let columns: Vec<String> = engine.client.query(columns).fetch_all().await.unwrap();
    let name_of = |column: String| {
        let renamed = RENAMED.iter().find(|(name, _)| *name == column);
        renamed.map_or(column, |(_, name)| (*name).to_owned())
    };
    let stored: BTreeSet<String> = columns.into_iter().map(name_of).collect();
    assert_eq!(shown, stored);
}

#[tokio::test]
async fn a_call_is_found_by_its_ids_with_and_without_its_time() {
    let engine = engine::start().await;
    let time = now() - 20 * 86_400 * SECOND + 7;
    // The same ids once more, as a sender that repeats them.
    let again = Row {
        request_id: "again".into(),
        ..known(time - 3600 * SECOND)
    };
    insert(&engine.client, &[known(time), again]).await;
    let app = App::new(&engine.client);
    let ids = "30303030303030303030303030303432/3030303030303432";
    let seconds = |time: i64| format!("?time={}", time as f64 / 1e6);
    let other = ids.replace("432", "431");
    for (case, ids, query, request) in [
        ("the latest", ids, String::new(), Some("42")),
        ("of its time", ids, seconds(time), Some("42")),
        ("of another time", ids, seconds(time - 3600 * SECOND), Some("again")),
        ("of no call's time", ids, seconds(time + 1), None),
        ("of another tenant", ids, "?tenant=globex".to_owned(), None),
        ("of its tenant", ids, "?tenant=acme".to_owned(), Some("42")),
        ("other ids", &other, String::new(), None),
    ] {
        let (status, answer) = app.json(&format!("/api/v1/calls/{ids}{query}")).await;
        match request {
            Some(request) => assert_eq!(answer["call"]["request_id"], request, "{case}: {answer}"),
            None => assert_eq!(
                (status, &answer["error"]["code"]),
                (StatusCode::NOT_FOUND, &json!("not_found")),
                "{case}"
            ),
        }
    }
    for (path, parameter) in [
        ("xyz/3030303030303432", "trace_id"),
        ("30303030303030303030303030303432/30", "span_id"),
        ("30303030303030303030303030303432/3030303030303432?time=now", "time"),
        ("30303030303030303030303030303432/3030303030303432?range=1h", "range"),
    ] {
        let (status, answer) = app.json(&format!("/api/v1/calls/{path}")).await;
        assert_eq!(
            (status.as_u16(), &answer["error"]["parameter"]),
            (400, &json!(parameter)),
            "{path}"
        );
    }
}
