//! The row of one call: plain data between receiving and storing, one field per column of `calls`.

use std::borrow::Cow;

/// One MCP request or notification, as it stands in the table `calls`.
///
/// Fields have the names and the order of the columns of `calls` in `schema/`; empty strings and zeros mean "not
/// known". Texts are borrowed from the request's bytes wherever those can be taken as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Row<'a> {
    /// Start of the call in microseconds since the Unix epoch.
    pub time: i64,
    /// Organisation that the call belongs to.
    pub tenant: Cow<'a, str>,
    /// Server name.
    pub server: Cow<'a, str>,
    /// Server version.
    pub server_version: Cow<'a, str>,
    /// Process of the server.
    pub instance: Cow<'a, str>,
    /// JSON-RPC method.
    pub method: Cow<'a, str>,
    /// `tool`, `prompt`, `resource` or empty.
    pub kind: Cow<'a, str>,
    /// Name of the tool or prompt.
    pub target: Cow<'a, str>,
    /// URI of the resource, as far as it was recorded.
    pub resource_uri: Cow<'a, str>,
    /// How the call ended, see `toolsight::Outcome`.
    pub outcome: Cow<'a, str>,
    /// Who has to act, see `toolsight::Fault`.
    pub fault: Cow<'a, str>,
    /// Low-cardinality class of the failure.
    pub error_type: Cow<'a, str>,
    /// JSON-RPC error code.
    pub rpc_code: i32,
    /// HTTP status.
    pub http_status: u16,
    /// Error message.
    pub message: Cow<'a, str>,
    /// Duration in microseconds.
    pub duration_us: u64,
    /// Time to the first byte of the answer in microseconds.
    pub first_byte_us: u64,
    /// Bytes of the request.
    pub request_bytes: u64,
    /// Bytes of the answer.
    pub response_bytes: u64,
    /// Client name.
    pub client: Cow<'a, str>,
    /// Client version.
    pub client_version: Cow<'a, str>,
    /// Bridge between client and server.
    pub client_bridge: Cow<'a, str>,
    /// MCP protocol version.
    pub protocol_version: Cow<'a, str>,
    /// `streamable_http`, `sse` or `stdio`.
    pub transport: Cow<'a, str>,
    /// Session of a legacy protocol version.
    pub session_id: Cow<'a, str>,
    /// The user, plain or hashed.
    pub user_id: Cow<'a, str>,
    /// JSON-RPC request id.
    pub request_id: Cow<'a, str>,
    /// `to_server`, or `to_client` for what the server asked of the client.
    pub direction: Cow<'a, str>,
    /// What calls have in common that belong together without a session.
    pub chain_id: Cow<'a, str>,
    /// Keyed hash of the arguments.
    pub args_hash: u64,
    /// Names of the arguments that the tool's input schema refuses, with commas between.
    pub invalid_arguments: Cow<'a, str>,
    /// What is notable about the result, with commas between.
    pub result_flags: Cow<'a, str>,
    /// Types of the result's content blocks, with commas between.
    pub content_types: Cow<'a, str>,
    /// Headers of the request that did not say what its body said, with commas between.
    pub header_mismatch: Cow<'a, str>,
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
    pub arguments: Cow<'a, str>,
    /// Result, where capture is on.
    pub result: Cow<'a, str>,
    /// How many calls this row stands for; at least 1.
    pub weight: u32,
    /// Trace id.
    pub trace_id: [u8; 16],
    /// Span id.
    pub span_id: [u8; 8],
    /// Span id of the parent.
    pub parent_span_id: [u8; 8],
}

impl Row<'_> {
    /// The same row with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Row<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Row {
            time: self.time,
            tenant: own(self.tenant),
            server: own(self.server),
            server_version: own(self.server_version),
            instance: own(self.instance),
            method: own(self.method),
            kind: own(self.kind),
            target: own(self.target),
            resource_uri: own(self.resource_uri),
            outcome: own(self.outcome),
            fault: own(self.fault),
            error_type: own(self.error_type),
            rpc_code: self.rpc_code,
            http_status: self.http_status,
            message: own(self.message),
            duration_us: self.duration_us,
            first_byte_us: self.first_byte_us,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            client: own(self.client),
            client_version: own(self.client_version),
            client_bridge: own(self.client_bridge),
            protocol_version: own(self.protocol_version),
            transport: own(self.transport),
            session_id: own(self.session_id),
            user_id: own(self.user_id),
            request_id: own(self.request_id),
            direction: own(self.direction),
            chain_id: own(self.chain_id),
            args_hash: self.args_hash,
            invalid_arguments: own(self.invalid_arguments),
            result_flags: own(self.result_flags),
            content_types: own(self.content_types),
            header_mismatch: own(self.header_mismatch),
            attempt: self.attempt,
            waited_us: self.waited_us,
            progress: self.progress,
            definition_hash: self.definition_hash,
            definition_bytes: self.definition_bytes,
            arguments: own(self.arguments),
            result: own(self.result),
            weight: self.weight,
            trace_id: self.trace_id,
            span_id: self.span_id,
            parent_span_id: self.parent_span_id,
        }
    }

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
            &self.header_mismatch,
            &self.arguments,
            &self.result,
        ];
        size_of::<Self>() + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}
