//! What is to be known of single products beyond the convention: which of their spans is the server's view of a call,
//! and what they call things that need more than another name. `docs/telemetry.md` lists what each of them records.
//!
//! A product is told by the name of its instrumentation scope or by a key that only it writes, so that spans of all
//! others pay for no more than a few comparisons.

use toolsight::{Fault, Outcome};

use super::TO_CLIENT;
use crate::receive::attributes::{Field, Value};
use crate::receive::decode::Span;
use crate::receive::outcome::Evidence;
use crate::receive::tally::Ignored;
use crate::receive::values::Values;
use crate::row::Row;

const INTERNAL: u32 = 1;
const SERVER: u32 = 2;
const CLIENT: u32 = 3;

/// The first protocol version without sessions; versions are dates.
const SESSIONLESS: &str = "2026-07-28";

/// Which spans of a product are calls as the server sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Those of the kind server, as the convention has it.
    Convention,
    /// Also those of the kind client: a gateway tells its whole view of a call in the span towards the server.
    Gateway,
    /// None: the spans are methods of the SDK's classes, several per call and some without any.
    Methods,
    /// Internal ones that are a tool's run in a server; the client's look the same but name no server.
    TraceloopTools,
}

const FASTMCP: &[u8] = b"fastmcp";
const GATEWAY: &[u8] = b"envoyproxy/ai-gateway";
const TRACELOOP: &[u8] = b"opentelemetry.instrumentation.mcp.instrumentation";

const RULES: &[(&[u8], Rule)] = &[
    (GATEWAY, Rule::Gateway),
    (b"openlit.instrumentation.mcp", Rule::Methods),
    (TRACELOOP, Rule::TraceloopTools),
];

const INVALID: (Outcome, Fault) = (Outcome::InvalidArguments, Fault::Caller);
const UNFIT: (Outcome, Fault) = (Outcome::ProtocolError, Fault::Caller);

/// Scope, class in `error.type`, words that the message has besides, and what that means.
type Class = (&'static [u8], &'static str, &'static str, (Outcome, Fault));

/// Classes that mean more in a product's spans than that something went wrong.
const CLASSES: &[Class] = &[
    (FASTMCP, "NotFoundError", "", (Outcome::UnknownTool, Fault::Caller)),
    (FASTMCP, "DisabledError", "", (Outcome::UnknownTool, Fault::Caller)),
    (FASTMCP, "AuthorizationError", "", (Outcome::Unauthorized, Fault::Auth)),
    (FASTMCP, "ValidationError", "", INVALID),
    // Both are answered with -32602, and no attribute says so. All other errors of prompts and resources have the same class.
    (FASTMCP, "MCPError", "MCPError: Unknown prompt: ", INVALID),
    (FASTMCP, "MCPError", "MCPError: Resource not found: ", INVALID),
    (TRACELOOP, "ToolError", "", (Outcome::ToolError, Fault::Server)),
    // A tool may raise errors of this class too, about what else it has validated.
    (TRACELOOP, "ValidationError", " for call[", INVALID),
    (GATEWAY, "invalid_param", "", INVALID),
    (GATEWAY, "invalid_json_rpc", "", INVALID),
    (GATEWAY, "invalid_session_id", "", UNFIT),
    (GATEWAY, "unsupported_method", "", UNFIT),
    (GATEWAY, "unsupported_protocol_version", "", UNFIT),
];

/// Whether the span is a call as the server sees it; with the method, where no attribute has it. What is a call by some of
/// its attributes is one with all of them.
pub(super) fn view(span: &Span<'_>) -> Result<Option<&'static str>, Ignored> {
    let rule = RULES.iter().find(|(scope, _)| *scope == span.scope);
    match rule.map_or(Rule::Convention, |(_, rule)| *rule) {
        Rule::Convention => by_convention(span),
        Rule::Gateway if has_method(span) && matches!(span.kind, SERVER | CLIENT) => Ok(None),
        Rule::Gateway => by_convention(span),
        Rule::Methods => Err(if span.kind == CLIENT {
            Ignored::Client
        } else {
            Ignored::NotServer
        }),
        Rule::TraceloopTools => traceloop(span),
    }
}

fn has_method(span: &Span<'_>) -> bool {
    span.attributes.get(Field::Method).is_some()
}

fn by_convention(span: &Span<'_>) -> Result<Option<&'static str>, Ignored> {
    let own = span.attributes.get(Field::Outcome).is_some();
    if !own && !has_method(span) {
        return Err(Ignored::NotMcp);
    }
    match span.kind {
        SERVER => Ok(None),
        // What the server asks of the client is a span of the kind client, and only Toolsight tells these apart from
        // calls that the instrumented process makes elsewhere.
        0 | INTERNAL if own => Ok(None),
        CLIENT if own && span.attributes.get(Field::Direction) == Some(Value::Text(TO_CLIENT.as_bytes())) => Ok(None),
        // Sentry's spans have no kind of their own.
        0 | INTERNAL if sentry_server(span) => Ok(None),
        CLIENT => Err(Ignored::Client),
        _ => Err(Ignored::NotServer),
    }
}

fn sentry_server(span: &Span<'_>) -> bool {
    matches!(
        span.attributes.get(Field::SentryOperation),
        Some(Value::Text(b"mcp.server" | b"mcp.notification.client_to_server"))
    )
}

fn traceloop(span: &Span<'_>) -> Result<Option<&'static str>, Ignored> {
    let text = |field| match span.attributes.get(field) {
        Some(Value::Text(text)) => text,
        _ => &[],
    };
    match (text(Field::TraceloopKind), text(Field::TraceloopWorkflow)) {
        (b"tool", workflow) if workflow.ends_with(b".mcp") => Ok(Some("tools/call")),
        (b"tool" | b"session", _) => Err(Ignored::Client),
        _ if span.name.ends_with(b".mcp") => Err(Ignored::Client),
        _ => Err(Ignored::NotServer),
    }
}

/// Outcome and fault where the product's own classes of errors tell them.
pub(super) fn outcome_of(
    scope: &[u8],
    method: &str,
    evidence: Evidence<'_>,
    message: &str,
) -> Option<(Outcome, Fault)> {
    let known = |(product, class, words, _): &&Class| {
        *product == scope && *class == evidence.error_type && message.contains(words)
    };
    match CLASSES.iter().find(known)?.3 {
        (Outcome::UnknownTool, fault) if method != "tools/call" => Some((Outcome::ProtocolError, fault)),
        outcome => Some(outcome),
    }
}

/// Fills in what stands in other attributes than those of the field, and takes out what is made up.
pub(super) fn complete<'a>(row: &mut Row<'a>, values: &mut Values<'a, '_>) {
    // What SDKs write where nobody named the service.
    if row.server.is_empty() || row.server.starts_with("unknown_service") {
        let own = values.text(Field::OwnName);
        if !own.is_empty() {
            row.server = own;
        }
    }
    if row.client.is_empty() {
        let agent = values.text(Field::UserAgent);
        if let Some(product) = agent.split_whitespace().next() {
            let (name, version) = product.split_once('/').unwrap_or((product, ""));
            row.client = name.to_owned().into();
            row.client_version = version.to_owned().into();
        }
    }
    if *row.protocol_version >= *SESSIONLESS {
        row.session_id = "".into();
    }
}
