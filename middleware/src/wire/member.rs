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
    ParamsCursor,
    ParamsProtocolVersion,
    ParamsClient,
    ParamsRequestId,
    ParamsProgressToken,
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
    MetaProgressToken,
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

const META_PROTOCOL_VERSION: &[u8] = semconv::META_PROTOCOL_VERSION.as_bytes();
const META_CLIENT_INFO: &[u8] = semconv::META_CLIENT_INFO.as_bytes();
const META_TRACEPARENT: &[u8] = semconv::META_TRACEPARENT.as_bytes();
const META_TRACESTATE: &[u8] = semconv::META_TRACESTATE.as_bytes();
const META_PROGRESS_TOKEN: &[u8] = semconv::META_PROGRESS_TOKEN.as_bytes();
const META_SERVER_INFO: &[u8] = semconv::META_SERVER_INFO.as_bytes();

impl Member {
    /// The member `key` of the object at `self`, if it is looked at.
    pub(super) fn child(self, key: &[u8]) -> Option<Self> {
        Some(match (self, key) {
            (Self::Root, b"jsonrpc") => Self::Jsonrpc,
            (Self::Root, b"id") => Self::Id,
            (Self::Root, b"method") => Self::Method,
            (Self::Root, b"params") => Self::Params,
            (Self::Root, b"result") => Self::Result,
            (Self::Root, b"error") => Self::Error,
            (Self::Params, b"name") => Self::ParamsName,
            (Self::Params, b"uri") => Self::ParamsUri,
            (Self::Params, b"cursor") => Self::ParamsCursor,
            (Self::Params, b"protocolVersion") => Self::ParamsProtocolVersion,
            (Self::Params, b"clientInfo") => Self::ParamsClient,
            (Self::Params, b"requestId") => Self::ParamsRequestId,
            (Self::Params, b"progressToken") => Self::ParamsProgressToken,
            (Self::Params, b"_meta") => Self::ParamsMeta,
            (Self::Params, b"taskId") => Self::ParamsTaskId,
            (Self::Params, b"status") => Self::ParamsStatus,
            (Self::Params, b"result") => Self::ParamsTaskResult,
            (Self::ParamsTaskResult, b"isError") => Self::ParamsTaskIsError,
            (Self::Params, b"requestState") => Self::ParamsRequestState,
            (Self::Params, b"inputResponses") => Self::ParamsInputResponses,
            (Self::Params, b"arguments") => Self::Arguments,
            (Self::Arguments, _) => Self::Argument,
            (Self::ParamsMeta, META_PROTOCOL_VERSION) => Self::MetaProtocolVersion,
            (Self::ParamsMeta, META_CLIENT_INFO) => Self::MetaClient,
            (Self::ParamsMeta, META_TRACEPARENT) => Self::MetaTraceparent,
            (Self::ParamsMeta, META_TRACESTATE) => Self::MetaTracestate,
            (Self::ParamsMeta, META_PROGRESS_TOKEN) => Self::MetaProgressToken,
            (Self::Result, b"isError") => Self::IsError,
            (Self::Result, b"resultType") => Self::ResultType,
            (Self::Result, b"protocolVersion") => Self::ResultProtocolVersion,
            (Self::Result, b"serverInfo") | (Self::ResultMeta, META_SERVER_INFO) => Self::ResultServer,
            (Self::Result, b"_meta") => Self::ResultMeta,
            (Self::Result, b"task") => Self::ResultTask,
            (Self::Result | Self::ResultTask, b"status") => Self::ResultStatus,
            (Self::Result | Self::ResultTask, b"taskId") => Self::ResultTaskId,
            (Self::Result, b"requestState") => Self::ResultRequestState,
            (Self::Result, b"result") => Self::NestedResult,
            (Self::NestedResult, b"isError") => Self::NestedIsError,
            (Self::Result, b"content") => Self::Content,
            (Self::Result, b"structuredContent") => Self::Structured,
            (Self::Block, b"type") => Self::BlockType,
            (Self::Block, b"text") => Self::BlockText,
            (Self::Structured, _) => Self::StructuredValue,
            (Self::Result, b"nextCursor") => Self::NextCursor,
            (Self::Result, b"tools") => Self::Tools,
            (Self::Tool, b"name") => Self::ToolName,
            (Self::Tool, b"inputSchema" | b"outputSchema") => Self::InputSchema,
            (Self::InputSchema, b"required") => Self::Required,
            (Self::InputSchema, b"additionalProperties") => Self::AdditionalProperties,
            (Self::InputSchema, b"properties") => Self::Properties,
            (Self::InputSchema, b"patternProperties") => Self::PatternProperties,
            (Self::Properties, _) => Self::Property,
            (Self::Property, b"type") => Self::PropertyTypes,
            (Self::ParamsClient | Self::MetaClient | Self::ResultServer, b"name") => Self::PeerName,
            (Self::ParamsClient | Self::MetaClient | Self::ResultServer, b"version") => Self::PeerVersion,
            (Self::Error, b"code") => Self::ErrorCode,
            (Self::Error, b"message") => Self::ErrorMessage,
            _ => return None,
        })
    }

    /// Whether nothing is to be done at its key.
    pub(super) const fn is_ordinary(self) -> bool {
        !matches!(
            self,
            Self::Result | Self::InputSchema | Self::Argument | Self::StructuredValue | Self::Property
        )
    }

    /// Whether nothing is to be done where it opens.
    pub(super) const fn opens_quietly(self) -> bool {
        matches!(
            self,
            Self::Root | Self::Params | Self::ParamsMeta | Self::ResultMeta | Self::Block | Self::Other
        )
    }

    /// Whether nothing is to be done where it closes.
    pub(super) const fn closes_quietly(self) -> bool {
        !matches!(
            self,
            Self::Root | Self::Arguments | Self::Tool | Self::Content | Self::Structured | Self::Block
        )
    }

    /// Whether it is read of what the server tells or asks the client, of which little is of use.
    pub(super) const fn is_told_to_clients(self) -> bool {
        matches!(
            self,
            Self::ParamsRequestId
                | Self::ParamsProgressToken
                | Self::ParamsMeta
                | Self::ParamsTaskId
                | Self::ParamsStatus
                | Self::ParamsTaskResult
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
