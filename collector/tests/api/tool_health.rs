//! How the state of a tool follows from its latest calls, and where it shows.

use serde_json::json;

use crate::{
    app::App,
    engine,
    seed::{Row, SECOND, call, ending, insert, now},
};

/// Calls of one tool, one letter each, oldest first; the last one was a second ago.
fn story(tool: &str, letters: &str) -> Vec<Row> {
    let count = letters.len() as i64;
    let end = now() - SECOND;
    letters
        .bytes()
        .zip(0..)
        .map(|(letter, number)| {
            let row = Row {
                target: tool.to_owned().into(),
                ..call(end - (count - number) * 1000, number as u64)
            };
            match letter {
                b'o' => row,
                b'f' => ending(row, "tool_error", "server"),
                b'c' => ending(row, "invalid_arguments", "caller"),
                b'a' => ending(row, "unauthorized", "auth"),
                b'g' => ending(row, "cancelled", "client_gone"),
                b'i' => ending(row, "input_required", "none"),
                _ => panic!("unknown letter"),
            }
        })
        .collect()
}

#[tokio::test]
async fn the_state_of_a_tool_follows_from_its_calls() {
    let cases = [
        ("healthy", "o".repeat(100), (100, 0, 0, "healthy")),
        ("rarely failing", "o".repeat(99) + "f", (100, 1, 0, "healthy")),
        ("flaky", "oooof".repeat(10) + "o", (51, 10, 10, "flaky")),
        ("alternating", "of".repeat(20), (40, 20, 19, "flaky")),
        ("flaky with few calls", "of".repeat(9) + "o", (19, 9, 9, "healthy")),
        (
            "flaky below two per cent",
            "o".repeat(148) + "fofofo",
            (154, 3, 3, "healthy"),
        ),
        (
            "flaky at two per cent",
            "o".repeat(144) + "fofofo",
            (150, 3, 3, "flaky"),
        ),
        (
            "two failures",
            "ofof".to_owned() + &"o".repeat(30),
            (34, 2, 2, "healthy"),
        ),
        ("broken", "f".repeat(40), (40, 40, 0, "broken")),
        ("broken with one success", "f".repeat(9) + "o", (10, 9, 1, "broken")),
        (
            "broken with recoveries",
            ("f".repeat(9) + "o").repeat(3),
            (30, 27, 3, "broken"),
        ),
        (
            "recoveries before the newest thousand",
            "fo".repeat(30) + &"o".repeat(1000),
            (1060, 30, 0, "healthy"),
        ),
        ("below nine in ten", "f".repeat(8) + "oo", (10, 8, 1, "healthy")),
        ("broken with few calls", "f".repeat(4), (4, 4, 0, "healthy")),
        (
            "flaky with just enough calls",
            "of".repeat(9) + "oo",
            (20, 9, 9, "flaky"),
        ),
        (
            "flaky with just enough recoveries",
            "ffofo".to_owned() + &"o".repeat(20),
            (25, 3, 2, "flaky"),
        ),
        ("broken with just enough calls", "f".repeat(5), (5, 5, 0, "broken")),
        ("repaired", "f".repeat(30) + &"o".repeat(30), (60, 30, 1, "healthy")),
        ("broke", "o".repeat(30) + &"f".repeat(30), (60, 30, 0, "healthy")),
        ("only caller errors", "c".repeat(50), (0, 0, 0, "healthy")),
        ("not the server's doing", "cag".repeat(20), (0, 0, 0, "healthy")),
        (
            "recoveries across what is skipped",
            "ofcigo".repeat(10),
            (40, 10, 10, "flaky"),
        ),
        (
            "no recovery into what is skipped",
            "oo".repeat(10) + &"fi".repeat(10),
            (40, 10, 0, "healthy"),
        ),
    ];
    let engine = engine::start().await;
    for (tool, letters, _) in &cases {
        insert(&engine.client, &story(tool, letters)).await;
    }
    let mut sampled = story("sampled", &"oof".repeat(3));
    sampled
        .iter_mut()
        .filter(|row| row.outcome == "ok")
        .for_each(|row| row.weight = 100);
    insert(&engine.client, &sampled).await;
    let long_ago = |row: Row| Row {
        time: row.time - 15 * 60 * SECOND,
        ..row
    };
    insert(
        &engine.client,
        &story("long ago", &"f".repeat(20))
            .into_iter()
            .map(long_ago)
            .collect::<Vec<_>>(),
    )
    .await;

    let mut others = [call(now() - SECOND, 1), call(now() - SECOND, 2)];
    (others[0].target, others[0].tenant) = ("foreign".into(), "others".into());
    (others[1].target, others[1].kind) = ("no tool".into(), "prompt".into());
    insert(&engine.client, &others).await;

    let app = App::new(&engine.client);
    let metrics = app
        .wait_for("/metrics", |_, text| text.contains("toolsight_tool_state"))
        .await;
    let tools = app.get("/api/v1/tools").await;
    let state_on_page = |name: &str| {
        let tools = tools["tools"].as_array().unwrap().iter();
        tools
            .clone()
            .find(|tool| tool["tool"] == name)
            .map(|tool| tool["state"].clone())
    };
    let sampled = ("sampled", String::new(), (603, 3, 2, "healthy"));
    for (tool, letters, (sample, failures, recoveries, state)) in cases.iter().chain([&sampled]) {
        let labels = format!("server=\"files\",tool=\"{tool}\"");
        for (gauge, value) in [("sample", sample), ("failures", failures), ("recoveries", recoveries)] {
            let line = format!("toolsight_tool_window_{gauge}{{{labels}}} {value}\n");
            assert!(
                metrics.contains(&line),
                "{tool} ({letters}): {line} is not in {metrics}"
            );
        }
        for known in ["healthy", "flaky", "broken"] {
            let labels = format!("server=\"files\",state=\"{known}\",tool=\"{tool}\"");
            let line = format!("toolsight_tool_state{{{labels}}} {}\n", u8::from(*state == known));
            assert!(
                metrics.contains(&line),
                "{tool} ({letters}): {line} is not in {metrics}"
            );
        }
        assert_eq!(state_on_page(tool), Some(json!(state)), "{tool}");
    }
    assert!(
        metrics.contains("tool=\"foreign\""),
        "a tool that another organisation uses is a tool too"
    );
    for other in ["long ago", "no tool"] {
        assert!(!metrics.contains(other), "{other}");
    }
    assert_eq!(state_on_page("long ago"), Some(json!("healthy")));
}

#[tokio::test]
async fn tools_beyond_500_have_no_series_and_vanished_ones_lose_theirs() {
    let engine = engine::start().await;
    let healthy = (0..1003).flat_map(|number| story(&format!("tool{number}"), "ooo"));
    let rows: Vec<_> = healthy.chain(story("worst", &"f".repeat(9))).collect();
    insert(&engine.client, &rows).await;
    let app = App::new(&engine.client);
    let metrics = app
        .wait_for("/metrics", |_, text| {
            text.contains("toolsight_tool_series_omitted 504\n")
        })
        .await;
    assert_eq!(app.get("/api/v1/tools").await["tools"].as_array().unwrap().len(), 1000);
    assert_eq!(metrics.matches("toolsight_tool_window_sample{").count(), 500);
    assert_eq!(metrics.matches("toolsight_tool_state{").count(), 1500);
    assert!(metrics.contains("toolsight_tool_state{server=\"files\",state=\"broken\",tool=\"worst\"} 1\n"));

    engine.client.query_raw("TRUNCATE TABLE calls").execute().await.unwrap();
    insert(&engine.client, &story("newcomer", "o")).await;
    let metrics = app.wait_for("/metrics", |_, text| text.contains("newcomer")).await;
    assert!(metrics.contains("toolsight_tool_series_omitted 0\n"));
    assert_eq!(metrics.matches("toolsight_tool_window_sample{").count(), 1);
    assert_eq!(metrics.matches("toolsight_tool_state{").count(), 3);
}

#[tokio::test]
async fn states_that_are_not_known_yet_are_asked_for() {
    let engine = engine::start().await;
    insert(&engine.client, &story("shaky", &"of".repeat(20))).await;
    let app = App::new(&engine.client);
    app.stop_health();
    assert_eq!(app.get("/api/v1/tools").await["tools"][0]["state"], "flaky");
}

#[tokio::test]
async fn every_change_of_a_tools_state_is_kept_and_trouble_is_an_alert() {
    let engine = engine::start().await;
    insert(&engine.client, &story("fine", &"o".repeat(30))).await;
    insert(&engine.client, &story("worst", &"f".repeat(9))).await;
    let began = now();
    // Two collectors look at one store.
    let apps = [App::new(&engine.client), App::new(&engine.client)];
    apps[0]
        .wait_for("/api/v1/alerts", |_, text| text.contains("worst"))
        .await;
    let open = apps[0].get("/api/v1/alerts").await;
    let [alert] = open["alerts"].as_array().unwrap().as_slice() else {
        panic!("not one alert: {open}")
    };
    assert!(
        alert["begin"].as_f64().unwrap() >= began as f64 / 1e6 - 1.0,
        "{alert} began at {began}"
    );
    for (field, value) in [
        ("server", json!("files")),
        ("tool", json!("worst")),
        ("state", json!("broken")),
        ("end", json!(null)),
        ("sample", json!(9)),
        ("failures", json!(9)),
        ("recoveries", json!(0)),
        ("reason", json!("9 of 9 calls failed")),
    ] {
        assert_eq!(alert[field], value, "{field}");
    }

    insert(&engine.client, &story("worst", &"o".repeat(2000))).await;
    apps[1]
        .wait_for("/api/v1/tool_health?target=worst", |_, text| {
            text.contains("\"previous\":\"broken\"")
        })
        .await;
    engine.client.query_raw("TRUNCATE TABLE calls").execute().await.unwrap();
    insert(&engine.client, &story("other", &"of".repeat(20))).await;
    apps[1]
        .wait_for("/api/v1/alerts", |_, text| text.contains("other"))
        .await;
    engine.client.query_raw("TRUNCATE TABLE calls").execute().await.unwrap();
    apps[1]
        .wait_for("/api/v1/tool_health", |_, text| {
            text.contains("not called for 15 minutes")
        })
        .await;
    let changes = apps[1].get("/api/v1/tool_health").await;
    let changes: Vec<_> = changes["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| format!("{} {} {}", change["tool"], change["previous"], change["state"]).replace('"', ""))
        .collect();
    assert_eq!(
        changes,
        [
            "other flaky healthy",
            "other healthy flaky",
            "worst broken healthy",
            "worst healthy broken"
        ],
        "each once, though two collectors saw them, and none of the tool that was always fine"
    );
    let closed = apps[0].get("/api/v1/alerts").await;
    let closed = closed["alerts"].as_array().unwrap();
    assert_eq!(closed.len(), 2);
    assert!(
        closed
            .iter()
            .all(|alert| alert["end"].as_f64().unwrap() > alert["begin"].as_f64().unwrap()),
        "{closed:?}"
    );
    let hour_ago = began / SECOND - 3600;
    let before = format!("/api/v1/alerts?from={}&to={hour_ago}", hour_ago - 3600);
    assert_eq!(apps[0].get(&before).await["alerts"], json!([]), "none began before");
    assert_eq!(apps[0].get("/api/v1/alerts?target=fine").await["alerts"], json!([]));
    let (status, refused) = apps[0].json("/api/v1/alerts?tenant=acme").await;
    assert_eq!(
        (status.as_u16(), &refused["error"]["parameter"]),
        (400, &json!("tenant"))
    );
}
