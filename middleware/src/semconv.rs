//! Every attribute, metric and header name that Toolsight writes or reads, and nothing else.
//!
//! Names come from the OpenTelemetry conventions for MCP and generative AI where these define one. The
//! conventions define none for the MCP client, the MCP server's own name or the user; there the names in use by
//! other products are taken, and `toolsight.*` where there are none. The constants are our own because the
//! `opentelemetry-semantic-conventions` crate marks the MCP names deprecated since they moved repositories.

/// Name of the instrumentation scope of every span and metric that the middleware exports.
pub const SCOPE: &str = "toolsight";

/// JSON-RPC method, such as `tools/call`.
pub const MCP_METHOD_NAME: &str = "mcp.method.name";
/// Protocol version that the exchange speaks, such as `2026-07-28`.
pub const MCP_PROTOCOL_VERSION: &str = "mcp.protocol.version";
/// Session identifier; legacy protocol versions only.
pub const MCP_SESSION_ID: &str = "mcp.session.id";
/// What the resource goes by: the URI template that its address was made of, such as `users://{id}/profile`, where the server has
/// listed one, else the scheme, such as `file`. Never the address, even where that is captured: this is the target of sums
/// and metrics, and there are as many addresses as people and files that they name.
pub const MCP_RESOURCE_URI: &str = "mcp.resource.uri";
/// The one name that the client is known by, see [`crate::Clients`]; else the one by which it calls itself.
pub const MCP_CLIENT_NAME: &str = "mcp.client.name";
/// Version of the client implementation.
pub const MCP_CLIENT_VERSION: &str = "mcp.client.version";
/// Name of the server implementation.
pub const MCP_SERVER_NAME: &str = "mcp.server.name";
/// Version of the server implementation.
pub const MCP_SERVER_VERSION: &str = "mcp.server.version";

/// Name of the called tool.
pub const GEN_AI_TOOL_NAME: &str = "gen_ai.tool.name";
/// Name of the fetched prompt.
pub const GEN_AI_PROMPT_NAME: &str = "gen_ai.prompt.name";
/// `execute_tool` on tool calls, absent elsewhere.
pub const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
/// The one value of [`GEN_AI_OPERATION_NAME`] that MCP uses.
pub const EXECUTE_TOOL: &str = "execute_tool";

/// JSON-RPC id of the request, as a string.
pub const JSONRPC_REQUEST_ID: &str = "jsonrpc.request.id";
/// JSON-RPC error code, as a string.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
/// Low-cardinality class of the failure; absent on success.
pub const ERROR_TYPE: &str = "error.type";
/// HTTP status of the response.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// `tcp` or `pipe`.
pub const NETWORK_TRANSPORT: &str = "network.transport";
/// Address of the client, see [`crate::ClientAddress`].
pub const CLIENT_ADDRESS: &str = "client.address";
/// Its port.
pub const CLIENT_PORT: &str = "client.port";
/// `http` where there is one.
pub const NETWORK_PROTOCOL_NAME: &str = "network.protocol.name";
/// `1.1`, `2`.
pub const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";

/// The user as the operator chose to see them.
pub const USER_ID: &str = "user.id";
/// Keyed hash of the user.
pub const USER_HASH: &str = "user.hash";

/// Logical service that the spans come from.
pub const SERVICE_NAME: &str = "service.name";
/// Version of that service.
pub const SERVICE_VERSION: &str = "service.version";
/// One process of that service.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";

/// [`crate::Outcome`] of the call.
pub const TOOLSIGHT_OUTCOME: &str = "toolsight.outcome";
/// [`crate::Fault`] of the call.
pub const TOOLSIGHT_FAULT: &str = "toolsight.fault";
/// [`crate::Transport`] of the call.
pub const TOOLSIGHT_TRANSPORT: &str = "toolsight.transport";
/// Bridge that stands between client and server, split off the client's name.
pub const TOOLSIGHT_CLIENT_BRIDGE: &str = "toolsight.client.bridge";
/// Organisation that the user belongs to.
pub const TOOLSIGHT_TENANT: &str = "toolsight.tenant";
/// Bytes of the HTTP request body, of the message in a batch, or of the line.
pub const TOOLSIGHT_REQUEST_BYTES: &str = "toolsight.request.bytes";
/// Bytes of the HTTP response body up to the end of the answer, in a batch from the end of the one before, or of the line.
pub const TOOLSIGHT_RESPONSE_BYTES: &str = "toolsight.response.bytes";
/// Milliseconds to the first byte of a streamed answer that tells anything (data of an event), as a double.
pub const TOOLSIGHT_FIRST_BYTE_MS: &str = "toolsight.first_byte_ms";
/// `to_server`, or `to_client` for what the server asks of the client; absent means `to_server`.
pub const TOOLSIGHT_DIRECTION: &str = "toolsight.direction";
/// Identifier that calls have in common which belong together without a session.
pub const TOOLSIGHT_CHAIN_ID: &str = "toolsight.chain.id";
/// Keyed hash of the canonical arguments, 16 hexadecimal digits.
pub const TOOLSIGHT_ARGS_HASH: &str = "toolsight.args.hash";
/// Names of the arguments that the tool's input schema refuses, sorted, with commas between.
pub const TOOLSIGHT_INVALID_ARGUMENTS: &str = "toolsight.arguments.invalid";
/// What is notable about the result, sorted, with commas between: see [`crate::semconv::RESULT_FLAGS`].
pub const TOOLSIGHT_RESULT_FLAGS: &str = "toolsight.result.flags";
/// Every flag of a result: without any content; said to be a success though its first text begins like an error, as
/// `Database error: …` does; equal to the previous result of the same call; with `structuredContent` that the tool's own
/// `outputSchema` refuses; cut at a size that the tool keeps to; and of any answer that it passed compressed or could not be
/// read otherwise, so that the HTTP status alone tells how the call ended.
pub const RESULT_FLAGS: [&str; 6] = [
    "empty",
    "error_text",
    "identical",
    "schema_mismatch",
    "truncated",
    "unread",
];
/// Types of the result's content blocks, sorted, with commas between, and of several of one type their number, at most 255, such
/// as `image,text:3`.
pub const TOOLSIGHT_CONTENT_TYPES: &str = "toolsight.content.types";
/// Round of a call that takes several, from 1.
pub const TOOLSIGHT_ATTEMPT: &str = "toolsight.attempt";
/// Milliseconds in which the server waited for the client, as a double: before this round of the call, or within the duration
/// of a call that became a task. Of a task that is the time in which it asked for input, or had told before 2026-07-28 that
/// its result can be asked for; and where it tells when its status changed (`lastUpdatedAt`), the time from then to the poll
/// that finds it so.
pub const TOOLSIGHT_WAITED_MS: &str = "toolsight.waited_ms";
/// Progress notifications that the server sent for the call, while it was open; absent means none.
pub const TOOLSIGHT_PROGRESS_COUNT: &str = "toolsight.progress.count";
/// Headers that do not say what the body says though they must since 2026-07-28, with commas between: `method`, `name`,
/// `param`, `version`. Headers of parameters (`Mcp-Param-*`) are compared where they are sent, and the input schema that was
/// listed last names them (`x-mcp-header`) at its top level.
pub const TOOLSIGHT_HEADER_MISMATCH: &str = "toolsight.header.mismatch";
/// Hash of the called tool's definition as `tools/list` told it, 16 hexadecimal digits.
pub const TOOLSIGHT_DEFINITION_HASH: &str = "toolsight.definition.hash";
/// Bytes of that definition.
pub const TOOLSIGHT_DEFINITION_BYTES: &str = "toolsight.definition.bytes";
/// Arguments of the call, or the address of the resource as `{"uri":"..."}`; only where capture is on.
pub const GEN_AI_TOOL_CALL_ARGUMENTS: &str = "gen_ai.tool.call.arguments";
/// Result of the call; only where capture is on.
pub const GEN_AI_TOOL_CALL_RESULT: &str = "gen_ai.tool.call.result";
/// Message of a JSON-RPC error that is the caller's mistake; other messages stand in the span's status.
pub const TOOLSIGHT_MESSAGE: &str = "toolsight.message";
/// How many calls this span stands for when sampling is on.
pub const TOOLSIGHT_WEIGHT: &str = "toolsight.weight";

/// Histogram of one request or notification at the server, in seconds.
pub const MCP_SERVER_OPERATION_DURATION: &str = "mcp.server.operation.duration";
/// Histogram of one session at the server, in seconds; legacy protocol versions only.
pub const MCP_SERVER_SESSION_DURATION: &str = "mcp.server.session.duration";
/// Bucket bounds that the convention advises for all MCP histograms, in seconds.
pub const DURATION_BUCKETS: [f64; 14] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];
/// Histogram of one request of the server at its client, in seconds.
pub const MCP_CLIENT_OPERATION_DURATION: &str = "mcp.client.operation.duration";
/// Gauge of the calls that are running.
pub const TOOLSIGHT_CALLS_IN_FLIGHT: &str = "toolsight.calls.in_flight";
/// Gauge of the seconds for which the oldest running call has been running; 0 where none is.
pub const TOOLSIGHT_CALLS_OLDEST: &str = "toolsight.calls.oldest";
/// Counter of what the middleware forgot because a bound was reached, by [`TOOLSIGHT_STATE_KIND`].
pub const TOOLSIGHT_STATE_FORGOTTEN: &str = "toolsight.state.forgotten";
/// What was forgotten: `session`, `call`, `task`, `ended_task`, `probe`, `round`, `name`, `chain`, `capture`, `result`, `list`,
/// `event`, see [`crate::Forgotten`].
pub const TOOLSIGHT_STATE_KIND: &str = "toolsight.state.kind";
/// Counter of records that the middleware could not export, by [`TOOLSIGHT_DROP_REASON`].
pub const TOOLSIGHT_RECORDS_DROPPED: &str = "toolsight.records.dropped";
/// Why a record was dropped: `queue_full`, `export_failed`, `refused`, `shutdown`, `batch_limit`, `panicked`, see
/// [`crate::Dropped`].
pub const TOOLSIGHT_DROP_REASON: &str = "toolsight.drop.reason";
/// Counter of bodies of which not all bytes could be read, by [`TOOLSIGHT_BODY_KIND`].
pub const TOOLSIGHT_BODIES_UNREAD: &str = "toolsight.bodies.unread";
/// `request` or `answer`.
pub const TOOLSIGHT_BODY_KIND: &str = "toolsight.body.kind";
/// Value of a metric attribute whose true value would open one series too many.
pub const OTHER: &str = "_OTHER";

/// Key in `params._meta` of the protocol version, since 2026-07-28.
pub const META_PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Key in `params._meta` of the client's name and version, since 2026-07-28.
pub const META_CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// Key in `result._meta` of the server's name and version, since 2026-07-28.
pub const META_SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// Key in `params._meta` of the token by which a request wants to be told of its progress.
pub const META_PROGRESS_TOKEN: &str = "progressToken";
/// Key in `params._meta` of the id of the request by which a notification was subscribed to, since 2026-07-28.
pub const META_SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// Key in `params._meta` of the W3C trace parent.
pub const META_TRACEPARENT: &str = "traceparent";
/// Key in `params._meta` of the W3C trace state.
pub const META_TRACESTATE: &str = "tracestate";

/// HTTP header of the protocol version.
pub const HEADER_PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// HTTP header of the session; legacy protocol versions only.
pub const HEADER_SESSION_ID: &str = "mcp-session-id";
/// HTTP header that names the last event of a stream that is resumed; legacy protocol versions only.
pub const HEADER_LAST_EVENT_ID: &str = "last-event-id";
/// HTTP header that mirrors the JSON-RPC method, since 2026-07-28.
pub const HEADER_METHOD: &str = "mcp-method";
/// HTTP header that mirrors the tool, prompt, resource or task, since 2026-07-28.
pub const HEADER_NAME: &str = "mcp-name";
/// What HTTP headers begin with that mirror an argument of a tool, since 2026-07-28.
pub const HEADER_PARAM_PREFIX: &str = "mcp-param-";

#[cfg(test)]
mod tests {
    use crate::{Dropped, Forgotten};

    #[test]
    fn every_reason_and_kind_of_a_loss_is_documented() {
        let source = include_str!("semconv.rs");
        let kinds = Forgotten::default().by_kind().map(|(kind, _)| kind);
        let reasons = Dropped::default().by_reason().map(|(reason, _)| reason);
        for (constant, names) in [
            ("TOOLSIGHT_STATE_KIND", &kinds[..]),
            ("TOOLSIGHT_DROP_REASON", &reasons[..]),
        ] {
            let before = source.split(&format!("pub const {constant}:")).next().unwrap();
            let documentation = before.rsplit(';').next().unwrap();
            for name in names {
                assert!(documentation.contains(&format!("`{name}`")), "{constant}: {name}");
            }
        }
    }
}
