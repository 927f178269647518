//! Lists as CSV and as lines of JSON.

use std::collections::HashSet;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use serde_json::Value;
use toolsight_collector::row::Row;
use tower::ServiceExt as _;

use crate::app::App;
use crate::engine;
use crate::seed::{SECOND, call, insert, now};

struct File {
    status: u16,
    kind: String,
    disposition: String,
    text: String,
}

async fn ask(app: &App, path: &str, accept: &str) -> File {
    let request = Request::get(path).header("host", "localhost").header("accept", accept);
    let response = app
        .router
        .clone()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    File {
        status: parts.status.as_u16(),
        kind: header("content-type"),
        disposition: header("content-disposition"),
        text: String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap(),
    }
}

#[tokio::test]
async fn a_list_is_a_file_where_one_is_asked_for() {
    let engine = engine::start().await;
    let formula = Row {
        target: "=cmd|' /C calc'!A0".into(),
        user_id: "ann, \"the\" user".into(),
        ..call(now() - 60 * SECOND, 1)
    };
    insert(&engine.client, &[formula]).await;
    let app = App::new(&engine.client);
    for (case, path, accept, kind, first) in [
        ("nothing said", "tools", "*/*", "application/json", "{\"range\""),
        (
            "a browser",
            "tools",
            "text/html,application/xhtml+xml",
            "application/json",
            "{\"range\"",
        ),
        ("by header", "tools", "text/csv", "text/csv", "server,tool,calls,"),
        (
            "by parameter",
            "tools?format=csv",
            "*/*",
            "text/csv",
            "server,tool,calls,",
        ),
        (
            "the parameter wins",
            "tools?format=json",
            "text/csv",
            "application/json",
            "{\"range\"",
        ),
        ("users", "users?format=csv", "*/*", "text/csv", "user,calls,"),
        (
            "clients",
            "clients?format=csv",
            "*/*",
            "text/csv",
            "client,version,protocol,",
        ),
        ("calls", "calls?format=csv", "*/*", "text/csv", "time,server,method,"),
        (
            "none of them",
            "tools?format=csv&server=none",
            "*/*",
            "text/csv",
            "server,tool,calls,",
        ),
        (
            "lines",
            "users",
            "application/x-ndjson",
            "application/x-ndjson",
            "{\"user\":\"ann, \\\"the\\\" user\",",
        ),
        (
            "no lines",
            "calls?format=ndjson&server=none",
            "*/*",
            "application/x-ndjson",
            "",
        ),
    ] {
        let file = ask(&app, &format!("/api/v1/{path}"), accept).await;
        assert_eq!(file.status, 200, "{case}: {}", file.text);
        assert!(file.kind.starts_with(kind), "{case}: {}", file.kind);
        assert!(file.text.starts_with(first), "{case}: {}", file.text);
        assert_eq!(
            file.disposition.starts_with("attachment"),
            kind != "application/json",
            "{case}"
        );
    }
    let file = ask(&app, "/api/v1/tools?format=csv", "").await;
    assert!(
        file.text.contains("files,'=cmd|' /C calc'!A0,1,"),
        "a formula is a text: {}",
        file.text
    );
    let file = ask(&app, "/api/v1/users?format=csv", "").await;
    assert!(file.text.contains("\"ann, \"\"the\"\" user\",1,"), "{}", file.text);
    let wrong = ask(&app, "/api/v1/tools?format=xml", "").await;
    assert!(
        wrong.status == 400 && wrong.text.contains("must be one of json, csv, ndjson"),
        "{}",
        wrong.text
    );
}

#[tokio::test]
async fn a_file_of_calls_has_each_once_across_its_pages_and_no_more_than_asked_for() {
    let engine = engine::start().await;
    let rows: Vec<Row<'_>> = (0..2500)
        .map(|number| call(now() - (600 + number as i64 / 9) * SECOND, number))
        .collect();
    insert(&engine.client, &rows).await;
    let app = App::new(&engine.client);
    for (query, expected) in [
        ("", 2500),
        ("&limit=1000", 1000),
        ("&limit=1500", 1500),
        ("&limit=7", 7),
    ] {
        let file = ask(&app, &format!("/api/v1/calls?format=ndjson{query}"), "").await;
        let lines: Vec<Value> = file
            .text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let ids: HashSet<_> = lines.iter().map(|call| call["request_id"].to_string()).collect();
        assert_eq!((lines.len(), ids.len()), (expected, expected), "{query}");
        assert!(
            lines.is_sorted_by(|newer, older| newer["time"].as_f64() >= older["time"].as_f64()),
            "{query}"
        );
    }
    let csv = ask(&app, "/api/v1/calls?format=csv", "").await;
    assert_eq!(csv.text.lines().count(), 2501, "one line of names");
    assert_eq!(ask(&app, "/api/v1/calls?format=csv&limit=100001", "").await.status, 400);
}
