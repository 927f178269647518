//! Summaries of one tool or of one client, compared with the calls, and what no rollup can answer.

use serde_json::{Value, json};

use crate::app::App;
use crate::engine;
use crate::seed::{Row, calls, insert, yesterday};

type Passes = fn(&Row) -> bool;

/// Filters that the overview answers, and the calls that pass them.
const FILTERS: [(&str, Passes); 6] = [
    ("target=tool1", |row| row.kind == "tool" && row.target == "tool1"),
    ("client=editor", |row| row.client == "editor"),
    ("version=2.0", |row| row.client_version == "2.0"),
    ("protocol=2025-06-18", |row| row.protocol_version == "2025-06-18"),
    ("client=agent&version=1.0&protocol=2025-11-25", |row| {
        row.client == "agent" && row.client_version == "1.0" && row.protocol_version == "2025-11-25"
    }),
    ("client=editor&server=files", |row| {
        row.client == "editor" && row.server == "files"
    }),
];

fn sum<'a>(rows: impl Iterator<Item = &'a Row>) -> u64 {
    rows.map(|row| u64::from(row.weight)).sum()
}

fn distinct(rows: &[&Row], key: impl Fn(&Row) -> Option<String>) -> usize {
    rows.iter()
        .filter_map(|row| key(row))
        .collect::<std::collections::HashSet<_>>()
        .len()
}

#[tokio::test]
async fn an_overview_of_a_tool_or_a_client_has_its_calls_only() {
    let engine = engine::start().await;
    let from = yesterday();
    let rows = calls(from, 7200, 3000);
    insert(&engine.client, &rows).await;
    let app = App::new(&engine.client);
    for (name, (begin, end)) in [
        ("whole hours", (from, from + 7200)),
        ("steps of seconds", (from + 600, from + 1200)),
    ] {
        for (filters, passes) in FILTERS {
            let within = |row: &&Row| row.time >= begin * 1_000_000 && row.time < end * 1_000_000;
            let expected: Vec<&Row> = rows.iter().filter(within).filter(|row| passes(row)).collect();
            let tool = |row: &Row| (row.kind == "tool").then(|| format!("{} {}", row.server, row.target));
            let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let path = format!("/api/v1/overview?from={begin}&to={end}&{filters}");
            let answer = app.get(&path).await;
            let totals = &answer["totals"];
            assert!(expected.len() > 5, "{name}: {filters}");
            let failures = expected.iter().copied().filter(|row| row.fault == "server");
            for (field, value) in [
                ("calls", json!(sum(expected.iter().copied()))),
                ("failures", json!(sum(failures))),
                ("users", json!(distinct(&expected, |row| known(&row.user_id)))),
                ("clients", json!(distinct(&expected, |row| known(&row.client)))),
                ("tools", json!(distinct(&expected, tool))),
            ] {
                assert_eq!(totals[field], value, "{field} of {name}: {filters}");
            }
            let step = answer["range"]["step_seconds"].as_f64().unwrap();
            let rates = answer["series"]["calls_per_second"].as_array().unwrap().iter();
            let in_series: f64 = rates.map(|rate| rate.as_f64().unwrap() * step).sum();
            assert_eq!(
                json!(in_series.round() as u64),
                totals["calls"],
                "series of {name}: {filters}"
            );
        }
    }
    let tools = app
        .get(&format!("/api/v1/tools?from={from}&to={}&target=tool1", from + 7200))
        .await;
    let tools = tools["tools"].as_array().unwrap();
    assert_eq!(tools.len(), 2, "the same name of two servers");
    assert!(tools.iter().all(|tool| tool["tool"] == "tool1"));
}

#[tokio::test]
async fn a_filter_that_no_rollup_tells_apart_is_an_error_that_names_it() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    for (path, parameter) in [
        ("overview?target=read&client=editor", "client"),
        ("overview?target=read&protocol=2025-11-25", "protocol"),
        ("tools?client=editor", "client"),
        ("tools?target=read&version=1.0", "version"),
        ("users?client=editor", "client"),
        ("users?target=read", "target"),
        ("users?format=csv&protocol=2025-11-25", "protocol"),
    ] {
        let (status, answer): (_, Value) = app.json(&format!("/api/v1/{path}")).await;
        assert_eq!(status, 400, "{path}: {answer}");
        assert_eq!(answer["error"]["code"], "not_summed_up", "{path}");
        assert_eq!(answer["error"]["parameter"], parameter, "{path}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("/api/v1/calls takes it"), "{path}: {message}");
    }
}
