//! One request or notification on its way to becoming a record.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanContext, SpanId};

use super::connection::Connection;
use super::head::{RequestHead, Status};
use super::in_flight::Ticket;
use super::resources::scheme;
use super::rounds::Round;
use super::tools::Input;
use super::{Observer, classify, mirrors};
use crate::capture::Kept;
use crate::outcome::{Fault, Outcome};
use crate::record::{Detail, Direction, Mismatch, Peer, Record, Target, Text, Transport};
use crate::trace_context;
use crate::wire::{Id, Message};

/// See the [module](self). It has a place of its own from its beginning to the queue, so that it is not copied on its way.
#[derive(Debug)]
pub(crate) struct Call {
    /// As far as the request tells it.
    pub(super) record: Record,
    pub(super) start: Instant,
    /// The id is a number.
    is_numbered: bool,
    /// The request itself names the client, by `_meta` or by the handshake; else the record has its `User-Agent`.
    names_client: bool,
    /// What the definitions seen say of the arguments.
    pub(super) input: Input,
    /// The task that a `tasks/*` request asks for.
    pub(super) task: Option<Text>,
    /// What progress notifications name it by.
    progress_token: Option<Id>,
    ticket: Option<Ticket>,
    /// Its answer may have passed in bytes that were not read.
    pub(super) may_be_answered: bool,
    /// The beginning of the arguments, only where they are captured.
    pub(super) captured: Option<Kept>,
    /// By what it goes on with an earlier round.
    pub(super) round: Option<Round>,
    /// What a further page of a list is asked for by.
    pub(super) cursor: Option<u64>,
}

/// Whom the server tells what was subscribed to.
#[derive(Debug)]
pub(super) struct Listener {
    client: Option<Peer>,
    protocol_version: Option<Text>,
}

/// What an answer came with.
#[derive(Clone, Debug, Default)]
pub(super) struct Carrier {
    pub(super) status: Option<Status>,
    /// Session that the response names.
    pub(super) session_id: Option<Text>,
    pub(super) bytes: u64,
    /// When the first byte of a streamed response came.
    pub(super) first_byte: Option<Instant>,
}

/// How a call ended.
pub(super) struct Ending<'a> {
    pub(super) outcome: Outcome,
    pub(super) fault: Fault,
    pub(super) answer: Option<&'a Message>,
    pub(super) carrier: &'a Carrier,
    pub(super) at: Instant,
}

impl Call {
    /// A call that `message` makes at `start`, of which it takes what it needs. `span` is the one prepared for the first
    /// call of an exchange.
    pub(super) fn new(
        message: &mut Message,
        direction: Direction,
        (head, start): (&RequestHead, Instant),
        span: Option<SpanContext>,
        ambient: Option<&SpanContext>,
    ) -> Box<Self> {
        let mismatch = match direction {
            Direction::ToServer => mirrors::mismatch(message, head),
            Direction::ToClient => Mismatch::default(),
        };
        let params = &mut message.params;
        let method = message.method.take().unwrap_or_default();
        let target = match (&*method, params.name.take(), params.uri.as_deref()) {
            ("tools/call", Some(name), _) => Target::Tool(name),
            ("prompts/get", Some(name), _) => Target::Prompt(name),
            (_, _, Some(uri)) if method.starts_with("resources/") => Target::Resource(scheme(uri)),
            _ => Target::None,
        };
        let told = params.meta.traceparent;
        let told = told.map(|parent| parent.context(params.meta.tracestate.as_deref()));
        let parent = told.as_ref().or(ambient);
        let span = match (span, &told) {
            (Some(span), Some(told)) if told.trace_id() != span.trace_id() => trace_context::child(Some(told)),
            (Some(span), _) => span,
            (None, _) => trace_context::child(parent),
        };
        let version = params.meta.protocol_version.take();
        let version = version.or_else(|| params.protocol_version.take());
        let client = params.meta.client.take().or_else(|| params.client.take());
        let (request_id, is_numbered) = match message.id.take() {
            Some(Id::Number(id)) => (Some(id), true),
            Some(Id::Text(id)) => (Some(id), false),
            None => (None, false),
        };
        Box::new(Self {
            start,
            is_numbered,
            names_client: client.is_some(),
            input: Input::Fine,
            task: params.task.id.take().filter(|_| classify::is_of_task(&method)),
            progress_token: params.meta.progress_token.take(),
            ticket: None,
            may_be_answered: false,
            captured: None,
            round: Round::of(&method, params.request_state, params.input_responses),
            cursor: params.cursor,
            record: Record {
                direction,
                start: head.start_wall + start.saturating_duration_since(head.start),
                duration: Duration::ZERO,
                first_byte: None,
                method,
                request_id,
                target,
                outcome: Outcome::Abandoned,
                fault: Fault::None,
                code: None,
                message: None,
                http_status: None,
                client: client.or_else(|| head.user_agent.clone()).unwrap_or_default(),
                client_bridge: None,
                server: Peer::default(),
                protocol_version: version.or_else(|| head.protocol_version.clone()),
                transport: Transport::StreamableHttp,
                http_version: head.http_version,
                session_id: head.session_id.clone(),
                user: head.user.clone(),
                tenant: head.tenant.clone(),
                client_address: head.client_address.clone(),
                request_bytes: 0,
                response_bytes: 0,
                attempt: 1 + u16::from(params.input_responses.is_some()),
                waited: Duration::ZERO,
                progress: 0,
                mismatch,
                detail: Detail::default(),
                parent: parent.map_or(SpanId::INVALID, SpanContext::span_id),
                parent_is_remote: parent.is_some_and(SpanContext::is_remote),
                link: told
                    .as_ref()
                    .and(ambient)
                    .filter(|ambient| Some(*ambient) != told.as_ref())
                    .cloned(),
                span,
            },
        })
    }

    /// Whether it is a request with this id, which `direction` sent.
    pub(super) fn is(&self, direction: Direction, id: &Id) -> bool {
        let (text, is_number) = match id {
            Id::Number(text) => (text, true),
            Id::Text(text) => (text, false),
        };
        self.record.direction == direction
            && self.is_numbered == is_number
            && self.record.request_id.as_ref() == Some(text)
    }

    /// Whether it is one that is answered.
    pub(super) fn is_request(&self) -> bool {
        self.record.request_id.is_some()
    }

    /// Whether it is of the era without a handshake; one that asks for a version of it is of the other nevertheless.
    pub(super) fn is_modern(&self) -> bool {
        classify::is_modern(self.record.protocol_version.as_deref()) && &*self.record.method != "initialize"
    }

    pub(super) fn tool(&self) -> Option<&str> {
        match &self.record.target {
            Target::Tool(name) => Some(name),
            _ => None,
        }
    }

    /// The client as this very request says.
    pub(super) fn named_client(&self) -> Option<&Peer> {
        self.names_client.then_some(&self.record.client)
    }

    /// Who has made this call, to listen.
    pub(super) fn listener(&self) -> Box<Listener> {
        Box::new(Listener {
            client: self.named_client().cloned(),
            protocol_version: self.record.protocol_version.clone(),
        })
    }

    /// The server makes this call to `listener`, and says itself neither to whom nor in which version.
    pub(super) fn listened_to_by(&mut self, listener: &Listener) {
        let Listener {
            client,
            protocol_version,
        } = listener;
        if let Some(client) = client {
            self.names_client = true;
            self.record.client = client.clone();
        }
        if self.record.protocol_version.is_none() {
            self.record.protocol_version = protocol_version.clone();
        }
    }

    /// Counts progress that the server tells under `token`, if it is this call's; tells whether it is.
    pub(super) fn count_progress(&mut self, token: &Id) -> bool {
        let is_own = self.record.direction == Direction::ToServer && self.progress_token.as_ref() == Some(token);
        self.record.progress = self.record.progress.saturating_add(u32::from(is_own));
        is_own
    }

    /// Counts it as running from now on.
    pub(super) fn enter_flight(&mut self, observer: &Observer) {
        self.ticket = observer.in_flight.enter(self.start);
    }

    /// Nobody waits for its end any more.
    pub(super) fn leave_flight(&mut self) {
        self.ticket = None;
    }

    /// How it ends when its connection does and the client's calls end like `over`.
    pub(super) fn when_over(&self, over: (Outcome, Fault)) -> (Outcome, Fault) {
        match self.record.direction {
            Direction::ToServer => over,
            Direction::ToClient => (Outcome::Abandoned, Fault::ClientGone),
        }
    }

    /// The whole record.
    pub(super) fn end(mut self: Box<Self>, ending: &Ending<'_>, connection: &Connection, observer: &Observer) -> Ended {
        let Ending { carrier, answer, .. } = *ending;
        let modern = self.is_modern();
        let handshake = connection.handshake();
        let handshake = handshake.as_deref();
        let result = answer.and_then(|answer| answer.result.as_ref());
        let error = answer.and_then(|answer| answer.error.as_ref());
        let said = result.and_then(|result| result.server.as_ref());
        let said = said.or_else(|| handshake?.server.as_ref());
        let record = &mut self.record;
        record.duration = ending.at.saturating_duration_since(self.start);
        record.first_byte = carrier
            .first_byte
            .map(|first| first.saturating_duration_since(self.start));
        (record.outcome, record.fault) = (ending.outcome, ending.fault);
        record.code = error.and_then(|error| error.code);
        record.message = error
            .and_then(|error| error.message.clone())
            .filter(|_| observer.detail.messages);
        // An answer that came elsewhere has none of its own.
        record.http_status = carrier.status.map(|status| status.code).or(record.http_status);
        // The version that the server answers with is the binding one.
        if let Some(negotiated) = result.and_then(|result| result.protocol_version.clone()) {
            record.protocol_version = Some(negotiated);
        } else if record.protocol_version.is_none() {
            let negotiated = handshake.and_then(|handshake| handshake.protocol_version.clone());
            let assumed = || match connection.transport() {
                Transport::StreamableHttp => Some(Text::new_static(classify::ASSUMED)),
                Transport::Stdio | Transport::Sse => None,
            };
            record.protocol_version = negotiated.or_else(assumed);
        }
        if let Some(handshake) = handshake
            && !self.names_client
        {
            record.client = handshake.client.clone();
        }
        record.client_bridge = observer.identity.clients.recognise(&mut record.client);
        record.server = observer.server(said);
        record.transport = connection.transport();
        if modern {
            // Since 2026-07-28 there are no sessions, whatever a header says.
            record.session_id = None;
        } else if record.session_id.is_none() {
            record.session_id = carrier.session_id.clone();
        }
        if ending.fault == Fault::Auth {
            (record.user, record.tenant) = (None, None);
        }
        record.response_bytes = carrier.bytes;
        let lasting = connection.chain();
        // All threads would contend for the counter.
        if observer.rounds.note(&mut self, ending, lasting.as_ref()) {
            observer.counters.rounds.fetch_add(1, Relaxed);
        }
        observer.detail.tell(&mut self, ending, lasting, &observer.tools);
        self.leave_flight();
        Ended(self)
    }
}

/// A call that is over, with its whole record.
#[derive(Debug)]
pub(crate) struct Ended(Box<Call>);

impl Ended {
    pub(crate) fn into_record(self) -> Record {
        self.0.record
    }
}

impl Deref for Ended {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.0.record
    }
}

impl DerefMut for Ended {
    fn deref_mut(&mut self) -> &mut Record {
        &mut self.0.record
    }
}

#[cfg(test)]
impl From<Record> for Ended {
    fn from(record: Record) -> Self {
        let head = RequestHead::of_pipe(Instant::now(), record.start, None);
        let origin = (&head, head.start);
        let mut call = Call::new(&mut Message::default(), record.direction, origin, None, None);
        call.record = record;
        Self(call)
    }
}
