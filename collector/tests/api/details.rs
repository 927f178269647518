//! Lists of errors, sessions, chains and definitions, compared with the calls that they are made of.

use serde_json::{Value, json};

use crate::app::App;
use crate::engine;
use crate::seed::{Row, SECOND, call, ending, insert, now};

/// Ten calls of one session and one chain: five ok, three that the server fails with another number in the message, two
/// that are the caller's fault.
fn session(first: u64, minute: i64) -> Vec<Row> {
    let calls = (0..10).map(|n| {
        let time = now() - minute * 60 * SECOND + n as i64 * SECOND;
        let call = Row {
            session_id: "s-1".into(),
            chain_id: "c-1".into(),
            definition_hash: 0xff,
            definition_bytes: 4001,
            attempt: 2,
            waited_us: 1500,
            args_hash: 16,
            ..call(time, first + n)
        };
        match n {
            0..5 => call,
            5..8 => Row {
                message: format!("timeout after {n}00 ms").into(),
                ..ending(call, "tool_error", "server")
            },
            _ => ending(call, "invalid_arguments", "caller"),
        }
    });
    calls.collect()
}

fn only(list: &Value) -> &Value {
    let [row] = list.as_array().unwrap().as_slice() else {
        panic!("not one: {list}")
    };
    row
}

#[tokio::test]
async fn errors_sessions_chains_and_definitions_are_those_of_the_calls() {
    let engine = engine::start().await;
    let rows = session(1, 30);
    insert(&engine.client, &rows).await;
    let other = Row {
        session_id: "s-2".into(),
        user_id: "somebody else".into(),
        ..call(now() - 26 * 3600 * SECOND, 99)
    };
    insert(&engine.client, &[other]).await;
    let app = App::new(&engine.client);

    let failures = app.get("/api/v1/errors?fault=server").await;
    let error = only(&failures["errors"]);
    assert_eq!((&error["calls"], &error["outcome"]), (&json!(3), &json!("tool_error")));
    assert!(
        error["message"].as_str().unwrap().starts_with("timeout after "),
        "{error}"
    );
    assert!(!error["pattern"].as_str().unwrap().contains('5'), "{error}");
    assert_eq!(app.get("/api/v1/errors").await["errors"].as_array().unwrap().len(), 2);

    let sessions = app.get("/api/v1/sessions").await;
    let one = only(&sessions["sessions"]);
    assert_eq!(one["session"], "s-1");
    assert_eq!(
        (&one["calls"], &one["failures"], &one["caller_errors"]),
        (&json!(10), &json!(3), &json!(2))
    );
    let of_two_days = app.get("/api/v1/sessions?range=7d").await;
    let names: Vec<_> = of_two_days["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["session"])
        .collect();
    assert_eq!(names, ["s-1", "s-2"], "those used last first");
    let found = app.get("/api/v1/sessions?range=7d&user=somebody+else").await;
    assert_eq!(only(&found["sessions"])["session"], "s-2");

    for asked in ["session=s-1", "chain=c-1"] {
        let chain = app.get(&format!("/api/v1/chain?{asked}")).await;
        let calls = chain["calls"].as_array().unwrap();
        let outcomes: Vec<_> = calls.iter().map(|call| call["outcome"].as_str().unwrap()).collect();
        let expected: Vec<_> = rows.iter().map(|row| &*row.outcome).collect();
        assert_eq!(outcomes, expected, "{asked}, the oldest first");
        assert_eq!(
            (&calls[0]["attempt"], &calls[0]["waited_ms"], &calls[0]["args_hash"]),
            (&json!(2), &json!(1.5), &json!("0000000000000010"))
        );
    }
    let (status, answer) = app.json("/api/v1/chain").await;
    assert_eq!((status.as_u16(), &answer["error"]["parameter"]), (400, &json!("chain")));

    let definitions = app.get("/api/v1/definitions").await;
    let definition = only(&definitions["definitions"]);
    assert_eq!(
        (
            &definition["hash"],
            &definition["bytes"],
            &definition["estimated_tokens"],
            &definition["calls"]
        ),
        (&json!("00000000000000ff"), &json!(4001), &json!(1001), &json!(10))
    );
}
