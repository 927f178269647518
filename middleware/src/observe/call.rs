//! One request or notification on its way to becoming a record.

use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanContext, SpanId};

use super::exchange::{RequestHead, ResponseHead};
use super::sessions::Session;
use super::{Observer, classify};
use crate::identity::split_bridge;
use crate::outcome::{Fault, Outcome};
use crate::record::{Peer, Record, Target, Transport};
use crate::trace_context;
use crate::wire::{Argument, Id, Message};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: Box<str>,
    pub(super) id: Option<Id>,
    pub(super) target: Target,
    pub(super) arguments: Vec<Argument>,
    /// The client as this very request says, by `_meta` or by the handshake.
    pub(super) client: Option<Peer>,
    /// The version as this very request says, by `_meta` or by the handshake.
    version: Option<Box<str>>,
    pub(super) span: SpanContext,
    parent: Option<SpanContext>,
    link: Option<SpanContext>,
}

/// What the exchange knows when a call ends.
pub(super) struct Ending<'a> {
    pub(super) outcome: Outcome,
    pub(super) fault: Fault,
    pub(super) answer: Option<&'a Message>,
    pub(super) request: &'a RequestHead,
    pub(super) response: Option<&'a ResponseHead>,
    pub(super) session: Option<&'a Session>,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
    pub(super) first_byte: Option<Duration>,
    pub(super) now: Instant,
}

impl Call {
    /// A call that `message` makes. `span` is the one prepared for the first call of the exchange.
    pub(super) fn new(message: Message, span: Option<SpanContext>, ambient: Option<&SpanContext>) -> Self {
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
        Self {
            client: params.meta.client.or(params.client),
            version: params.meta.protocol_version.or(params.protocol_version),
            link: told
                .as_ref()
                .and(ambient)
                .filter(|ambient| Some(*ambient) != told.as_ref())
                .cloned(),
            parent: parent.cloned(),
            id: message.id,
            arguments: params.arguments,
            method,
            target,
            span,
        }
    }

    pub(super) fn is_modern(&self, request: &RequestHead) -> bool {
        classify::is_modern(self.version.as_deref().or(request.protocol_version.as_deref()))
    }

    pub(super) fn tool(&self) -> Option<&str> {
        match &self.target {
            Target::Tool(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn end(self, ending: &Ending<'_>, observer: &Observer) -> Record {
        let Ending {
            request,
            response,
            session,
            answer,
            ..
        } = *ending;
        let result = answer.and_then(|answer| answer.result.as_deref());
        let error = answer.and_then(|answer| answer.error.as_ref());
        // The version that the server answers with is the binding one.
        let negotiated = result.and_then(|result| result.protocol_version.clone());
        let from_session = || session.and_then(|session| session.protocol_version.clone());
        let protocol_version = negotiated
            .or(self.version)
            .or_else(|| request.protocol_version.clone())
            .or_else(from_session);
        let from_session = || session.map(|session| session.client.clone());
        let client = self
            .client
            .or_else(from_session)
            .or_else(|| request.user_agent.clone())
            .unwrap_or_default();
        let (client, client_bridge) = split_bridge(client);
        let said = result.and_then(|result| result.server.as_ref());
        let said = said.or_else(|| session.and_then(|session| session.server.as_ref()));
        let refused = ending.fault == Fault::Auth;
        Record {
            start: request.start_wall,
            duration: ending.now.saturating_duration_since(request.start),
            first_byte: ending.first_byte,
            method: self.method,
            request_id: self.id.map(Id::into_text),
            target: self.target,
            outcome: ending.outcome,
            fault: ending.fault,
            code: error.and_then(|error| error.code),
            message: error.and_then(|error| error.message.clone()),
            http_status: response.map(|response| response.status),
            client,
            client_bridge,
            server: observer.server(said),
            protocol_version,
            transport: Transport::StreamableHttp,
            http_version: request.http_version,
            session_id: request
                .session_id
                .clone()
                .or_else(|| response.and_then(|response| response.session_id.clone())),
            user: request.user.clone().filter(|_| !refused),
            tenant: request.tenant.clone().filter(|_| !refused),
            request_bytes: ending.request_bytes,
            response_bytes: ending.response_bytes,
            span: self.span,
            parent_is_remote: self.parent.as_ref().is_some_and(SpanContext::is_remote),
            parent: self.parent.as_ref().map_or(SpanId::INVALID, SpanContext::span_id),
            link: self.link,
        }
    }
}

/// The scheme of a URI, since what follows may name a person or a file.
fn scheme(uri: &str) -> Box<str> {
    uri.split_once(':').map_or("", |(scheme, _)| scheme).into()
}
