//! The first look at a request and the rows that are made of it later agree on which spans are calls.

use bytes::Bytes;
use proptest::prelude::*;

use super::oracle::{blocks_agree, looks_agree};
use super::{Encoding, survey};

/// A field with a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    assert!(content.len() < 0x80, "the length is one byte");
    [&[number << 3 | 2, content.len() as u8][..], content].concat()
}

fn attribute(name: &str, value: &str) -> Vec<u8> {
    let value = field(2, &field(1, value.as_bytes()));
    field(9, &[field(1, name.as_bytes()), value].concat())
}

/// An attribute whose value ends before its text does.
fn broken(name: &str) -> Vec<u8> {
    let value = field(2, &[1 << 3 | 2, 0x7f]);
    field(9, &[field(1, name.as_bytes()), value].concat())
}

fn kind(kind: u8) -> Vec<u8> {
    vec![6 << 3, kind]
}

/// A request of one span of these fields, made by an instrumentation of this name.
fn request(scope: &str, fields: &[Vec<u8>]) -> Bytes {
    fn long(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        prost::encoding::encode_varint(content.len() as u64, &mut bytes);
        bytes.extend_from_slice(content);
        bytes
    }
    let scope = field(1, &field(1, scope.as_bytes()));
    let spans = [scope, long(2, &fields.concat())].concat();
    long(1, &long(2, &spans)).into()
}

#[test]
fn what_follows_a_call_does_not_unmake_it_and_what_is_none_is_read_to_its_end() {
    let method = attribute("mcp.method.name", "tools/call");
    let outcome = attribute("toolsight.outcome", "ok");
    let direction = attribute("toolsight.direction", "to_client");
    let cut_off = vec![9 << 3 | 2, 0x7f, 1];
    for (case, fields, rows, rejected) in [
        ("a call", vec![kind(2), method.clone(), outcome.clone()], 1, 0),
        ("the kind behind the attributes", vec![method.clone(), kind(2)], 1, 0),
        ("a client's call", vec![kind(3), method.clone(), outcome.clone()], 0, 0),
        (
            "a server's call of its client",
            vec![kind(3), method.clone(), outcome.clone(), direction.clone()],
            1,
            0,
        ),
        (
            "a kind that is taken back",
            vec![kind(2), method.clone(), outcome.clone(), kind(3)],
            0,
            0,
        ),
        (
            "a kind that is taken back for another that calls have, too",
            vec![kind(2), method.clone(), outcome, direction, kind(3)],
            1,
            0,
        ),
        (
            "a broken attribute of a call",
            vec![kind(2), method.clone(), broken("user.id")],
            1,
            0,
        ),
        (
            "a broken attribute that would make it a call",
            vec![kind(2), broken("mcp.method.name")],
            0,
            0,
        ),
        (
            "a call that is cut off behind what makes it one",
            vec![kind(2), method.clone(), cut_off],
            0,
            1,
        ),
        (
            "a group behind what makes it a call",
            vec![kind(2), method, vec![9 << 3 | 3]],
            0,
            1,
        ),
    ] {
        let request = request("", &fields);
        let made = looks_agree(&request, Encoding::Protobuf).expect("a request");
        let (_, tally) = survey(request, Encoding::Protobuf).expect("a request");
        assert_eq!((made.len(), tally.rejected), (rows, rejected), "{case}");
    }
}

fn any_field() -> impl Strategy<Value = Vec<u8>> {
    let names = prop::sample::select(vec![
        "mcp.method.name",
        "mcp.method",
        "toolsight.outcome",
        "toolsight.direction",
        "sentry.op",
        "traceloop.span.kind",
        "traceloop.workflow.name",
        "user.id",
    ]);
    let values = prop::sample::select(vec![
        "tools/call",
        "ok",
        "to_client",
        "mcp.server",
        "tool",
        "session",
        "ledger.mcp",
        "",
    ]);
    prop_oneof![
        6 => (names.clone(), values).prop_map(|(name, value)| attribute(name, value)),
        2 => (0..5_u8).prop_map(kind),
        1 => names.prop_map(broken),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}

proptest! {
    #[test]
    fn both_looks_agree_on_any_span(
        fields in prop::collection::vec(any_field(), 0..8),
        scope in prop::sample::select(vec![
            "",
            "envoyproxy/ai-gateway",
            "openlit.instrumentation.mcp",
            "opentelemetry.instrumentation.mcp.instrumentation",
        ]),
    ) {
        let rows = looks_agree(&request(scope, &fields), Encoding::Protobuf);
        blocks_agree(&rows.expect("a request"));
    }
}
