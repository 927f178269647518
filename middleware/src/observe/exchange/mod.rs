//! One HTTP request and its response, observed as the bytes pass.

mod connections;
mod unanswered;

use std::sync::Arc;
use std::time::Instant;

use opentelemetry::trace::SpanContext;

use super::call::{Call, Carrier};
use super::connection::{Connection, Reach};
use super::dialogue::Dialogue;
use super::head::{End, RequestHead, ResponseHead};
use super::open_calls::{Closed, Unanswered};
use super::{Gap, Observation, Observations, Observer, classify};
use crate::outcome::Fault;
use crate::record::{Direction, Text};
use crate::wire::headers::Content;
use crate::wire::{Document, EventStream, Kind, Message, Side};

#[derive(Debug)]
enum ResponseBody {
    Json(Document),
    EventStream(Box<EventStream>),
    Opaque,
}

/// See the [module](self). After [`Exchange::end`] everything further is ignored.
#[derive(Debug)]
pub(crate) struct Exchange {
    dialogue: Dialogue,
    /// The span prepared for the first call, see [`Call::new`], and once there is one, its own.
    span: SpanContext,
    has_call: bool,
    request: Document,
    request_bytes: u64,
    /// Bytes of the request up to the end of the last message.
    asked: u64,
    /// A JSON-RPC message was in the request, be it only the client's answer to the server.
    spoke: bool,
    /// The request is of the era without sessions.
    is_modern: bool,
    content: Option<Content>,
    /// What the next answer comes with.
    carrier: Carrier,
    response_bytes: u64,
    /// Bytes of the response up to the end of the last answer.
    answered: u64,
    body: ResponseBody,
    /// The address of the event stream that the response is, in the transport of 2024-11-05.
    endpoint: Option<Text>,
    /// Some bytes of the request's or the response's body could not be looked at.
    unread_request: bool,
    unread_answer: bool,
    /// The response has told the user or tenant.
    identified: bool,
    ended: bool,
}

impl Exchange {
    #[inline(always)]
    pub(crate) fn begin(observer: Arc<Observer>, mut head: RequestHead, span: SpanContext) -> Self {
        let is_modern = classify::is_modern(head.protocol_version.as_deref());
        let known = match (&head.session_id, &head.endpoint) {
            (Some(id), _) => observer.sessions.get(id),
            (None, Some(key)) => observer.endpoints.get(key),
            (None, None) => None,
        };
        if is_modern && known.is_none() {
            // There are no sessions any more, and whoever takes any id for one would fill the table of those that are.
            head.session_id = None;
        }
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
            span,
            has_call: false,
            request: Document::new(Side::Request),
            request_bytes: 0,
            asked: 0,
            spoke: false,
            is_modern,
            content: None,
            carrier: Carrier::default(),
            response_bytes: 0,
            answered: 0,
            body: ResponseBody::Opaque,
            endpoint: None,
            unread_request: false,
            unread_answer: false,
            identified: false,
            ended: false,
        }
    }

    /// What has been observed since the last time.
    pub(crate) fn take(&mut self) -> Observations {
        std::mem::take(&mut self.dialogue.out)
    }

    /// The span of the first call, once the request has told it.
    pub(crate) fn first_span(&self) -> Option<&SpanContext> {
        self.has_call.then_some(&self.span)
    }

    /// The span prepared for the first call, until there is one.
    fn prepared_span(&self) -> Option<SpanContext> {
        (!self.has_call).then(|| self.span.clone())
    }

    pub(crate) fn request_data(&mut self, bytes: &[u8], now: Instant) {
        if self.dialogue.head.is_encoded {
            return self.request_gap(bytes.len(), Gap::Opaque);
        }
        self.request_bytes += bytes.len() as u64;
        if !self.dialogue.head.post || self.unread_request || self.ended {
            return;
        }
        let Some(mut reader) = self.request.reader(self.dialogue.telling()) else {
            return;
        };
        let mut bytes = bytes;
        while let Some(message) = reader.read(&mut bytes) {
            self.request_message(message, self.request_bytes - bytes.len() as u64, now);
        }
        self.request.give_back(reader);
    }

    /// A message with which the request has come to its byte `end`.
    fn request_message(&mut self, message: &mut Message, end: u64, now: Instant) {
        if !message.jsonrpc && !self.dialogue.head.mcp {
            return;
        }
        match message.kind() {
            Kind::Request | Kind::Notification => {
                self.spoke = true;
                // A call is timed from the request's head on.
                let start = self.dialogue.head.start;
                let mut call = self.dialogue.client_call(message, self.prepared_span(), start);
                call.record.request_bytes = end - std::mem::replace(&mut self.asked, end);
                self.is_modern = call.is_modern();
                if !std::mem::replace(&mut self.has_call, true) {
                    self.span = call.record.span.clone();
                }
                self.dialogue.connection.open(call, self.dialogue.home);
            }
            Kind::Result | Kind::Error => {
                self.spoke = true;
                let bytes = end - std::mem::replace(&mut self.asked, end);
                self.dialogue.client_answer(message, bytes, now);
            }
            Kind::Other => {}
        }
    }

    pub(crate) fn response_head(&mut self, head: ResponseHead, now: Instant) {
        if head.user.is_some() || head.tenant.is_some() {
            let known = &mut self.dialogue.head;
            self.identified = true;
            known.user = head.user.or_else(|| known.user.take());
            known.tenant = head.tenant.or_else(|| known.tenant.take());
        }
        // Compared with the request, which is read by now, and perhaps private.
        self.dialogue.head.parameters = None;
        let telling = self.dialogue.observer.detail.telling();
        let request = &self.dialogue.head;
        match head.content {
            Content::Json if request.post => {
                self.body = ResponseBody::Json(Document::new(Side::Answer));
            }
            Content::EventStream if request.post || request.session_id.is_some() => {
                self.body = ResponseBody::EventStream(EventStream::begin(telling, false));
            }
            Content::EventStream if !request.delete => {
                self.body = ResponseBody::EventStream(EventStream::begin(telling, true));
            }
            _ => {}
        }
        self.dialogue.status = Some(head.status);
        self.content = Some(head.content);
        self.carrier.status = self.dialogue.status;
        match head.status.code {
            200..300 if request.delete => self.end_session(Fault::ClientGone, now),
            200..300 => self.join_session(head.session_id.as_deref()),
            // An expired session; since 2026-07-28 it is a method that does not exist.
            404 if !self.is_modern => {
                self.end_session(Fault::Server, now);
            }
            _ => {}
        }
        self.carrier.session_id = head.session_id;
    }

    pub(crate) fn response_data(&mut self, bytes: &[u8], now: Instant) {
        if self.ended || bytes.is_empty() {
            return;
        }
        self.response_bytes += bytes.len() as u64;
        match &mut self.body {
            ResponseBody::Opaque if self.content == Some(Content::Encoded) => self.response_gap(0, Gap::Opaque),
            ResponseBody::Opaque => {}
            ResponseBody::Json(document) => {
                let Some(mut reader) = document.reader(self.dialogue.observer.detail.telling()) else {
                    return;
                };
                let mut rest = bytes;
                while let Some(message) = reader.read(&mut rest) {
                    let end = self.response_bytes - rest.len() as u64;
                    self.response_message(message, end - self.answered, end, now);
                }
                // The messages have not changed what body it is.
                if let ResponseBody::Json(document) = &mut self.body {
                    document.give_back(reader);
                }
            }
            ResponseBody::EventStream(_) => self.stream_data(bytes, now),
        }
    }

    fn stream_data(&mut self, mut bytes: &[u8], now: Instant) {
        let ResponseBody::EventStream(mut stream) = std::mem::replace(&mut self.body, ResponseBody::Opaque) else {
            return;
        };
        if stream.is_torn() && !self.dialogue.head.post {
            // It is not read up to the next event, whatever it answers.
            self.dialogue.connection.answer_may_have_passed();
        }
        while let Some(mut event) = stream.read(&mut bytes) {
            // It has told something.
            self.carrier.first_byte.get_or_insert(now);
            if let Some(address) = event.endpoint.take() {
                self.open_endpoint(&address, now);
            }
            if !self.dialogue.is_repeated(&mut event) {
                let (bytes, end) = (event.bytes, event.end);
                for message in event.messages() {
                    self.response_message(message, bytes, end, now);
                }
            }
        }
        if stream.has_told() {
            self.carrier.first_byte.get_or_insert(now);
        }
        self.body = ResponseBody::EventStream(stream);
    }

    /// So many bytes of the request pass that are not read; what comes behind them cannot be understood either.
    pub(crate) fn request_gap(&mut self, bytes: usize, why: Gap) {
        self.request_bytes += bytes as u64;
        if self.dialogue.head.post && !self.ended && !std::mem::replace(&mut self.unread_request, true) {
            self.miss(Side::Request, why);
        }
    }

    /// The same of the response; in an event stream it can be understood from the next event on.
    pub(crate) fn response_gap(&mut self, bytes: usize, why: Gap) {
        self.response_bytes += bytes as u64;
        if self.ended {
            return;
        }
        if let ResponseBody::EventStream(stream) = &mut self.body {
            stream.skip(bytes);
            if !self.dialogue.head.post {
                self.dialogue.connection.answer_may_have_passed();
            }
        } else {
            self.body = ResponseBody::Opaque;
        }
        if !std::mem::replace(&mut self.unread_answer, true) {
            self.miss(Side::Answer, why);
        }
    }

    fn miss(&mut self, body: Side, why: Gap) {
        let sent_to_stream = self.dialogue.connection.reach == Reach::EventStream;
        if self.spoke || self.dialogue.head.mcp || sent_to_stream {
            self.dialogue.out.push(Observation::Unread(body, why));
        }
    }

    /// Ends every call that is still open, and the exchange.
    pub(crate) fn end(&mut self, end: End, now: Instant) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if !self.spoke && self.dialogue.head.mcp && self.dialogue.head.post {
            let call = self.unread_call();
            self.dialogue.connection.open(call, self.dialogue.home);
        }
        let omitted = match &self.body {
            ResponseBody::EventStream(stream) => self.request.omitted() + stream.omitted(),
            ResponseBody::Json(_) | ResponseBody::Opaque => self.request.omitted(),
        };
        if omitted > 0 {
            self.dialogue.out.push(Observation::Omitted(omitted));
        }
        self.dialogue.make_room(now);
        let resumed = self.resumed();
        let closed = self.dialogue.connection.settle(self.dialogue.home, now, |call| {
            self.identify(call);
            let unanswered = self.unanswered(call, end, resumed);
            if call.record.direction == Direction::ToServer {
                call.record.http_status = self.dialogue.status.map(|status| status.code);
                let is_unread = self.unread_answer && call.is_request();
                match unanswered {
                    Unanswered::Over(..) => call.record.detail.flags.unread = is_unread,
                    Unanswered::Waits(..) => call.may_be_answered |= is_unread,
                }
            }
            unanswered
        });
        if !closed.is_empty() {
            self.close_unanswered(closed);
        }
        if self.endpoint.is_some() {
            self.close_endpoint(end, now);
        }
        if let ResponseBody::EventStream(stream) = std::mem::replace(&mut self.body, ResponseBody::Opaque) {
            stream.give_back();
        }
    }

    #[cold]
    fn close_unanswered(&mut self, closed: Vec<Closed>) {
        let mut carrier = self.carrier.clone();
        carrier.bytes = self.response_bytes - self.answered;
        for closed in closed {
            carrier.status = self
                .dialogue
                .status
                .filter(|_| closed.call.record.direction == Direction::ToServer);
            self.dialogue.close_one(closed, &carrier);
        }
    }

    /// A message of so many `bytes`, with which the response has come to its byte `end`.
    fn response_message(&mut self, message: &mut Message, bytes: u64, end: u64, now: Instant) {
        match message.kind() {
            Kind::Result | Kind::Error => self.answer(message, bytes, end, now),
            Kind::Request | Kind::Notification if message.jsonrpc => {
                let parent = self.first_span().cloned();
                self.dialogue.server_message(message, bytes, parent.as_ref(), now);
            }
            Kind::Request | Kind::Notification | Kind::Other => {}
        }
    }

    /// Ends the open request that `answer` answers. An error without an id answers a request that could not be read.
    fn answer(&mut self, answer: &Message, bytes: u64, end: u64, now: Instant) {
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
                // Each answer to a batch has its own part of the response.
                self.carrier.bytes = end - std::mem::replace(&mut self.answered, end);
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
}
