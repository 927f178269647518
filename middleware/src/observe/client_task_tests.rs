//! What the server asks of the client and becomes a task there (2025-11-25, tasks).

use super::*;

/// What the server says on the stream of the session, and what the client posts.
#[derive(Clone, Copy)]
pub(super) enum Says<'a> {
    Server(&'a str),
    Client(&'a str),
}

use Says::{Client, Server};

pub(super) const BEGUN: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"task":{"taskId":"t","status":"working"}}}"#;

/// The records of what is said second by second, and at the end.
pub(super) fn hear(stage: &Stage, session: &str, said: &[Says<'_>]) -> Vec<String> {
    let head = |seconds| RequestHead {
        session_id: Some(session.into()),
        ..stage.head(seconds)
    };
    stage.post(head(0), &request(1, "initialize", ""), &result(1, ""));
    let mut stream = stage.begin(RequestHead { post: false, ..head(0) });
    stage.answer(&mut stream, 0, 200, Content::EventStream, "");
    let mut seen = Vec::new();
    for (at, says) in (0..).zip(said) {
        match says {
            Server(text) => stream.response_data(event(at, text).as_bytes(), stage.at(at.into())),
            Client(text) => {
                let mut post = stage.begin(head(at.into()));
                post.request_data(text.as_bytes(), stage.at(at.into()));
                stage.answer(&mut post, at.into(), 202, Content::Other, "");
                post.end(End::Complete, stage.at(at.into()));
                seen.extend(records(post.take()));
            }
        }
        seen.extend(records(stream.take()));
    }
    told(&seen)
}

#[test]
fn what_the_client_does_as_a_task_ends_with_it() {
    let asks = |method: &str| request(8, method, r#""taskId":"t""#);
    let (get, take, cancel) = (asks("tasks/get"), asks("tasks/result"), asks("tasks/cancel"));
    let status = |status: &str| result(8, &format!(r#""taskId":"t","status":"{status}""#));
    let (working, done, failed) = (status("working"), status("completed"), status("failed"));
    let error = |code: i32| format!(r#"{{"jsonrpc":"2.0","id":8,"error":{{"code":{code},"message":"m"}}}}"#);
    let declined = error(-1);
    let cancelled = status("cancelled");
    let notified =
        r#"{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"t","status":"cancelled"}}"#;
    let said = result(8, r#""role":"assistant","content":{"type":"text","text":"4"}"#);
    for (name, said, expected) in [
        (
            "a result that is fetched",
            vec![
                Server(&get),
                Client(&working),
                Server(&get),
                Client(&done),
                Server(&take),
                Client(&said),
            ],
            // Fetched two seconds after it was seen to have ended.
            vec![
                "tasks/get ok none (1, 0)",
                "tasks/get ok none (1, 0)",
                "elicitation/create ok none (7, 2)",
                "tasks/result ok none (1, 0)",
            ],
        ),
        (
            "a person who says no",
            vec![Server(&get), Client(&failed), Server(&take), Client(&declined)],
            vec![
                "tasks/get ok none (1, 0)",
                "elicitation/create cancelled none (5, 2)",
                "tasks/result ok none (1, 0)",
            ],
        ),
        (
            "a server that takes it back",
            vec![Server(&cancel), Client(&cancelled)],
            vec![
                "elicitation/create cancelled none (3, 0)",
                "tasks/cancel ok none (1, 0)",
            ],
        ),
        (
            "a client that tells of its end by itself",
            vec![Client(notified)],
            vec![
                "elicitation/create cancelled none (2, 0)",
                "notifications/tasks/status ok none (0, 0)",
            ],
        ),
        (
            "nobody who asks",
            vec![],
            vec!["elicitation/create deferred none (1, 0)"],
        ),
        (
            "a failure of which nothing else is told",
            vec![Server(&get), Client(&failed)],
            vec![
                "tasks/get ok none (1, 0)",
                "elicitation/create protocol_error caller (3, 0)",
            ],
        ),
    ] {
        let stage = Stage::new();
        let begins = [Server(ASK), Client(BEGUN)];
        let mut seen = hear(&stage, "s1", &[&begins[..], &said[..]].concat());
        seen.extend(told(&records(stage.observer.finish(stage.at(99)))));
        assert_eq!(seen, expected, "{name}");
    }
}

#[test]
fn tasks_of_two_clients_by_one_id_are_two() {
    let stage = Stage::new();
    let get = request(8, "tasks/get", r#""taskId":"t""#);
    let cancelled = result(8, r#""taskId":"t","status":"cancelled""#);
    let seen = hear(&stage, "one", &[Server(ASK), Client(BEGUN)]);
    assert!(seen.is_empty(), "it goes on");
    stage.post(stage.head(0), CALL, &result(7, r#""task":{"taskId":"t"}"#));
    let seen = hear(&stage, "two", &[Server(&get), Client(&cancelled)]);
    assert_eq!(seen, ["tasks/get ok none (1, 0)"]);
    let rest = told(&records(stage.observer.finish(stage.at(99))));
    assert_eq!(
        rest,
        [
            "elicitation/create deferred none (1, 0)",
            "tools/call deferred none (1, 0)"
        ]
    );
}
