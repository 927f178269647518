//! The layer in front of scripted services: what is recorded for each ending, and that nothing changes on the way.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::mpsc;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::*;
use crate::export::Queue;
use crate::identity::{UserId, Users};
use crate::observe::{Observation, Observer};
use crate::record::Record;

/// A body that answers each poll with the next of these.
struct Script(VecDeque<Poll<Result<Bytes, &'static str>>>);

impl Script {
    fn new(steps: impl IntoIterator<Item = Poll<Result<Bytes, &'static str>>>) -> Self {
        Self(steps.into_iter().collect())
    }

    fn pieces(pieces: &[&str]) -> Self {
        Self::new(
            pieces
                .iter()
                .map(|piece| Poll::Ready(Ok(Bytes::copy_from_slice(piece.as_bytes())))),
        )
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.0.pop_front() {
            None => Poll::Ready(None),
            Some(Poll::Ready(step)) => Poll::Ready(Some(step.map(Frame::data))),
            Some(Poll::Pending) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

struct Answer {
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: Script,
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const STREAM: &[(&str, &str)] = &[("content-type", "text/event-stream")];

fn layer() -> (ToolsightLayer, mpsc::Receiver<Observation>) {
    let (queue, receiver) = Queue::new(1000);
    let observer = Arc::new(Observer::new(None, Users::default(), 100));
    (ToolsightLayer { observer, queue }, receiver)
}

fn post(body: &str) -> Request<Script> {
    Request::post("/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("user-agent", "agent/3 (test)")
        .body(Script::pieces(&[body]))
        .unwrap()
}

/// Sends `request` through the layer to a service that reads it and gives `answer`, and reads the answer as a client.
async fn exchange(layer: &ToolsightLayer, request: Request<Script>, answer: Answer) -> (u16, Bytes) {
    let mut answer = Some(answer);
    let service = service_fn(move |request: Request<RequestBody<Script>>| {
        let answer = answer.take().unwrap();
        async move {
            request.into_body().collect().await.unwrap();
            let mut response = Response::builder().status(answer.status);
            for (name, value) in answer.headers {
                response = response.header(*name, *value);
            }
            Ok::<_, Infallible>(response.body(answer.body).unwrap())
        }
    });
    let response = layer.layer(service).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    (status, body)
}

fn records(receiver: &mut mpsc::Receiver<Observation>) -> Vec<Record> {
    let mut records = Vec::new();
    while let Ok(observation) = receiver.try_recv() {
        if let Observation::Call(record) = observation {
            records.push(*record);
        }
    }
    records
}

const MODERN: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add","arguments":{},"_meta":{
    "traceparent":"00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-01",
    "io.modelcontextprotocol/protocolVersion":"2026-07-28",
    "io.modelcontextprotocol/clientInfo":{"name":"desk","version":"4.2.0"}}}}"#;
const LEGACY: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add"}}"#;
const OK: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#;

#[tokio::test]
async fn each_ending_makes_exactly_one_record() {
    let long = format!(
        r#"{{"result":{{"content":[{{"type":"text","text":"{}"}}],"isError":true}},"jsonrpc":"2.0","id":7}}"#,
        "x".repeat(10 << 20)
    );
    let event = format!("id: 1\ndata:\n\n: ping\n\nevent: message\ndata: {OK}\n\n");
    let (first, second) = event.split_at(40);
    let broken = || {
        Script::new([
            Poll::Ready(Ok(Bytes::from_static(b"data: {"))),
            Poll::Pending,
            Poll::Ready(Err("broken")),
        ])
    };
    let none = || Script::pieces(&[]);
    for (name, request, status, headers, body, outcome, fault) in [
        ("a JSON answer", MODERN, 200, JSON, Script::pieces(&[OK]), "ok", "none"),
        (
            "an answer in pieces",
            MODERN,
            200,
            JSON,
            Script::pieces(&[&OK[..9], "", &OK[9..]]),
            "ok",
            "none",
        ),
        (
            "an event stream",
            LEGACY,
            200,
            STREAM,
            Script::pieces(&[first, second]),
            "ok",
            "none",
        ),
        (
            "ten megabytes with the error last",
            MODERN,
            200,
            JSON,
            Script::pieces(&[&long]),
            "tool_error",
            "server",
        ),
        ("a refused token", LEGACY, 401, &[][..], none(), "unauthorized", "auth"),
        (
            "too many requests",
            LEGACY,
            429,
            &[][..],
            Script::pieces(&["slow down"]),
            "rate_limited",
            "caller",
        ),
        (
            "a page instead of JSON",
            LEGACY,
            502,
            &[][..],
            Script::pieces(&["<html>"]),
            "http_error",
            "server",
        ),
        ("an empty answer", LEGACY, 200, JSON, none(), "abandoned", "server"),
        (
            "an answer to something else",
            LEGACY,
            200,
            JSON,
            Script::pieces(&[r#"{"id":8,"result":{}}"#]),
            "abandoned",
            "server",
        ),
        ("a broken stream", LEGACY, 200, STREAM, broken(), "abandoned", "server"),
        (
            "a body that is not JSON",
            "hello",
            400,
            &[][..],
            none(),
            "http_error",
            "caller",
        ),
        (
            "an error for a body that is not JSON",
            "{",
            400,
            JSON,
            Script::pieces(&[r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#]),
            "invalid_arguments",
            "caller",
        ),
        (
            "a notification",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            202,
            &[][..],
            none(),
            "ok",
            "none",
        ),
        (
            "a refused notification",
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            400,
            &[][..],
            none(),
            "http_error",
            "caller",
        ),
    ] {
        let (layer, mut receiver) = layer();
        let sent: Vec<u8> = body
            .0
            .iter()
            .filter_map(|step| match step {
                Poll::Ready(Ok(bytes)) => Some(bytes.to_vec()),
                _ => None,
            })
            .flatten()
            .collect();
        let (seen_status, seen) = exchange(&layer, post(request), Answer { status, headers, body }).await;
        assert_eq!(seen_status, status, "{name}");
        assert!(seen.is_empty() || seen == sent, "{name}: the body has changed");
        let records = records(&mut receiver);
        assert_eq!(records.len(), 1, "{name}: {records:?}");
        let record = &records[0];
        assert_eq!(
            (record.outcome.as_str(), record.fault.as_str()),
            (outcome, fault),
            "{name}"
        );
        assert_eq!(record.request_bytes, request.len() as u64, "{name}");
        assert_eq!(record.http_status, Some(status), "{name}");
    }
}

#[tokio::test]
async fn a_modern_call_is_known_by_its_own_body() {
    let (layer, mut receiver) = layer();
    let mut request = post(MODERN);
    request.extensions_mut().insert(UserId::new("ada"));
    exchange(
        &layer,
        request,
        Answer {
            status: 200,
            headers: JSON,
            body: Script::pieces(&[OK]),
        },
    )
    .await;
    let record = &records(&mut receiver)[0];
    assert_eq!((&*record.client.name, &*record.client.version), ("desk", "4.2.0"));
    assert_eq!(record.protocol_version.as_deref(), Some("2026-07-28"));
    assert_eq!(record.user, Some(crate::User::Plain("ada".into())));
    assert_eq!(record.span.trace_id().to_string(), "5b8aa5a2d2c872e8321cf37308d69df2");
    assert_eq!(record.parent.to_string(), "051581bf3cb55c13");
    assert_eq!(record.response_bytes, OK.len() as u64);
    assert_eq!(record.request_id.as_deref(), Some("7"));
}

#[tokio::test]
async fn a_session_is_known_by_its_handshake_and_a_stranger_by_its_user_agent() {
    const SESSION: &[(&str, &str)] = &[("content-type", "application/json"), ("mcp-session-id", "s1")];
    let (layer, mut receiver) = layer();
    let initialize = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",
        "clientInfo":{"name":"Desk (via mcp-remote 0.1)","version":"2"}}}"#;
    let answer = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","serverInfo":{"name":"ledger","version":"1.9"}}}"#;
    exchange(
        &layer,
        post(initialize),
        Answer {
            status: 200,
            headers: SESSION,
            body: Script::pieces(&[answer]),
        },
    )
    .await;
    for session in ["s1", "unknown"] {
        let mut request = post(LEGACY);
        request.headers_mut().insert("mcp-session-id", session.parse().unwrap());
        exchange(
            &layer,
            request,
            Answer {
                status: 200,
                headers: JSON,
                body: Script::pieces(&[OK]),
            },
        )
        .await;
    }
    let seen: Vec<_> = records(&mut receiver)
        .iter()
        .map(|record| {
            let version = record.protocol_version.as_deref().unwrap_or("-");
            let bridge = record.client_bridge.as_deref().unwrap_or("-");
            let session = record.session_id.as_deref().unwrap_or("-");
            format!(
                "{} {} {bridge} {version} {} {session}",
                record.client.name, record.client.version, record.server.name
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            "Desk 2 mcp-remote 0.1 2025-06-18 ledger s1",
            "Desk 2 mcp-remote 0.1 2025-06-18 ledger s1",
            "agent 3 - - ledger unknown"
        ]
    );
}

#[tokio::test]
async fn a_batch_is_a_record_for_each_message() {
    let (layer, mut receiver) = layer();
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},
        {"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"add"}},{"jsonrpc":"2.0","id":3,"method":"ping"}]"#;
    let answer = r#"[{"jsonrpc":"2.0","id":"1","result":{"isError":true}},{"jsonrpc":"2.0","id":1,"result":{}}]"#;
    exchange(
        &layer,
        post(batch),
        Answer {
            status: 200,
            headers: JSON,
            body: Script::pieces(&[answer]),
        },
    )
    .await;
    let mut seen: Vec<_> = records(&mut receiver)
        .iter()
        .map(|record| format!("{} {:?} {}", record.method, record.request_id, record.outcome))
        .collect();
    seen.sort();
    assert_eq!(
        seen,
        [
            r#"notifications/initialized None ok"#,
            r#"ping Some("1") ok"#,
            r#"ping Some("3") abandoned"#,
            r#"tools/call Some("1") tool_error"#
        ]
    );
}

#[tokio::test]
async fn a_client_that_hangs_up_is_cancelled_or_abandoned_by_era() {
    for (request, outcome) in [(MODERN, "cancelled"), (LEGACY, "abandoned")] {
        for before_head in [true, false] {
            let (layer, mut receiver) = layer();
            let service = service_fn(move |request: Request<RequestBody<Script>>| async move {
                request.into_body().collect().await.unwrap();
                if before_head {
                    std::future::pending::<()>().await;
                }
                let body = Script::new([Poll::Ready(Ok(Bytes::from_static(b"data: {")))]);
                Ok::<_, Infallible>(
                    Response::builder()
                        .header("content-type", "text/event-stream")
                        .body(body)
                        .unwrap(),
                )
            });
            let mut future = Box::pin(layer.layer(service).oneshot(post(request)));
            if let Poll::Ready(response) = futures_poll(&mut future) {
                let mut body = response.unwrap().into_body();
                body.frame().await.unwrap().unwrap();
            }
            drop(future);
            let records = records(&mut receiver);
            assert_eq!(records.len(), 1, "{outcome}, before the head: {before_head}");
            assert_eq!(
                (records[0].outcome.as_str(), records[0].fault.as_str()),
                (outcome, "client_gone")
            );
        }
    }
}

fn futures_poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(std::task::Waker::noop()))
}

#[tokio::test]
async fn a_service_error_passes_and_is_recorded() {
    let (layer, mut receiver) = layer();
    let service = service_fn(|request: Request<RequestBody<Script>>| async move {
        request.into_body().collect().await.unwrap();
        Err::<Response<Full<Bytes>>, _>("down")
    });
    assert_eq!(layer.layer(service).oneshot(post(LEGACY)).await.err(), Some("down"));
    assert_eq!(records(&mut receiver)[0].outcome.as_str(), "http_error");
}

#[tokio::test]
async fn requests_that_are_not_mcp_are_not_recorded() {
    let (layer, mut receiver) = layer();
    for request in [
        Request::get("/mcp")
            .header("accept", "text/event-stream")
            .body(Script::pieces(&[]))
            .unwrap(),
        Request::post("/token").body(Script::pieces(&["grant_type=x"])).unwrap(),
        Request::post("/api")
            .header("content-type", "application/json")
            .body(Script::pieces(&[r#"{"method":"x","id":1}"#]))
            .unwrap(),
        // The client's answer to a request of the server is no call of its own.
        post(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
    ] {
        exchange(
            &layer,
            request,
            Answer {
                status: 200,
                headers: JSON,
                body: Script::pieces(&["{}"]),
            },
        )
        .await;
    }
    assert_eq!(records(&mut receiver), []);
}

#[tokio::test]
async fn tools_that_were_never_listed_are_told_apart_from_wrong_arguments() {
    let (layer, mut receiver) = layer();
    let list = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
    let listed = r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"add"}]}}"#;
    let invalid = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"invalid"}}"#;
    let call = |name: &str| LEGACY.replace("add", name);
    for (request, answer) in [
        (call("nope"), invalid),
        (list.to_owned(), listed),
        (call("add"), invalid),
        (call("nope"), invalid),
    ] {
        exchange(
            &layer,
            post(&request),
            Answer {
                status: 200,
                headers: JSON,
                body: Script::pieces(&[answer]),
            },
        )
        .await;
    }
    let outcomes: Vec<_> = records(&mut receiver)
        .iter()
        .map(|record| record.outcome.as_str())
        .collect();
    assert_eq!(
        outcomes,
        ["invalid_arguments", "ok", "invalid_arguments", "unknown_tool"]
    );
}

#[tokio::test]
async fn a_deleted_session_is_timed() {
    const SESSION: &[(&str, &str)] = &[("content-type", "application/json"), ("mcp-session-id", "s1")];
    let (layer, mut receiver) = layer();
    let initialize = r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}"#;
    exchange(
        &layer,
        post(initialize),
        Answer {
            status: 200,
            headers: SESSION,
            body: Script::pieces(&[OK]),
        },
    )
    .await;
    let delete = Request::delete("/mcp")
        .header("mcp-session-id", "s1")
        .body(Script::pieces(&[]))
        .unwrap();
    exchange(
        &layer,
        delete,
        Answer {
            status: 200,
            headers: &[],
            body: Script::pieces(&[]),
        },
    )
    .await;
    assert!(matches!(receiver.try_recv(), Ok(Observation::Call(_))));
    assert!(matches!(receiver.try_recv(), Ok(Observation::Session(_))));
}
