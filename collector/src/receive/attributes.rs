//! Which attribute means what: one table from names to [`Field`]s.

use toolsight::semconv;

use super::index::Index;

/// What Toolsight wants to know from the attributes of a span and its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Method,
    Outcome,
    Fault,
    ErrorType,
    RpcCode,
    HttpStatus,
    Message,
    IsError,
    Tool,
    Prompt,
    ResourceUri,
    RequestId,
    SessionId,
    Client,
    ClientVersion,
    ClientBridge,
    ProtocolVersion,
    Transport,
    NetworkTransport,
    RequestBytes,
    ResponseBytes,
    FirstByteMs,
    Server,
    ServerVersion,
    Instance,
    Tenant,
    User,
    Direction,
    Chain,
    ArgsHash,
    InvalidArguments,
    ResultFlags,
    ContentTypes,
    HeaderMismatch,
    Attempt,
    WaitedMs,
    Progress,
    DefinitionHash,
    DefinitionBytes,
    Arguments,
    Result,
    /// What Sentry calls the operation of a span.
    SentryOperation,
    /// What Traceloop calls the kind of a span.
    TraceloopKind,
    /// Traceloop's name of the server object, with `.mcp` behind it.
    TraceloopWorkflow,
    /// The server's name in its source; where it has none, some products make one up at every start.
    OwnName,
    UserAgent,
    Weight,
}

/// How many there are.
pub(crate) const FIELDS: usize = Field::Weight as usize + 1;

/// Names in use for each field. Where a span carries several names of one field, the one that stands first wins: the
/// convention's name, then Toolsight's own, then older drafts and what other products write.
const NAMES: &[(&str, Field)] = &[
    (semconv::MCP_METHOD_NAME, Field::Method),
    ("mcp.method", Field::Method),
    (semconv::TOOLSIGHT_OUTCOME, Field::Outcome),
    (semconv::TOOLSIGHT_FAULT, Field::Fault),
    (semconv::ERROR_TYPE, Field::ErrorType),
    (semconv::RPC_RESPONSE_STATUS_CODE, Field::RpcCode),
    ("rpc.jsonrpc.error_code", Field::RpcCode),
    ("mcp.error.code", Field::RpcCode),
    (semconv::HTTP_RESPONSE_STATUS_CODE, Field::HttpStatus),
    ("http.status_code", Field::HttpStatus),
    ("http.status", Field::HttpStatus),
    (semconv::TOOLSIGHT_MESSAGE, Field::Message),
    ("rpc.jsonrpc.error_message", Field::Message),
    ("mcp.error.message", Field::Message),
    ("error.message", Field::Message),
    ("mcp.tool.result.is_error", Field::IsError),
    (semconv::GEN_AI_TOOL_NAME, Field::Tool),
    ("mcp.tool.name", Field::Tool),
    ("traceloop.entity.name", Field::Tool),
    (semconv::GEN_AI_PROMPT_NAME, Field::Prompt),
    ("mcp.prompt.name", Field::Prompt),
    (semconv::MCP_RESOURCE_URI, Field::ResourceUri),
    (semconv::JSONRPC_REQUEST_ID, Field::RequestId),
    ("mcp.request.id", Field::RequestId),
    ("rpc.jsonrpc.request_id", Field::RequestId),
    (semconv::MCP_SESSION_ID, Field::SessionId),
    (semconv::MCP_CLIENT_NAME, Field::Client),
    (semconv::MCP_CLIENT_VERSION, Field::ClientVersion),
    (semconv::TOOLSIGHT_CLIENT_BRIDGE, Field::ClientBridge),
    (semconv::MCP_PROTOCOL_VERSION, Field::ProtocolVersion),
    (semconv::TOOLSIGHT_TRANSPORT, Field::Transport),
    ("mcp.transport", Field::Transport),
    (semconv::NETWORK_TRANSPORT, Field::NetworkTransport),
    (semconv::TOOLSIGHT_REQUEST_BYTES, Field::RequestBytes),
    ("http.request.body.size", Field::RequestBytes),
    ("http.request_content_length", Field::RequestBytes),
    (semconv::TOOLSIGHT_RESPONSE_BYTES, Field::ResponseBytes),
    ("http.response.body.size", Field::ResponseBytes),
    ("http.response_content_length", Field::ResponseBytes),
    (semconv::TOOLSIGHT_FIRST_BYTE_MS, Field::FirstByteMs),
    (semconv::MCP_SERVER_NAME, Field::Server),
    ("mcp.target", Field::Server),
    (semconv::SERVICE_NAME, Field::Server),
    (semconv::MCP_SERVER_VERSION, Field::ServerVersion),
    (semconv::SERVICE_VERSION, Field::ServerVersion),
    (semconv::SERVICE_INSTANCE_ID, Field::Instance),
    ("k8s.pod.name", Field::Instance),
    ("host.name", Field::Instance),
    (semconv::TOOLSIGHT_TENANT, Field::Tenant),
    (semconv::USER_ID, Field::User),
    (semconv::USER_HASH, Field::User),
    ("enduser.id", Field::User),
    ("enduser.pseudo.id", Field::User),
    ("jwt.sub", Field::User),
    (semconv::TOOLSIGHT_DIRECTION, Field::Direction),
    (semconv::TOOLSIGHT_CHAIN_ID, Field::Chain),
    (semconv::TOOLSIGHT_ARGS_HASH, Field::ArgsHash),
    (semconv::TOOLSIGHT_INVALID_ARGUMENTS, Field::InvalidArguments),
    (semconv::TOOLSIGHT_RESULT_FLAGS, Field::ResultFlags),
    (semconv::TOOLSIGHT_CONTENT_TYPES, Field::ContentTypes),
    (semconv::TOOLSIGHT_HEADER_MISMATCH, Field::HeaderMismatch),
    (semconv::TOOLSIGHT_ATTEMPT, Field::Attempt),
    (semconv::TOOLSIGHT_WAITED_MS, Field::WaitedMs),
    (semconv::TOOLSIGHT_PROGRESS_COUNT, Field::Progress),
    (semconv::TOOLSIGHT_DEFINITION_HASH, Field::DefinitionHash),
    (semconv::TOOLSIGHT_DEFINITION_BYTES, Field::DefinitionBytes),
    (semconv::GEN_AI_TOOL_CALL_ARGUMENTS, Field::Arguments),
    (semconv::GEN_AI_TOOL_CALL_RESULT, Field::Result),
    ("sentry.op", Field::SentryOperation),
    ("traceloop.span.kind", Field::TraceloopKind),
    ("traceloop.workflow.name", Field::TraceloopWorkflow),
    ("fastmcp.server.name", Field::OwnName),
    ("user_agent.original", Field::UserAgent),
    ("http.user_agent", Field::UserAgent),
    (semconv::TOOLSIGHT_WEIGHT, Field::Weight),
];

static INDEX: Index = Index::new(NAMES);
/// Of what decides whether a span is a call: most attributes of most spans are found to be none of these at once.
static DECIDING: Index = Index::only(NAMES, Field::DECIDING);
const _: () = assert!(FIELDS <= u128::BITS as usize, "each field has a bit in Attributes");

impl Field {
    /// What `normalise::ignored` asks for.
    const DECIDING: &[Self] = &[
        Self::Method,
        Self::Outcome,
        Self::Direction,
        Self::SentryOperation,
        Self::TraceloopKind,
        Self::TraceloopWorkflow,
    ];

    /// How many bytes of text a row keeps of this field; the rest is cut off and counted.
    pub(crate) const fn limit(self) -> usize {
        match self {
            Self::ResourceUri => 2048,
            Self::Message => 1024,
            Self::Arguments | Self::Result => 64 * 1024,
            _ => 256,
        }
    }
}

/// The value of one attribute, not yet judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// A string; may be invalid UTF-8.
    Text(&'a [u8]),
    Integer(i64),
    Double(f64),
    Boolean(bool),
    /// An array, a map or bytes: no field of Toolsight's has such a value.
    Compound,
}

/// The attributes of one span or resource that Toolsight wants, found by name.
///
/// Places stay as they are when it is cleared, so that one can be used for all spans of a request at little cost.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a> {
    index: &'static Index,
    /// One bit for each field that was found; what the places of others hold means nothing.
    found: u128,
    ranks: [u8; FIELDS],
    values: [Value<'a>; FIELDS],
}

impl Default for Attributes<'_> {
    fn default() -> Self {
        Self::of(&INDEX)
    }
}

impl<'a> Attributes<'a> {
    /// Attributes that only keep what decides whether a span is a call.
    pub(crate) fn deciding() -> Self {
        Self::of(&DECIDING)
    }

    const fn of(index: &'static Index) -> Self {
        Self {
            index,
            found: 0,
            ranks: [0; FIELDS],
            values: [Value::Compound; FIELDS],
        }
    }

    /// Keeps the value if its name is in the table and no better name was seen; tells whether it did.
    #[inline]
    pub(crate) fn offer(&mut self, name: &[u8], value: Value<'a>) -> bool {
        let Some(rank) = self.index.find(name, NAMES) else {
            return false;
        };
        let field = NAMES[usize::from(rank)].1;
        let better = !self.has(field) || rank < self.ranks[field as usize];
        if better {
            self.found |= 1 << field as usize;
            self.ranks[field as usize] = rank;
            self.values[field as usize] = value;
        }
        better
    }

    /// Forgets what was found.
    pub(crate) fn clear(&mut self) {
        self.found = 0;
    }

    pub(crate) fn get(&self, field: Field) -> Option<Value<'a>> {
        self.has(field).then(|| self.values[field as usize])
    }

    /// The value under the best name here or in `resource`; here where both have the same name.
    pub(crate) fn get_or_inherit(&self, resource: &Self, field: Field) -> Option<Value<'a>> {
        if resource.has(field) && !(self.has(field) && self.ranks[field as usize] <= resource.ranks[field as usize]) {
            return resource.get(field);
        }
        self.get(field)
    }

    const fn has(&self, field: Field) -> bool {
        self.found >> field as usize & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Attributes, Field, NAMES, Value};

    #[test]
    fn every_name_leads_to_its_field_and_stands_once() {
        for (index, (name, field)) in NAMES.iter().enumerate() {
            let mut attributes = Attributes::default();
            attributes.offer(name.as_bytes(), Value::Integer(7));
            assert_eq!(attributes.get(*field), Some(Value::Integer(7)), "{name}");
            assert!(
                !NAMES[..index].iter().any(|(earlier, _)| earlier == name),
                "{name} stands twice"
            );
        }
    }

    #[test]
    fn the_conventions_name_beats_older_names_in_any_order_and_the_first_of_equals_stays() {
        for (case, offered) in [
            ("new then old", [("gen_ai.tool.name", 1), ("mcp.tool.name", 2)]),
            ("old then new", [("mcp.tool.name", 2), ("gen_ai.tool.name", 1)]),
            (
                "the same name twice",
                [("gen_ai.tool.name", 1), ("gen_ai.tool.name", 2)],
            ),
            ("an unknown name", [("gen_ai.tool.names", 2), ("gen_ai.tool.name", 1)]),
        ] {
            let mut attributes = Attributes::default();
            for (name, value) in offered {
                attributes.offer(name.as_bytes(), Value::Integer(value));
            }
            assert_eq!(attributes.get(Field::Tool), Some(Value::Integer(1)), "{case}");
        }
    }
}
