//! What passes over a pipe.

use super::*;

impl Stage {
    pub(super) fn pipe(&self) -> Conversation {
        let head = RequestHead::of_pipe(self.start, SystemTime::UNIX_EPOCH, None);
        Conversation::begin(self.observer.clone(), head)
    }

    pub(super) fn say(&self, pipe: &mut Conversation, seconds: u64, text: &str) {
        pipe.client_data(format!("{text}\n").as_bytes(), self.at(seconds));
    }

    pub(super) fn reply(&self, pipe: &mut Conversation, seconds: u64, text: &str) {
        pipe.server_data(format!("{text}\n").as_bytes(), self.at(seconds));
    }
}

#[test]
fn a_pipe_tells_probes_listens_and_lines_that_were_not_understood() {
    let stage = Stage::new();
    let mut pipe = stage.pipe();
    let say = |pipe: &mut Conversation, seconds, text: &str| stage.say(pipe, seconds, text);
    let answer = |pipe: &mut Conversation, seconds, text: &str| stage.reply(pipe, seconds, text);
    say(&mut pipe, 0, &request(1, "server/discover", ""));
    say(
        &mut pipe,
        2,
        &request(2, "initialize", r#""clientInfo":{"name":"desk"}"#),
    );
    answer(&mut pipe, 3, &result(2, r#""serverInfo":{"name":"ledger"}"#));
    say(&mut pipe, 4, &request(3, "subscriptions/listen", ""));
    let heard = r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{}}"#;
    answer(&mut pipe, 5, heard);
    answer(&mut pipe, 9, &result(3, ""));
    say(&mut pipe, 10, "{");
    answer(
        &mut pipe,
        10,
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#,
    );
    answer(&mut pipe, 10, r#"{"jsonrpc":"2.0","result":{}}"#);
    say(&mut pipe, 11, &request(4, "ping", ""));
    pipe.client_end(stage.at(11));
    pipe.end(stage.at(12));
    say(&mut pipe, 13, &request(5, "ping", ""));
    let seen = records(pipe.take());
    assert_eq!(
        told(&seen),
        [
            "server/discover probe none (2, 0)",
            "initialize ok none (1, 0)",
            "subscriptions/listen ok none (1, 0)",
            " invalid_arguments caller (0, 0)",
            "ping abandoned client_gone (1, 0)",
            "ping abandoned client_gone (0, 0)"
        ]
    );
    assert!(
        seen[2..]
            .iter()
            .all(|record| &*record.client.name == "desk" && &*record.server.name == "ledger")
    );
}

#[test]
fn the_end_of_the_process_ends_what_is_open_on_a_pipe() {
    let modern = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let refusal = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
    for (case, said, replied, gone, expected) in [
        ("a call", CALL, "", false, "tools/call abandoned server (5, 0)"),
        (
            "a call of a client that has gone",
            CALL,
            "",
            true,
            "tools/call abandoned client_gone (5, 0)",
        ),
        (
            "a question",
            "",
            ASK,
            false,
            "elicitation/create abandoned client_gone (5, 0)",
        ),
        (
            "a refusal that may be a probe's",
            &request(1, "tools/list", modern),
            refusal,
            false,
            "tools/list protocol_error caller (0, 0)",
        ),
    ] {
        let stage = Stage::new();
        let mut pipe = stage.pipe();
        stage.say(&mut pipe, 0, said);
        stage.reply(&mut pipe, 0, replied);
        if gone {
            pipe.client_end(stage.at(1));
        }
        assert!(pipe.take().is_empty(), "{case} is open");
        assert_eq!(told(&records(stage.observer.finish(stage.at(5)))), [expected], "{case}");
        pipe.end(stage.at(6));
        assert!(pipe.take().is_empty(), "{case} has ended");
        assert_eq!(stage.observer.in_flight.read().0, 0, "{case}");
    }
}

#[test]
fn a_refusal_that_is_held_back_is_of_a_call_that_does_not_run_any_more() {
    let modern = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let stage = Stage::new();
    let mut pipe = stage.pipe();
    stage.say(&mut pipe, 0, &request(1, "tools/list", modern));
    assert_eq!(stage.observer.in_flight.read().0, 1);
    let refusal = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#;
    stage.reply(&mut pipe, 1, refusal);
    assert!(pipe.take().is_empty(), "it is held back");
    assert_eq!(stage.observer.in_flight.read().0, 0);
}

#[test]
fn refusals_that_cannot_wait_for_what_the_client_does_next_are_counted() {
    let modern = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let stage = Stage::new();
    let mut pipe = stage.pipe();
    (0..18).for_each(|id| stage.say(&mut pipe, 0, &request(id, "tools/list", modern)));
    for id in 0..18 {
        let refusal = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no"}}}}"#);
        stage.reply(&mut pipe, 0, &refusal);
    }
    stage.say(&mut pipe, 0, &request(20, "initialize", ""));
    let seen = records(pipe.take());
    let of = |outcome| seen.iter().filter(|record| record.outcome == outcome).count();
    assert_eq!((of(Outcome::Probe), of(Outcome::ProtocolError)), (16, 2));
    assert_eq!(stage.observer.counters.read().probes, 2);
}

#[test]
fn a_session_over_a_pipe_ends_once() {
    let ends = |ended: &[Observation]| {
        ended
            .iter()
            .filter(|ended| matches!(ended, Observation::Session(_)))
            .count()
    };
    let stage = Stage::new();
    let mut pipe = stage.pipe();
    stage.say(&mut pipe, 0, &request(1, "initialize", ""));
    stage.reply(&mut pipe, 0, &result(1, ""));
    pipe.take();
    assert_eq!(ends(&stage.observer.finish(stage.at(1))), 1);
    pipe.end(stage.at(2));
    assert_eq!(ends(&pipe.take()), 0);
}

#[test]
fn the_end_of_a_side_ends_its_last_line() {
    let stage = Stage::new();
    let mut pipe = stage.pipe();
    pipe.client_data(request(1, "ping", "").as_bytes(), stage.at(0));
    pipe.client_end(stage.at(1));
    pipe.server_data(result(1, "").as_bytes(), stage.at(2));
    assert_eq!(records(pipe.take()), [], "more of the line may come");
    pipe.end(stage.at(3));
    assert_eq!(told(&records(pipe.take())), ["ping ok none (2, 0)"]);
}

#[test]
fn a_question_waits_for_a_person_and_a_call_for_as_long_as_the_pipe_is_open() {
    let stage = Stage::new();
    let mut pipe = stage.pipe();
    stage.say(&mut pipe, 0, CALL);
    stage.reply(&mut pipe, 0, ASK);
    assert!(stage.observer.expire(stage.at(1799)).is_empty());
    let expired = records(stage.observer.expire(stage.at(1800)));
    assert_eq!(told(&expired), ["elicitation/create abandoned client_gone (1800, 0)"]);
    stage.reply(&mut pipe, 9000, OK);
    assert_eq!(told(&records(pipe.take())), ["tools/call ok none (9000, 0)"]);
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn no_client_takes_the_room_of_others() {
    let stage = Stage::new();
    let mut greedy: Vec<_> = (0..16).map(|_| stage.pipe()).collect();
    for pipe in &mut greedy {
        (0..1024).for_each(|id| stage.say(pipe, 0, &request(id, "ping", "")));
    }
    let mut given_way = 0;
    let mut other = stage.pipe();
    for id in 0..100 {
        stage.say(&mut other, 1, &request(id, "ping", ""));
        let seen = records(other.take());
        given_way += seen.len();
        assert!(seen.iter().all(|record| record.outcome == Outcome::Deferred));
        assert!(
            seen.iter().all(|record| record.start == SystemTime::UNIX_EPOCH),
            "none of its own"
        );
    }
    given_way += greedy.iter_mut().map(|pipe| records(pipe.take()).len()).sum::<usize>();
    assert_eq!(stage.observer.counters.read().calls, given_way as u64);
    for id in 0..100 {
        stage.reply(&mut other, 2, &result(id, ""));
    }
    assert_eq!(told(&records(other.take())), ["ping ok none (1, 0)"; 100]);
    greedy.iter_mut().for_each(|pipe| pipe.end(stage.at(3)));
    let left: usize = greedy.iter_mut().map(|pipe| records(pipe.take()).len()).sum();
    assert_eq!(left + given_way, 16 * 1024, "each call has one record");
    assert!(given_way <= 4096, "{given_way} gave way");
}

#[test]
fn the_calls_of_a_pipe_are_a_chain() {
    let stage = Stage::new();
    let chains = [(); 2].map(|()| {
        let mut pipe = stage.pipe();
        for (seconds, id) in [(0, 1), (90_000, 2)] {
            stage.say(&mut pipe, seconds, &request(id, "ping", ""));
            stage.reply(&mut pipe, seconds, &result(id, ""));
        }
        let seen = records(pipe.take());
        assert_eq!(seen[0].detail.chain, seen[1].detail.chain, "however long the pause");
        seen[0].detail.chain.unwrap()
    });
    assert_ne!(chains[0], chains[1], "each has its own");
}

#[test]
fn an_acknowledgement_is_of_the_subscription_that_it_names() {
    let heard = |meta: &str| {
        let params = format!(r#""_meta":{{{meta}}}"#);
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{{params}}}}}"#)
    };
    let subscription = |id: &str| heard(&format!(r#""io.modelcontextprotocol/subscriptionId":{id}"#));
    const FIRST: [&str; 2] = ["1 ok", "2 abandoned"];
    const SECOND: [&str; 2] = ["2 ok", "1 abandoned"];
    for (case, heard, expected) in [
        ("the first", subscription("1"), FIRST),
        ("the second", subscription("2"), SECOND),
        (
            "a text of the same digits is another id: the oldest",
            subscription("\"2\""),
            FIRST,
        ),
        ("one that is not known: the oldest", subscription("9"), FIRST),
        ("none: the oldest", heard(""), FIRST),
    ] {
        let stage = Stage::new();
        let mut pipe = stage.pipe();
        for id in [1, 2] {
            stage.say(&mut pipe, 0, &request(id, "subscriptions/listen", ""));
        }
        stage.reply(&mut pipe, 1, &heard);
        pipe.end(stage.at(2));
        let told = |record: &Record| {
            format!(
                "{} {}",
                record.request_id.as_deref().unwrap_or_default(),
                record.outcome
            )
        };
        let told: Vec<_> = records(pipe.take()).iter().map(told).collect();
        assert_eq!(told, expected, "{case}");
    }
}
