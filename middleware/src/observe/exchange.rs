//! One HTTP request and its response, observed as the bytes pass.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::{Extensions, HeaderMap};
use opentelemetry::trace::SpanContext;

use super::call::{Call, Ending};
use super::sessions::Session;
use super::tools::Input;
use super::{Observation, Observer, classify};
use crate::identity;
use crate::outcome::{Fault, Outcome};
use crate::record::{Peer, Target, User};
use crate::wire::headers::Content;
use crate::wire::{EventStream, Id, Kind, Message, Reader, Side};

/// What is kept of a request's head.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) start: Instant,
    pub(crate) start_wall: SystemTime,
    pub(crate) post: bool,
    pub(crate) delete: bool,
    /// The head alone shows that this is MCP, see [`crate::wire::headers::looks_like_mcp`].
    pub(crate) mcp: bool,
    pub(crate) http_version: Option<&'static str>,
    pub(crate) protocol_version: Option<Box<str>>,
    pub(crate) session_id: Option<Box<str>>,
    /// The mirrored method and target, for requests whose body nobody reads.
    pub(crate) method: Option<Box<str>>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) user_agent: Option<Peer>,
    pub(crate) user: Option<User>,
    pub(crate) tenant: Option<Box<str>>,
    /// The surrounding span.
    pub(crate) ambient: Option<SpanContext>,
}

/// What is kept of a response's head.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) session_id: Option<Box<str>>,
    pub(crate) content: Content,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The response body came to its end.
    Complete,
    /// The response body broke.
    BodyError,
    /// The service answered with an error instead of a response.
    ServiceError,
    /// Whoever waited for the answer is gone.
    Dropped,
}

#[derive(Debug)]
enum ResponseBody {
    Json(Reader),
    EventStream(EventStream),
    Opaque,
}

/// See the [module](self). After [`Exchange::end`] everything further is ignored.
#[derive(Debug)]
pub(crate) struct Exchange {
    observer: Arc<Observer>,
    head: RequestHead,
    /// The span prepared for the first call, see [`Call::new`].
    span: Option<SpanContext>,
    request: Reader,
    request_bytes: u64,
    /// A JSON-RPC message was in the request, be it only the client's answer to the server.
    spoke: bool,
    open: Vec<Call>,
    session: Option<Session>,
    response: Option<ResponseHead>,
    body: ResponseBody,
    response_bytes: u64,
    first_byte: Option<Duration>,
    /// Some of the response's bytes could not be looked at.
    blind: bool,
    ended: bool,
    out: Vec<Observation>,
}

impl Exchange {
    pub(crate) fn begin(observer: Arc<Observer>, head: RequestHead, span: SpanContext) -> Self {
        let session = head
            .session_id
            .as_deref()
            .and_then(|id| observer.sessions.get(id, head.start));
        Self {
            observer,
            head,
            span: Some(span),
            request: Reader::new(Side::Request),
            request_bytes: 0,
            spoke: false,
            open: Vec::new(),
            session,
            response: None,
            body: ResponseBody::Opaque,
            response_bytes: 0,
            first_byte: None,
            blind: false,
            ended: false,
            out: Vec::new(),
        }
    }

    /// What has been observed since the last time.
    pub(crate) fn take(&mut self) -> Vec<Observation> {
        std::mem::take(&mut self.out)
    }

    /// The span of the first call, once the request has told it.
    pub(crate) fn first_span(&self) -> Option<&SpanContext> {
        self.open.first().map(|call| &call.span)
    }

    pub(crate) fn request_data(&mut self, bytes: &[u8]) {
        self.request_bytes += bytes.len() as u64;
        if !self.head.post || self.ended {
            return;
        }
        self.request.push(bytes);
        for message in self.request.take() {
            self.request_message(message);
        }
    }

    fn request_message(&mut self, message: Message) {
        if !message.jsonrpc && !self.head.mcp {
            return;
        }
        match message.kind() {
            Kind::Request | Kind::Notification => {
                self.spoke = true;
                if let (Some(request), Some(session)) = (&message.params.request_id, &self.head.session_id)
                    && message.method.as_deref() == Some("notifications/cancelled")
                {
                    self.observer.cancelled.insert(session, request.clone());
                }
                // Mostly it is the only one, and calls are large.
                self.open.reserve_exact(usize::from(self.open.is_empty()));
                self.open
                    .push(Call::new(message, self.span.take(), self.head.ambient.as_ref()));
            }
            Kind::Result | Kind::Error => self.spoke = true,
            Kind::Other => {}
        }
    }

    /// A user and tenant in the response's extensions come from an authentication further in, and so count for more than
    /// what the request says.
    pub(crate) fn response_head(&mut self, head: ResponseHead, extensions: &Extensions, now: Instant) {
        let user = self.observer.users.find(&HeaderMap::new(), extensions);
        self.head.user = user.or_else(|| self.head.user.take());
        self.head.tenant = identity::tenant(extensions).or_else(|| self.head.tenant.take());
        if head.content == Content::Json {
            self.body = ResponseBody::Json(Reader::new(Side::Answer));
        } else if head.content == Content::EventStream {
            self.body = ResponseBody::EventStream(EventStream::new());
        }
        if self.head.delete && head.status < 300 {
            let end = self
                .head
                .session_id
                .as_deref()
                .and_then(|id| self.observer.sessions.end(id, now));
            self.out.extend(end.map(Observation::Session));
        }
        self.response = Some(head);
    }

    pub(crate) fn response_data(&mut self, bytes: &[u8], now: Instant) {
        if self.ended || bytes.is_empty() {
            return;
        }
        self.response_bytes += bytes.len() as u64;
        let messages = match &mut self.body {
            ResponseBody::Opaque => return,
            ResponseBody::Json(reader) => {
                reader.push(bytes);
                reader.take()
            }
            ResponseBody::EventStream(stream) => {
                self.first_byte
                    .get_or_insert_with(|| now.saturating_duration_since(self.head.start));
                stream.push(bytes)
            }
        };
        for message in messages {
            self.response_message(&message, now);
        }
    }

    /// Some bytes of the response pass that cannot be looked at; what comes behind them cannot be understood either.
    pub(crate) fn response_gap(&mut self) {
        self.blind = true;
        self.body = ResponseBody::Opaque;
    }

    /// Ends every call that is still open, and the exchange.
    pub(crate) fn end(&mut self, end: End, now: Instant) {
        if std::mem::replace(&mut self.ended, true) || !self.head.post {
            return;
        }
        if !self.spoke && self.head.mcp {
            self.open.push(self.unread_call());
        }
        if self.request.omitted() > 0 {
            self.out.push(Observation::Omitted(self.request.omitted()));
        }
        for call in std::mem::take(&mut self.open) {
            let (outcome, fault) = self.unanswered(&call, end);
            self.close(call, outcome, fault, None, now);
        }
    }

    fn unanswered(&self, call: &Call, end: End) -> (Outcome, Fault) {
        let status = self.status();
        let taken_back = |(session, id): (&str, &Id)| self.observer.cancelled.take(session, id);
        match (&call.id, status) {
            // A notification is answered by the status alone.
            (None, Some(status)) if !call.method.is_empty() => classify::by_status(status),
            (Some(_), Some(200..300)) if self.unreadable() && end == End::Complete => (Outcome::Ok, Fault::None),
            (id, _) if self.head.session_id.as_deref().zip(id.as_ref()).is_some_and(taken_back) => {
                (Outcome::Cancelled, Fault::ClientGone)
            }
            _ => {
                let modern = call.is_modern(&self.head);
                // A stream with event ids can be resumed, and was then ended by a server that answers later.
                let resumable = matches!(&self.body, ResponseBody::EventStream(stream) if stream.is_resumable());
                classify::by_end(&call.method, end, status, modern, resumable && !modern)
            }
        }
    }

    fn response_message(&mut self, answer: &Message, now: Instant) {
        match answer.kind() {
            Kind::Result | Kind::Error => {
                if let Some(call) = self.answered_by(answer) {
                    let judge = |name| self.observer.tools.judge(name, &call.arguments);
                    let input = call.tool().map_or(Input::Fine, judge);
                    let (outcome, fault) = classify::by_answer(&call.method, input, answer, self.status());
                    self.learn(&call, answer, outcome, now);
                    self.close(call, outcome, fault, Some(answer), now);
                }
            }
            // The stream that a listen request opens stays open for hours: it is timed to its acknowledgement.
            Kind::Notification if answer.method.as_deref() == Some("notifications/subscriptions/acknowledged") => {
                if let Some(at) = self
                    .open
                    .iter()
                    .position(|call| &*call.method == "subscriptions/listen")
                {
                    let call = self.open.remove(at);
                    self.close(call, Outcome::Ok, Fault::None, None, now);
                }
            }
            Kind::Request | Kind::Notification | Kind::Other => {}
        }
    }

    /// Takes the open request that `answer` answers. An error without an id answers a request that could not be read.
    fn answered_by(&mut self, answer: &Message) -> Option<Call> {
        let matches = |id: &Option<Id>| match &answer.id {
            Some(_) => *id == answer.id,
            None => answer.error.is_some(),
        };
        match self.open.iter().position(|call| matches(&call.id)) {
            Some(at) => Some(self.open.remove(at)),
            None if !self.spoke && self.head.mcp && self.head.post => {
                self.spoke = true;
                Some(self.unread_call())
            }
            None => None,
        }
    }

    /// A request of which only the head is known: its body is not JSON, or the server did not read it.
    fn unread_call(&self) -> Call {
        let mut message = Message {
            method: self.head.method.clone(),
            ..Message::default()
        };
        message.params.name = self.head.name.clone();
        let mut call = Call::new(message, self.span.clone(), self.head.ambient.as_ref());
        if call.tool().is_none() {
            call.target = Target::None;
        }
        call
    }

    fn learn(&mut self, call: &Call, answer: &Message, outcome: Outcome, now: Instant) {
        let Some(result) = answer.result.as_deref() else {
            return;
        };
        if let Some(server) = &result.server {
            self.observer.learn_server(server);
        }
        if let Some(tools) = &result.tools {
            self.observer.tools.learn_page(tools, !result.next_cursor);
        }
        match &call.target {
            Target::Tool(name) if outcome == Outcome::Ok => self.observer.tools.learn(name),
            Target::Prompt(name) if outcome == Outcome::Ok => self.observer.tools.learn_prompt(name),
            _ => {}
        }
        let session_id = self.response.as_ref().and_then(|response| response.session_id.clone());
        if let Some(session_id) = session_id.filter(|_| &*call.method == "initialize") {
            let session = Session {
                client: call.client.clone().unwrap_or_default(),
                protocol_version: result.protocol_version.clone(),
                server: result.server.clone(),
                started: now,
                last_seen: now,
            };
            let evicted = self.observer.sessions.insert(&session_id, session);
            self.out.extend(evicted.map(Observation::Session));
        }
    }

    fn close(&mut self, call: Call, outcome: Outcome, fault: Fault, answer: Option<&Message>, now: Instant) {
        let record = call.end(
            &Ending {
                outcome,
                fault,
                answer,
                request: &self.head,
                response: self.response.as_ref(),
                session: self.session.as_ref(),
                request_bytes: self.request_bytes,
                response_bytes: self.response_bytes,
                first_byte: self.first_byte,
                now,
            },
            &self.observer,
        );
        self.out.reserve_exact(usize::from(self.out.is_empty()));
        self.out.push(Observation::Call(Box::new(record)));
    }

    fn status(&self) -> Option<u16> {
        self.response.as_ref().map(|response| response.status)
    }

    /// A response body that was compressed before it got here: only its status tells how the call ended.
    fn unreadable(&self) -> bool {
        self.blind
            || self
                .response
                .as_ref()
                .is_some_and(|response| response.content == Content::Encoded)
    }
}
