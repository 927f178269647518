//! Client and server of HTTP as they act, each act in turn.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use tokio::sync::{mpsc, oneshot};

use super::cells::MODERN;
use super::http::Passed;
use super::{Act, Transport};

pub(super) type Head = Result<(u16, Vec<(&'static str, &'static str)>), &'static str>;

/// The server's ends of one exchange.
pub(super) struct Served {
    head: Option<oneshot::Sender<Head>>,
    body: Option<mpsc::Sender<Result<Bytes, &'static str>>>,
}

/// What the service needs for the next exchange.
pub(super) type Prepared = (oneshot::Receiver<Head>, mpsc::Receiver<Result<Bytes, &'static str>>);

#[derive(Default)]
pub(super) struct Server {
    pub(super) next: Mutex<VecDeque<Prepared>>,
    pub(super) got: Mutex<Vec<Vec<u8>>>,
}

/// The client's end of one exchange.
pub(super) type Client = Pin<Box<dyn Future<Output = ()>>>;

pub(super) struct Stage<'a> {
    pub(super) server: Arc<Server>,
    pub(super) send: &'a mut dyn FnMut(Request<Full<Bytes>>, Arc<Mutex<Passed>>) -> Client,
    pub(super) served: Vec<Served>,
    pub(super) clients: Vec<Option<Client>>,
    pub(super) passed: Vec<Arc<Mutex<Passed>>>,
    /// The server has sessions.
    pub(super) session: bool,
}

const EVENT_STREAM: (&str, &str) = ("content-type", "text/event-stream");
const CHALLENGE: (&str, &str) = (
    "www-authenticate",
    r#"Bearer error="insufficient_scope", scope="write""#,
);
const JSON: (&str, &str) = ("content-type", "application/json");

impl Stage<'_> {
    pub(super) fn run(&mut self, acts: &[Act], transport: Transport, version: &str) {
        let modern = version >= "2026-07-28";
        let two = transport == Transport::TwoEndpoints;
        // The stream for what belongs to no call.
        let mut aside = two.then(|| self.open_stream(None, transport));
        if let Some(stream) = aside {
            self.send_to(stream, "event: endpoint\ndata: /message?sessionId=4711\n\n");
        }
        let mut at_hand = 0;
        let mut accepted = false;
        for act in acts {
            match act {
                Act::Client(text) | Act::Refused(text, _) | Act::Challenged(text, _) => {
                    let at = self.open(self.post(text, version, transport));
                    let asks = text.contains("\"method\"") && text.contains("\"id\"");
                    match act {
                        Act::Refused(_, status) => self.answer(at, *status, &[], "no"),
                        Act::Challenged(_, status) => self.answer(at, *status, &[CHALLENGE], "no"),
                        _ if two || !asks => self.answer(at, 202, &[], if two { "Accepted" } else { "" }),
                        _ => (at_hand, accepted) = (at, false),
                    }
                }
                Act::Answer(text) if two => self.event(aside.unwrap(), text),
                Act::AnswerWith(_, text) if two => self.event(aside.unwrap(), text),
                Act::Answer(text) | Act::AnswerWith(_, text) => {
                    let status = if let Act::AnswerWith(status, _) = act {
                        *status
                    } else {
                        200
                    };
                    let content = if transport == Transport::Json {
                        JSON
                    } else {
                        EVENT_STREAM
                    };
                    let session = (self.session && text.contains("serverInfo")).then_some(("mcp-session-id", "s1"));
                    let headers: Vec<_> = [content].into_iter().chain(session).collect();
                    if !accepted {
                        self.head(at_hand, Ok((status, headers)));
                    }
                    match transport {
                        Transport::Json => self.send_to(at_hand, text),
                        _ => self.event(at_hand, text),
                    }
                    self.finish(at_hand);
                    if session.is_some() && !modern {
                        aside = Some(self.open_stream(Some(("mcp-session-id", "s1")), transport));
                    }
                }
                Act::Server(text) if transport == Transport::Stream => {
                    self.head(at_hand, Ok((200, vec![EVENT_STREAM])));
                    accepted = true;
                    self.event(at_hand, text);
                }
                Act::Server(text) | Act::Aside(text) => self.event(aside.unwrap(), text),
                Act::HangUp | Act::Leave | Act::Break => {
                    let at = if two { aside.unwrap() } else { at_hand };
                    if !(accepted || two || *act == Act::HangUp && transport == Transport::Json) {
                        let content = if transport == Transport::Json {
                            JSON
                        } else {
                            EVENT_STREAM
                        };
                        self.head(at, Ok((200, vec![content])));
                    }
                    if transport == Transport::Stream {
                        self.send_to(at, ": nothing yet\n\n");
                    }
                    match act {
                        Act::HangUp => self.clients[at] = None,
                        Act::Leave => self.finish(at),
                        _ => self.give(at, Err("broken")),
                    }
                }
                Act::Fail => self.head(at_hand, Err("failed")),
                Act::Compressed => {
                    let content = if transport == Transport::Json {
                        JSON
                    } else {
                        EVENT_STREAM
                    };
                    self.answer(at_hand, 200, &[content, ("content-encoding", "gzip")], "\u{1f}\u{8b}");
                }
                Act::Delete => {
                    let request = Request::delete("/mcp").header("mcp-session-id", "s1");
                    let at = self.open(request.body(Full::default()).unwrap());
                    self.answer(at, 204, &[], "");
                }
                Act::Pause => {
                    self.head(at_hand, Ok((200, vec![EVENT_STREAM])));
                    self.send_to(at_hand, "id: 1\nretry: 5\ndata:\n\n");
                    self.finish(at_hand);
                }
                Act::Resume(text) => {
                    for _ in 0..2 {
                        let resumed = self.open_stream(Some(("last-event-id", "1")), transport);
                        self.send_to(resumed, &format!("id: 2\ndata: {text}\n\n"));
                        self.finish(resumed);
                    }
                }
            }
        }
        for at in 0..self.served.len() {
            self.finish(at);
        }
    }

    fn post(&self, text: &str, version: &str, transport: Transport) -> Request<Full<Bytes>> {
        // A request of the new era may be a probe of a server of the old.
        let version = if text.contains(MODERN) { MODERN } else { version };
        let modern = version == MODERN;
        let path = match transport {
            Transport::TwoEndpoints if modern => "/sse",
            Transport::TwoEndpoints => "/message?sessionId=4711",
            _ => "/mcp",
        };
        let mut request = Request::post(path).header("accept", "application/json, text/event-stream");
        if version >= "2025-06-18" {
            request = request.header("mcp-protocol-version", version);
        }
        if self.session && transport != Transport::TwoEndpoints && !modern && !text.contains("initialize") {
            request = request.header("mcp-session-id", "s1");
        }
        request.body(Full::from(text.to_owned())).unwrap()
    }

    /// Opens an event stream by GET.
    fn open_stream(&mut self, header: Option<(&'static str, &'static str)>, transport: Transport) -> usize {
        let mut request = Request::builder()
            .method(Method::GET)
            .uri("/sse")
            .header("accept", "text/event-stream");
        if transport != Transport::TwoEndpoints {
            request = request.header("mcp-session-id", "s1");
        }
        if let Some((name @ "last-event-id", value)) = header {
            request = request.header(name, value);
        }
        let at = self.open(request.body(Full::default()).unwrap());
        self.head(at, Ok((200, vec![EVENT_STREAM])));
        at
    }

    fn open(&mut self, request: Request<Full<Bytes>>) -> usize {
        let (head, head_comes) = oneshot::channel();
        let (body, body_comes) = mpsc::channel(16);
        self.server.next.lock().unwrap().push_back((head_comes, body_comes));
        let passed = Arc::<Mutex<Passed>>::default();
        self.clients.push(Some((self.send)(request, passed.clone())));
        self.passed.push(passed);
        self.served.push(Served {
            head: Some(head),
            body: Some(body),
        });
        let at = self.served.len() - 1;
        self.poll(at);
        at
    }

    fn poll(&mut self, at: usize) {
        let ended = self.clients[at]
            .as_mut()
            .is_some_and(|client| client.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        if ended {
            self.clients[at] = None;
        }
    }

    fn head(&mut self, at: usize, head: Head) {
        if let Some(sender) = self.served[at].head.take() {
            let _gone = sender.send(head);
        }
        self.poll(at);
    }

    fn give(&mut self, at: usize, piece: Result<Bytes, &'static str>) {
        if let Some(body) = &self.served[at].body {
            let _gone = body.try_send(piece);
        }
        self.poll(at);
    }

    fn send_to(&mut self, at: usize, text: &str) {
        let (first, second) = text.as_bytes().split_at(text.len() / 2);
        self.give(at, Ok(Bytes::copy_from_slice(first)));
        self.give(at, Ok(Bytes::copy_from_slice(second)));
    }

    fn event(&mut self, at: usize, text: &str) {
        self.send_to(at, &format!("event: message\ndata: {text}\n\n"));
    }

    fn finish(&mut self, at: usize) {
        self.served[at].body = None;
        self.poll(at);
    }

    fn answer(&mut self, at: usize, status: u16, headers: &[(&'static str, &'static str)], text: &str) {
        self.head(at, Ok((status, headers.to_vec())));
        self.send_to(at, text);
        self.finish(at);
    }
}
