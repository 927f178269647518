//! Lists page by page: every row once, in one order, until it is said that there are no more.

use std::collections::HashSet;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::app::App;
use crate::engine::{self, TestEngine};
use crate::seed::{Row, SECOND, call, ending, insert, now};

/// Paths, and where the rows are in their answers.
const LISTS: [(&str, &str); 9] = [
    ("tools", "tools"),
    ("clients", "clients"),
    ("users", "users"),
    ("errors", "errors"),
    ("sessions", "sessions"),
    ("chain?chain=c", "calls"),
    ("definitions", "definitions"),
    ("alerts", "alerts"),
    ("tool_health", "changes"),
];
const ROWS: usize = 25;

/// As many rows in every list, which nothing but the name tells apart.
async fn seed(engine: &TestEngine) {
    let time = now() - 600 * SECOND;
    let row = |number: usize| Row {
        target: format!("tool{number}").into(),
        client: format!("client{number}").into(),
        user_id: format!("user{number}").into(),
        session_id: format!("session{number}").into(),
        chain_id: "c".into(),
        message: "broken".into(),
        definition_hash: 7,
        definition_bytes: 100,
        ..ending(call(time, number as u64), "tool_error", "server")
    };
    insert(&engine.client, &(0..ROWS).map(row).collect::<Vec<_>>()).await;
    let changes = (0..ROWS).map(|number| {
        let change = json!({
            "time": format!("{}.000", time / SECOND), "server": "files", "tool": format!("tool{number}"),
            "state": "broken", "previous": "healthy", "sample": 9, "failures": 9, "recoveries": 0, "reason": "failed",
        });
        format!("{change}\n")
    });
    let changes: String = changes.collect();
    let mut insert = engine
        .client
        .insert_formatted_with("INSERT INTO tool_health FORMAT JSONEachRow");
    insert.send(Bytes::from(changes)).await.unwrap();
    insert.end().await.unwrap();
}

fn with(path: &str, query: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("/api/v1/{path}{joint}{query}")
}

#[tokio::test]
async fn every_list_goes_on_where_its_page_ends() {
    let engine = engine::start().await;
    seed(&engine).await;
    let app = App::new(&engine.client);
    app.stop_health();
    for (path, field) in LISTS {
        let whole = app.get(&with(path, "range=24h&limit=1000")).await;
        let expected = whole[field].as_array().unwrap();
        assert_eq!((expected.len(), &whole["next"]), (ROWS, &Value::Null), "{path}");
        for limit in [1, 7, 25] {
            let (mut rows, mut cursor, mut ranges) = (Vec::new(), String::new(), HashSet::new());
            loop {
                let page = app
                    .get(&with(path, &format!("range=24h&limit={limit}&cursor={cursor}")))
                    .await;
                let found = page[field].as_array().unwrap();
                assert!(found.len() <= limit, "{path} by {limit}");
                rows.extend(found.iter().cloned());
                assert!(rows.len() <= ROWS, "{path} by {limit} has rows twice");
                ranges.insert(page["range"].to_string());
                match &page["next"] {
                    Value::String(next) => cursor.clone_from(next),
                    _ => break,
                }
            }
            assert_eq!(&rows, expected, "{path} by {limit}");
            assert_eq!(
                ranges.len(),
                1,
                "{path}: later pages are of the first one's time: {ranges:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_is_for_its_own_question_only() {
    let engine = engine::start().await;
    seed(&engine).await;
    let app = App::new(&engine.client);
    let first = app.get("/api/v1/users?range=6h&limit=2").await;
    let next = first["next"].as_str().unwrap();
    for (case, path, status) in [
        ("the same", format!("users?range=6h&limit=2&cursor={next}"), 200),
        ("in another order", format!("users?cursor={next}&limit=2&range=6h"), 200),
        ("more of it", format!("users?range=6h&limit=9&cursor={next}"), 200),
        ("as a file", format!("users?range=6h&format=csv&cursor={next}"), 200),
        ("another range", format!("users?range=7d&cursor={next}"), 400),
        (
            "another filter",
            format!("users?range=6h&server=files&cursor={next}"),
            400,
        ),
        ("another list", format!("clients?range=6h&cursor={next}"), 400),
        ("no cursor", "users?range=6h&cursor=x".to_owned(), 400),
        (
            "a cursor of calls",
            format!("users?range=6h&cursor=1-{}-{}", "0".repeat(32), "0".repeat(16)),
            400,
        ),
    ] {
        let (status_of, text) = app.text(&format!("/api/v1/{path}")).await;
        assert_eq!(status_of.as_u16(), status, "{case}: {text}");
        assert_eq!(text.contains("parameter `cursor`"), status == 400, "{case}: {text}");
    }
    let (position, rest) = next.split_once('-').unwrap();
    let (_, question) = rest.rsplit_once('-').unwrap();
    for range in ["5-5", "0-4102444800", "-1-5", "9-x"] {
        let forged = format!("/api/v1/users?range=6h&cursor={position}-{range}-{question}");
        assert_eq!(app.json(&forged).await.0, 400, "{range}");
    }
}

#[tokio::test]
async fn a_file_has_all_rows_of_a_list_however_many() {
    const USERS: u64 = 12_000;
    let engine = engine::start().await;
    let row = |number| Row {
        user_id: format!("user{number}").into(),
        ..call(now() - 600 * SECOND, number)
    };
    insert(&engine.client, &(0..USERS).map(row).collect::<Vec<_>>()).await;
    let app = App::new(&engine.client);
    let page = app.get("/api/v1/users").await;
    assert_eq!(page["users"].as_array().unwrap().len(), 1000);
    assert!(page["next"].is_string(), "it is said that there are more");
    for (query, expected) in [("", USERS as usize), ("&limit=10500", 10_500), ("&limit=1500", 1500)] {
        let (_, text) = app.text(&format!("/api/v1/users?format=ndjson{query}")).await;
        let users: HashSet<_> = text.lines().collect();
        assert_eq!((text.lines().count(), users.len()), (expected, expected), "{query}");
    }
    assert_eq!(app.json("/api/v1/users?format=csv&limit=100001").await.0, 400);
}
