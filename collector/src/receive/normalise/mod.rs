//! A span of any instrumentation as a [`Row`], or the reason why it is none.

mod own_id;
mod products;

use std::borrow::Cow;

use toolsight::{Fault, Outcome, Transport};

pub(crate) use self::own_id::Request;
use crate::receive::attributes::{Attributes, Field};
use crate::receive::decode::Span;
use crate::receive::outcome::{Evidence, derive, fault_named, fault_of, outcome_named};
use crate::receive::tally::{Corrected, Ignored, Tally};
use crate::receive::values::{Values, text};
use crate::row::Row;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 24 * 3600 * SECOND;

/// Rows start at most this long before they arrive, in microseconds. Each day of `calls` is a partition: a wrong clock
/// must not open one that nothing else is in.
const OLDEST: i64 = 30 * DAY;
/// Rows start at most this long after they arrive, in microseconds.
const NEWEST: i64 = 3600 * SECOND;
/// Calls last at most this long, in microseconds.
const LONGEST: i64 = 30 * DAY;
/// No sampling keeps fewer than one call of this many; a greater weight would drown all other calls.
const HEAVIEST: f64 = 1_000_000.0;
/// Requests and answers have at most this many bytes, so that sums of them times their weights stay within 64 bits.
const LARGEST: f64 = (1_u64 << 40) as f64;

/// Bytes of a scheme; the longest of those that IANA has registered has 36.
const LONGEST_SCHEME: usize = 48;

/// The direction of a request that the server sends.
const TO_CLIENT: &str = "to_client";

/// The row of a server's span, which is the last that `tally` has counted.
pub(crate) fn row<'a>(
    span: &Span<'a>,
    resource: &Attributes<'a>,
    request: &Request<'a>,
    tally: &mut Tally,
) -> Option<Row<'a>> {
    let implied_method = match products::view(span) {
        Ok(method) => method,
        Err(reason) => {
            tally.ignore(reason);
            return None;
        }
    };
    tally.correct_all(Corrected::Malformed, span.left_out);
    let (time, duration_us) = when(span, request.now, tally);
    let trace_id = own_id(span.trace_id, request, tally);
    let span_id = own_id(span.span_id, request, tally);
    let parent_span_id = id(span.parent_span_id).unwrap_or_else(|| {
        tally.correct(Corrected::Id);
        [0; 8]
    });
    let status_message = text(span.status_message, Field::Message.limit(), tally);
    let mut values = Values {
        span: &span.attributes,
        resource,
        known: &request.known,
        tally,
    };

    let method = implied_method.map_or_else(|| values.text(Field::Method), Cow::Borrowed);
    let resource_uri = values.text(Field::ResourceUri);
    let (kind, target) = aim(&method, span, &resource_uri, &mut values);
    let error_type = values.text(Field::ErrorType);
    let mut row = Row {
        time,
        tenant: values.inherited(Field::Tenant),
        server: values.inherited(Field::Server),
        server_version: values.inherited(Field::ServerVersion),
        instance: values.inherited(Field::Instance),
        method,
        kind: kind.into(),
        target,
        resource_uri,
        rpc_code: values
            .number(Field::RpcCode, f64::from(i32::MIN), f64::from(i32::MAX))
            .unwrap_or(0.0) as i32,
        http_status: values.number(Field::HttpStatus, 0.0, 999.0).unwrap_or(0.0) as u16,
        message: if status_message.is_empty() {
            values.text(Field::Message)
        } else {
            status_message
        },
        error_type,
        duration_us,
        first_byte_us: (values
            .number(Field::FirstByteMs, 0.0, LONGEST as f64 / 1e3)
            .unwrap_or(0.0)
            * 1e3) as u64,
        request_bytes: values.number(Field::RequestBytes, 0.0, LARGEST).unwrap_or(0.0) as u64,
        response_bytes: values.number(Field::ResponseBytes, 0.0, LARGEST).unwrap_or(0.0) as u64,
        client: values.inherited(Field::Client),
        client_version: values.inherited(Field::ClientVersion),
        client_bridge: values.inherited(Field::ClientBridge),
        protocol_version: values.inherited(Field::ProtocolVersion),
        session_id: values.text(Field::SessionId),
        user_id: values.inherited(Field::User),
        request_id: values.text(Field::RequestId),
        direction: direction(&mut values).into(),
        chain_id: values.text(Field::Chain),
        args_hash: values.hash(Field::ArgsHash),
        invalid_arguments: values.text(Field::InvalidArguments),
        result_flags: values.text(Field::ResultFlags),
        content_types: values.text(Field::ContentTypes),
        header_mismatch: values.text(Field::HeaderMismatch),
        attempt: values.number(Field::Attempt, 0.0, f64::from(u16::MAX)).unwrap_or(0.0) as u16,
        waited_us: (values.number(Field::WaitedMs, 0.0, LONGEST as f64 / 1e3).unwrap_or(0.0) * 1e3) as u64,
        progress: values.number(Field::Progress, 0.0, f64::from(u32::MAX)).unwrap_or(0.0) as u32,
        definition_hash: values.hash(Field::DefinitionHash),
        definition_bytes: values
            .number(Field::DefinitionBytes, 0.0, f64::from(u32::MAX))
            .unwrap_or(0.0) as u32,
        arguments: values.text(Field::Arguments),
        result: values.text(Field::Result),
        weight: values.number(Field::Weight, 1.0, HEAVIEST).unwrap_or(1.0) as u32,
        trace_id,
        span_id,
        parent_span_id,
        ..Row::default()
    };
    products::complete(&mut row, &mut values);
    row.transport = transport(&mut values, &row.protocol_version).into();
    judge(&mut row, span, &mut values);
    Some(row)
}

/// Why a span becomes no row; `None` if it does, and then whatever further attributes it has.
pub(crate) fn ignored(span: &Span<'_>) -> Option<Ignored> {
    products::view(span).err()
}

fn direction(values: &mut Values<'_, '_>) -> &'static str {
    if values.text(Field::Direction) == TO_CLIENT {
        TO_CLIENT
    } else {
        "to_server"
    }
}

/// Start and duration in microseconds.
fn when(span: &Span<'_>, now: i64, tally: &mut Tally) -> (i64, u64) {
    let start = (span.start / 1000) as i64;
    let end = (span.end / 1000) as i64;
    let time = if (now - OLDEST..=now + NEWEST).contains(&start) {
        start
    } else {
        tally.correct(Corrected::Time);
        now
    };
    let duration = if (0..=LONGEST).contains(&(end - start)) {
        (end - start).unsigned_abs()
    } else {
        tally.correct(Corrected::Duration);
        0
    };
    (time, duration)
}

/// An identifier, zeros where absent; `None` if it has a wrong length.
fn id<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    if bytes.is_empty() {
        return Some([0; N]);
    }
    bytes.try_into().ok()
}

/// The identifier of the call itself. Calls of the same time are told apart by it, so one that has none gets its own.
fn own_id<const N: usize>(bytes: &[u8], request: &Request<'_>, tally: &mut Tally) -> [u8; N] {
    match id(bytes) {
        Some(id) if id != [0; N] => id,
        _ => {
            tally.correct(Corrected::Id);
            request.own_id(tally.spans)
        }
    }
}

/// Kind and name of what the method is aimed at. A name that no attribute has stands in the span's own name, behind the
/// method. Resources go by the template of their address, or else by its scheme: there are as many addresses as files and
/// records.
fn aim<'a>(
    method: &str,
    span: &Span<'a>,
    resource_uri: &str,
    values: &mut Values<'a, '_>,
) -> (&'static str, Cow<'a, str>) {
    let (kind, field) = match method {
        "tools/call" => ("tool", Field::Tool),
        "prompts/get" => ("prompt", Field::Prompt),
        _ if method.starts_with("resources/") => return ("resource", resource(resource_uri, values.tally)),
        _ => return ("", Cow::default()),
    };
    let name = values.text(field);
    if !name.is_empty() {
        return (kind, name);
    }
    let behind = span
        .name
        .strip_prefix(method.as_bytes())
        .and_then(|rest| rest.strip_prefix(b" "));
    (kind, text(behind.unwrap_or_default(), field.limit(), values.tally))
}

/// What a resource goes by. A value with braces is a template, as the layer tells it: they are no characters of a URI (RFC 3986).
fn resource<'a>(uri: &str, tally: &mut Tally) -> Cow<'a, str> {
    let is_template = uri.split_once('{').is_some_and(|(_, behind)| behind.contains('}'));
    if is_template {
        text(uri.as_bytes(), Field::Tool.limit(), tally).into_owned().into()
    } else {
        scheme(uri).to_owned().into()
    }
}

/// The scheme of a URI; empty where it is none (RFC 3986, section 3.1).
fn scheme(uri: &str) -> &str {
    let scheme = uri.split_once(':').map_or(uri, |(scheme, _)| scheme);
    let is_one = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other));
    if is_one && scheme.len() <= LONGEST_SCHEME {
        scheme
    } else {
        ""
    }
}

fn transport(values: &mut Values<'_, '_>, protocol_version: &str) -> &'static str {
    let named = values.inherited(Field::Transport);
    let begins = |name: &str| {
        named
            .get(..name.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(name))
    };
    // Some write the name of the SDK's class.
    let spelt = [
        ("streamable", Transport::StreamableHttp),
        ("stdio", Transport::Stdio),
        ("sse", Transport::Sse),
        ("http+sse", Transport::Sse),
        ("http", Transport::StreamableHttp),
        ("pipe", Transport::Stdio),
    ];
    if let Some((_, transport)) = spelt.iter().find(|(name, _)| begins(name)) {
        return transport.as_str();
    }
    match (&*values.inherited(Field::NetworkTransport), protocol_version) {
        ("pipe", _) => Transport::Stdio.as_str(),
        ("tcp" | "quic", "2024-11-05") => Transport::Sse.as_str(),
        ("tcp" | "quic", _) => Transport::StreamableHttp.as_str(),
        _ => "",
    }
}

/// Sets outcome and fault: what the span says, else what follows from the rest.
fn judge(row: &mut Row<'_>, span: &Span<'_>, values: &mut Values<'_, '_>) {
    let evidence = Evidence {
        is_error: values.flag(Field::IsError),
        error_type: &row.error_type,
        rpc_code: row.rpc_code,
        http_status: row.http_status,
        failed: span.failed,
    };
    let (outcome, fault) = match outcome_named(&values.text(Field::Outcome)) {
        Some(outcome) => {
            let fault = fault_named(&values.text(Field::Fault));
            (outcome, fault.unwrap_or_else(|| fault_of(outcome, evidence)))
        }
        // Clients of both eras ask this to find out which one the server speaks; a server of the other era refuses.
        None => {
            let of_product = products::outcome_of(span.scope, &row.method, evidence, &row.message);
            match of_product.unwrap_or_else(|| derive(evidence)) {
                (_, Fault::Caller) if row.method == "server/discover" => (Outcome::Probe, Fault::None),
                derived => derived,
            }
        }
    };
    row.outcome = outcome.as_str().into();
    row.fault = fault.as_str().into();
}

#[cfg(test)]
mod tests;
