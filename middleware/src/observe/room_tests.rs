//! What the bound of sessions and event streams costs the calls that are open there, and that of captured text those of which it
//! is.

use super::*;
use crate::capture::{Capture, WAITING};

/// How many sessions have ended.
fn timed(seen: &[Observation]) -> usize {
    let sessions = seen.iter().filter(|seen| matches!(seen, Observation::Session(_)));
    sessions.count()
}

#[test]
fn a_session_that_makes_room_loses_no_call_that_is_open_in_it() {
    const RESUMABLE: &str = "id: 1\ndata:\n\n";
    const DEFERRED: &str = "tools/call deferred none (4, 0)";
    let answer = event(2, OK);
    for (name, others, end, status, content, body, rest, expected, calls) in [
        (
            "it has room",
            0,
            End::Complete,
            200,
            Content::EventStream,
            RESUMABLE,
            "",
            "",
            0,
        ),
        (
            "a stream ends",
            1,
            End::Complete,
            200,
            Content::EventStream,
            RESUMABLE,
            "",
            DEFERRED,
            1,
        ),
        (
            "a stream breaks",
            1,
            End::BodyError,
            200,
            Content::EventStream,
            RESUMABLE,
            "",
            DEFERRED,
            1,
        ),
        (
            "the client hangs up",
            1,
            End::Dropped,
            200,
            Content::EventStream,
            RESUMABLE,
            "",
            DEFERRED,
            1,
        ),
        (
            "it is accepted",
            1,
            End::Complete,
            202,
            Content::Other,
            "",
            "",
            DEFERRED,
            1,
        ),
        (
            "nobody can resume it",
            1,
            End::Complete,
            200,
            Content::EventStream,
            "",
            "",
            "tools/call abandoned server (4, 0)",
            0,
        ),
        (
            "the answer comes",
            1,
            End::Complete,
            200,
            Content::EventStream,
            RESUMABLE,
            &answer,
            "tools/call ok none (4, 0)",
            0,
        ),
    ] {
        let stage = Stage::of_sessions(1);
        stage.post(stage.in_session(0), &request(1, "initialize", ""), &result(1, ""));
        let mut exchange = stage.begin(stage.in_session(1));
        exchange.request_data(CALL.as_bytes(), stage.at(1));
        stage.answer(&mut exchange, 2, status, content, body);
        for other in 0..others {
            let other = RequestHead {
                session_id: Some(format!("other {other}").into()),
                ..stage.head(3)
            };
            stage.post(other, &request(1, "initialize", ""), &result(1, ""));
        }
        exchange.response_data(rest.as_bytes(), stage.at(5));
        exchange.end(end, stage.at(5));
        let seen = told(&records(exchange.take()));
        assert_eq!(seen.join(""), expected, "{name}");
        assert_eq!(stage.observer.counters.read().calls, calls, "{name}");
        assert_eq!(
            stage.observer.in_flight.read().0,
            u64::from(expected.is_empty()),
            "{name}"
        );
        let later = stage.observer.finish(stage.at(6));
        assert_eq!(records(later).len(), usize::from(expected.is_empty()), "{name}");
    }
}

#[test]
fn what_waits_in_a_session_that_makes_room_is_recorded_as_deferred_and_the_session_is_timed_once() {
    let stage = Stage::of_sessions(1);
    let other = RequestHead {
        session_id: Some("other".into()),
        ..stage.head(4)
    };
    stage.post(stage.in_session(0), &request(1, "initialize", ""), &result(1, ""));
    let mut exchange = stage.begin(stage.in_session(1));
    exchange.request_data(CALL.as_bytes(), stage.at(1));
    stage.answer(&mut exchange, 1, 200, Content::EventStream, "id: 1\ndata:\n\n");
    exchange.end(End::Complete, stage.at(2));
    assert!(exchange.take().is_empty(), "it may be resumed");
    let mut newer = stage.begin(other);
    newer.request_data(request(1, "initialize", "").as_bytes(), stage.at(4));
    stage.answer(&mut newer, 5, 200, Content::Json, &result(1, ""));
    newer.end(End::Complete, stage.at(5));
    let seen = newer.take();
    assert_eq!(timed(&seen), 1);
    let expected = ["tools/call deferred none (1, 0)", "initialize ok none (1, 0)"];
    assert_eq!(told(&records(seen)), expected);
}

#[test]
fn an_event_stream_that_makes_room_is_timed_once_and_loses_no_call() {
    let stage = Stage::of_sessions(1);
    let open = |key: u64| {
        let mut stream = stage.begin(RequestHead {
            post: false,
            ..stage.head(0)
        });
        let endpoint = format!("event: endpoint\ndata: /message?sessionId={key}\n\n");
        stage.answer(&mut stream, 0, 200, Content::EventStream, &endpoint);
        stream
    };
    let post = |body: &str| {
        let mut post = stage.begin(RequestHead {
            endpoint: Some("sessionId=1".into()),
            ..stage.head(1)
        });
        post.request_data(body.as_bytes(), stage.at(1));
        stage.answer(&mut post, 1, 202, Content::Other, "");
        post
    };
    let mut first = open(1);
    post(&request(1, "initialize", "")).end(End::Complete, stage.at(1));
    first.response_data(event(1, &result(1, "")).as_bytes(), stage.at(2));
    let mut call = post(CALL);
    let mut second = open(2);
    call.end(End::Complete, stage.at(3));
    first.end(End::Complete, stage.at(4));
    let mut seen = Vec::from_iter(first.take());
    seen.extend(second.take());
    seen.extend(call.take());
    assert_eq!(timed(&seen), 1);
    let expected = ["initialize ok none (1, 0)", "tools/call deferred none (2, 0)"];
    assert_eq!(told(&records(seen)), expected);
}

#[test]
fn a_session_that_the_server_has_not_accepted_keeps_no_call() {
    let stage = Stage::of_sessions(1);
    let mut exchange = stage.begin(stage.in_session(0));
    exchange.request_data(CALL.as_bytes(), stage.at(0));
    stage.answer(&mut exchange, 1, 302, Content::EventStream, "id: 1\ndata:\n\n");
    exchange.end(End::Complete, stage.at(2));
    assert_eq!(told(&records(exchange.take())), ["tools/call deferred none (2, 0)"]);
}

#[test]
fn a_session_that_comes_back_keeps_its_calls_again() {
    let stage = Stage::of_sessions(1);
    let other = RequestHead {
        session_id: Some("other".into()),
        ..stage.head(1)
    };
    stage.post(stage.in_session(0), &request(1, "initialize", ""), &result(1, ""));
    let mut exchange = stage.begin(stage.in_session(1));
    exchange.request_data(CALL.as_bytes(), stage.at(1));
    stage.post(other, &request(1, "initialize", ""), &result(1, ""));
    stage.answer(&mut exchange, 2, 200, Content::EventStream, "id: 1\ndata:\n\n");
    exchange.end(End::Complete, stage.at(3));
    assert!(records(exchange.take()).is_empty(), "it may be resumed");
    let mut resumed = stage.stream(4, true);
    resumed.response_data(event(2, OK).as_bytes(), stage.at(5));
    assert_eq!(told(&records(resumed.take())), ["tools/call ok none (4, 0)"]);
}

#[test]
#[cfg_attr(miri, ignore = "the rules of redaction are too many steps for an interpreter")]
fn arguments_for_which_there_is_no_room_until_the_call_ends_are_left_out_and_counted() {
    let capture = Capture::default().arguments(100);
    let arguments = r#"{"a":1}"#;
    let call = request(7, "tools/call", &format!(r#""name":"add","arguments":{arguments}"#));
    for (name, capture, room, expected, counted) in [
        ("there is room", capture.clone(), arguments.len(), Some(arguments), 0),
        ("there is none", capture.clone(), arguments.len() - 1, None, 1),
        ("nobody wants them", capture.never_tools(["add"]), 0, None, 0),
    ] {
        let stage = Stage::capturing(capture);
        let budget = &stage.observer.detail.budget;
        let others = budget.keep(vec![0; WAITING - room].into());
        let mut pipe = stage.pipe();
        stage.say(&mut pipe, 0, &call);
        let more = budget.keep(Box::new([0]));
        assert_eq!(more.is_none(), room == 0 || expected.is_some(), "{name}: it waits");
        drop((others, more));
        stage.reply(&mut pipe, 1, OK);
        let seen = records(pipe.take());
        let captured = seen[0].detail.captured.as_ref();
        let told = captured.and_then(|captured| captured.arguments.as_deref());
        assert_eq!(told, expected, "{name}");
        assert_eq!(stage.observer.counters.read().captures, counted, "{name}");
    }
}
