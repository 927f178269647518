//! What instrumentations of Python really send of one conversation, `CONVERSATION` in `fixtures/python/capture.py`.

use std::collections::BTreeSet;

use toolsight_collector::receive::Corrected;
use toolsight_collector::receive::Ignored::{Client, NotMcp, NotServer};

use crate::products::{fixtures, received};

/// Method, target, outcome and fault of a row.
type Told = [&'static str; 4];

const DISCOVER: Told = ["server/discover", "", "ok", "none"];
const INITIALIZE: Told = ["initialize", "", "ok", "none"];
const INITIALIZED: Told = ["notifications/initialized", "", "ok", "none"];
const CANCELLED: Told = ["notifications/cancelled", "", "ok", "none"];

const SDK_HTTP: &[Told] = &[DISCOVER];
const SDK_SESSION: &[Told] = &[INITIALIZE, INITIALIZED, CANCELLED];

/// The SDK tells wrong arguments and unknown tools like failures, and a call that was taken back like a success. What it cannot
/// do with a prompt it answers as an internal error.
const SDK: &[Told] = &[
    ["tools/list", "", "ok", "none"],
    ["tools/call", "add", "ok", "none"],
    ["tools/call", "add", "tool_error", "server"],
    ["tools/call", "fail", "tool_error", "server"],
    ["tools/call", "nothing", "tool_error", "server"],
    ["tools/call", "slow", "ok", "none"],
    ["prompts/list", "", "ok", "none"],
    ["prompts/get", "review", "ok", "none"],
    ["prompts/get", "review", "internal_error", "server"],
    ["prompts/get", "nothing", "internal_error", "server"],
    ["resources/list", "", "ok", "none"],
    ["resources/templates/list", "", "ok", "none"],
    ["resources/read", "", "ok", "none"],
    ["resources/read", "", "ok", "none"],
    ["resources/read", "", "invalid_arguments", "caller"],
];

/// Its span of a tool's call replaces the SDK's.
const OPENTEL_MCP: &[Told] = &[
    ["tools/list", "", "ok", "none"],
    ["tools/call", "add", "ok", "none"],
    ["tools/call", "add", "tool_error", "server"],
    ["tools/call", "fail", "tool_error", "server"],
    ["tools/call", "nothing", "tool_error", "server"],
    ["tools/call", "slow", "cancelled", "client_gone"],
    ["prompts/list", "", "ok", "none"],
    ["prompts/get", "review", "ok", "none"],
    ["prompts/get", "review", "internal_error", "server"],
    ["prompts/get", "nothing", "internal_error", "server"],
    ["resources/list", "", "ok", "none"],
    ["resources/templates/list", "", "ok", "none"],
    ["resources/read", "", "ok", "none"],
    ["resources/read", "", "ok", "none"],
    ["resources/read", "", "invalid_arguments", "caller"],
];

const FASTMCP: &[Told] = &[
    ["tools/list", "", "ok", "none"],
    ["tools/call", "add", "ok", "none"],
    ["tools/call", "add", "invalid_arguments", "caller"],
    ["tools/call", "fail", "tool_error", "server"],
    ["tools/call", "nothing", "unknown_tool", "caller"],
    ["tools/call", "slow", "ok", "none"],
    ["prompts/list", "", "ok", "none"],
    ["prompts/get", "review", "ok", "none"],
    ["prompts/get", "review", "internal_error", "server"],
    ["prompts/get", "nothing", "invalid_arguments", "caller"],
    ["resources/list", "", "ok", "none"],
    ["resources/templates/list", "", "ok", "none"],
    ["resources/read", "notes", "ok", "none"],
    ["resources/read", "users", "ok", "none"],
    ["resources/read", "notes", "invalid_arguments", "caller"],
];

const TRACELOOP: &[Told] = &[
    ["tools/call", "add", "ok", "none"],
    ["tools/call", "add", "invalid_arguments", "caller"],
    ["tools/call", "fail", "tool_error", "server"],
    ["tools/call", "slow", "ok", "none"],
];

/// Product, way, rows that all ways of the product have, rows of this way, and how many spans are not MCP, the client's, and
/// not a server's.
type Case = (&'static str, &'static str, &'static [Told], &'static [Told], [u64; 3]);

const CASES: &[Case] = &[
    ("mcp", "http", SDK, SDK_HTTP, [0, 16, 0]),
    ("mcp", "session", SDK, SDK_SESSION, [0, 16, 0]),
    ("mcp", "stdio", SDK, SDK_SESSION, [0, 16, 0]),
    // Two of the listings the server makes for itself and tells like calls.
    (
        "fastmcp",
        "http",
        FASTMCP,
        &[DISCOVER, FASTMCP[0], FASTMCP[0]],
        [0, 31, 0],
    ),
    ("fastmcp", "session", FASTMCP, &[INITIALIZE], [0, 31, 0]),
    ("fastmcp", "stdio", FASTMCP, &[INITIALIZE], [0, 31, 0]),
    ("openlit", "http", SDK, SDK_HTTP, [0, 67, 0]),
    ("openlit", "session", SDK, SDK_SESSION, [0, 72, 0]),
    ("openlit", "stdio", SDK, SDK_SESSION, [0, 72, 2]),
    ("openlit-mcp1", "session", &[], &[], [19, 82, 6]),
    ("openlit-mcp1", "stdio", &[], &[], [0, 83, 6]),
    ("traceloop", "session", TRACELOOP, &[], [0, 17, 20]),
    ("traceloop", "stdio", TRACELOOP, &[], [0, 17, 37]),
    ("opentel-mcp", "http", OPENTEL_MCP, SDK_HTTP, [0, 16, 0]),
    ("opentel-mcp", "session", OPENTEL_MCP, SDK_SESSION, [0, 16, 0]),
    ("opentel-mcp", "stdio", OPENTEL_MCP, SDK_SESSION, [0, 16, 0]),
];

#[test]
fn every_message_of_the_conversation_is_a_row_once_and_the_other_spans_are_counted() {
    for (product, way, calls, besides, ignored) in CASES {
        let file = file(product, way);
        let (rows, tally) = received(&file);
        let mut told: Vec<_> = rows
            .iter()
            .map(|row| [&*row.method, &*row.target, &*row.outcome, &*row.fault])
            .collect();
        let mut expected = [*calls, *besides].concat();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{file}");
        let server = format!("{product}-server");
        assert!(rows.iter().all(|row| row.server == server), "{file}");
        let counted = [NotMcp, Client, NotServer].map(|reason| tally.ignored(reason));
        assert_eq!(counted, *ignored, "{file}");
        assert_eq!((tally.rejected, tally.corrected(Corrected::Time)), (0, 0), "{file}");
    }
}

#[test]
fn every_captured_fixture_is_in_the_table() {
    let known: BTreeSet<_> = CASES.iter().map(|(product, way, ..)| file(product, way)).collect();
    assert_eq!(fixtures("python"), known);
}

#[test]
fn versions_and_sessions_are_those_of_the_conversation() {
    // The version of a handshake is told before its end, at which the SDK knows what was agreed upon.
    let handshake = "2025-11-25";
    for (product, way, version, has_session) in [
        ("mcp", "http", "2026-07-28", false),
        ("mcp", "session", "2025-11-25", false),
        ("mcp", "stdio", "2025-06-18", false),
        ("fastmcp", "session", "2025-11-25", true),
        // Made up by the server, once for all that one client says.
        ("fastmcp", "stdio", "2025-06-18", true),
        // The protocol has no sessions; those that the server makes up per request are left out.
        ("fastmcp", "http", "2026-07-28", false),
    ] {
        let file = file(product, way);
        let (rows, _) = received(&file);
        let (handshakes, rest): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.method == "initialize");
        assert!(handshakes.iter().all(|row| row.protocol_version == handshake), "{file}");
        assert!(rest.iter().all(|row| row.protocol_version == version), "{file}");
        let sessions: BTreeSet<_> = rest.iter().map(|row| &*row.session_id).collect();
        assert_eq!(sessions.len(), 1, "{file}: {sessions:?}");
        assert_eq!(!sessions.contains(""), has_session, "{file}: {sessions:?}");
    }
}

#[test]
fn errors_are_told_with_what_was_answered() {
    for (product, method, target, code, message) in [
        (
            "mcp",
            "resources/read",
            "",
            -32602,
            "Unknown resource: notes://tomorrow",
        ),
        ("mcp", "prompts/get", "nothing", 0, "Unknown prompt: nothing"),
        (
            "fastmcp",
            "tools/call",
            "fail",
            0,
            "Error calling tool 'fail': the database is away",
        ),
        (
            "fastmcp",
            "resources/read",
            "notes",
            0,
            "MCPError: Resource not found: 'notes://tomorrow'",
        ),
        ("opentel-mcp", "tools/call", "fail", 0, "the database is away"),
        (
            "traceloop",
            "tools/call",
            "fail",
            0,
            "Error calling tool 'fail': the database is away",
        ),
    ] {
        for way in ["session", "stdio"] {
            let file = file(product, way);
            let (rows, _) = received(&file);
            let failed = rows
                .iter()
                .find(|row| row.method == method && row.target == target && row.outcome != "ok");
            let failed = failed.unwrap_or_else(|| panic!("{file}: {method} {target} has not failed"));
            assert_eq!((failed.rpc_code, &*failed.message), (code, message), "{file}");
        }
    }
}

#[test]
fn what_a_traceloop_span_holds_of_arguments_and_results_stays_out() {
    let (rows, _) = received("python/traceloop-session.pb");
    assert!(rows.iter().all(|row| row.arguments.is_empty() && row.result.is_empty()));
}

fn file(product: &str, way: &str) -> String {
    format!("python/{product}-{way}.pb")
}
