//! A record as a span of OTLP, written straight as protobuf: what `opentelemetry-proto` and `prost` make of a
//! `SpanData`, at a tenth of their price, since there is nothing to allocate for an attribute.

mod attributes;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod oracle_tests;
mod protobuf;
mod requests;

pub(super) use requests::{Request, Requests};

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};
use opentelemetry_proto::tonic::trace::v1::SpanFlags;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use attributes::{Attributes, key};
use protobuf::{Field, bytes, fixed32, fixed64, head, number};

use super::error_type::ErrorType;
use crate::record::{Chain, Detail, Direction, Record, Target, Transport, User};
use crate::semconv;
use crate::wire::Definition;

/// Fields of `Span`.
mod field {
    use super::Field;

    pub(super) const TRACE_ID: Field = 1;
    pub(super) const SPAN_ID: Field = 2;
    pub(super) const TRACE_STATE: Field = 3;
    pub(super) const PARENT_SPAN_ID: Field = 4;
    pub(super) const NAME: Field = 5;
    pub(super) const KIND: Field = 6;
    pub(super) const START_TIME: Field = 7;
    pub(super) const END_TIME: Field = 8;
    pub(super) const LINKS: Field = 13;
    pub(super) const STATUS: Field = 15;
    pub(super) const FLAGS: Field = 16;
}

/// Fields of `Link`.
mod link {
    use super::Field;

    pub(super) const TRACE_ID: Field = 1;
    pub(super) const SPAN_ID: Field = 2;
    pub(super) const TRACE_STATE: Field = 3;
    pub(super) const FLAGS: Field = 6;
}

/// Fields of `Status`.
mod status {
    use super::Field;

    pub(super) const MESSAGE: Field = 2;
    pub(super) const CODE: Field = 3;
}

/// What a span goes by: of a closed set, as the name of a span has to be and the names of methods and tools, which anybody may
/// make up, are not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    /// `_OTHER` where it is none of MCP.
    pub(super) method: &'static str,
    /// Whether the target is one that the server has.
    pub(super) target_is_known: bool,
}

/// Writes the fields of a `Span`; `part` is where one is written whose length has to be known first.
fn write(record: &Record, name: Name, weight: u32, out: &mut Vec<u8>, part: &mut Vec<u8>) {
    let (span, error_type) = (&record.span, ErrorType::of(record));
    bytes(out, field::TRACE_ID, &span.trace_id().to_bytes());
    bytes(out, field::SPAN_ID, &span.span_id().to_bytes());
    trace_state(out, field::TRACE_STATE, span);
    if record.parent != SpanId::INVALID {
        bytes(out, field::PARENT_SPAN_ID, &record.parent.to_bytes());
    }
    write_name(record, name, out);
    let kind = match record.direction {
        Direction::ToServer => SpanKind::Server,
        Direction::ToClient => SpanKind::Client,
    };
    number(out, field::KIND, kind as u64);
    fixed64(out, field::START_TIME, nanoseconds(record.start));
    fixed64(out, field::END_TIME, nanoseconds(record.start + record.duration));
    attributes(record, error_type, weight, &mut Attributes::new(out));
    if let Some(context) = &record.link {
        part.clear();
        bytes(part, link::TRACE_ID, &context.trace_id().to_bytes());
        bytes(part, link::SPAN_ID, &context.span_id().to_bytes());
        trace_state(part, link::TRACE_STATE, context);
        fixed32(part, link::FLAGS, flags(context.trace_flags(), context.is_remote()));
        bytes(out, field::LINKS, part);
    }
    part.clear();
    if error_type.is_some() {
        bytes(
            part,
            status::MESSAGE,
            record.message.as_deref().unwrap_or_default().as_bytes(),
        );
        number(part, status::CODE, StatusCode::Error as u64);
    }
    bytes(out, field::STATUS, part);
    // A record is exported whatever the caller samples: that decides over traces, not over this.
    let sampled = span.trace_flags() | TraceFlags::SAMPLED;
    fixed32(out, field::FLAGS, flags(sampled, record.parent_is_remote));
}

/// `remote` is whether the span that is meant, which for a span is its parent, is another process's.
fn flags(flags: TraceFlags, remote: bool) -> u32 {
    let is_remote = if remote {
        SpanFlags::ContextIsRemoteMask as u32
    } else {
        0
    };
    u32::from(flags.to_u8()) | SpanFlags::ContextHasIsRemoteMask as u32 | is_remote
}

fn trace_state(out: &mut Vec<u8>, field: Field, context: &SpanContext) {
    let state = context.trace_state().header();
    if !state.is_empty() {
        bytes(out, field, state.as_bytes());
    }
}

/// Since 1970; what was before counts as then.
fn nanoseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// The transport of a server of standard input and output.
pub(super) const PIPE: &str = "pipe";

/// What carries the transport, as the convention names it.
pub(super) fn network_transport(record: &Record) -> &'static str {
    match (record.transport, record.http_version) {
        (Transport::Stdio, _) => PIPE,
        (_, Some("3")) => "quic",
        _ => "tcp",
    }
}

/// `{method} {target}` by the convention, the method alone where the target could be anything.
fn write_name(record: &Record, name: Name, out: &mut Vec<u8>) {
    let Name {
        method,
        target_is_known,
    } = name;
    match &record.target {
        _ if record.method.is_empty() => bytes(out, field::NAME, b"unreadable"),
        Target::Tool(target) | Target::Prompt(target) if target_is_known => {
            head(out, field::NAME, method.len() + 1 + target.len());
            out.extend_from_slice(method.as_bytes());
            out.push(b' ');
            out.extend_from_slice(target.as_bytes());
        }
        _ => bytes(out, field::NAME, method.as_bytes()),
    }
}

fn attributes(record: &Record, error_type: Option<ErrorType>, weight: u32, list: &mut Attributes<'_>) {
    list.text(key!(MCP_METHOD_NAME), &record.method);
    match &record.target {
        Target::Tool(name) => {
            list.text(key!(GEN_AI_TOOL_NAME), name);
            list.text(key!(GEN_AI_OPERATION_NAME), semconv::EXECUTE_TOOL);
        }
        Target::Prompt(name) => list.text(key!(GEN_AI_PROMPT_NAME), name),
        Target::Resource(uri) => list.text(key!(MCP_RESOURCE_URI), uri),
        Target::None => {}
    }
    list.maybe(key!(JSONRPC_REQUEST_ID), record.request_id.as_deref());
    list.text(key!(TOOLSIGHT_OUTCOME), record.outcome.as_str());
    list.text(key!(TOOLSIGHT_FAULT), record.fault.as_str());
    list.maybe(key!(ERROR_TYPE), error_type.map(ErrorType::text).as_deref());
    list.maybe(
        key!(RPC_RESPONSE_STATUS_CODE),
        record.code.map(|code| code.to_string()).as_deref(),
    );
    if let Some(status) = record.http_status {
        list.number(key!(HTTP_RESPONSE_STATUS_CODE), i64::from(status));
    }
    if error_type.is_none() {
        // The message of a failure stands in the span's status, which only a failure has.
        list.maybe(key!(TOOLSIGHT_MESSAGE), record.message.as_deref());
    }
    list.maybe(key!(MCP_PROTOCOL_VERSION), record.protocol_version.as_deref());
    list.maybe(key!(MCP_SESSION_ID), record.session_id.as_deref());
    list.text(key!(MCP_CLIENT_NAME), &record.client.name);
    list.text(key!(MCP_CLIENT_VERSION), &record.client.version);
    list.maybe(key!(TOOLSIGHT_CLIENT_BRIDGE), record.client_bridge.as_deref());
    list.text(key!(MCP_SERVER_NAME), &record.server.name);
    list.text(key!(MCP_SERVER_VERSION), &record.server.version);
    match &record.user {
        Some(User::Plain(user)) => list.text(key!(USER_ID), user),
        Some(User::Hashed(hash)) => list.text(key!(USER_HASH), hash),
        None => {}
    }
    list.maybe(key!(TOOLSIGHT_TENANT), record.tenant.as_deref());
    list.text(key!(TOOLSIGHT_TRANSPORT), record.transport.as_str());
    list.text(key!(NETWORK_TRANSPORT), network_transport(record));
    if record.transport != Transport::Stdio {
        list.text(key!(NETWORK_PROTOCOL_NAME), "http");
        list.maybe(key!(NETWORK_PROTOCOL_VERSION), record.http_version);
    }
    if let Some(client) = &record.client_address
        && record.direction == Direction::ToServer
    {
        list.text(key!(CLIENT_ADDRESS), &client.address.to_string());
        if let Some(port) = client.port {
            list.number(key!(CLIENT_PORT), i64::from(port));
        }
    }
    list.number(
        key!(TOOLSIGHT_REQUEST_BYTES),
        i64::try_from(record.request_bytes).unwrap_or(i64::MAX),
    );
    list.number(
        key!(TOOLSIGHT_RESPONSE_BYTES),
        i64::try_from(record.response_bytes).unwrap_or(i64::MAX),
    );
    if record.direction == Direction::ToClient {
        list.text(key!(TOOLSIGHT_DIRECTION), record.direction.as_str());
    }
    if record.attempt > 1 {
        list.number(key!(TOOLSIGHT_ATTEMPT), i64::from(record.attempt));
    }
    if !record.waited.is_zero() {
        list.double(key!(TOOLSIGHT_WAITED_MS), record.waited.as_secs_f64() * 1e3);
    }
    if record.progress > 0 {
        list.number(key!(TOOLSIGHT_PROGRESS_COUNT), i64::from(record.progress));
    }
    list.maybe(key!(TOOLSIGHT_HEADER_MISMATCH), record.mismatch.names());
    if let Some(first_byte) = record.first_byte {
        list.double(key!(TOOLSIGHT_FIRST_BYTE_MS), first_byte.as_secs_f64() * 1e3);
    }
    detail(&record.detail, list);
    if weight > 1 {
        list.number(key!(TOOLSIGHT_WEIGHT), i64::from(weight));
    }
}

fn detail(detail: &Detail, list: &mut Attributes<'_>) {
    match detail.chain {
        Some(Chain::Trace(trace)) => list.hexadecimal(key!(TOOLSIGHT_CHAIN_ID), trace.to_bytes()),
        Some(Chain::Hash(hash)) => list.hexadecimal(key!(TOOLSIGHT_CHAIN_ID), hash.to_be_bytes()),
        None => {}
    }
    if let Some(hash) = detail.arguments_hash {
        list.hexadecimal(key!(TOOLSIGHT_ARGS_HASH), hash.to_be_bytes());
    }
    list.text(key!(TOOLSIGHT_INVALID_ARGUMENTS), &detail.invalid_arguments);
    list.text(key!(TOOLSIGHT_RESULT_FLAGS), &detail.flags.names());
    list.text(key!(TOOLSIGHT_CONTENT_TYPES), &detail.content_types.names());
    if let Some(Definition { hash, bytes }) = detail.definition {
        list.hexadecimal(key!(TOOLSIGHT_DEFINITION_HASH), hash.to_be_bytes());
        list.number(
            key!(TOOLSIGHT_DEFINITION_BYTES),
            i64::try_from(bytes).unwrap_or(i64::MAX),
        );
    }
    if let Some(captured) = &detail.captured {
        list.maybe(key!(GEN_AI_TOOL_CALL_ARGUMENTS), captured.arguments.as_deref());
        list.maybe(key!(GEN_AI_TOOL_CALL_RESULT), captured.result.as_deref());
    }
}
