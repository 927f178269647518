//! Single calls: what is said about each, filters, and page by page.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{
    app::App,
    engine,
    seed::{Row, SECOND, call, calls, ending, insert, yesterday},
};

#[tokio::test]
async fn a_call_is_shown_with_all_that_is_known_of_it() {
    let engine = engine::start().await;
    let time = yesterday() * SECOND + 123_456;
    let row = Row {
        error_type: "timeout".into(),
        rpc_code: -32001,
        http_status: 504,
        message: "gateway timeout".into(),
        header_mismatch: "name".into(),
        duration_us: 1_500,
        request_bytes: 10,
        response_bytes: 20,
        client_bridge: "mcp-remote".into(),
        session_id: "s1".into(),
        user_id: "ann".into(),
        ..ending(call(time, 42), "timeout", "server")
    };
    insert(&engine.client, &[row, call(time - SECOND, 41)]).await;
    let app = App::new(&engine.client);
    let page = app
        .get(&format!(
            "/api/v1/calls?from={}&to={}",
            yesterday() - 60,
            yesterday() + 60
        ))
        .await;
    assert_eq!(
        page["calls"][0],
        json!({
            "time": time as f64 / 1e6, "server": "files", "method": "tools/call", "kind": "tool", "target": "read",
            "outcome": "timeout", "fault": "server", "error_type": "timeout", "rpc_code": -32001, "http_status": 504,
            "message": "gateway timeout", "header_mismatch": "name", "duration_ms": 1.5, "client": "editor", "client_version": "1.0",
            "client_bridge": "mcp-remote", "protocol": "2025-11-25", "transport": "stdio", "user": "ann",
            "session": "s1", "request_id": "42", "request_bytes": 10, "response_bytes": 20,
            "trace_id": "30303030303030303030303030303432", "span_id": "3030303030303432",
        })
    );
    assert_eq!(page["calls"][1]["request_id"], "41");
    assert_eq!(page["calls"][1]["rpc_code"], json!(null));
    assert_eq!(page["calls"][1]["http_status"], json!(null));
}

#[tokio::test]
async fn pages_hold_every_call_exactly_once_newest_first() {
    let engine = engine::start().await;
    let from = yesterday();
    // Many share a time, across the ends of pages and of hours.
    let rows: Vec<Row> = (0..2345)
        .map(|number| call((from + 3000 + number as i64 / 7) * SECOND + 7, number))
        .collect();
    insert(&engine.client, &rows).await;
    let app = App::new(&engine.client);
    for limit in [1000, 100, 67, 1] {
        let end = if limit == 1 { from + 3010 } else { from + 7200 };
        let expected = rows
            .iter()
            .filter(|row| row.time < end.div_euclid(60) * 60 * SECOND || limit > 1)
            .count();
        let path = format!("/api/v1/calls?from={from}&to={}&limit={limit}", end.div_euclid(60) * 60);
        let (mut cursor, mut seen, mut times) = (String::new(), HashSet::new(), Vec::new());
        loop {
            let page = app.get(&format!("{path}&cursor={cursor}")).await;
            let calls = page["calls"].as_array().unwrap();
            assert!(calls.len() <= limit);
            for call in calls {
                assert!(
                    seen.insert(call["request_id"].to_string()),
                    "limit {limit}: {call} comes twice"
                );
                times.push(call["time"].as_f64().unwrap());
            }
            match &page["next"] {
                Value::String(next) => cursor = next.clone(),
                _ => break,
            }
        }
        assert_eq!(seen.len(), expected, "limit {limit}");
        assert!(times.is_sorted_by(|newer, older| newer >= older), "limit {limit}");
    }
}

#[tokio::test]
async fn each_filter_selects_what_it_names() {
    type Filter = (&'static str, fn(&Row) -> bool);
    let engine = engine::start().await;
    let from = yesterday();
    let mut rows = calls(from, 600, 900);
    for (number, row) in rows.iter_mut().enumerate() {
        row.session_id = format!("session{}", number % 3).into();
    }
    insert(&engine.client, &rows).await;
    let app = App::new(&engine.client);
    let filters: [Filter; 12] = [
        ("server=files", |row| row.server == "files"),
        ("target=tool1", |row| row.target == "tool1"),
        ("client=agent", |row| row.client == "agent"),
        ("version=2.0", |row| row.client_version == "2.0"),
        ("protocol=2025-06-18", |row| row.protocol_version == "2025-06-18"),
        ("user=user17", |row| row.user_id == "user17"),
        ("session=session2", |row| row.session_id == "session2"),
        ("outcome=cancelled", |row| row.outcome == "cancelled"),
        ("fault=caller", |row| row.fault == "caller"),
        ("failed=true", |row| row.fault == "server"),
        ("server=search&failed=true&client=editor", |row| {
            row.server == "search" && row.fault == "server" && row.client == "editor"
        }),
        ("target=missing", |_| false),
    ];
    for (filter, selects) in filters {
        let page = app
            .get(&format!(
                "/api/v1/calls?from={from}&to={}&limit=1000&{filter}",
                from + 600
            ))
            .await;
        let mut got: Vec<_> = page["calls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|call| call["request_id"].clone())
            .collect();
        let in_range = rows.iter().filter(|row| row.time < (from + 600) * SECOND);
        let mut wanted: Vec<_> = in_range
            .filter(|row| selects(row))
            .map(|row| json!(row.request_id))
            .collect();
        got.sort_by_key(Value::to_string);
        wanted.sort_by_key(Value::to_string);
        assert_eq!(got, wanted, "{filter}");
    }
}
