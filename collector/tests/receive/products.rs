//! What products that cannot run here are published to send.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use toolsight_collector::receive::Ignored::{Client, NotMcp, NotServer};
use toolsight_collector::receive::{Corrected, Encoding, Tally, rows};
use toolsight_collector::row::Row;

/// The day on which the fixtures were made, so that their times are right.
const MADE: Duration = Duration::from_secs(1_795_348_800);

/// The fixtures of a folder, as [`received`] takes them.
pub(crate) fn fixtures(kind: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receive/fixtures");
    let files = std::fs::read_dir(folder.join(kind)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let fixtures = names.filter(|name| name.ends_with(".pb") || name.ends_with(".json"));
    fixtures.map(|name| format!("{kind}/{name}")).collect()
}

/// The rows of a fixture, and what was counted of it.
pub(crate) fn received(file: &str) -> (Vec<Row<'static>>, Tally) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/receive/fixtures")
        .join(file);
    let body = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let encoding = if file.ends_with(".json") {
        Encoding::Json
    } else {
        Encoding::Protobuf
    };
    let at: SystemTime = UNIX_EPOCH + MADE;
    rows(&body, encoding, at).unwrap()
}

/// Server, method, target, outcome and fault of each row, and how many spans are not MCP, the client's, not a server's.
struct Expected {
    file: &'static str,
    rows: &'static [[&'static str; 5]],
    ignored: [u64; 3],
}

const CASES: &[Expected] = &[
    Expected {
        file: "published/toolhive.json",
        rows: &[
            ["github", "tools/call", "create_issue", "ok", "none"],
            ["github", "tools/call", "create_issue", "http_error", "server"],
            ["github", "tools/list", "", "unauthorized", "auth"],
            ["github", "initialize", "", "ok", "none"],
        ],
        ignored: [2, 0, 0],
    },
    Expected {
        file: "published/toolhive-legacy.json",
        rows: &[["github", "tools/call", "get_file_contents", "ok", "none"]],
        ignored: [0, 0, 0],
    },
    Expected {
        file: "published/envoy-ai-gateway.json",
        rows: &[
            ["ai-gateway", "tools/call", "github__create_issue", "ok", "none"],
            [
                "ai-gateway",
                "tools/call",
                "github__nothing",
                "invalid_arguments",
                "caller",
            ],
            ["ai-gateway", "initialize", "", "ok", "none"],
        ],
        ignored: [1, 0, 0],
    },
    Expected {
        file: "published/envoy-ai-gateway-default.json",
        rows: &[
            ["ai-gateway", "tools/call", "github__create_issue", "ok", "none"],
            [
                "ai-gateway",
                "tools/call",
                "github__create_issue",
                "internal_error",
                "server",
            ],
            ["ai-gateway", "prompts/get", "review", "ok", "none"],
        ],
        ignored: [0, 0, 0],
    },
    Expected {
        file: "published/agentgateway.json",
        rows: &[
            ["github", "tools/call", "create_issue", "ok", "none"],
            ["github", "tools/call", "create_issue", "invalid_arguments", "caller"],
            ["files", "resources/read", "file", "ok", "none"],
        ],
        ignored: [1, 1, 0],
    },
    Expected {
        file: "published/csharp-sdk.json",
        rows: &[
            ["dotnet-server", "tools/call", "add", "ok", "none"],
            ["dotnet-server", "tools/call", "fail", "tool_error", "server"],
            ["dotnet-server", "tools/call", "nothing", "invalid_arguments", "caller"],
            ["dotnet-server", "tools/call", "slow", "cancelled", "client_gone"],
        ],
        ignored: [0, 1, 0],
    },
    Expected {
        file: "published/sentry-javascript.json",
        rows: &[
            ["ledger", "tools/call", "add", "ok", "none"],
            ["node-server", "tools/call", "fail", "tool_error", "server"],
            ["node-server", "resources/read", "file", "ok", "none"],
            ["node-server", "notifications/cancelled", "", "ok", "none"],
        ],
        ignored: [1, 0, 1],
    },
];

#[test]
fn every_product_s_calls_become_rows_once_and_its_other_spans_are_counted() {
    for Expected { file, rows, ignored } in CASES {
        let (received, tally) = received(file);
        let told = received.iter().map(|row| {
            let columns = [&row.server, &row.method, &row.target, &row.outcome, &row.fault];
            columns.map(ToString::to_string)
        });
        let mut told: Vec<_> = told.collect();
        let mut expected: Vec<_> = rows.iter().map(|row| row.map(str::to_owned)).collect();
        told.sort();
        expected.sort();
        assert_eq!(told, expected, "{file}");
        assert_eq!(
            [NotMcp, Client, NotServer].map(|reason| tally.ignored(reason)),
            *ignored,
            "{file}"
        );
        assert_eq!(tally.rejected, 0, "{file}");
        assert_eq!(tally.corrected(Corrected::Time), 0, "{file}");
    }
}

#[test]
fn every_published_fixture_is_in_the_table() {
    let known: BTreeSet<_> = CASES.iter().map(|case| case.file.to_owned()).collect();
    assert_eq!(fixtures("published"), known);
}

#[test]
fn names_of_other_products_reach_the_same_columns() {
    type Column = fn(&Row<'_>) -> String;
    let cases: &[(&str, &str, Column, &str)] = &[
        (
            "published/toolhive.json",
            "3",
            |row| row.client.to_string(),
            "claude-code",
        ),
        (
            "published/toolhive.json",
            "3",
            |row| row.client_version.to_string(),
            "2.1.4",
        ),
        ("published/toolhive.json", "3", |row| row.session_id.to_string(), "s-1"),
        (
            "published/toolhive.json",
            "3",
            |row| row.request_bytes.to_string(),
            "140",
        ),
        (
            "published/toolhive.json",
            "3",
            |row| row.response_bytes.to_string(),
            "512",
        ),
        ("published/toolhive.json", "0", |row| row.client.to_string(), "cursor"),
        ("published/toolhive.json", "0", |row| row.transport.to_string(), "stdio"),
        (
            "published/toolhive-legacy.json",
            "5",
            |row| row.http_status.to_string(),
            "202",
        ),
        (
            "published/toolhive-legacy.json",
            "5",
            |row| row.response_bytes.to_string(),
            "1024",
        ),
        (
            "published/envoy-ai-gateway.json",
            "1",
            |row| row.client_version.to_string(),
            "3.2",
        ),
        (
            "published/envoy-ai-gateway-default.json",
            "3",
            |row| row.transport.to_string(),
            "streamable_http",
        ),
        ("published/agentgateway.json", "", |row| row.user_id.to_string(), "ann"),
        (
            "published/agentgateway.json",
            "",
            |row| row.session_id.to_string(),
            "a-1",
        ),
        (
            "published/agentgateway.json",
            "",
            |row| row.http_status.to_string(),
            "200",
        ),
        (
            "published/csharp-sdk.json",
            "4",
            |row| row.rpc_code.to_string(),
            "-32602",
        ),
        (
            "published/csharp-sdk.json",
            "4",
            |row| row.transport.to_string(),
            "streamable_http",
        ),
        (
            "published/sentry-javascript.json",
            "2",
            |row| row.transport.to_string(),
            "streamable_http",
        ),
        (
            "published/sentry-javascript.json",
            "2",
            |row| row.client.to_string(),
            "cursor",
        ),
        (
            "published/sentry-javascript.json",
            "4",
            |row| row.resource_uri.to_string(),
            "file:///a",
        ),
    ];
    for (file, request, column, expected) in cases {
        let (rows, _) = received(file);
        let row = rows.iter().find(|row| row.request_id == *request);
        assert_eq!(column(row.expect(file)), *expected, "{file} {request}");
    }
}
