//! One HTTP request and its response, observed as the bytes pass.

mod connections;

use std::sync::Arc;
use std::time::Instant;

use http::{Extensions, HeaderMap};
use opentelemetry::trace::SpanContext;

use super::call::{Call, Carrier};
use super::clock::Clock;
use super::connection::{Connection, Reach, Unanswered};
use super::dialogue::Dialogue;
use super::head::{End, RequestHead, ResponseHead};
use super::{Observation, Observations, Observer, classify};
use crate::outcome::{Fault, Outcome};
use crate::record::{Direction, Target, Text};
use crate::wire::headers::Content;
use crate::wire::{Document, EventStream, Kind, Message, Side};

#[derive(Debug)]
enum ResponseBody {
    Json(Document),
    EventStream(Box<EventStream>),
    Opaque,
}

/// Where a response that has ended can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resumed {
    /// In this process, which has seen the session begin.
    Here,
    /// In another one as well, as the session began there.
    Anywhere,
}

/// See the [module](self). After [`Exchange::end`] everything further is ignored.
#[derive(Debug)]
pub(crate) struct Exchange {
    dialogue: Dialogue,
    /// The span prepared for the first call, see [`Call::new`].
    span: Option<SpanContext>,
    /// The span that the first call has got.
    first_span: Option<SpanContext>,
    request: Document,
    request_bytes: u64,
    /// A JSON-RPC message was in the request, be it only the client's answer to the server.
    spoke: bool,
    status: Option<u16>,
    content: Option<Content>,
    carrier: Carrier,
    body: ResponseBody,
    /// The address of the event stream that the response is, in the transport of 2024-11-05.
    endpoint: Option<Text>,
    /// Some of the response's bytes could not be looked at.
    blind: bool,
    /// The response has told the user or tenant.
    identified: bool,
    ended: bool,
}

impl Exchange {
    pub(crate) fn begin(observer: Arc<Observer>, head: RequestHead, span: SpanContext) -> Self {
        let known = match (&head.session_id, &head.endpoint) {
            (Some(id), _) => observer.sessions.get(id),
            (None, Some(key)) => observer.endpoints.get(key),
            (None, None) => None,
        };
        let reach = head.session_id.as_ref().map_or(Reach::Exchange, |_| Reach::Session);
        let connection = match known {
            Some(known) => {
                known.touch(head.start);
                known.into()
            }
            None => Connection::new(reach, head.start).into(),
        };
        Self {
            dialogue: Dialogue::new(observer, connection, head),
            span: Some(span),
            first_span: None,
            request: Document::new(Side::Request),
            request_bytes: 0,
            spoke: false,
            status: None,
            content: None,
            carrier: Carrier::default(),
            body: ResponseBody::Opaque,
            endpoint: None,
            blind: false,
            identified: false,
            ended: false,
        }
    }

    /// What has been observed since the last time.
    pub(crate) fn take(&mut self) -> Observations {
        std::mem::take(&mut self.dialogue.out)
    }

    /// The span of the first call, once the request has told it.
    pub(crate) const fn first_span(&self) -> Option<&SpanContext> {
        self.first_span.as_ref()
    }

    pub(crate) fn request_data(&mut self, bytes: &[u8], clock: impl Clock) {
        self.request_bytes += bytes.len() as u64;
        if !self.dialogue.head.post || self.ended {
            return;
        }
        let telling = self.dialogue.observer.detail.telling();
        let Some(mut reader) = self.request.reader(telling) else {
            return;
        };
        let mut bytes = bytes;
        while let Some(message) = reader.read(&mut bytes) {
            self.request_message(message, clock);
        }
        self.request.give_back(reader);
    }

    fn request_message(&mut self, message: &mut Message, clock: impl Clock) {
        if !message.jsonrpc && !self.dialogue.head.mcp {
            return;
        }
        match message.kind() {
            Kind::Request | Kind::Notification => {
                self.spoke = true;
                // A call is timed from the request's head on.
                let start = self.dialogue.head.start;
                let mut call = self.dialogue.client_call(message, self.span.take(), start);
                call.record.request_bytes = self.request_bytes;
                self.first_span.get_or_insert_with(|| call.record.span.clone());
                self.dialogue.connection.open(call, self.dialogue.home);
            }
            Kind::Result | Kind::Error => {
                self.spoke = true;
                self.dialogue.client_answer(message, self.request_bytes, clock.now());
            }
            Kind::Other => {}
        }
    }

    /// A user and tenant in the response's extensions come from an authentication further in, and so count for more than
    /// what the request says.
    pub(crate) fn response_head(&mut self, head: ResponseHead, extensions: &Extensions, clock: impl Clock) {
        let (user, tenant) = self.dialogue.observer.identity.find(&HeaderMap::new(), extensions);
        if user.is_some() || tenant.is_some() {
            let known = &mut self.dialogue.head;
            self.identified = true;
            known.user = user.or_else(|| known.user.take());
            known.tenant = tenant.or_else(|| known.tenant.take());
        }
        let telling = self.dialogue.observer.detail.telling();
        let request = &self.dialogue.head;
        match head.content {
            Content::Json if request.post => {
                self.body = ResponseBody::Json(Document::new(Side::Answer));
            }
            Content::EventStream if request.post || request.session_id.is_some() => {
                self.body = ResponseBody::EventStream(EventStream::new().telling(telling).into());
            }
            Content::EventStream if !request.delete => {
                self.body = ResponseBody::EventStream(EventStream::with_endpoint().telling(telling).into());
            }
            _ => {}
        }
        self.status = Some(head.status);
        self.content = Some(head.content);
        self.carrier.status = self.status;
        match head.status {
            200..300 if request.delete => self.end_session(clock.now()),
            200..300 => self.join_session(head.session_id.as_deref()),
            // An expired session; since 2026-07-28 it is a method that does not exist.
            404 if !classify::is_modern(request.protocol_version.as_deref()) => self.end_session(clock.now()),
            _ => {}
        }
        self.carrier.session_id = head.session_id;
    }

    pub(crate) fn response_data(&mut self, bytes: &[u8], clock: impl Clock) {
        if self.ended || bytes.is_empty() {
            return;
        }
        self.carrier.bytes += bytes.len() as u64;
        match &mut self.body {
            ResponseBody::Opaque => {}
            ResponseBody::Json(document) => {
                let Some(mut reader) = document.reader(self.dialogue.observer.detail.telling()) else {
                    return;
                };
                let (mut rest, bytes) = (bytes, self.carrier.bytes);
                while let Some(message) = reader.read(&mut rest) {
                    self.response_message(message, bytes, clock.now());
                }
                // The messages have not changed what body it is.
                if let ResponseBody::Json(document) = &mut self.body {
                    document.give_back(reader);
                }
            }
            ResponseBody::EventStream(stream) => {
                let now = clock.now();
                self.carrier.first_byte.get_or_insert(now);
                let events = stream.push(bytes);
                if let Some(address) = stream.take_endpoint() {
                    self.open_endpoint(&address, now);
                }
                for event in events {
                    if !self.dialogue.is_repeated(&event) {
                        for mut message in event.messages {
                            self.response_message(&mut message, event.bytes, now);
                        }
                    }
                }
            }
        }
    }

    /// Some bytes of the response pass that cannot be looked at; what comes behind them cannot be understood either.
    pub(crate) fn response_gap(&mut self) {
        self.blind = true;
        self.body = ResponseBody::Opaque;
    }

    /// Ends every call that is still open, and the exchange.
    pub(crate) fn end(&mut self, end: End, clock: impl Clock) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if !self.spoke && self.dialogue.head.mcp && self.dialogue.head.post {
            let call = self.unread_call();
            self.dialogue.connection.open(call, self.dialogue.home);
        }
        if self.request.omitted() > 0 {
            self.dialogue.out.push(Observation::Omitted(self.request.omitted()));
        }
        let resumed = self.resumed();
        let closed = self.dialogue.connection.settle(self.dialogue.home, clock, |call| {
            self.identify(call);
            if call.record.direction == Direction::ToServer {
                call.record.request_bytes = self.request_bytes;
            }
            self.unanswered(call, end, resumed)
        });
        let mut carrier = self.carrier.clone();
        for closed in closed {
            carrier.status = self
                .status
                .filter(|_| closed.call.record.direction == Direction::ToServer);
            self.dialogue.close_one(closed, &carrier);
        }
        if self.endpoint.is_some() {
            self.close_endpoint(end, clock.now());
        }
    }

    fn unanswered(&self, call: &Call, end: End, resumed: Option<Resumed>) -> Unanswered {
        let over = |(outcome, fault)| Unanswered::Over(outcome, fault);
        if call.record.direction == Direction::ToClient {
            return Unanswered::Over(Outcome::Deferred, Fault::None);
        }
        match (call.is_request(), self.status) {
            // A notification is answered by the status alone.
            (false, Some(status)) if !call.record.method.is_empty() => over(classify::by_status(status)),
            (true, Some(200..300)) if self.unreadable() && end == End::Complete => {
                Unanswered::Over(Outcome::Ok, Fault::None)
            }
            (is_request, status) => {
                let modern = call.is_modern();
                let resumed = resumed.filter(|_| !modern);
                let probe = self.dialogue.observer.may_probe(call);
                let (outcome, fault) = match classify::by_end(probe, end, status, modern) {
                    (Outcome::Abandoned, Fault::Server) if resumed == Some(Resumed::Anywhere) => {
                        (Outcome::Deferred, Fault::None)
                    }
                    other => other,
                };
                let accepted = status.is_none_or(|status| status < 400) && end != End::ServiceError;
                let waits = match self.dialogue.connection.reach {
                    Reach::Session => resumed.is_some() || (!modern && status == Some(202)),
                    Reach::EventStream => true,
                    Reach::Exchange | Reach::Pipe => false,
                };
                if waits && accepted && is_request {
                    Unanswered::Waits(outcome, fault, self.dialogue.observer.slots.take())
                } else {
                    Unanswered::Over(outcome, fault)
                }
            }
        }
    }

    /// Where the response can go on once it has ended: an event with an id lets the client of a session ask for the rest.
    fn resumed(&self) -> Option<Resumed> {
        let connection = &self.dialogue.connection;
        match &self.body {
            ResponseBody::EventStream(stream) if stream.is_resumable() && connection.reach == Reach::Session => {
                Some(if connection.handshake().is_some() {
                    Resumed::Here
                } else {
                    Resumed::Anywhere
                })
            }
            _ => None,
        }
    }

    fn response_message(&mut self, message: &mut Message, bytes: u64, now: Instant) {
        match message.kind() {
            Kind::Result | Kind::Error => self.answer(message, bytes, now),
            Kind::Request | Kind::Notification if message.jsonrpc => {
                let parent = self.first_span.clone();
                self.dialogue.server_message(message, bytes, parent.as_ref(), now);
            }
            Kind::Request | Kind::Notification | Kind::Other => {}
        }
    }

    /// Ends the open request that `answer` answers. An error without an id answers a request that could not be read.
    fn answer(&mut self, answer: &Message, bytes: u64, now: Instant) {
        let Dialogue {
            connection, head, home, ..
        } = &self.dialogue;
        let taken = match &answer.id {
            Some(id) => connection.take(Direction::ToServer, id, *home),
            None if answer.error.is_some() && head.post => connection.take_own(*home),
            None => None,
        };
        let unread = taken.is_none() && !self.spoke && head.mcp && head.post;
        let taken = taken.or_else(|| unread.then(|| (self.unread_call(), true)));
        self.spoke |= unread;
        match taken {
            Some((mut call, true)) => {
                self.identify(&mut call);
                call.record.request_bytes = self.request_bytes;
                self.dialogue.answered(call, answer, &self.carrier, now);
            }
            Some((call, false)) => {
                let carrier = Carrier {
                    bytes,
                    ..Carrier::default()
                };
                self.dialogue.answered(call, answer, &carrier, now);
            }
            None => {}
        }
    }

    /// The response may have told user and tenant better than the request's head.
    fn identify(&self, call: &mut Call) {
        if self.identified {
            let RequestHead { user, tenant, .. } = &self.dialogue.head;
            (call.record.user, call.record.tenant) = (user.clone(), tenant.clone());
        }
    }

    /// A request of which only the head is known: its body is not JSON, or the server did not read it.
    fn unread_call(&self) -> Call {
        let head = &self.dialogue.head;
        let mut message = Message {
            method: head.method.clone(),
            ..Message::default()
        };
        message.params.name = head.name.clone();
        let origin = (head, head.start);
        let mut call = Call::new(
            &mut message,
            Direction::ToServer,
            origin,
            self.span.clone(),
            head.ambient.as_ref(),
        );
        self.dialogue
            .observer
            .detail
            .note_arguments(&mut call, &message.params, &self.dialogue.observer.tools);
        call.record.request_bytes = self.request_bytes;
        if call.tool().is_none() {
            call.record.target = Target::None;
        }
        call
    }

    /// A response body that was compressed before it got here: only its status tells how the call ended.
    fn unreadable(&self) -> bool {
        self.blind || self.content == Some(Content::Encoded)
    }
}
