//! OTLP made to do harm: each request is answered, costs no more than its bytes, and is told in the counts.

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use prost::encoding::encode_varint;
use toolsight_collector::receive::Corrected::{
    self, Duration, Id, InvalidUtf8, Malformed, OutOfRange, Time, TooLong, WrongType,
};
use toolsight_collector::receive::{Encoding, Tally, rows};
use toolsight_collector::row::Row;

use crate::support::{PROTOBUF, Running, attribute, call, now, request, text};

const DAY: u64 = 24 * 3600 * 1_000_000_000;

/// `content` as a field of that number, written in front of nothing else.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

/// The request with one span, whose own bytes have these behind them.
fn with_bytes(span: &Span, more: &[u8]) -> Vec<u8> {
    let span = [span.encode_to_vec(), more.to_vec()].concat();
    field(1, &field(2, &field(2, &span)))
}

/// An attribute whose value is arrays within arrays, `depth` of them.
fn nested(depth: usize) -> Vec<u8> {
    // From the inside out, each level is an array of one value; lengths stand in front, so the levels are put together
    // from the last to the first.
    let mut reversed = Vec::new();
    let mut length = 0_usize;
    for level in 0..2 * depth {
        let key = if level % 2 == 0 { 1 << 3 | 2 } else { 5 << 3 | 2 };
        let mut head = vec![key];
        encode_varint(length as u64, &mut head);
        length += head.len();
        reversed.extend(head.into_iter().rev());
    }
    reversed.reverse();
    field(9, &[field(1, b"gen_ai.tool.name"), field(2, &reversed)].concat())
}

/// What is wrong, the request, and what is counted then.
type Case<'a> = (&'a str, Vec<u8>, &'a [(Corrected, u64)]);

fn one(body: &[u8]) -> (usize, Tally) {
    let (rows, tally) = rows(body, Encoding::Protobuf, SystemTime::now()).unwrap();
    assert!(
        rows.iter()
            .all(|row| row.target.len() <= 256 && row.message.len() <= 1024)
    );
    (rows.len(), tally)
}

#[test]
fn a_span_that_is_made_to_do_harm_becomes_a_row_with_what_was_wrong_counted() {
    let plain = call("add");
    let changed = |change: &dyn Fn(&mut Span)| {
        let mut span = plain.clone();
        change(&mut span);
        with_bytes(&span, &[])
    };
    let million: Vec<u8> = (0..1_000_000_u32)
        .flat_map(|n| field(9, &field(1, format!("key.{}", n % 1000).as_bytes())))
        .collect();
    let same = field(9, &text("gen_ai.tool.name", "other").encode_to_vec()).repeat(300_000);
    let latin = field(
        9,
        &[field(1, b"mcp.client.name"), field(2, &field(1, b"caf\xe9"))].concat(),
    );
    let huge = "x".repeat(4 << 20);
    let cases: &[Case<'_>] = &[
        ("nothing wrong", with_bytes(&plain, &[]), &[]),
        (
            "a value nested 200,000 deep",
            with_bytes(
                &Span {
                    attributes: vec![text("mcp.method.name", "tools/call")],
                    ..plain.clone()
                },
                &nested(200_000),
            ),
            &[(WrongType, 1)],
        ),
        ("a million attributes", with_bytes(&plain, &million), &[]),
        ("one attribute 300,000 times", with_bytes(&plain, &same), &[]),
        (
            "a method of 4 MiB",
            changed(&|span| span.attributes = vec![text("mcp.method.name", &huge)]),
            &[(TooLong, 1)],
        ),
        (
            "a message of 4 MiB",
            changed(&|span| {
                span.status = Some(opentelemetry_proto::tonic::trace::v1::Status {
                    message: huge.clone(),
                    code: 2,
                });
            }),
            &[(TooLong, 1)],
        ),
        (
            "a client's name that is no UTF-8",
            with_bytes(&plain, &latin),
            &[(InvalidUtf8, 1)],
        ),
        (
            "a clock ten years ahead",
            changed(&|span| {
                span.start_time_unix_nano = now() + 3650 * DAY;
                span.end_time_unix_nano = now() + 3650 * DAY;
            }),
            &[(Time, 1)],
        ),
        (
            "a clock ten years behind",
            changed(&|span| {
                span.start_time_unix_nano = now() - 3650 * DAY;
                span.end_time_unix_nano = now() - 3650 * DAY;
            }),
            &[(Time, 1)],
        ),
        (
            "no times",
            changed(&|span| {
                span.start_time_unix_nano = 0;
                span.end_time_unix_nano = 0;
            }),
            &[(Time, 1)],
        ),
        (
            "the last of all times",
            changed(&|span| {
                span.start_time_unix_nano = u64::MAX;
                span.end_time_unix_nano = u64::MAX;
            }),
            &[(Time, 1)],
        ),
        (
            "an end before the start",
            changed(&|span| span.end_time_unix_nano = 1),
            &[(Duration, 1)],
        ),
        (
            "no ids",
            changed(&|span| {
                span.trace_id = Vec::new();
                span.span_id = Vec::new();
            }),
            &[(Id, 2)],
        ),
        (
            "ids of zeros",
            changed(&|span| {
                span.trace_id = vec![0; 16];
                span.span_id = vec![0; 8];
            }),
            &[(Id, 2)],
        ),
        (
            "ids of a megabyte",
            changed(&|span| {
                span.trace_id = vec![1; 1 << 20];
                span.parent_span_id = vec![1; 1 << 20];
            }),
            &[(Id, 2)],
        ),
        (
            "a weight beyond all sampling",
            changed(&|span| {
                span.attributes
                    .push(attribute("toolsight.weight", Value::IntValue(i64::MAX)));
            }),
            &[(OutOfRange, 1)],
        ),
        (
            "a size that is no number",
            changed(&|span| {
                span.attributes
                    .push(attribute("toolsight.response.bytes", Value::DoubleValue(f64::NAN)));
            }),
            &[(OutOfRange, 1)],
        ),
    ];
    for (case, body, expected) in cases {
        let (count, tally) = one(body);
        assert_eq!((count, tally.spans, tally.rejected), (1, 1, 0), "{case}");
        for reason in [
            Time,
            Duration,
            Id,
            WrongType,
            OutOfRange,
            InvalidUtf8,
            TooLong,
            Malformed,
        ] {
            let wanted = expected
                .iter()
                .find(|(known, _)| *known == reason)
                .map_or(0, |(_, count)| *count);
            assert_eq!(tally.corrected(reason), wanted, "{case}: {reason:?}");
        }
    }
}

#[test]
fn framing_that_lies_ends_a_span_or_the_request_and_no_more() {
    let good = call("add").encode_to_vec();
    let lying = [vec![9 << 3 | 2], vec![0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    let group = vec![9 << 3 | 3];
    for (case, broken) in [("a length beyond the body", lying), ("a group", group)] {
        let spans = [field(2, &good), field(2, &broken), field(2, &good)].concat();
        let (count, tally) = one(&field(1, &field(2, &spans)));
        assert_eq!((count, tally.spans, tally.rejected), (2, 3, 1), "{case}");
        let error = rows(
            &[field(1, &field(2, &spans)), broken].concat(),
            Encoding::Protobuf,
            SystemTime::now(),
        );
        assert!(
            error
                .unwrap_err()
                .starts_with("invalid protobuf in ExportTraceServiceRequest"),
            "{case}"
        );
    }
}

#[test]
fn a_broken_attribute_costs_a_call_no_more_than_itself() {
    let broken = [field(1, b"user.id"), vec![2 << 3 | 2, 0x7f]].concat();
    let span = [call("add").encode_to_vec(), field(9, &broken)].concat();
    let body = field(1, &field(2, &field(2, &span)));
    let (rows, tally) = rows(&body, Encoding::Protobuf, SystemTime::now()).unwrap();
    let told = |row: &Row<'_>| [&row.target, &row.user_id].map(|text| text.to_string());
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), [["add", ""]]);
    assert_eq!((tally.rejected, tally.corrected(Malformed)), (0, 1));
}

#[test]
fn an_attribute_of_a_resource_that_is_broken_is_left_out_and_counted() {
    let attributes = [
        text("service.name", "ledger").encode_to_vec(),
        vec![9 << 3 | 3],
        [field(1, b"service.version"), vec![2 << 3 | 2, 0x7f]].concat(),
        text("service.instance.id", "pod-1").encode_to_vec(),
    ];
    let resource: Vec<u8> = attributes.iter().flat_map(|attribute| field(1, attribute)).collect();
    let spans = field(2, &field(2, &call("add").encode_to_vec()));
    let body = field(1, &[field(1, &resource), spans].concat());
    let (rows, tally) = rows(&body, Encoding::Protobuf, SystemTime::now()).unwrap();
    let told = |row: &Row<'_>| [&row.server, &row.server_version, &row.instance].map(|text| text.to_string());
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), [["ledger", "", "pod-1"]]);
    assert_eq!((tally.rejected, tally.corrected(Malformed)), (0, 2));
}

#[tokio::test]
async fn success_is_told_as_nothing_and_part_of_it_as_what_was_rejected() {
    let running = Running::start(|_| {}).await;
    let all = request(vec![call("add")]).encode_to_vec();
    for (path, body) in [
        ("/v1/traces", all.as_slice()),
        ("/v1/metrics", &[]),
        ("/v1/logs", &[]),
        ("/v1/traces", &[]),
    ] {
        let answer = running.post(path, &[PROTOBUF], body).await;
        assert_eq!((answer.status, answer.body.as_slice()), (200, &[][..]), "{path}");
    }
    let spans = [field(2, &call("add").encode_to_vec()), field(2, &[9 << 3 | 3])].concat();
    let answer = running
        .post("/v1/traces", &[PROTOBUF], &field(1, &field(2, &spans)))
        .await;
    let told = opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse::decode(&*answer.body);
    let partial = told.unwrap().partial_success.unwrap();
    assert_eq!((answer.status, partial.rejected_spans), (200, 1));
    assert_eq!(
        partial.error_message,
        "invalid protobuf in a span: 3 is not a wire type"
    );
    running.collector.shutdown().await;
}
