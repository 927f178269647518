//! Plays over the transports of HTTP: each act in turn, without a clock and without a runtime.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::{mpsc, oneshot};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use super::cells::{Ending, MODERN};
use super::follow_ups::handshake;
use super::{Act, Transport};
use crate::export::Queue;
use crate::http::ToolsightLayer;
use crate::identity::Users;
use crate::observe::{Observation, Observer};

/// What passed in one exchange: what the server got, what the client got, and how that ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    got: Vec<u8>,
    status: Option<u16>,
    headers: Vec<(String, Vec<u8>)>,
    sent: Vec<u8>,
    end: Option<Result<(), &'static str>>,
}

impl Passed {
    pub(super) fn of_pipe(got: Vec<u8>, sent: Vec<u8>) -> Self {
        Self {
            got,
            sent,
            ..Self::default()
        }
    }
}

/// A response body that yields what it is sent.
struct Sent(mpsc::Receiver<Result<Bytes, &'static str>>);

impl Body for Sent {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

type Head = Result<(u16, Vec<(&'static str, &'static str)>), &'static str>;

/// The server's ends of one exchange.
struct Served {
    head: Option<oneshot::Sender<Head>>,
    body: Option<mpsc::Sender<Result<Bytes, &'static str>>>,
}

/// What the service needs for the next exchange.
type Prepared = (oneshot::Receiver<Head>, mpsc::Receiver<Result<Bytes, &'static str>>);

#[derive(Default)]
struct Server {
    next: Mutex<VecDeque<Prepared>>,
    got: Mutex<Vec<Vec<u8>>>,
}

/// The client's end of one exchange.
type Client = Pin<Box<dyn Future<Output = ()>>>;

struct Stage<'a> {
    server: Arc<Server>,
    send: &'a mut dyn FnMut(Request<Full<Bytes>>, Arc<Mutex<Passed>>) -> Client,
    served: Vec<Served>,
    clients: Vec<Option<Client>>,
    passed: Vec<Arc<Mutex<Passed>>>,
}

pub(super) fn play(
    transport: Transport,
    version: &str,
    ending: Ending,
    acts: &[Act],
) -> (Vec<Passed>, Vec<Passed>, mpsc::Receiver<Observation>) {
    let acts = with_handshake(version, ending, acts);
    let server = Arc::<Server>::default();
    let bare = pass(&acts, transport, version, server.clone(), &service(server));
    let (queue, observations) = Queue::new(1000);
    let observer = Arc::new(Observer::new(None, Users::default(), 10));
    let layer = ToolsightLayer {
        observer: observer.clone(),
        queue: queue.clone(),
    };
    let server = Arc::<Server>::default();
    let layered = pass(&acts, transport, version, server.clone(), &layer.layer(service(server)));
    let waited_for = observer.finish(Instant::now());
    waited_for.into_iter().for_each(|observation| queue.push(observation));
    (bare, layered, observations)
}

/// The acts after the handshake that the version begins with, where they do not have it themselves.
pub(super) fn with_handshake(version: &str, ending: Ending, acts: &[Act]) -> Vec<Act> {
    if version == MODERN || matches!(ending, Ending::Probe | Ending::ProbeByCall | Ending::ProbeUnanswered) {
        return acts.to_vec();
    }
    [&handshake(version)[..], acts].concat()
}

fn service<B>(server: Arc<Server>) -> impl Service<Request<B>, Response = Response<Sent>, Error = &'static str> + Clone
where
    B: Body<Data = Bytes, Error = Infallible>,
{
    service_fn(move |request: Request<B>| {
        let server = server.clone();
        async move {
            let prepared = server.next.lock().unwrap().pop_front();
            let (head, body) = prepared.ok_or("nothing prepared")?;
            let got = request.into_body().collect().await.map_err(|_| "body")?.to_bytes();
            server.got.lock().unwrap().push(got.to_vec());
            let (status, headers) = head.await.map_err(|_| "no head")??;
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Sent(body)).map_err(|_| "head")
        }
    })
}

fn pass<S, R>(acts: &[Act], transport: Transport, version: &str, server: Arc<Server>, service: &S) -> Vec<Passed>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = &'static str> + Clone + 'static,
    R: Body<Data = Bytes, Error = &'static str> + 'static,
{
    let mut send = |request, passed: Arc<Mutex<Passed>>| -> Client {
        let service = service.clone();
        Box::pin(async move {
            let response = match service.oneshot(request).await {
                Ok(response) => response,
                Err(error) => return passed.lock().unwrap().end = Some(Err(error)),
            };
            let headers = response.headers().iter();
            let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
            {
                let mut passed = passed.lock().unwrap();
                passed.status = Some(response.status().as_u16());
                passed.headers = headers.collect();
            }
            let mut body = Box::pin(response.into_body());
            while let Some(frame) = body.frame().await {
                match frame {
                    Ok(frame) => passed
                        .lock()
                        .unwrap()
                        .sent
                        .extend(frame.into_data().unwrap_or_default()),
                    Err(error) => return passed.lock().unwrap().end = Some(Err(error)),
                }
            }
            passed.lock().unwrap().end = Some(Ok(()));
        })
    };
    let mut stage = Stage {
        server,
        send: &mut send,
        served: Vec::new(),
        clients: Vec::new(),
        passed: Vec::new(),
    };
    stage.run(acts, transport, version);
    let Stage {
        server,
        passed,
        clients,
        ..
    } = stage;
    drop(clients);
    let mut got = server.got.lock().unwrap().drain(..).collect::<VecDeque<_>>();
    let take = |passed: Arc<Mutex<Passed>>| std::mem::take(&mut *passed.lock().unwrap());
    let with_got = |mut passed: Passed| {
        passed.got = got.pop_front().unwrap_or_default();
        passed
    };
    passed.into_iter().map(take).map(with_got).collect()
}

const EVENT_STREAM: (&str, &str) = ("content-type", "text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");

impl Stage<'_> {
    fn run(&mut self, acts: &[Act], transport: Transport, version: &str) {
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
                Act::Client(text) | Act::Refused(text, _) => {
                    let at = self.open(self.post(text, version, transport));
                    let asks = text.contains("\"method\"") && text.contains("\"id\"");
                    match act {
                        Act::Refused(_, status) => self.answer(at, *status, &[], "no"),
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
                    let session = text.contains("serverInfo").then_some(("mcp-session-id", "s1"));
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
                Act::Resume(text) => {
                    self.head(at_hand, Ok((200, vec![EVENT_STREAM])));
                    self.send_to(at_hand, "id: 1\nretry: 5\ndata:\n\n");
                    self.finish(at_hand);
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
        if transport != Transport::TwoEndpoints && !modern && !text.contains("initialize") {
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
