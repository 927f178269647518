//! Single calls: what is said about each, filters, and page by page.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::{
    app::App,
    engine,
    seed::{Row, SECOND, call, calls, insert, yesterday},
};

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
        row.chain_id = format!("chain{}", number % 5).into();
    }
    insert(&engine.client, &rows).await;
    let app = App::new(&engine.client);
    let filters: [Filter; 13] = [
        ("server=files", |row| row.server == "files"),
        ("target=tool1", |row| row.target == "tool1"),
        ("client=agent", |row| row.client == "agent"),
        ("version=2.0", |row| row.client_version == "2.0"),
        ("protocol=2025-06-18", |row| row.protocol_version == "2025-06-18"),
        ("user=user17", |row| row.user_id == "user17"),
        ("session=session2", |row| row.session_id == "session2"),
        ("chain=chain4", |row| row.chain_id == "chain4"),
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
