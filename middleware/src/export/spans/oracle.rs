//! The same by way of `SpanData`, for tests.

use std::borrow::Cow;

use opentelemetry::trace::{Link, SpanContext, SpanKind, Status, TraceFlags};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::{ErrorType, Name, network_transport};
use crate::record::{Detail, Direction, Record, Target, Transport, User};
use crate::semconv;
use crate::wire::Definition;

pub(super) fn span(record: &Record, name: Name, weight: u32, scope: &InstrumentationScope) -> SpanData {
    let mut links = SpanLinks::default();
    links
        .links
        .extend(record.link.iter().map(|link| Link::new(link.clone(), Vec::new(), 0)));
    SpanData {
        // A record is exported whatever the caller samples: that decides over traces, not over this.
        span_context: sampled(&record.span),
        parent_span_id: record.parent,
        parent_span_is_remote: record.parent_is_remote,
        span_kind: match record.direction {
            Direction::ToServer => SpanKind::Server,
            Direction::ToClient => SpanKind::Client,
        },
        name: text(record, name),
        start_time: record.start,
        end_time: record.start + record.duration,
        attributes: attributes(record, weight),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: match error_type(record) {
            Some(_) => Status::error(record.message.as_deref().unwrap_or_default().to_owned()),
            None => Status::Unset,
        },
        instrumentation_scope: scope.clone(),
    }
}

fn sampled(span: &SpanContext) -> SpanContext {
    let flags = span.trace_flags() | TraceFlags::SAMPLED;
    SpanContext::new(
        span.trace_id(),
        span.span_id(),
        flags,
        span.is_remote(),
        span.trace_state().clone(),
    )
}

/// `{method} {target}` by the convention, the method alone where the target could be anything.
fn text(record: &Record, name: Name) -> Cow<'static, str> {
    match &record.target {
        _ if record.method.is_empty() => "unreadable".into(),
        Target::Tool(target) | Target::Prompt(target) if name.target_is_known => {
            format!("{} {target}", name.method).into()
        }
        _ => name.method.into(),
    }
}

fn error_type(record: &Record) -> Option<Cow<'static, str>> {
    ErrorType::of(record).map(ErrorType::text)
}

fn attributes(record: &Record, weight: u32) -> Vec<KeyValue> {
    let mut list = Attributes(Vec::with_capacity(28));
    list.text(semconv::MCP_METHOD_NAME, &record.method);
    match &record.target {
        Target::Tool(name) => {
            list.text(semconv::GEN_AI_TOOL_NAME, name);
            list.text(semconv::GEN_AI_OPERATION_NAME, semconv::EXECUTE_TOOL);
        }
        Target::Prompt(name) => list.text(semconv::GEN_AI_PROMPT_NAME, name),
        Target::Resource(uri) => list.text(semconv::MCP_RESOURCE_URI, uri),
        Target::None => {}
    }
    list.maybe(semconv::JSONRPC_REQUEST_ID, record.request_id.as_deref());
    list.text(semconv::TOOLSIGHT_OUTCOME, record.outcome.as_str());
    list.text(semconv::TOOLSIGHT_FAULT, record.fault.as_str());
    list.maybe(semconv::ERROR_TYPE, error_type(record).as_deref());
    list.maybe(
        semconv::RPC_RESPONSE_STATUS_CODE,
        record.code.map(|code| code.to_string()).as_deref(),
    );
    if let Some(status) = record.http_status {
        list.number(semconv::HTTP_RESPONSE_STATUS_CODE, i64::from(status));
    }
    if error_type(record).is_none() {
        // The message of a failure stands in the span's status, which only a failure has.
        list.maybe(semconv::TOOLSIGHT_MESSAGE, record.message.as_deref());
    }
    list.maybe(semconv::MCP_PROTOCOL_VERSION, record.protocol_version.as_deref());
    list.maybe(semconv::MCP_SESSION_ID, record.session_id.as_deref());
    list.text(semconv::MCP_CLIENT_NAME, &record.client.name);
    list.text(semconv::MCP_CLIENT_VERSION, &record.client.version);
    list.maybe(semconv::TOOLSIGHT_CLIENT_BRIDGE, record.client_bridge.as_deref());
    list.text(semconv::MCP_SERVER_NAME, &record.server.name);
    list.text(semconv::MCP_SERVER_VERSION, &record.server.version);
    match &record.user {
        Some(User::Plain(user)) => list.text(semconv::USER_ID, user),
        Some(User::Hashed(hash)) => list.text(semconv::USER_HASH, hash),
        None => {}
    }
    list.maybe(semconv::TOOLSIGHT_TENANT, record.tenant.as_deref());
    list.text(semconv::TOOLSIGHT_TRANSPORT, record.transport.as_str());
    list.text(semconv::NETWORK_TRANSPORT, network_transport(record));
    if record.transport != Transport::Stdio {
        list.text(semconv::NETWORK_PROTOCOL_NAME, "http");
        list.maybe(semconv::NETWORK_PROTOCOL_VERSION, record.http_version);
    }
    if let Some(client) = &record.client_address
        && record.direction == Direction::ToServer
    {
        list.text(semconv::CLIENT_ADDRESS, &client.address.to_string());
        if let Some(port) = client.port {
            list.number(semconv::CLIENT_PORT, i64::from(port));
        }
    }
    list.number(
        semconv::TOOLSIGHT_REQUEST_BYTES,
        i64::try_from(record.request_bytes).unwrap_or(i64::MAX),
    );
    list.number(
        semconv::TOOLSIGHT_RESPONSE_BYTES,
        i64::try_from(record.response_bytes).unwrap_or(i64::MAX),
    );
    if record.direction == Direction::ToClient {
        list.text(semconv::TOOLSIGHT_DIRECTION, record.direction.as_str());
    }
    if record.attempt > 1 {
        list.number(semconv::TOOLSIGHT_ATTEMPT, i64::from(record.attempt));
    }
    if !record.waited.is_zero() {
        list.0.push(KeyValue::new(
            semconv::TOOLSIGHT_WAITED_MS,
            record.waited.as_secs_f64() * 1e3,
        ));
    }
    if record.progress > 0 {
        list.number(semconv::TOOLSIGHT_PROGRESS_COUNT, i64::from(record.progress));
    }
    list.maybe(semconv::TOOLSIGHT_HEADER_MISMATCH, record.mismatch.names());
    if let Some(first_byte) = record.first_byte {
        list.0.push(KeyValue::new(
            semconv::TOOLSIGHT_FIRST_BYTE_MS,
            first_byte.as_secs_f64() * 1e3,
        ));
    }
    detail(&record.detail, &mut list);
    if weight > 1 {
        list.number(semconv::TOOLSIGHT_WEIGHT, i64::from(weight));
    }
    list.0
}

fn detail(detail: &Detail, list: &mut Attributes) {
    let hash = |hash: u64| format!("{hash:016x}");
    let chain = detail.chain.map(|chain| chain.to_string());
    list.maybe(semconv::TOOLSIGHT_CHAIN_ID, chain.as_deref());
    list.maybe(semconv::TOOLSIGHT_ARGS_HASH, detail.arguments_hash.map(hash).as_deref());
    list.text(semconv::TOOLSIGHT_INVALID_ARGUMENTS, &detail.invalid_arguments);
    list.text(semconv::TOOLSIGHT_RESULT_FLAGS, &detail.flags.names());
    list.text(semconv::TOOLSIGHT_CONTENT_TYPES, &detail.content_types.names());
    if let Some(Definition {
        hash: definition,
        bytes,
    }) = detail.definition
    {
        list.text(semconv::TOOLSIGHT_DEFINITION_HASH, &hash(definition));
        list.number(
            semconv::TOOLSIGHT_DEFINITION_BYTES,
            i64::try_from(bytes).unwrap_or(i64::MAX),
        );
    }
    if let Some(captured) = &detail.captured {
        list.maybe(semconv::GEN_AI_TOOL_CALL_ARGUMENTS, captured.arguments.as_deref());
        list.maybe(semconv::GEN_AI_TOOL_CALL_RESULT, captured.result.as_deref());
    }
}

/// Attributes that leave out what is not known.
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn text(&mut self, key: &'static str, value: &str) {
        if !value.is_empty() {
            self.0.push(KeyValue::new(key, value.to_owned()));
        }
    }

    fn maybe(&mut self, key: &'static str, value: Option<&str>) {
        self.text(key, value.unwrap_or_default());
    }

    fn number(&mut self, key: &'static str, value: i64) {
        self.0.push(KeyValue::new(key, value));
    }
}
