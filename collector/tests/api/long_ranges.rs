//! A year of calls, of which only the sums by day are left, and what cannot be asked about a year.

use serde_json::{Value, json};
use toolsight_collector::store::Retention;

use crate::app::App;
use crate::engine::{self, TestEngine};
use crate::seed::{Row, SECOND, call, calls, insert, now};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Calls of each of the old days, and those of just now.
const OLD: u64 = 400;
const NEW: u64 = 100;

/// Midnight so many days ago.
fn midnight(days_ago: i64) -> i64 {
    let today = now() / SECOND;
    today - today.rem_euclid(DAY) - days_ago * DAY
}

fn sum(rows: &[Row]) -> u64 {
    rows.iter().map(|row| u64::from(row.weight)).sum()
}

/// Calls of the days 300 and 299 days ago and of 200 days ago, of which only the sums by day are there, and new ones.
async fn seed(engine: &TestEngine) -> Vec<Vec<Row>> {
    let mut days: Vec<_> = [300, 299, 200]
        .map(|days_ago| calls(midnight(days_ago) + HOUR, 20 * HOUR, OLD))
        .into();
    for rows in &days {
        insert(&engine.client, rows).await;
    }
    // What is older than it is kept goes some time after it came; here, at once.
    for table in [
        "calls",
        "calls_per_minute",
        "client_calls_per_hour",
        "client_tools_per_hour",
    ] {
        let truncate = format!("TRUNCATE TABLE {table}");
        engine.client.query_raw(&truncate).execute().await.unwrap();
    }
    let new: Vec<_> = (0..NEW)
        .map(|number| Row {
            target: "new".into(),
            user_id: "user7".into(),
            ..call(now() - number as i64, number)
        })
        .collect();
    insert(&engine.client, &new).await;
    days.push(new);
    days
}

fn counted(list: &Value) -> u64 {
    list.as_array()
        .unwrap()
        .iter()
        .map(|row| row["calls"].as_u64().unwrap())
        .sum()
}

/// How many calls a chart shows.
fn charted(overview: &Value) -> u64 {
    let step = overview["range"]["step_seconds"].as_f64().unwrap();
    let rates = overview["series"]["calls_per_second"].as_array().unwrap();
    rates
        .iter()
        .map(|rate| rate.as_f64().unwrap() * step)
        .sum::<f64>()
        .round() as u64
}

#[tokio::test]
async fn a_year_is_answered_from_what_is_summed_up_by_day() {
    let engine = engine::start().await;
    let days = seed(&engine).await;
    let app = App::new(&engine.client);
    let all = days.concat();
    let tools = |rows: &[Row]| {
        rows.iter()
            .filter(|row| row.kind == "tool")
            .cloned()
            .collect::<Vec<_>>()
    };
    let users = |rows: &[Row]| {
        rows.iter()
            .filter(|row| !row.user_id.is_empty())
            .cloned()
            .collect::<Vec<_>>()
    };

    let overview = app.get("/api/v1/overview?range=1y").await;
    assert_eq!(overview["range"]["step_seconds"], DAY);
    assert_eq!(overview["totals"]["calls"], sum(&all));
    assert_eq!(overview["totals"]["users"], 24, "all users but the unknown ones");
    assert_eq!(
        overview["totals"]["tools"], 7,
        "three tools of each server, and the new one"
    );
    assert_eq!(overview["servers"], json!(["files", "search"]));
    assert_eq!(charted(&overview), sum(&days[..3].concat()), "today is not over yet");
    let first = overview["range"]["from"].as_i64().unwrap();
    assert_eq!(first % DAY, 0, "whole days");
    let series = overview["series"]["calls_per_second"].as_array().unwrap();
    let old = &series[((midnight(300) - first) / DAY) as usize];
    assert!(
        (old.as_f64().unwrap() * DAY as f64 - sum(&days[0]) as f64).abs() < 0.01,
        "{old}"
    );

    let answer = app.get("/api/v1/tools?range=1y").await;
    assert_eq!(counted(&answer["tools"]), sum(&tools(&all)));
    let page = app.get("/api/v1/tools?range=1y&limit=3").await;
    let next = page["next"].as_str().unwrap();
    let rest = app
        .get(&format!("/api/v1/tools?range=1y&limit=100&cursor={next}"))
        .await;
    let joined = [
        page["tools"].as_array().unwrap().clone(),
        rest["tools"].as_array().unwrap().clone(),
    ]
    .concat();
    assert_eq!(json!(joined), answer["tools"], "page by page");

    let answer = app.get("/api/v1/clients?range=1y").await;
    assert_eq!(counted(&answer["clients"]), sum(&all));
    for client in answer["clients"].as_array().unwrap() {
        assert_eq!(
            client["tools"],
            json!(null),
            "which tools fail for whom is not known by day"
        );
    }
    let answer = app.get("/api/v1/users?range=1y").await;
    assert_eq!(counted(&answer["users"]), sum(&users(&all)));

    let of_tool = app.get("/api/v1/overview?range=1y&target=tool1").await;
    let tool1: Vec<_> = tools(&all).into_iter().filter(|row| row.target == "tool1").collect();
    assert_eq!(of_tool["totals"]["calls"], sum(&tool1));
    assert_eq!(of_tool["totals"]["tools"], 2);
    let of_client = app.get("/api/v1/overview?range=1y&client=agent").await;
    let agent: Vec<_> = all.iter().filter(|row| row.client == "agent").cloned().collect();
    assert_eq!(of_client["totals"]["calls"], sum(&agent));
    assert_eq!(of_client["totals"]["tools"], json!(null), "not by client that far back");
    let lately = app.get("/api/v1/overview?range=90d&client=editor").await;
    assert_eq!(lately["totals"]["tools"], 1, "by client too where hours are kept");
}

#[tokio::test]
async fn a_short_time_long_ago_is_answered_by_whole_days() {
    let engine = engine::start().await;
    let days = seed(&engine).await;
    let app = App::new(&engine.client);
    let (from, to) = (midnight(300) + 10 * HOUR, midnight(300) + 14 * HOUR);
    let span = format!("from={from}&to={to}");
    let overview = app.get(&format!("/api/v1/overview?{span}")).await;
    let expected = json!({"from": midnight(300), "to": midnight(299), "step_seconds": DAY});
    assert_eq!(overview["range"], expected);
    assert_eq!(overview["totals"]["calls"], sum(&days[0]));
    assert_eq!(charted(&overview), sum(&days[0]));
    let users = app.get(&format!("/api/v1/users?{span}")).await;
    assert_eq!(users["range"], expected);
    let known: Vec<_> = days[0].iter().filter(|row| !row.user_id.is_empty()).cloned().collect();
    assert_eq!(counted(&users["users"]), sum(&known));
}

#[tokio::test]
async fn what_is_not_kept_for_a_year_is_refused_with_the_longest_time_there_is() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    let year = format!("from={}&to={}", midnight(364), midnight(0));
    for (path, days, why) in [
        ("calls?", 90, "single calls are kept for 30 days"),
        ("sessions?", 90, "single calls are kept for 30 days"),
        ("chain?chain=c&", 90, "single calls are kept for 30 days"),
        ("batches?", 90, "single calls are kept for 30 days"),
        ("errors?", 100, "sums of errors are kept for 100 days"),
        (
            "overview?tenant=acme&",
            100,
            "what is summed up of one tenant is kept for 100 days",
        ),
        (
            "tools?tenant=acme&",
            100,
            "what is summed up of one tenant is kept for 100 days",
        ),
        (
            "clients?tenant=acme&",
            100,
            "what is summed up of one tenant is kept for 100 days",
        ),
    ] {
        for (span, parameter, of) in [("range=1y", "range", "here"), (year.as_str(), "from", "before `to`")] {
            let (status, body) = app.json(&format!("/api/v1/{path}{span}")).await;
            let message = format!("parameter `{parameter}` must be at most {days} days {of}: {why}");
            assert_eq!(
                (status.as_u16(), &body["error"]["message"]),
                (400, &json!(message)),
                "{path}{span}"
            );
        }
        app.get(&format!("/api/v1/{path}range=90d")).await;
    }
    for path in ["users?tenant=acme&", "definitions?", "alerts?", "tool_health?"] {
        app.get(&format!("/api/v1/{path}range=1y")).await;
    }
}

#[tokio::test]
async fn how_long_a_time_may_be_asked_about_follows_the_settings() {
    let engine = engine::start().await;
    let app = App::keeping(
        &engine.client,
        Retention {
            calls: Some(400),
            days: Some(200),
            ..Retention::default()
        },
    );
    app.get("/api/v1/calls?range=1y").await;
    for path in ["overview", "users", "errors"] {
        let (status, body) = app.json(&format!("/api/v1/{path}?range=1y")).await;
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{path}");
        assert!(message.contains("must be at most 200 days here"), "{path}: {message}");
    }
    let app = App::keeping(
        &engine.client,
        Retention {
            days: Some(3000),
            ..Retention::default()
        },
    );
    let overview = app
        .get(&format!("/api/v1/overview?from={}&to={}", midnight(2900), midnight(0)))
        .await;
    assert_eq!(
        overview["range"]["step_seconds"],
        4 * DAY,
        "a chart has no more points than it can show"
    );
    assert!(overview["series"]["time"].as_array().unwrap().len() < 1000);
}
