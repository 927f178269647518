use super::{DAY, SECOND, row};
use crate::receive::attributes::{Attributes, Value};
use crate::receive::decode::Span;
use crate::receive::tally::{Corrected, Ignored, Tally};
use crate::row::Row;

const NOW: i64 = 1_800_000_000 * SECOND;

fn text(value: &str) -> Value<'_> {
    Value::Text(value.as_bytes())
}

fn attributes<'a>(values: &[(&str, Value<'a>)]) -> Attributes<'a> {
    let mut attributes = Attributes::default();
    for (name, value) in values {
        attributes.offer(name.as_bytes(), *value);
    }
    attributes
}

/// A server span of a `tools/call` that took 1 ms, with these attributes besides.
fn call<'a>(values: &[(&str, Value<'a>)]) -> Span<'a> {
    let mut all = vec![("mcp.method.name", Value::Text(b"tools/call"))];
    all.extend_from_slice(values);
    let start = NOW.unsigned_abs() * 1000;
    Span {
        kind: 2,
        start,
        end: start + 1_000_000,
        attributes: attributes(&all),
        ..Span::default()
    }
}

fn normalised(span: &Span<'_>, resource: &Attributes<'_>) -> (Row, Tally) {
    let mut tally = Tally::default();
    let row = row(span, resource, NOW, &mut tally).expect("a server span becomes a row");
    (row, tally)
}

#[test]
fn each_attribute_reaches_its_column() {
    let columns: &[(&str, Value<'static>, fn(&Row) -> String, &str)] = &[
        ("gen_ai.tool.name", text("add"), |row| row.target.clone(), "add"),
        ("mcp.tool.name", text("add"), |row| row.target.clone(), "add"),
        (
            "mcp.resource.uri",
            text("file:"),
            |row| row.resource_uri.clone(),
            "file:",
        ),
        ("jsonrpc.request.id", text("7"), |row| row.request_id.clone(), "7"),
        (
            "jsonrpc.request.id",
            Value::Integer(7),
            |row| row.request_id.clone(),
            "7",
        ),
        ("mcp.request.id", text("7"), |row| row.request_id.clone(), "7"),
        ("mcp.session.id", text("s"), |row| row.session_id.clone(), "s"),
        ("mcp.client.name", text("desk"), |row| row.client.clone(), "desk"),
        ("mcp.client.version", text("1"), |row| row.client_version.clone(), "1"),
        (
            "toolsight.client.bridge",
            text("mcp-remote 1"),
            |row| row.client_bridge.clone(),
            "mcp-remote 1",
        ),
        (
            "mcp.protocol.version",
            text("2026-07-28"),
            |row| row.protocol_version.clone(),
            "2026-07-28",
        ),
        ("mcp.server.name", text("ledger"), |row| row.server.clone(), "ledger"),
        ("service.name", text("ledger"), |row| row.server.clone(), "ledger"),
        ("service.version", text("2"), |row| row.server_version.clone(), "2"),
        (
            "service.instance.id",
            text("pod-1"),
            |row| row.instance.clone(),
            "pod-1",
        ),
        ("toolsight.tenant", text("acme"), |row| row.tenant.clone(), "acme"),
        ("user.id", text("ann"), |row| row.user_id.clone(), "ann"),
        ("user.hash", text("0af7"), |row| row.user_id.clone(), "0af7"),
        ("enduser.id", text("ann"), |row| row.user_id.clone(), "ann"),
        (
            "rpc.response.status_code",
            text("-32602"),
            |row| row.rpc_code.to_string(),
            "-32602",
        ),
        (
            "rpc.response.status_code",
            Value::Integer(-32602),
            |row| row.rpc_code.to_string(),
            "-32602",
        ),
        (
            "http.response.status_code",
            Value::Integer(503),
            |row| row.http_status.to_string(),
            "503",
        ),
        (
            "error.type",
            text("tool_error"),
            |row| row.error_type.clone(),
            "tool_error",
        ),
        (
            "toolsight.message",
            text("no such tool"),
            |row| row.message.clone(),
            "no such tool",
        ),
        (
            "toolsight.first_byte_ms",
            Value::Double(1.5),
            |row| row.first_byte_us.to_string(),
            "1500",
        ),
        (
            "toolsight.request.bytes",
            Value::Integer(70),
            |row| row.request_bytes.to_string(),
            "70",
        ),
        (
            "toolsight.response.bytes",
            Value::Integer(71),
            |row| row.response_bytes.to_string(),
            "71",
        ),
        (
            "toolsight.weight",
            Value::Integer(10),
            |row| row.weight.to_string(),
            "10",
        ),
        (
            "toolsight.transport",
            text("stdio"),
            |row| row.transport.clone(),
            "stdio",
        ),
        (
            "mcp.transport",
            text("streamable-http"),
            |row| row.transport.clone(),
            "streamable_http",
        ),
        ("network.transport", text("pipe"), |row| row.transport.clone(), "stdio"),
        (
            "network.transport",
            text("tcp"),
            |row| row.transport.clone(),
            "streamable_http",
        ),
        (
            "toolsight.outcome",
            text("unknown_tool"),
            |row| row.outcome.clone(),
            "unknown_tool",
        ),
        (
            "toolsight.outcome",
            text("unknown_tool"),
            |row| row.fault.clone(),
            "caller",
        ),
        (
            "toolsight.outcome",
            text("of a later version"),
            |row| row.outcome.clone(),
            "ok",
        ),
    ];
    for (name, value, column, expected) in columns {
        let (row, tally) = normalised(&call(&[(name, *value)]), &Attributes::default());
        assert_eq!(column(&row), *expected, "{name}");
        assert_eq!(tally, Tally::default(), "{name} needs no correction");
    }
}

#[test]
fn a_refused_question_for_the_era_is_a_probe() {
    let discover = [
        ("mcp.method.name", text("server/discover")),
        ("rpc.response.status_code", text("-32601")),
    ];
    let span = Span {
        attributes: attributes(&discover),
        failed: true,
        ..call(&[])
    };
    let (row, _) = normalised(&span, &Attributes::default());
    assert_eq!((row.outcome.as_str(), row.fault.as_str()), ("probe", "none"));
}

#[test]
fn what_the_resource_says_holds_for_spans_that_say_nothing_better() {
    let resource = attributes(&[
        ("service.name", text("shop")),
        ("mcp.tool.name", text("no tool of the span")),
    ]);
    let (row, _) = normalised(&call(&[]), &resource);
    assert_eq!((row.server.as_str(), row.target.as_str()), ("shop", ""));
    let (row, _) = normalised(&call(&[("mcp.server.name", text("ledger"))]), &resource);
    assert_eq!(row.server, "ledger");
}

#[test]
fn kind_and_target_follow_from_the_method() {
    for (method, name, kind, target) in [
        ("tools/call", "tools/call add", "tool", "add"),
        ("tools/call", "POST /mcp", "tool", ""),
        ("prompts/get", "prompts/get greet", "prompt", "greet"),
        ("resources/read", "resources/read", "resource", ""),
        ("tools/list", "tools/list add", "", ""),
        ("notifications/progress", "notifications/progress", "", ""),
        ("", "", "", ""),
    ] {
        let attributes = attributes(&[("mcp.method.name", text(method))]);
        let span = Span {
            name: name.as_bytes(),
            attributes,
            ..call(&[])
        };
        let (row, _) = normalised(&span, &Attributes::default());
        assert_eq!(
            (row.kind.as_str(), row.target.as_str()),
            (kind, target),
            "{method} as {name}"
        );
    }
}

#[test]
fn only_the_servers_view_of_an_mcp_call_becomes_a_row() {
    let mcp = [("mcp.method.name", text("tools/call"))];
    let own = [
        ("mcp.method.name", text("tools/call")),
        ("toolsight.outcome", text("ok")),
    ];
    let unread = [("toolsight.outcome", text("http_error"))];
    let other = [("http.request.method", text("POST"))];
    for (case, kind, values, expected) in [
        ("a server span", 2, &mcp[..], None),
        ("Toolsight's internal span", 1, &own, None),
        ("Toolsight's span without a kind", 0, &own, None),
        (
            "Toolsight's span of a request whose method could not be read",
            2,
            &unread,
            None,
        ),
        ("a client span", 3, &mcp, Some(Ignored::Client)),
        ("Toolsight's client span", 3, &own, Some(Ignored::Client)),
        ("an internal span of another SDK", 1, &mcp, Some(Ignored::NotServer)),
        (
            "a span of a kind that does not exist",
            77,
            &own,
            Some(Ignored::NotServer),
        ),
        ("a span about something else", 2, &other, Some(Ignored::NotMcp)),
    ] {
        let span = Span {
            kind,
            attributes: attributes(values),
            ..call(&[])
        };
        let mut tally = Tally::default();
        let row = row(&span, &Attributes::default(), NOW, &mut tally);
        assert_eq!(row.is_none(), expected.is_some(), "{case}");
        for reason in [Ignored::NotMcp, Ignored::Client, Ignored::NotServer] {
            assert_eq!(
                tally.ignored(reason),
                u64::from(expected == Some(reason)),
                "{case}: {reason:?}"
            );
        }
    }
}

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
fn identifiers_of_a_wrong_length_are_left_out_and_absent_ones_are_not_counted() {
    let span = Span {
        trace_id: &[1; 16],
        span_id: &[2; 7],
        parent_span_id: &[],
        ..call(&[])
    };
    let (row, tally) = normalised(&span, &Attributes::default());
    assert_eq!(
        (row.trace_id, row.span_id, row.parent_span_id),
        ([1; 16], [0; 8], [0; 8])
    );
    assert_eq!(tally.corrected(Corrected::Id), 1);
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
