//! The row of one call: plain data between receiving and storing, one field per column of `calls`.

/// One MCP request or notification, as it stands in the table `calls`.
///
/// Fields have the names and the order of the columns of `calls` in `schema/`; empty strings and zeros mean "not
/// known".
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// Start of the call in microseconds since the Unix epoch.
    pub time: i64,
    /// Organisation that the call belongs to.
    pub tenant: String,
    /// Server name.
    pub server: String,
    /// Server version.
    pub server_version: String,
    /// Process of the server.
    pub instance: String,
    /// JSON-RPC method.
    pub method: String,
    /// `tool`, `prompt`, `resource` or empty.
    pub kind: String,
    /// Name of the tool or prompt.
    pub target: String,
    /// URI of the resource, as far as it was recorded.
    pub resource_uri: String,
    /// How the call ended, see `toolsight::Outcome`.
    pub outcome: String,
    /// Who has to act, see `toolsight::Fault`.
    pub fault: String,
    /// Low-cardinality class of the failure.
    pub error_type: String,
    /// JSON-RPC error code.
    pub rpc_code: i32,
    /// HTTP status.
    pub http_status: u16,
    /// Error message.
    pub message: String,
    /// Duration in microseconds.
    pub duration_us: u64,
    /// Time to the first byte of the answer in microseconds.
    pub first_byte_us: u64,
    /// Bytes of the request.
    pub request_bytes: u64,
    /// Bytes of the answer.
    pub response_bytes: u64,
    /// Client name.
    pub client: String,
    /// Client version.
    pub client_version: String,
    /// Bridge between client and server.
    pub client_bridge: String,
    /// MCP protocol version.
    pub protocol_version: String,
    /// `streamable_http`, `sse` or `stdio`.
    pub transport: String,
    /// Session of a legacy protocol version.
    pub session_id: String,
    /// The user, plain or hashed.
    pub user_id: String,
    /// JSON-RPC request id.
    pub request_id: String,
    /// `to_server`, or `to_client` for what the server asked of the client.
    pub direction: String,
    /// What calls have in common that belong together without a session.
    pub chain_id: String,
    /// Keyed hash of the arguments.
    pub args_hash: u64,
    /// Names of the arguments that the tool's input schema refuses, with commas between.
    pub invalid_arguments: String,
    /// What is notable about the result, with commas between.
    pub result_flags: String,
    /// Types of the result's content blocks, with commas between.
    pub content_types: String,
    /// Round of a call that takes several, from 1.
    pub attempt: u16,
    /// Part of the duration in which the server waited for a person or a poll, in microseconds.
    pub waited_us: u64,
    /// Progress notifications that the server sent.
    pub progress: u32,
    /// Hash of the tool's definition.
    pub definition_hash: u64,
    /// Bytes of that definition.
    pub definition_bytes: u32,
    /// Arguments, where capture is on.
    pub arguments: String,
    /// Result, where capture is on.
    pub result: String,
    /// How many calls this row stands for; at least 1.
    pub weight: u32,
    /// Trace id.
    pub trace_id: [u8; 16],
    /// Span id.
    pub span_id: [u8; 8],
    /// Span id of the parent.
    pub parent_span_id: [u8; 8],
}

impl Row {
    /// Bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let texts = [
            &self.tenant,
            &self.server,
            &self.server_version,
            &self.instance,
            &self.method,
            &self.kind,
            &self.target,
            &self.resource_uri,
            &self.outcome,
            &self.fault,
            &self.error_type,
            &self.message,
            &self.client,
            &self.client_version,
            &self.client_bridge,
            &self.protocol_version,
            &self.transport,
            &self.session_id,
            &self.user_id,
            &self.request_id,
            &self.direction,
            &self.chain_id,
            &self.invalid_arguments,
            &self.result_flags,
            &self.content_types,
            &self.arguments,
            &self.result,
        ];
        size_of::<Self>() + texts.map(String::capacity).iter().sum::<usize>()
    }
}
