//! One request or notification on its way to becoming a record.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId};

use super::connection::Connection;
use super::head::RequestHead;
use super::in_flight::Ticket;
use super::{Observer, classify, mirrors};
use crate::identity::recognise;
use crate::outcome::{Fault, Outcome};
use crate::record::{Direction, Peer, Record, Target, Text};
use crate::trace_context;
use crate::wire::{Argument, Id, Message};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Call {
    pub(super) direction: Direction,
    pub(super) method: Text,
    pub(super) id: Option<Id>,
    pub(super) target: Target,
    pub(super) arguments: Vec<Argument>,
    /// The client as this very request says, by `_meta` or by the handshake.
    pub(super) client: Option<Peer>,
    /// The version as this very request says, by `_meta` or by the handshake.
    version: Option<Text>,
    /// The task that a `tasks/*` request asks for.
    pub(super) task: Option<Text>,
    pub(super) attempt: u16,
    pub(super) waited: Duration,
    /// What progress notifications name it by, and how many have come.
    progress_token: Option<Id>,
    progress: u32,
    mismatch: Option<&'static str>,
    /// The exchange that it came with.
    pub(super) head: Arc<RequestHead>,
    pub(super) start: Instant,
    start_wall: SystemTime,
    pub(super) request_bytes: u64,
    pub(super) span: SpanContext,
    pub(super) parent: Option<SpanContext>,
    link: Option<SpanContext>,
    ticket: Option<Ticket>,
    pub(super) has_arguments: bool,
    pub(super) arguments_hash: Option<u64>,
    /// The beginning of the arguments, only where they are captured.
    pub(super) captured: Option<Box<[u8]>>,
    pub(super) request_state: Option<u64>,
}

/// What an answer came with.
#[derive(Clone, Debug, Default)]
pub(super) struct Carrier {
    pub(super) status: Option<u16>,
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
    /// A call that `message` makes at `start`. `span` is the one prepared for the first call of an exchange.
    pub(super) fn new(
        message: Message,
        direction: Direction,
        (head, start): (&Arc<RequestHead>, Instant),
        span: Option<SpanContext>,
        ambient: Option<&SpanContext>,
    ) -> Box<Self> {
        let modern = classify::is_modern(message.params.meta.protocol_version.as_deref());
        let mismatch = (modern && head.post)
            .then(|| mirrors::mismatch(&message, head))
            .flatten();
        let params = message.params;
        let method = message.method.unwrap_or_default();
        let target = match (&*method, params.name, params.uri) {
            ("tools/call", Some(name), _) => Target::Tool(name),
            ("prompts/get", Some(name), _) => Target::Prompt(name),
            (_, _, Some(uri)) if method.starts_with("resources/") => Target::Resource(scheme(&uri)),
            _ => Target::None,
        };
        let told = params.meta.traceparent.as_deref();
        let told = told.and_then(|parent| trace_context::parse(parent, params.meta.tracestate.as_deref()));
        let parent = told.as_ref().or(ambient);
        let span = match (span, &told) {
            (Some(span), Some(told)) if told.trace_id() != span.trace_id() => trace_context::child(Some(told)),
            (Some(span), _) => span,
            (None, _) => trace_context::child(parent),
        };
        Box::new(Self {
            direction,
            client: params.meta.client.or(params.client),
            version: params.meta.protocol_version.or(params.protocol_version),
            task: params.task.id.filter(|_| method.starts_with("tasks/")),
            attempt: 1 + u16::from(params.input_responses),
            waited: Duration::ZERO,
            progress_token: params.meta.progress_token,
            progress: 0,
            mismatch,
            link: told
                .as_ref()
                .and(ambient)
                .filter(|ambient| Some(*ambient) != told.as_ref())
                .cloned(),
            parent: parent.cloned(),
            id: message.id,
            arguments: params.arguments,
            has_arguments: params.has_arguments,
            arguments_hash: params.arguments_hash,
            captured: params.captured,
            request_state: params.request_state,
            start,
            start_wall: head.start_wall + start.saturating_duration_since(head.start),
            head: head.clone(),
            request_bytes: 0,
            ticket: None,
            method,
            target,
            span,
        })
    }

    pub(super) fn is_modern(&self) -> bool {
        classify::is_modern(self.version.as_deref().or(self.head.protocol_version.as_deref()))
    }

    pub(super) fn tool(&self) -> Option<&str> {
        match &self.target {
            Target::Tool(name) => Some(name),
            _ => None,
        }
    }

    /// Counts progress that the server tells under `token`, if it is this call's; tells whether it is.
    pub(super) fn count_progress(&mut self, token: &Id) -> bool {
        let is_own = self.direction == Direction::ToServer && self.progress_token.as_ref() == Some(token);
        self.progress = self.progress.saturating_add(u32::from(is_own));
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
    pub(super) const fn when_over(&self, over: (Outcome, Fault)) -> (Outcome, Fault) {
        match self.direction {
            Direction::ToServer => over,
            Direction::ToClient => (Outcome::Abandoned, Fault::ClientGone),
        }
    }

    pub(super) fn end(mut self, ending: &Ending<'_>, connection: &Connection, observer: &Observer) -> Record {
        let Ending { carrier, answer, .. } = *ending;
        let head = self.head.clone();
        let request = &*head;
        let modern = self.is_modern();
        let handshake = connection.handshake();
        let handshake = handshake.as_deref();
        let result = answer.and_then(|answer| answer.result.as_deref());
        let error = answer.and_then(|answer| answer.error.as_ref());
        // The version that the server answers with is the binding one.
        let negotiated = result.and_then(|result| result.protocol_version.clone());
        let protocol_version = negotiated
            .or_else(|| self.version.take())
            .or_else(|| request.protocol_version.clone())
            .or_else(|| handshake?.protocol_version.clone());
        let client = self
            .client
            .take()
            .or_else(|| Some(handshake?.client.clone()))
            .or_else(|| request.user_agent.clone())
            .unwrap_or_default();
        let (client, client_bridge) = recognise(client);
        let said = result.and_then(|result| result.server.as_ref());
        let said = said.or_else(|| handshake?.server.as_ref());
        let refused = ending.fault == Fault::Auth;
        let session_id = request.session_id.as_ref().or(carrier.session_id.as_ref());
        let session_id = session_id.filter(|_| !modern).cloned();
        let user = request.user.as_ref().filter(|_| !refused);
        let detail = observer
            .detail
            .of(&self, ending, session_id.is_some(), &client, user, &observer.tools);
        Record {
            direction: self.direction,
            start: self.start_wall,
            duration: ending.at.saturating_duration_since(self.start),
            first_byte: carrier
                .first_byte
                .map(|first| first.saturating_duration_since(self.start)),
            method: self.method,
            request_id: self.id.map(Id::into_text),
            target: self.target,
            outcome: ending.outcome,
            fault: ending.fault,
            code: error.and_then(|error| error.code),
            message: error
                .and_then(|error| error.message.clone())
                .filter(|_| observer.detail.messages),
            http_status: carrier.status,
            client,
            client_bridge,
            server: observer.server(said),
            protocol_version,
            transport: connection.transport(),
            http_version: request.http_version,
            // Since 2026-07-28 there are no sessions, whatever a header says.
            session_id,
            user: user.cloned(),
            tenant: request.tenant.clone().filter(|_| !refused),
            request_bytes: self.request_bytes,
            response_bytes: carrier.bytes,
            attempt: self.attempt,
            waited: self.waited,
            progress: self.progress,
            mismatch: self.mismatch,
            detail,
            span: self.span,
            parent_is_remote: self.parent.as_ref().is_some_and(SpanContext::is_remote),
            parent: self.parent.as_ref().map_or(SpanId::INVALID, SpanContext::span_id),
            link: self.link,
        }
    }
}

/// The scheme of a URI, since what follows may name a person or a file.
fn scheme(uri: &str) -> Text {
    uri.split_once(':').map_or("", |(scheme, _)| scheme).into()
}
