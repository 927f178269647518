//! What a client can make the layer remember: as many different things as it likes, as long as it likes, and the memory
//! stays under a limit while the counters tell what was forgotten.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use toolsight::{Forgotten, Toolsight, Users};
use tower::{Layer as _, ServiceExt as _, service_fn};

/// How many of each in a row.
const COUNT: usize = if cfg!(debug_assertions) { 30_000 } else { 1_000_000 };

/// What one layer may take at most: 10,000 sessions, 16,384 calls that wait, 4096 tasks and 1024 tools with names of 256
/// bytes each.
const LIMIT: usize = 96 << 20;

/// One exchange, of which everything but the marks `@` stays the same.
struct Case {
    name: &'static str,
    method: &'static str,
    request_headers: &'static [(&'static str, &'static str)],
    request: &'static str,
    status: u16,
    response_headers: &'static [(&'static str, &'static str)],
    response: &'static str,
    /// What has to be forgotten, of `COUNT`.
    forgotten: fn(&Forgotten) -> u64,
    /// How many of them are kept.
    kept: usize,
}

const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");
const STREAM: (&str, &str) = ("content-type", "text/event-stream");

const CASES: [Case; 9] = [
    Case {
        name: "sessions",
        method: "POST",
        request_headers: &[ACCEPT],
        request: r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":{"name":"@","version":"@"}}}"#,
        status: 200,
        response_headers: &[JSON, ("mcp-session-id", "@")],
        response: r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","serverInfo":{"name":"@","version":"@"}}}"#,
        forgotten: |forgotten| forgotten.sessions,
        kept: 10_000,
    },
    Case {
        name: "users",
        method: "POST",
        request_headers: &[ACCEPT, ("x-user", "@")],
        request: r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
        status: 200,
        response_headers: &[JSON],
        response: r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        forgotten: |_| 0,
        kept: COUNT,
    },
    Case {
        name: "tools",
        method: "POST",
        request_headers: &[ACCEPT],
        request: r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"@"}}"#,
        status: 200,
        response_headers: &[JSON],
        response: r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        forgotten: |forgotten| forgotten.names,
        kept: 1024,
    },
    Case {
        name: "unanswered ids of one session",
        method: "POST",
        request_headers: &[ACCEPT, ("mcp-session-id", "one")],
        request: r#"{"jsonrpc":"2.0","id":"@","method":"tools/call","params":{"name":"@"}}"#,
        status: 202,
        response_headers: &[],
        response: "",
        forgotten: |forgotten| forgotten.calls,
        kept: 1024,
    },
    Case {
        name: "sessions with unanswered ids",
        method: "POST",
        request_headers: &[ACCEPT, ("mcp-session-id", "@")],
        request: r#"{"jsonrpc":"2.0","id":"@","method":"tools/call","params":{"name":"@"}}"#,
        status: 202,
        response_headers: &[],
        response: "",
        forgotten: |forgotten| forgotten.sessions,
        kept: 10_000,
    },
    Case {
        name: "questions of the server",
        method: "GET",
        request_headers: &[ACCEPT, ("mcp-session-id", "one")],
        request: "",
        status: 200,
        response_headers: &[STREAM],
        response: "id: @\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"@\",\"method\":\"ping\"}\n\n",
        forgotten: |forgotten| forgotten.calls,
        kept: 1024,
    },
    Case {
        name: "streams of two endpoints",
        method: "GET",
        request_headers: &[ACCEPT],
        request: "",
        status: 200,
        response_headers: &[STREAM],
        response: "event: endpoint\ndata: /message?sessionId=@\n\n",
        forgotten: |_| 0,
        kept: COUNT,
    },
    Case {
        name: "tasks",
        method: "POST",
        request_headers: &[ACCEPT],
        request: r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"@"}}"#,
        status: 200,
        response_headers: &[JSON],
        response: r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"@"}}"#,
        forgotten: |forgotten| forgotten.tasks,
        kept: 4096,
    },
    Case {
        name: "rounds",
        method: "POST",
        request_headers: &[ACCEPT],
        request: r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"@"}}"#,
        status: 200,
        response_headers: &[JSON],
        response: r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","requestState":"@"}}"#,
        forgotten: |forgotten| forgotten.rounds,
        kept: 4096,
    },
];

/// Bytes that the process has in memory.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn memory_stays_under_its_limit_whatever_clients_send() {
    for case in CASES {
        let toolsight = Toolsight::builder()
            .endpoint("http://127.0.0.1:9")
            .queue_records(64)
            .shutdown_timeout(std::time::Duration::ZERO)
            .users(Users::default().from_header("x-user".parse().unwrap()))
            .build()
            .unwrap();
        let layer = toolsight.layer();
        let before = resident();
        for number in 0..COUNT {
            let mark = format!("{number:0>256}");
            let fill = |text: &str| text.replace('@', &mark);
            let (answer, headers) = (fill(case.response), case.response_headers);
            let filled: Vec<_> = headers.iter().map(|(name, value)| (*name, fill(value))).collect();
            let service = service_fn(|request: Request<_>| {
                let mut response = Response::builder().status(case.status);
                for (name, value) in &filled {
                    response = response.header(*name, value);
                }
                let response = response.body(Full::new(Bytes::from(answer.clone()))).unwrap();
                async move {
                    let body: toolsight::http::RequestBody<Full<Bytes>> = request.into_body();
                    body.collect().await.unwrap();
                    Ok::<_, Infallible>(response)
                }
            });
            let mut request = Request::builder().method(case.method).uri("/mcp");
            for (name, value) in case.request_headers {
                request = request.header(*name, fill(value));
            }
            let request = request.body(Full::new(Bytes::from(fill(case.request)))).unwrap();
            let response = layer.layer(service).oneshot(request).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
        let grown = resident().saturating_sub(before);
        assert!(grown < LIMIT, "{}: {} MiB", case.name, grown >> 20);
        let forgotten = toolsight.forgotten();
        assert_eq!(
            (case.forgotten)(&forgotten),
            (COUNT - case.kept) as u64,
            "{}: {forgotten:?}",
            case.name
        );
        assert_eq!(toolsight.dropped().panicked, 0, "{}", case.name);
        toolsight.shutdown().await;
    }
}
