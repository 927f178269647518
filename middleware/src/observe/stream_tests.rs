//! What comes on event streams beside the answers, and answers that do not come.

use super::*;
use crate::wire::ANSWERS_LIMIT;

#[test]
fn progress_is_counted_for_the_call_that_it_is_sent_for_wherever_it_comes() {
    let stage = Stage::new();
    let call =
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add","_meta":{"progressToken":"p"}}}"#;
    let told = |id: u32, token: &str| {
        let params = format!(r#"{{"progressToken":"{token}","progress":{id}}}"#);
        event(
            id,
            &format!(r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{params}}}"#),
        )
    };
    let mut post = stage.begin(stage.in_session(0));
    post.request_data(call.as_bytes(), stage.at(0));
    stage.answer(&mut post, 0, 200, Content::EventStream, &told(1, "p"));
    // Another call of the same token, and another client's.
    let mut other = stage.begin(stage.in_session(0));
    other.request_data(call.as_bytes(), stage.at(0));
    stage.answer(&mut other, 0, 200, Content::EventStream, &told(2, "p"));
    stage
        .stream(1, false)
        .response_data(told(3, "q").as_bytes(), stage.at(1));
    post.end(End::Complete, stage.at(1));
    assert!(post.take().is_empty(), "the rest may come elsewhere");
    other.response_data(event(4, OK).as_bytes(), stage.at(1));
    let mut resumed = stage.stream(2, true);
    resumed.response_data((told(1, "p") + &told(5, "p") + &event(6, OK)).as_bytes(), stage.at(2));
    let mut seen = records(other.take());
    seen.extend(records(resumed.take()));
    // A call that has become a task is still told of.
    stage.post(stage.in_session(3), call, &result(7, r#""task":{"taskId":"t"}"#));
    let done = r#"{"jsonrpc":"2.0","method":"notifications/tasks","params":{"taskId":"t","status":"failed"}}"#;
    let mut stream = stage.stream(4, false);
    stream.response_data((told(7, "p") + &told(8, "q") + &event(9, done)).as_bytes(), stage.at(4));
    seen.extend(
        records(stream.take())
            .into_iter()
            .filter(|record| &*record.method == "tools/call"),
    );
    let progress: Vec<_> = seen.iter().map(|record| record.progress).collect();
    assert_eq!(progress, [1, 2, 1]);
}

#[test]
fn events_that_a_session_no_longer_knows_are_counted() {
    let stage = Stage::new();
    stage.post(stage.in_session(0), CALL, OK);
    let told = |id| event(id, r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
    let events: String = (0..70).map(told).collect();
    stage.stream(1, false).response_data(events.as_bytes(), stage.at(1));
    assert_eq!(stage.observer.counters.read().events, 6);
    let mut resumed = stage.stream(2, true);
    resumed.response_data((told(69) + &told(6)).as_bytes(), stage.at(2));
    assert_eq!(records(resumed.take()).len(), 0, "they are known");
    resumed.response_data(told(5).as_bytes(), stage.at(2));
    assert_eq!(records(resumed.take()).len(), 1, "it is not known any more");
    assert_eq!(stage.observer.counters.read().events, 7);
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn what_the_server_asks_where_nobody_can_be_seen_to_answer_is_bounded() {
    let stage = Stage::new();
    let mut exchange = stage.begin(stage.head(0));
    exchange.request_data(CALL.as_bytes(), stage.at(0));
    stage.answer(&mut exchange, 1, 200, Content::EventStream, "");
    for id in 0..1030 {
        let ask = ASK.replace('7', &id.to_string());
        exchange.response_data(event(id, &ask).as_bytes(), stage.at(1));
    }
    let forgotten = records(exchange.take());
    assert_eq!(told(&forgotten), ["elicitation/create deferred none (0, 0)"; 6]);
    assert_eq!(stage.observer.counters.read().calls, 6);
    exchange.response_data(event(2000, OK).as_bytes(), stage.at(2));
    assert_eq!(told(&records(exchange.take())), ["tools/call ok none (2, 0)"]);
    exchange.end(End::Complete, stage.at(3));
    assert_eq!(records(exchange.take()).len(), 1024);
}

#[test]
fn an_answer_that_does_not_come_in_time_is_as_the_exchange_ended() {
    let event = "id: 1\ndata:\n\n";
    for (name, began_here, end, body, seconds, expected) in [
        (
            "a stream that could have been resumed",
            true,
            End::Complete,
            event,
            302,
            "tools/call abandoned server (2, 0)",
        ),
        (
            "a stream that breaks",
            true,
            End::BodyError,
            event,
            302,
            "tools/call abandoned server (2, 0)",
        ),
        (
            "a client that hangs up",
            true,
            End::Dropped,
            event,
            302,
            "tools/call abandoned client_gone (2, 0)",
        ),
        (
            "a session that another process may serve as well",
            false,
            End::Complete,
            event,
            302,
            "tools/call deferred none (2, 0)",
        ),
        (
            "a stream that nobody can resume",
            true,
            End::Complete,
            ": nothing\n\n",
            2,
            "tools/call abandoned server (2, 0)",
        ),
    ] {
        let stage = Stage::new();
        if began_here {
            stage.post(stage.in_session(0), &request(1, "initialize", ""), &result(1, ""));
        }
        let mut exchange = stage.begin(stage.in_session(0));
        exchange.request_data(CALL.as_bytes(), stage.at(0));
        stage.answer(&mut exchange, 1, 200, Content::EventStream, body);
        assert_eq!(stage.observer.in_flight.read(), (1, Some(stage.start)));
        exchange.end(end, stage.at(2));
        let mut seen = records(exchange.take());
        let runs = u64::from(end != End::Dropped && seconds > 2);
        assert_eq!(stage.observer.in_flight.read().0, runs, "{name}");
        if seconds > 2 {
            assert!(seen.is_empty() && stage.observer.expire(stage.at(seconds - 1)).is_empty());
            seen = records(stage.observer.expire(stage.at(seconds)));
        }
        assert_eq!(told(&seen), [expected], "{name}");
        assert_eq!(stage.observer.in_flight.read().0, 0, "{name}");
        assert!(records(stage.observer.finish(stage.at(303))).is_empty());
    }
}

#[test]
fn the_first_byte_is_the_first_that_tells_anything() {
    let stage = Stage::new();
    let mut exchange = stage.begin(stage.head(0));
    exchange.request_data(CALL.as_bytes(), stage.at(0));
    stage.answer(
        &mut exchange,
        1,
        200,
        Content::EventStream,
        "id: 1\nretry: 5\ndata:\n\n: ping\n\n",
    );
    exchange.response_data(event(2, OK).as_bytes(), stage.at(3));
    let first_byte = records(exchange.take())[0].first_byte;
    assert_eq!(first_byte, Some(Duration::from_secs(3)));
}

#[test]
fn each_message_of_a_batch_has_its_own_bytes() {
    let (add, ping) = (request(7, "tools/call", r#""name":"add""#), request(8, "ping", ""));
    let (sum, pong) = (result(7, r#""content":[]"#), result(8, ""));
    let [sum_event, pong_event] = [&sum, &pong].map(|answer| event(1, answer));
    for (content, body, expected) in [
        (
            Content::Json,
            format!("[{pong},{sum}]"),
            [1 + pong.len(), 1 + sum.len()],
        ),
        (
            Content::EventStream,
            format!(": ping\n\n{pong_event}{sum_event}"),
            [8 + pong_event.len(), sum_event.len()],
        ),
    ] {
        for size in [1, 1000] {
            let stage = Stage::new();
            let mut exchange = stage.begin(stage.head(0));
            exchange.request_data(format!("[{add},{ping}]").as_bytes(), stage.at(0));
            stage.answer(&mut exchange, 1, 200, content, "");
            let pieces = body.as_bytes().chunks(size);
            pieces.for_each(|piece| exchange.response_data(piece, stage.at(1)));
            let bytes: Vec<_> = records(exchange.take())
                .iter()
                .map(|record| (record.request_bytes as usize, record.response_bytes as usize))
                .collect();
            let asked = [1 + ping.len(), 1 + add.len()];
            assert_eq!(bytes, [0, 1].map(|at| (asked[at], expected[at])), "{content:?} {size}");
        }
    }
}

#[test]
fn what_is_sent_compressed_to_an_event_stream_is_told_to_be_unread() {
    let stage = Stage::new();
    let _stream = endpoint_stream(&stage);
    for (endpoint, expected) in [(Some("1".into()), 1), (None, 0)] {
        let mut post = stage.begin(RequestHead {
            is_encoded: true,
            mcp: false,
            endpoint,
            ..stage.head(1)
        });
        post.request_data(CALL.as_bytes(), stage.at(1));
        stage.answer(&mut post, 1, 202, Content::Other, "");
        post.end(End::Complete, stage.at(1));
        let unread = |seen: &Observation| matches!(seen, Observation::Unread(Side::Request, _));
        let seen = post.take();
        assert!(seen.iter().all(unread) && seen.len() == expected, "{seen:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many steps for an interpreter")]
fn what_the_server_says_too_much_of_at_once_is_counted_at_the_end() {
    let stage = Stage::new();
    let batch = format!("[{}]", vec![result(1, ""); ANSWERS_LIMIT + 5].join(","));
    let mut stream = stage.stream(0, false);
    stream.response_data(event(1, &batch).as_bytes(), stage.at(1));
    stream.end(End::Complete, stage.at(2));
    let mut pipe = stage.pipe();
    // A line that comes whole is not kept.
    let (first, second) = batch.as_bytes().split_at(1000);
    pipe.server_data(first, stage.at(1));
    pipe.server_data(second, stage.at(1));
    pipe.end(stage.at(2));
    for (name, seen) in [("an event", stream.take()), ("a line", pipe.take())] {
        assert!(matches!(seen[..], [Observation::Omitted(5)]), "{name}: {seen:?}");
    }
}

#[test]
fn a_call_that_is_answered_after_all_is_not_unread() {
    for (is_answered, expected) in [(true, "ping ok none (2, 0)"), (false, "ping deferred none (2, 0)")] {
        let stage = Stage::new();
        stage.post(stage.in_session(0), &request(1, "initialize", ""), &result(1, ""));
        let mut exchange = stage.begin(stage.in_session(0));
        exchange.request_data(request(7, "ping", "").as_bytes(), stage.at(0));
        stage.answer(&mut exchange, 1, 200, Content::EventStream, "id: 1\ndata:\n\n");
        exchange.response_gap(9, Gap::NoRoom);
        exchange.end(End::BodyError, stage.at(2));
        assert!(records(exchange.take()).is_empty());
        let seen = if is_answered {
            let mut stream = stage.stream(2, true);
            stream.response_data(event(2, OK).as_bytes(), stage.at(2));
            records(stream.take())
        } else {
            records(stage.observer.expire(stage.at(302)))
        };
        assert_eq!(told(&seen), [expected]);
        assert_eq!(seen[0].detail.flags.unread, !is_answered);
    }
}

#[test]
fn a_request_that_is_sent_elsewhere_does_not_wait_where_it_was() {
    let stage = Stage::new();
    let mut stream = endpoint_stream(&stage);
    for (status, expected) in [(307, &["tools/call deferred none (1, 0)"][..]), (202, &[])] {
        assert_eq!(told(&call_to_endpoint(&stage, status)), expected);
    }
    stream.response_data(event(1, OK).as_bytes(), stage.at(2));
    assert_eq!(told(&records(stream.take())), ["tools/call ok none (2, 0)"]);
    stream.end(End::Complete, stage.at(3));
    assert!(records(stream.take()).is_empty());
}

#[test]
fn a_call_that_is_answered_in_an_event_that_lacks_bytes_is_unread() {
    // It is asked behind the gap, and answered before the event at hand is over, or after.
    for (behind, expected) in [
        ("\n", "tools/call deferred none (3, 0)"),
        ("\n\n", "tools/call ok none (2, 0)"),
    ] {
        let stage = Stage::new();
        let mut stream = endpoint_stream(&stage);
        stream.response_gap(9, Gap::NoRoom);
        stream.response_data(behind.as_bytes(), stage.at(0));
        assert!(call_to_endpoint(&stage, 202).is_empty());
        stream.response_data(format!("data: {OK}\n\n").as_bytes(), stage.at(2));
        stream.end(End::Complete, stage.at(3));
        let seen = records(stream.take());
        assert_eq!(told(&seen), [expected]);
        assert_eq!(seen[0].detail.flags.unread, behind == "\n");
    }
}

/// Opens the stream of 2024-11-05, which gives `/message?1` as its endpoint.
fn endpoint_stream(stage: &Stage) -> Exchange {
    let mut stream = stage.begin(RequestHead {
        post: false,
        ..stage.head(0)
    });
    let event = "event: endpoint\ndata: /message?1\n\n";
    stage.answer(&mut stream, 0, 200, Content::EventStream, event);
    stream
}

/// The records of a call that is sent there, up to the end of its own exchange.
fn call_to_endpoint(stage: &Stage, status: u16) -> Vec<Record> {
    let mut exchange = stage.begin(RequestHead {
        endpoint: endpoint_key("/message?1"),
        ..stage.head(0)
    });
    exchange.request_data(CALL.as_bytes(), stage.at(0));
    stage.answer(&mut exchange, 1, status, Content::Other, "");
    exchange.end(End::Complete, stage.at(1));
    records(exchange.take())
}
