//! Headers that mirror arguments (`Mcp-Param-*`).

use super::*;
use crate::capture::Capture;
use crate::observe::DetailConfig;

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
const LISTED: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"add","inputSchema":{"properties":{
    "where":{"type":"string","x-mcp-header":"Region"},"count":{"x-mcp-header":"COUNT","type":"integer"},"b":{}}}}]}}"#;

type Headers<'a> = &'a [(&'a str, &'a [u8])];

fn call(arguments: &str, headers: Headers<'_>) -> Request<Script> {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let params = format!(r#"{{"name":"add"{arguments},{meta}}}"#);
    let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}"#);
    let mut request = post(&body);
    // In pieces they are read in another way.
    *request.body_mut() = Script::pieces(&[&body[..60], &body[60..]]);
    for (name, value) in [
        ("mcp-protocol-version", &b"2026-07-28"[..]),
        ("mcp-method", b"tools/call"),
        ("mcp-name", b"add"),
    ]
    .iter()
    .chain(headers)
    {
        let name: http::HeaderName = name.parse().unwrap();
        request
            .headers_mut()
            .insert(name, http::HeaderValue::from_bytes(value).unwrap());
    }
    request
}

async fn answered(layer: &ToolsightLayer, request: Request<Script>, answer: &str) {
    let answer = Answer {
        status: 200,
        headers: JSON,
        body: Script::pieces(&[answer]),
    };
    exchange(layer, request, answer).await;
}

#[tokio::test]
async fn headers_that_do_not_say_what_the_arguments_say_are_told() {
    let (layer, mut receiver) = layer();
    let west = r#","arguments":{"where":"west","count":42}"#;
    let long = format!(r#","arguments":{{"b":"{}","where":"west"}}"#, "x".repeat(20_000));
    let cases: [(&str, Headers<'_>, Option<&str>); 14] = [
        (west, &[("mcp-param-region", b"west")], None),
        (
            west,
            &[("mcp-param-region", b"west"), ("mcp-param-count", b"42.0")],
            None,
        ),
        (west, &[("mcp-param-region", b"=?base64?d2VzdA==?=")], None),
        (west, &[("Mcp-Param-Region", b"east")], Some("param")),
        (west, &[("mcp-param-region", b"")], Some("param")),
        (west, &[("mcp-param-region", b"w\xe9st")], Some("param")),
        (west, &[("mcp-param-count", b"43")], Some("param")),
        // The schema knows no such header, though an argument is called so.
        (west, &[("mcp-param-where", b"east")], None),
        (
            west,
            &[("mcp-name", b"other"), ("mcp-param-region", b"east")],
            Some("name,param"),
        ),
        ("", &[("mcp-param-region", b"west")], Some("param")),
        (
            r#","arguments":{"where":null}"#,
            &[("mcp-param-region", b"west")],
            Some("param"),
        ),
        (
            r#","arguments":{"where":"\u0077est"}"#,
            &[("mcp-param-region", b"west")],
            None,
        ),
        // Of so long ones nothing is kept.
        (&long, &[("mcp-param-region", b"east")], None),
        // Which are missing is not asked for.
        (west, &[], None),
    ];
    let wrong = &[("mcp-param-region", &b"east"[..])];
    answered(&layer, call(west, wrong), OK).await;
    assert_eq!(records(&mut receiver)[0].mismatch.names(), None, "no schema is known");
    answered(&layer, post(LIST), LISTED).await;
    for (arguments, headers, expected) in cases {
        answered(&layer, call(arguments, headers), OK).await;
        let record = records(&mut receiver).pop().unwrap();
        assert_eq!(record.mismatch.names(), expected, "{arguments:.60} {headers:?}");
    }
    let mut legacy = call(west, wrong);
    *legacy.body_mut() = Script::pieces(&[r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add"}}"#]);
    legacy
        .headers_mut()
        .insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
    answered(&layer, legacy, OK).await;
    assert_eq!(
        records(&mut receiver)[0].mismatch.names(),
        None,
        "nothing had to be mirrored"
    );
}

#[tokio::test]
async fn what_headers_are_compared_with_is_not_captured_for_that() {
    for (limit, expected) in [(0, None), (9, Some(r#"{"where":"#))] {
        let (queue, mut receiver) = Queue::new(1000);
        let config = DetailConfig {
            capture: Capture::default().arguments(limit),
            ..DetailConfig::default()
        };
        let observer = Arc::new(Observer::new(None, Users::default(), 100).telling(config));
        let layer = ToolsightLayer::at_once(observer, queue);
        let mut kept = Vec::new();
        for headers in [&[][..], &[("mcp-param-region", &b"west"[..])]] {
            answered(&layer, call(r#","arguments":{"where":"west"}"#, headers), OK).await;
            let captured = records(&mut receiver).pop().unwrap().detail.captured;
            kept.push(captured.and_then(|captured| captured.arguments.clone()));
        }
        assert_eq!(kept[0].as_deref().map(|kept| &kept[..9]), expected);
        assert_eq!(kept[1], kept[0], "with a header");
    }
}
