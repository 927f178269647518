//! When a task is no longer known: for want of room, and with its connection.

use super::client_tasks::Says::{Client, Server};
use super::client_tasks::{BEGUN, hear};
use super::limits::ENDED_TASKS;
use super::*;

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn a_failure_is_told_again_where_its_task_made_room_and_that_is_counted() {
    let stage = Stage::new();
    let ask = |task: usize| {
        let asks = request(8, "tasks/get", &format!(r#""taskId":"{task}""#));
        let failed = format!(r#""taskId":"{task}","status":"completed","result":{{"isError":true}}"#);
        told(&stage.post(stage.head(2), &asks, &result(8, &failed)))
    };
    let forgotten = || stage.observer.counters.read().ended_tasks;
    let once = ["tools/call tool_error server (3, 0)", "tasks/get ok none (1, 0)"];
    for task in 0..=ENDED_TASKS {
        assert_eq!(forgotten(), 0, "there is room for {task}");
        let begun = format!(r#""resultType":"task","taskId":"{task}""#);
        stage.post(stage.head(0), CALL, &result(7, &begun));
        assert_eq!(ask(task), once);
    }
    assert_eq!(forgotten(), 1);
    assert_eq!(ask(1), once[1..], "the record of the call has told it");
    assert_eq!(forgotten(), 1, "it is there");
    assert_eq!(ask(0), ["tasks/get tool_error server (1, 0)"]);
    assert_eq!(ask(0), once[1..], "it is known again");
    assert_eq!(forgotten(), 2);
}

#[test]
fn the_end_of_a_pipe_ends_the_tasks_of_both_sides() {
    let get = request(8, "tasks/get", r#""taskId":"t""#);
    let failed = result(8, r#""taskId":"t","status":"failed""#);
    for (name, said, expected) in [
        (
            "the server's",
            vec![Client(CALL), Server(BEGUN)],
            "tools/call deferred none (0, 0)",
        ),
        (
            "one that has failed",
            vec![Client(CALL), Server(BEGUN), Client(&get), Server(&failed)],
            "tools/call tool_error server (0, 0)",
        ),
        (
            "the client's",
            vec![Server(ASK), Client(BEGUN)],
            "elicitation/create deferred none (0, 0)",
        ),
    ] {
        let stage = Stage::new();
        let [mut pipe, mut other] = [stage.pipe(), stage.pipe()];
        for says in said {
            match says {
                Client(text) => stage.say(&mut pipe, 0, text),
                Server(text) => stage.reply(&mut pipe, 0, text),
            }
        }
        pipe.take();
        other.end(stage.at(5));
        assert!(other.take().is_empty(), "{name}: it is of another pipe");
        pipe.end(stage.at(5));
        assert_eq!(told(&records(pipe.take())), [expected], "{name}");
        assert!(stage.observer.finish(stage.at(9)).is_empty(), "{name} has ended");
    }
}

#[test]
fn the_end_of_a_session_ends_the_tasks_of_its_client_and_the_server_s_can_be_asked_for_from_another() {
    let stage = Stage::new();
    let seen = hear(&stage, "s1", &[Server(ASK), Client(BEGUN)]);
    assert!(seen.is_empty(), "it goes on");
    stage.post(stage.in_session(2), CALL, BEGUN);
    let mut last = stage.begin(RequestHead {
        post: false,
        delete: true,
        ..stage.in_session(5)
    });
    stage.answer(&mut last, 5, 204, Content::Other, "");
    last.end(End::Complete, stage.at(5));
    assert_eq!(told(&records(last.take())), ["elicitation/create deferred none (1, 0)"]);
    let asks = request(8, "tasks/result", r#""taskId":"t""#);
    let elsewhere = RequestHead {
        session_id: Some("s2".into()),
        ..stage.head(7)
    };
    let seen = stage.post(elsewhere, &asks, &result(8, ""));
    assert_eq!(
        told(&seen),
        ["tools/call ok none (6, 0)", "tasks/result ok none (1, 0)"]
    );
}
