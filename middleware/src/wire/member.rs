//! The members of a message that are looked at.

use super::keys;

/// Members that are looked at; each stands for one path from the root of a message.
///
/// Those that are treated alike stand together, so that a comparison or two tell them from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Batch,
    /// The same, an array.
    OtherList,
    Tools,
    Templates,
    Required,
    PropertyTypes,
    SchemaTypes,
    Content,
    /// Structured content that is an array.
    StructuredList,
    /// Around the whole document. Above it are the arrays, and below it the objects.
    Outside,
    /// Structured content that is an object.
    Structured,
    Arguments,
    Tool,
    Template,
    Root,
    Block,
    Params,
    ParamsMeta,
    ResultMeta,
    /// A container that is not of the type that the specification says: an object.
    Other,
    Result,
    /// That of the client, of which only tasks are looked at.
    ClientResult,
    /// The result of a task, in the result of a question for it or in a notification.
    TaskResult,
    /// The error of a task, in the same places.
    TaskError,
    /// Of the input, or else of the output.
    InputSchema,
    Argument,
    StructuredValue,
    Property,
    Jsonrpc,
    Id,
    Method,
    ParamsName,
    ParamsUri,
    ParamsCursor,
    ParamsProtocolVersion,
    ParamsClient,
    ParamsRequestId,
    ParamsProgressToken,
    ParamsTaskId,
    ParamsStatus,
    ParamsRequestState,
    ParamsInputResponses,
    MetaProtocolVersion,
    MetaClient,
    MetaTraceparent,
    MetaTracestate,
    MetaProgressToken,
    IsError,
    ResultType,
    ResultProtocolVersion,
    ResultServer,
    ResultTask,
    ResultStatus,
    ResultTaskId,
    ResultCreatedAt,
    ResultLastUpdatedAt,
    ResultRequestState,
    TaskIsError,
    NextCursor,
    BlockType,
    BlockText,
    ToolName,
    UriTemplate,
    RequiredName,
    AdditionalProperties,
    Properties,
    PatternProperties,
    PropertyType,
    PropertyHeader,
    SchemaType,
    PeerName,
    PeerVersion,
    Error,
    ErrorCode,
    ErrorMessage,
    MetaSubscriptionId,
    ResultInputRequests,
    /// Of what is asked for, or of what is answered to it.
    InputKey,
}

impl Member {
    /// The member `key` of the object at `self`, if it is looked at.
    pub(super) fn child(self, key: &[u8]) -> Option<Self> {
        keys::member(self, key).or(match self {
            Self::Arguments => Some(Self::Argument),
            Self::Structured => Some(Self::StructuredValue),
            Self::Properties => Some(Self::Property),
            Self::ParamsInputResponses | Self::ResultInputRequests => Some(Self::InputKey),
            _ => None,
        })
    }

    /// Whether nothing is to be done at its key.
    pub(super) const fn is_ordinary(self) -> bool {
        !matches!(
            self,
            Self::Result
                | Self::TaskResult
                | Self::TaskError
                | Self::InputSchema
                | Self::Argument
                | Self::StructuredValue
                | Self::Property
                | Self::InputKey
        )
    }

    /// Whether nothing is to be done where it opens.
    pub(super) const fn opens_quietly(self) -> bool {
        matches!(
            self,
            Self::Template
                | Self::Root
                | Self::Block
                | Self::Params
                | Self::ParamsMeta
                | Self::ResultMeta
                | Self::Other
        )
    }

    /// Whether nothing is to be done where it closes.
    pub(super) const fn closes_quietly(self) -> bool {
        !matches!(
            self,
            Self::Content
                | Self::StructuredList
                | Self::Outside
                | Self::Structured
                | Self::Arguments
                | Self::Tool
                | Self::Root
                | Self::Block
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
                | Self::TaskResult
                | Self::TaskError
        )
    }

    /// The elements of the array at `self`, if they are looked at.
    pub(super) const fn element(self) -> Option<Self> {
        match self {
            Self::Outside | Self::Batch => Some(Self::Root),
            Self::Content => Some(Self::Block),
            Self::Tools => Some(Self::Tool),
            Self::Templates => Some(Self::Template),
            Self::Required => Some(Self::RequiredName),
            Self::PropertyTypes => Some(Self::PropertyType),
            Self::SchemaTypes => Some(Self::SchemaType),
            _ => None,
        }
    }

    /// Whether it is an array.
    pub(super) const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Batch
                | Self::OtherList
                | Self::Tools
                | Self::Templates
                | Self::Required
                | Self::PropertyTypes
                | Self::SchemaTypes
                | Self::Content
                | Self::StructuredList
        )
    }
}
