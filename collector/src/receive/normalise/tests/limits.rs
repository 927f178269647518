use super::{NOW, attributes, call, normalised, text};
use crate::receive::attributes::{Attributes, Value};
use crate::receive::decode::Span;
use crate::receive::normalise::{DAY, Request, SECOND, row};
use crate::receive::tally::{Corrected, Tally};

#[test]
fn times_that_cannot_be_right_become_the_time_of_arrival_and_a_duration_of_zero() {
    let now = NOW.unsigned_abs();
    let day = DAY.unsigned_abs();
    let cases: &[(&str, u64, u64, i64, u64, u64, u64)] = &[
        ("now", now, now + 5, NOW, 5, 0, 0),
        ("29 days ago", now - 29 * day, now - 29 * day, NOW - 29 * DAY, 0, 0, 0),
        ("31 days ago", now - 31 * day, now - 31 * day + 5, NOW, 5, 1, 0),
        ("1970", 0, 5, NOW, 5, 1, 0),
        ("no start", 0, now, NOW, 0, 1, 1),
        (
            "half an hour ahead",
            now + 1_800_000_000,
            now + 1_800_000_000,
            NOW + 1800 * SECOND,
            0,
            0,
            0,
        ),
        (
            "two hours ahead",
            now + 7_200_000_000,
            now + 7_200_000_000,
            NOW,
            0,
            1,
            0,
        ),
        ("the end of time", u64::MAX / 1000, u64::MAX / 1000, NOW, 0, 1, 0),
        ("an end before the start", now, now - 1, NOW, 0, 0, 1),
        ("no end", now, 0, NOW, 0, 0, 1),
        ("an end far ahead", now, u64::MAX / 1000, NOW, 0, 0, 1),
    ];
    for &(case, start, end, time, duration, times, durations) in cases {
        let span = Span {
            start: start * 1000,
            end: end * 1000,
            ..call(&[])
        };
        let (row, tally) = normalised(&span, &Attributes::default());
        assert_eq!((row.time, row.duration_us), (time, duration), "{case}");
        let counted = (tally.corrected(Corrected::Time), tally.corrected(Corrected::Duration));
        assert_eq!(counted, (times, durations), "{case}");
    }
}

#[test]
fn values_that_do_not_fit_are_left_out_and_counted() {
    for (case, name, value, reason) in [
        (
            "a tool name that is a list",
            "gen_ai.tool.name",
            Value::Compound,
            Corrected::WrongType,
        ),
        (
            "a status that is a word",
            "http.response.status_code",
            text("fine"),
            Corrected::WrongType,
        ),
        (
            "a status that is a flag",
            "http.response.status_code",
            Value::Boolean(true),
            Corrected::WrongType,
        ),
        (
            "a status beyond all",
            "http.response.status_code",
            Value::Integer(70_000),
            Corrected::OutOfRange,
        ),
        (
            "fewer than no bytes",
            "toolsight.request.bytes",
            Value::Integer(-1),
            Corrected::OutOfRange,
        ),
        (
            "more bytes than there are",
            "toolsight.response.bytes",
            Value::Integer(i64::MAX),
            Corrected::OutOfRange,
        ),
        (
            "not a number",
            "toolsight.first_byte_ms",
            Value::Double(f64::NAN),
            Corrected::OutOfRange,
        ),
        (
            "an endless wait",
            "toolsight.first_byte_ms",
            Value::Double(f64::INFINITY),
            Corrected::OutOfRange,
        ),
        (
            "a code beyond 32 bits",
            "rpc.response.status_code",
            Value::Integer(i64::MIN),
            Corrected::OutOfRange,
        ),
        (
            "no weight",
            "toolsight.weight",
            Value::Integer(0),
            Corrected::OutOfRange,
        ),
        (
            "a negative weight",
            "toolsight.weight",
            Value::Integer(-4),
            Corrected::OutOfRange,
        ),
        (
            "the weight of the world",
            "toolsight.weight",
            Value::Integer(i64::MAX),
            Corrected::OutOfRange,
        ),
    ] {
        let (row, tally) = normalised(&call(&[(name, value)]), &Attributes::default());
        let (plain, _) = normalised(&call(&[]), &Attributes::default());
        assert_eq!(row, plain, "{case}");
        assert_eq!(tally.corrected(reason), 1, "{case}");
    }
}

#[test]
fn calls_without_a_usable_identifier_get_one_of_their_own_and_parents_none() {
    for (case, trace_id, span_id, parent_span_id, corrected) in [
        ("all as they should be", &[1; 16][..], &[2; 8][..], &[3; 8][..], 0),
        ("no parent", &[1; 16], &[2; 8], &[], 0),
        ("a short span id", &[1; 16], &[2; 7], &[], 1),
        ("a long trace id", &[1; 32], &[2; 8], &[], 1),
        ("a short parent", &[1; 16], &[2; 8], &[3; 4], 1),
        ("nothing", &[], &[], &[], 2),
        ("zeros", &[0; 16], &[0; 8], &[0; 8], 2),
    ] {
        let span = Span {
            trace_id,
            span_id,
            parent_span_id,
            ..call(&[])
        };
        let (row, tally) = normalised(&span, &Attributes::default());
        assert_eq!(tally.corrected(Corrected::Id), corrected, "{case}");
        assert_eq!(row.trace_id == [1; 16], trace_id == [1; 16], "{case}");
        assert_eq!(row.span_id == [2; 8], span_id == [2; 8], "{case}");
        assert_eq!(row.parent_span_id == [3; 8], parent_span_id == [3; 8], "{case}");
        assert!(row.parent_span_id == [3; 8] || row.parent_span_id == [0; 8], "{case}");
        let made = [(trace_id, &row.trace_id[..]), (span_id, &row.span_id)];
        let made = made.into_iter().filter(|(sent, there)| sent != there);
        assert!(
            made.into_iter().all(|(_, there)| there.iter().any(|byte| *byte != 0)),
            "{case}"
        );
    }
}

#[test]
fn an_identifier_that_was_made_is_the_same_when_the_request_is_read_again_and_no_other_span_has_it() {
    let span = Span {
        trace_id: &[],
        span_id: &[],
        ..call(&[])
    };
    let ids = |now, body: &[u8], number| {
        let mut tally = Tally::default();
        tally.spans = number;
        let row = row(&span, &Attributes::default(), &Request::new(now, body), &mut tally).unwrap();
        (row.trace_id, row.span_id)
    };
    let first = ids(NOW, b"body", 1);
    assert_eq!(ids(NOW, b"body", 1), first);
    assert_ne!(first.0[..8], first.1);
    for (case, other) in [
        ("another span of the request", ids(NOW, b"body", 2)),
        ("the same request at another time", ids(NOW + 1, b"body", 1)),
        ("another request at the same time", ids(NOW, b"other", 1)),
    ] {
        assert!(other.0 != first.0 && other.1 != first.1, "{case}");
    }
}

#[test]
fn long_texts_are_cut_to_their_limits() {
    let long = "x".repeat(1 << 20);
    let values = [("gen_ai.tool.name", text(&long)), ("mcp.resource.uri", text(&long))];
    let span = Span {
        status_message: long.as_bytes(),
        ..call(&values)
    };
    let (row, tally) = normalised(&span, &Attributes::default());
    assert_eq!(
        (row.target.len(), row.resource_uri.len(), row.message.len()),
        (256, 2048, 1024)
    );
    assert_eq!(tally.corrected(Corrected::TooLong), 3);
}

#[test]
fn a_long_template_is_cut_as_names_are_and_a_long_address_is_none() {
    for (case, begins, length, cuts) in [
        ("a template", "users://{id}/", 256, 2),
        ("an address", "users://ada/", "users".len(), 1),
    ] {
        let uri = format!("{begins}{}", "x".repeat(5000));
        let span = Span {
            attributes: attributes(&[
                ("mcp.method.name", text("resources/read")),
                ("mcp.resource.uri", text(&uri)),
            ]),
            ..call(&[])
        };
        let (row, tally) = normalised(&span, &Attributes::default());
        assert_eq!(row.target, uri[..length], "{case}");
        assert_eq!(
            (row.resource_uri.len(), tally.corrected(Corrected::TooLong)),
            (2048, cuts),
            "{case}"
        );
    }
}
