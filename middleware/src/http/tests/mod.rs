//! The layer in front of scripted services: what is recorded for each ending, and that nothing changes on the way.

mod detail;
mod endings;
mod faults;
mod identity;
mod later;
mod mirrors;
mod unread;

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
use crate::export::{Queue, Queued};
use crate::identity::Users;
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

fn layer() -> (ToolsightLayer, mpsc::Receiver<Queued>) {
    let (queue, receiver) = Queue::new(1000);
    let observer = Arc::new(Observer::new(None, Users::default(), 100));
    (ToolsightLayer::at_once(observer, queue), receiver)
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

fn records(receiver: &mut mpsc::Receiver<Queued>) -> Vec<Record> {
    let mut records = Vec::new();
    while let Ok(observation) = receiver.try_recv() {
        if let Observation::Call(record) = observation {
            records.push(record);
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
