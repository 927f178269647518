use super::{NOW, attributes, call, normalised, text};
use crate::receive::attributes::{Attributes, Value};
use crate::receive::decode::Span;
use crate::receive::normalise::{Request, row};
use crate::receive::tally::{Ignored, Tally};
use crate::row::Row;

/// An attribute, its value, a column of the row, and what stands in it then.
type Case = (&'static str, Value<'static>, fn(&Row<'_>) -> String, &'static str);

#[test]
fn each_attribute_reaches_its_column() {
    let columns: &[Case] = &[
        ("gen_ai.tool.name", text("add"), |row| row.target.to_string(), "add"),
        ("mcp.tool.name", text("add"), |row| row.target.to_string(), "add"),
        (
            "mcp.resource.uri",
            text("file:"),
            |row| row.resource_uri.to_string(),
            "file:",
        ),
        ("jsonrpc.request.id", text("7"), |row| row.request_id.to_string(), "7"),
        (
            "jsonrpc.request.id",
            Value::Integer(7),
            |row| row.request_id.to_string(),
            "7",
        ),
        ("mcp.request.id", text("7"), |row| row.request_id.to_string(), "7"),
        ("mcp.session.id", text("s"), |row| row.session_id.to_string(), "s"),
        ("mcp.client.name", text("desk"), |row| row.client.to_string(), "desk"),
        (
            "mcp.client.version",
            text("1"),
            |row| row.client_version.to_string(),
            "1",
        ),
        (
            "toolsight.client.bridge",
            text("mcp-remote 1"),
            |row| row.client_bridge.to_string(),
            "mcp-remote 1",
        ),
        (
            "mcp.protocol.version",
            text("2026-07-28"),
            |row| row.protocol_version.to_string(),
            "2026-07-28",
        ),
        (
            "mcp.server.name",
            text("ledger"),
            |row| row.server.to_string(),
            "ledger",
        ),
        ("service.name", text("ledger"), |row| row.server.to_string(), "ledger"),
        ("service.version", text("2"), |row| row.server_version.to_string(), "2"),
        (
            "service.instance.id",
            text("pod-1"),
            |row| row.instance.to_string(),
            "pod-1",
        ),
        ("toolsight.tenant", text("acme"), |row| row.tenant.to_string(), "acme"),
        ("user.id", text("ann"), |row| row.user_id.to_string(), "ann"),
        ("user.hash", text("0af7"), |row| row.user_id.to_string(), "0af7"),
        ("enduser.id", text("ann"), |row| row.user_id.to_string(), "ann"),
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
            |row| row.error_type.to_string(),
            "tool_error",
        ),
        (
            "toolsight.message",
            text("no such tool"),
            |row| row.message.to_string(),
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
            "toolsight.direction",
            text("to_client"),
            |row| row.direction.to_string(),
            "to_client",
        ),
        (
            "toolsight.direction",
            text("sideways"),
            |row| row.direction.to_string(),
            "to_server",
        ),
        ("toolsight.chain.id", text("c"), |row| row.chain_id.to_string(), "c"),
        (
            "toolsight.args.hash",
            text("00000000000000ff"),
            |row| row.args_hash.to_string(),
            "255",
        ),
        (
            "toolsight.arguments.invalid",
            text("city,unit"),
            |row| row.invalid_arguments.to_string(),
            "city,unit",
        ),
        (
            "toolsight.result.flags",
            text("empty"),
            |row| row.result_flags.to_string(),
            "empty",
        ),
        (
            "toolsight.content.types",
            text("image,text"),
            |row| row.content_types.to_string(),
            "image,text",
        ),
        (
            "toolsight.header.mismatch",
            text("method,name"),
            |row| row.header_mismatch.to_string(),
            "method,name",
        ),
        (
            "toolsight.attempt",
            Value::Integer(2),
            |row| row.attempt.to_string(),
            "2",
        ),
        (
            "toolsight.waited_ms",
            Value::Double(1.5),
            |row| row.waited_us.to_string(),
            "1500",
        ),
        (
            "toolsight.progress.count",
            Value::Integer(3),
            |row| row.progress.to_string(),
            "3",
        ),
        (
            "toolsight.definition.hash",
            text("ffffffffffffffff"),
            |row| row.definition_hash.to_string(),
            "18446744073709551615",
        ),
        (
            "toolsight.definition.bytes",
            Value::Integer(900),
            |row| row.definition_bytes.to_string(),
            "900",
        ),
        (
            "gen_ai.tool.call.arguments",
            text("{}"),
            |row| row.arguments.to_string(),
            "{}",
        ),
        (
            "gen_ai.tool.call.result",
            text("{}"),
            |row| row.result.to_string(),
            "{}",
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
            |row| row.transport.to_string(),
            "stdio",
        ),
        (
            "mcp.transport",
            text("streamable-http"),
            |row| row.transport.to_string(),
            "streamable_http",
        ),
        (
            "network.transport",
            text("pipe"),
            |row| row.transport.to_string(),
            "stdio",
        ),
        (
            "network.transport",
            text("tcp"),
            |row| row.transport.to_string(),
            "streamable_http",
        ),
        (
            "toolsight.outcome",
            text("unknown_tool"),
            |row| row.outcome.to_string(),
            "unknown_tool",
        ),
        (
            "toolsight.outcome",
            text("unknown_tool"),
            |row| row.fault.to_string(),
            "caller",
        ),
        (
            "toolsight.outcome",
            text("of a later version"),
            |row| row.outcome.to_string(),
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
    assert_eq!((&*row.outcome, &*row.fault), ("probe", "none"));
}

#[test]
fn what_the_resource_says_holds_for_spans_that_say_nothing_better() {
    let resource = attributes(&[
        ("service.name", text("shop")),
        ("mcp.tool.name", text("no tool of the span")),
    ]);
    let (row, _) = normalised(&call(&[]), &resource);
    assert_eq!((&*row.server, &*row.target), ("shop", ""));
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
        assert_eq!((&*row.kind, &*row.target), (kind, target), "{method} as {name}");
    }
}

#[test]
fn resources_go_by_the_template_or_the_scheme_of_their_address() {
    for (uri, target) in [
        ("file", "file"),
        ("file:///home/ada/plans.txt", "file"),
        ("git+ssh://host/repository", "git+ssh"),
        ("urn:isbn:0451450523", "urn"),
        ("/home/ada/plans.txt", ""),
        ("Ada's plans", ""),
        ("4chan:x", ""),
        ("", ""),
        ("users://{id}/profile", "users://{id}/profile"),
        ("{+path}", "{+path}"),
        ("users://{id", "users"),
        ("users://id}", "users"),
        ("users://}id{", "users"),
        (&"a".repeat(49), ""),
    ] {
        let span = Span {
            attributes: attributes(&[
                ("mcp.method.name", text("resources/read")),
                ("mcp.resource.uri", text(uri)),
            ]),
            ..call(&[])
        };
        let (row, _) = normalised(&span, &Attributes::default());
        assert_eq!(
            (&*row.kind, &*row.target, &*row.resource_uri),
            ("resource", target, uri)
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
        let row = row(&span, &Attributes::default(), &Request::new(NOW, &[]), &mut tally);
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
