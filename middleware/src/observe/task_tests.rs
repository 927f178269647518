//! Calls that become tasks: what is asked and told of these, and what is recorded.

use super::*;
use crate::capture::Capture;

/// What a request of 2026-07-28 says of itself.
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;

#[test]
fn a_call_that_becomes_a_task_ends_with_it_and_tells_how_long_it_waited_for_a_person() {
    let stage = Stage::new();
    let task = |status: &str, more: &str| format!(r#""taskId":"t","status":"{status}"{more}"#);
    let begun = result(7, &format!(r#""resultType":"task",{}"#, task("working", "")));
    assert!(stage.post(stage.head(0), CALL, &begun).is_empty());
    assert_eq!(stage.observer.in_flight.read().0, 0, "the client does not wait");
    let get = request(8, "tasks/get", r#""taskId":"t""#);
    let mut seen = Vec::new();
    for (at, method, answer) in [
        (2, "tasks/get", task("working", "")),
        (4, "tasks/get", task("input_required", "")),
        (10, "tasks/update", String::new()),
        (20, "tasks/get", task("completed", r#","result":{"isError":true}"#)),
    ] {
        let ask = get.replace("tasks/get", method);
        seen.extend(stage.post(stage.head(at), &ask, &result(8, &answer)));
    }
    assert_eq!(
        told(&seen),
        [
            "tasks/get ok none (1, 0)",
            "tasks/get ok none (1, 0)",
            "tasks/update ok none (1, 0)",
            // Asked at 5, answered at 11.
            "tools/call tool_error server (21, 6)",
            "tasks/get ok none (1, 0)"
        ]
    );
}

#[test]
fn the_time_between_the_end_of_a_task_and_the_question_that_tells_it_is_waited() {
    const CREATED: &str = "10:00:00.5";
    let done = r#""completed","result":{}"#;
    let cancelled = r#""cancelled""#;
    for (name, sights, expected) in [
        // Asked at 30, answered at 31; the call was answered first at 1.
        ("it tells when it ended", vec![(30, done, "10:00:12.4")], (31, 18)),
        (
            "it ended by being cancelled",
            vec![(30, cancelled, "10:00:12.4")],
            (31, 18),
        ),
        ("it tells whole seconds", vec![(30, done, "10:00:12")], (31, 17)),
        (
            "it was seen at work later than its clock says",
            vec![(20, r#""working""#, "10:00:12.4"), (30, done, "10:00:12.4")],
            (31, 10),
        ),
        ("it ends in the future", vec![(30, done, "11:00:00.4")], (31, 0)),
        ("it ended before it began", vec![(30, done, "09:00:00.4")], (31, 30)),
        ("it does not tell", vec![(30, done, "soon")], (31, 0)),
        (
            "it asks somebody before it ends",
            vec![(20, r#""input_required""#, "10:00:12.4"), (30, done, "10:00:29.4")],
            (31, 18),
        ),
    ] {
        let stage = Stage::new();
        stage.post(stage.head(0), CALL, &result(7, r#""resultType":"task","taskId":"t""#));
        let mut seen = Vec::new();
        for (at, status, updated) in sights {
            let times = format!(r#""createdAt":"2026-11-21T{CREATED}Z","lastUpdatedAt":"2026-11-21T{updated}Z""#);
            let answer = result(8, &format!(r#""taskId":"t",{times},"status":{status}"#));
            seen.extend(stage.post(stage.head(at), &request(8, "tasks/get", r#""taskId":"t""#), &answer));
        }
        let call = seen.iter().find(|record| &*record.method == "tools/call").unwrap();
        let seconds = (call.duration.as_secs(), call.waited.as_secs());
        assert_eq!(seconds, expected, "{name}");
    }
    // Before 2026-07-28 the question for the status tells when, and another one brings the result.
    let stage = Stage::new();
    stage.post(stage.head(0), CALL, &result(7, r#""task":{"taskId":"t"}"#));
    let asks = |method: &str| request(8, method, r#""taskId":"t""#);
    let ended = r#""taskId":"t","status":"completed","createdAt":"2026-11-21T10:00:00.5Z","lastUpdatedAt":"2026-11-21T10:00:09.4Z""#;
    stage.post(stage.head(20), &asks("tasks/get"), &result(8, ended));
    let seen = stage.post(stage.head(30), &asks("tasks/result"), &result(8, ""));
    assert_eq!(
        told(&seen),
        ["tools/call ok none (31, 21)", "tasks/result ok none (1, 0)"]
    );
}

#[test]
fn a_task_is_followed_by_what_the_server_tells_of_it_unasked() {
    let stage = Stage::new();
    let begun = result(7, r#""task":{"taskId":"t","status":"working"}"#);
    for (method, params, expected) in [
        (
            "notifications/tasks",
            r#""taskId":"t","status":"completed","result":{"isError":true}"#,
            "tools/call tool_error server (5, 0)",
        ),
        (
            "notifications/tasks",
            r#""taskId":"t","status":"completed","result":{}"#,
            "tools/call ok none (5, 0)",
        ),
        (
            "notifications/tasks/status",
            r#""taskId":"t","status":"cancelled""#,
            "tools/call cancelled client_gone (5, 0)",
        ),
    ] {
        stage.post(stage.in_session(0), CALL, &begun);
        let mut stream = stage.stream(1, false);
        let notification = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{params}}}}}"#);
        stream.response_data(event(1, &notification).as_bytes(), stage.at(5));
        let seen = records(stream.take());
        assert_eq!(told(&seen), [expected, &format!("{method} ok none (0, 0)")]);
    }
}

#[test]
fn a_task_that_nobody_asks_for_is_deferred_in_the_end() {
    let stage = Stage::new();
    stage.post(stage.head(0), CALL, &result(7, r#""task":{"taskId":"t"}"#));
    assert!(stage.observer.expire(stage.at(3600)).is_empty());
    let expired = records(stage.observer.expire(stage.at(3601)));
    assert_eq!(told(&expired), ["tools/call deferred none (1, 0)"]);
    // A failure that was not followed is told by the question that finds it.
    let failed = stage.post(
        stage.head(4000),
        &request(8, "tasks/get", r#""taskId":"t""#),
        &result(8, r#""taskId":"t","status":"failed""#),
    );
    assert_eq!(told(&failed), ["tasks/get tool_error server (1, 0)"]);
}

#[test]
#[cfg_attr(miri, ignore = "the rules of redaction are too many steps for an interpreter")]
fn the_result_of_a_task_is_told_as_that_of_a_direct_call() {
    const LIST: &str = r#""tools":[{"name":"add","outputSchema":{"required":["a"]}}]"#;
    let told = |members: &str, way: &str| {
        let stage = Stage::capturing(Capture::default().results(1000));
        stage.post(stage.in_session(0), &request(1, "tools/list", ""), &result(1, LIST));
        if way == "tools/call" {
            return stage.post(stage.in_session(0), CALL, &result(7, members)).remove(0);
        }
        let task = r#""taskId":"t","status":"completed""#;
        let nested = format!(r#"{task},"result":{{{members}}}"#);
        stage.post(
            stage.in_session(0),
            CALL,
            &result(7, r#""resultType":"task","taskId":"t""#),
        );
        if way == "notifications/tasks" {
            let mut stream = stage.stream(1, false);
            let notification = format!(r#"{{"jsonrpc":"2.0","method":"{way}","params":{{{nested}}}}}"#);
            stream.response_data(event(1, &notification).as_bytes(), stage.at(5));
            return records(stream.take()).remove(0);
        }
        let answer = if way == "tasks/get" { &nested } else { members };
        let asks = request(8, way, r#""taskId":"t""#);
        stage.post(stage.in_session(2), &asks, &result(8, answer)).remove(0)
    };
    for members in [
        r#""content":[{"type":"text","text":"x"},{"type":"image"}],"structuredContent":{"a":1}"#,
        r#""content":[],"isError":true"#,
        r#""structuredContent":{}"#,
        r#""structuredContent":[1]"#,
        r#""structuredContent":"x""#,
        "",
    ] {
        let direct = told(members, "tools/call");
        for way in ["tasks/get", "tasks/result", "notifications/tasks"] {
            let seen = told(members, way);
            let of = |record: &Record| {
                let detail = &record.detail;
                let flags = (detail.content_types, detail.flags, detail.captured.clone());
                (record.method.clone(), record.outcome, record.fault, flags)
            };
            assert_eq!(of(&seen), of(&direct), "{way} {members}");
        }
    }
}

#[test]
fn nothing_is_told_of_a_result_that_did_not_come() {
    for (way, status) in [
        ("tasks/get", "failed"),
        ("tasks/get", "cancelled"),
        ("tasks/cancel", "cancelled"),
    ] {
        let stage = Stage::new();
        stage.post(stage.head(0), CALL, &result(7, r#""task":{"taskId":"t"}"#));
        let told = format!(r#""taskId":"t","status":"{status}""#);
        let mut seen = stage.post(stage.head(2), &request(8, way, r#""taskId":"t""#), &result(8, &told));
        seen.extend(records(stage.observer.finish(stage.at(9))));
        let call = seen.iter().find(|record| &*record.method == "tools/call").unwrap();
        assert_eq!(call.detail.flags.names(), "", "{way} {status}");
    }
}

#[test]
fn a_question_for_a_task_begins_none() {
    for answer in [
        r#""resultType":"task","taskId":"t","status":"working""#,
        r#""task":{"taskId":"t","status":"working"}"#,
    ] {
        let stage = Stage::new();
        let seen = stage.post(
            stage.head(0),
            &request(8, "tasks/get", r#""taskId":"t""#),
            &result(8, answer),
        );
        assert_eq!(told(&seen), ["tasks/get ok none (1, 0)"], "{answer}");
        assert!(stage.observer.finish(stage.at(9)).is_empty());
    }
}

#[test]
fn a_task_that_breaks_is_told_by_its_error() {
    for (error, expected) in [
        (
            r#"{"code":-32603,"message":"worker died"}"#,
            "internal_error server Some(-32603) Some(\"worker died\")",
        ),
        (
            r#"{"code":-32602,"message":"no"}"#,
            "invalid_arguments caller Some(-32602) Some(\"no\")",
        ),
        (
            r#"{"message":"no","code":-32000}"#,
            "protocol_error server Some(-32000) Some(\"no\")",
        ),
        ("{}", "protocol_error server None None"),
        ("null", "protocol_error server None None"),
    ] {
        let task = format!(r#""taskId":"t","status":"failed","error":{error}"#);
        let begun = result(7, r#""resultType":"task","taskId":"t""#);
        let get = request(8, "tasks/get", &format!(r#""taskId":"t",{META}"#));
        let how = |record: &Record| {
            let (code, message) = (record.code, record.message.as_deref());
            format!("{} {} {code:?} {message:?}", record.outcome, record.fault)
        };
        let stage = Stage::new();
        stage.post(stage.in_session(0), CALL, &begun);
        let asked = stage.post(stage.in_session(2), &get, &result(8, &task));
        assert_eq!(how(&asked[0]), expected);
        assert_eq!(how(&asked[1]), "ok none None None", "{error}");

        stage.post(stage.in_session(0), CALL, &begun);
        let mut stream = stage.stream(1, false);
        let notification = format!(r#"{{"jsonrpc":"2.0","method":"notifications/tasks","params":{{{task}}}}}"#);
        stream.response_data(event(1, &notification).as_bytes(), stage.at(5));
        assert_eq!(how(&records(stream.take())[0]), expected);

        let elsewhere = Stage::new();
        let asked = elsewhere.post(elsewhere.head(0), &get, &result(8, &task));
        assert_eq!(how(&asked[0]), expected, "of a call that another process has seen");
    }
}

#[test]
fn the_end_of_a_task_is_recorded_once() {
    let failed = r#""taskId":"t","status":"failed""#;
    let result_failed = r#""content":[],"isError":true"#;
    let completed = r#""taskId":"t","status":"completed","result":{"isError":true}"#;
    for (followed, answers, expected) in [
        (
            true,
            vec![
                ("tasks/get", failed),
                ("tasks/result", result_failed),
                ("tasks/result", result_failed),
                ("tasks/get", failed),
            ],
            vec![
                "tasks/get ok",
                "tools/call tool_error",
                "tasks/result ok",
                "tasks/result ok",
                "tasks/get ok",
            ],
        ),
        (
            true,
            vec![("tasks/get", completed), ("tasks/get", completed)],
            vec!["tools/call tool_error", "tasks/get ok", "tasks/get ok"],
        ),
        // Nobody comes for the result, but the status has told that there is a failure.
        (
            true,
            vec![("tasks/get", failed)],
            vec!["tasks/get ok", "tools/call tool_error"],
        ),
        // Another process has seen the call.
        (
            false,
            vec![
                ("tasks/get", failed),
                ("tasks/get", failed),
                ("tasks/result", result_failed),
            ],
            vec!["tasks/get tool_error", "tasks/get ok", "tasks/result ok"],
        ),
        (
            false,
            vec![("tasks/get", completed), ("tasks/get", completed)],
            vec!["tasks/get tool_error", "tasks/get ok"],
        ),
    ] {
        let stage = Stage::new();
        if followed {
            stage.post(stage.head(0), CALL, &result(7, r#""task":{"taskId":"t"}"#));
        }
        let mut seen = Vec::new();
        for (at, (method, answer)) in answers.iter().enumerate() {
            let asks = request(8, method, r#""taskId":"t""#);
            seen.extend(stage.post(stage.head(2 * at as u64), &asks, &result(8, answer)));
        }
        seen.extend(records(stage.observer.finish(stage.at(99))));
        let told = |record: &Record| format!("{} {}", record.method, record.outcome);
        assert_eq!(seen.iter().map(told).collect::<Vec<_>>(), expected, "{answers:?}");
    }
}

#[test]
fn a_notification_of_a_task_that_is_not_followed_does_not_hide_its_failure() {
    let stage = Stage::new();
    let failed = r#""taskId":"t","status":"completed","result":{"isError":true}"#;
    let mut stream = stage.stream(1, false);
    let notification = format!(r#"{{"jsonrpc":"2.0","method":"notifications/tasks","params":{{{failed}}}}}"#);
    stream.response_data(event(1, &notification).as_bytes(), stage.at(1));
    let get = request(8, "tasks/get", r#""taskId":"t""#);
    let seen = stage.post(stage.in_session(2), &get, &result(8, failed));
    assert_eq!(told(&seen), ["tasks/get tool_error server (1, 0)"]);
}

#[test]
fn an_id_that_is_given_again_is_that_of_another_task() {
    let stage = Stage::new();
    let failed = result(8, r#""taskId":"t","status":"completed","result":{"isError":true}"#);
    let get = request(8, "tasks/get", r#""taskId":"t""#);
    for _ in 0..2 {
        stage.post(stage.head(0), CALL, &result(7, r#""task":{"taskId":"t"}"#));
        let seen = stage.post(stage.head(2), &get, &failed);
        assert_eq!(
            told(&seen),
            ["tools/call tool_error server (3, 0)", "tasks/get ok none (1, 0)"]
        );
    }
}

#[test]
fn a_task_that_is_cancelled_ends_so_unless_it_turns_out_otherwise() {
    let done = r#""taskId":"t","status":"completed","result":{}"#;
    for (acknowledged, then, expected) in [
        ("", None, "tools/call cancelled client_gone (3, 0)"),
        (
            r#""taskId":"t","status":"working""#,
            None,
            "tools/call cancelled client_gone (3, 0)",
        ),
        (
            "",
            Some(r#""taskId":"t","status":"working""#),
            "tools/call cancelled client_gone (3, 0)",
        ),
        (
            "",
            Some(r#""taskId":"t","status":"cancelled""#),
            "tools/call cancelled client_gone (5, 0)",
        ),
        ("", Some(done), "tools/call ok none (5, 0)"),
    ] {
        let stage = Stage::new();
        stage.post(stage.head(0), CALL, &result(7, r#""resultType":"task","taskId":"t""#));
        let asks = |method: &str| request(8, method, r#""taskId":"t""#);
        let mut seen = stage.post(stage.head(2), &asks("tasks/cancel"), &result(8, acknowledged));
        if let Some(told) = then {
            seen.extend(stage.post(stage.head(4), &asks("tasks/get"), &result(8, told)));
        }
        seen.extend(records(stage.observer.expire(stage.at(64))));
        seen.extend(records(stage.observer.expire(stage.at(65))));
        let calls: Vec<_> = seen
            .into_iter()
            .filter(|record| &*record.method == "tools/call")
            .collect();
        assert_eq!(told(&calls), [expected], "{acknowledged} {then:?}");
    }
}
