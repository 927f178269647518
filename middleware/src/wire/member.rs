//! The members of a message that are looked at.

use crate::semconv;

/// Members that are looked at; each stands for one path from the root of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Batch,
    Root,
    Jsonrpc,
    Id,
    Method,
    Params,
    ParamsName,
    ParamsUri,
    ParamsProtocolVersion,
    ParamsClient,
    ParamsRequestId,
    ParamsMeta,
    ParamsTaskId,
    ParamsStatus,
    ParamsTaskResult,
    ParamsTaskIsError,
    ParamsRequestState,
    ParamsInputResponses,
    Arguments,
    Argument,
    MetaProtocolVersion,
    MetaClient,
    MetaTraceparent,
    MetaTracestate,
    Result,
    IsError,
    ResultType,
    ResultProtocolVersion,
    ResultServer,
    ResultMeta,
    ResultTask,
    ResultStatus,
    ResultTaskId,
    ResultRequestState,
    NestedResult,
    NestedIsError,
    NextCursor,
    Content,
    Block,
    BlockType,
    BlockText,
    Structured,
    StructuredValue,
    Tools,
    Tool,
    ToolName,
    /// Of the input, or else of the output.
    InputSchema,
    Required,
    RequiredName,
    AdditionalProperties,
    Properties,
    PatternProperties,
    Property,
    PropertyTypes,
    PropertyType,
    PeerName,
    PeerVersion,
    Error,
    ErrorCode,
    ErrorMessage,
    /// A container that is not of the type that the specification says.
    Other,
}

impl Member {
    /// The member `key` of the object at `self`, if it is looked at.
    pub(super) fn child(self, key: &str) -> Option<Self> {
        Some(match (self, key) {
            (Self::Root, "jsonrpc") => Self::Jsonrpc,
            (Self::Root, "id") => Self::Id,
            (Self::Root, "method") => Self::Method,
            (Self::Root, "params") => Self::Params,
            (Self::Root, "result") => Self::Result,
            (Self::Root, "error") => Self::Error,
            (Self::Params, "name") => Self::ParamsName,
            (Self::Params, "uri") => Self::ParamsUri,
            (Self::Params, "protocolVersion") => Self::ParamsProtocolVersion,
            (Self::Params, "clientInfo") => Self::ParamsClient,
            (Self::Params, "requestId") => Self::ParamsRequestId,
            (Self::Params, "_meta") => Self::ParamsMeta,
            (Self::Params, "taskId") => Self::ParamsTaskId,
            (Self::Params, "status") => Self::ParamsStatus,
            (Self::Params, "result") => Self::ParamsTaskResult,
            (Self::ParamsTaskResult, "isError") => Self::ParamsTaskIsError,
            (Self::Params, "requestState") => Self::ParamsRequestState,
            (Self::Params, "inputResponses") => Self::ParamsInputResponses,
            (Self::Params, "arguments") => Self::Arguments,
            (Self::Arguments, _) => Self::Argument,
            (Self::ParamsMeta, semconv::META_PROTOCOL_VERSION) => Self::MetaProtocolVersion,
            (Self::ParamsMeta, semconv::META_CLIENT_INFO) => Self::MetaClient,
            (Self::ParamsMeta, semconv::META_TRACEPARENT) => Self::MetaTraceparent,
            (Self::ParamsMeta, semconv::META_TRACESTATE) => Self::MetaTracestate,
            (Self::Result, "isError") => Self::IsError,
            (Self::Result, "resultType") => Self::ResultType,
            (Self::Result, "protocolVersion") => Self::ResultProtocolVersion,
            (Self::Result, "serverInfo") | (Self::ResultMeta, semconv::META_SERVER_INFO) => Self::ResultServer,
            (Self::Result, "_meta") => Self::ResultMeta,
            (Self::Result, "task") => Self::ResultTask,
            (Self::Result | Self::ResultTask, "status") => Self::ResultStatus,
            (Self::Result | Self::ResultTask, "taskId") => Self::ResultTaskId,
            (Self::Result, "requestState") => Self::ResultRequestState,
            (Self::Result, "result") => Self::NestedResult,
            (Self::NestedResult, "isError") => Self::NestedIsError,
            (Self::Result, "content") => Self::Content,
            (Self::Result, "structuredContent") => Self::Structured,
            (Self::Block, "type") => Self::BlockType,
            (Self::Block, "text") => Self::BlockText,
            (Self::Structured, _) => Self::StructuredValue,
            (Self::Result, "nextCursor") => Self::NextCursor,
            (Self::Result, "tools") => Self::Tools,
            (Self::Tool, "name") => Self::ToolName,
            (Self::Tool, "inputSchema" | "outputSchema") => Self::InputSchema,
            (Self::InputSchema, "required") => Self::Required,
            (Self::InputSchema, "additionalProperties") => Self::AdditionalProperties,
            (Self::InputSchema, "properties") => Self::Properties,
            (Self::InputSchema, "patternProperties") => Self::PatternProperties,
            (Self::Properties, _) => Self::Property,
            (Self::Property, "type") => Self::PropertyTypes,
            (Self::ParamsClient | Self::MetaClient | Self::ResultServer, "name") => Self::PeerName,
            (Self::ParamsClient | Self::MetaClient | Self::ResultServer, "version") => Self::PeerVersion,
            (Self::Error, "code") => Self::ErrorCode,
            (Self::Error, "message") => Self::ErrorMessage,
            _ => return None,
        })
    }

    /// Whether it is read of what the server tells or asks the client, of which little is of use.
    pub(super) const fn is_told_to_clients(self) -> bool {
        matches!(
            self,
            Self::ParamsRequestId | Self::ParamsMeta | Self::ParamsTaskId | Self::ParamsStatus | Self::ParamsTaskResult
        )
    }

    /// The elements of the array at `self`, if they are looked at.
    pub(super) const fn element(self) -> Option<Self> {
        match self {
            Self::Batch => Some(Self::Root),
            Self::Content => Some(Self::Block),
            Self::Tools => Some(Self::Tool),
            Self::Required => Some(Self::RequiredName),
            Self::PropertyTypes => Some(Self::PropertyType),
            _ => None,
        }
    }

    /// Whether the specification has an array here, and nothing else.
    pub(super) const fn is_array(self) -> bool {
        matches!(self, Self::Content | Self::Tools | Self::Required | Self::PropertyTypes)
    }
}
