//! One JSON-RPC message, reduced to the members that a record needs.

use super::schema::{Argument, InputSchema};
use crate::record::Peer;

/// JSON-RPC id. A number and a string of the same digits are different ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    Text(Box<str>),
    Number(Box<str>),
}

impl Id {
    pub(crate) fn into_text(self) -> Box<str> {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }
}

/// What sort of message it is, by the members it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Notification,
    Result,
    Error,
    /// No JSON-RPC message at all.
    Other,
}

/// See the [module](self). Members that were absent, or of another type than the specification says, are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    pub(crate) jsonrpc: bool,
    pub(crate) id: Option<Id>,
    pub(crate) method: Option<Box<str>>,
    pub(crate) params: Params,
    pub(crate) result: Option<Box<ResultPart>>,
    pub(crate) error: Option<ErrorPart>,
}

/// Members of `params`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Params {
    pub(crate) name: Option<Box<str>>,
    pub(crate) uri: Option<Box<str>>,
    /// `params.protocolVersion` of `initialize`.
    pub(crate) protocol_version: Option<Box<str>>,
    /// `params.clientInfo` of `initialize`.
    pub(crate) client: Option<Peer>,
    /// `params.requestId` of `notifications/cancelled`.
    pub(crate) request_id: Option<Id>,
    /// Names and kinds of the members of `params.arguments`, at most [`super::ARGUMENTS_LIMIT`].
    pub(crate) arguments: Vec<Argument>,
    pub(crate) meta: Meta,
}

/// Members of `params._meta`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Meta {
    pub(crate) protocol_version: Option<Box<str>>,
    pub(crate) client: Option<Peer>,
    pub(crate) traceparent: Option<Box<str>>,
    pub(crate) tracestate: Option<Box<str>>,
}

/// Members of `result`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ResultPart {
    pub(crate) is_error: bool,
    pub(crate) result_type: Option<Box<str>>,
    pub(crate) protocol_version: Option<Box<str>>,
    /// `result.serverInfo`, or since 2026-07-28 the key in `result._meta`.
    pub(crate) server: Option<Peer>,
    /// Whether there is a `result.task` object, as a deferred call of 2025-11-25 is answered.
    pub(crate) task: bool,
    /// The task that the result tells of has failed, or its own result is an error.
    pub(crate) task_failed: bool,
    pub(crate) tools: Option<Vec<Tool>>,
    pub(crate) next_cursor: bool,
}

/// A tool as `tools/list` defines it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: Box<str>,
    pub(crate) input: InputSchema,
}

/// Members of `error`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ErrorPart {
    pub(crate) code: Option<i64>,
    pub(crate) message: Option<Box<str>>,
}

impl Message {
    pub(crate) const fn kind(&self) -> Kind {
        match (&self.method, &self.id, &self.result, &self.error) {
            (Some(_), Some(_), ..) => Kind::Request,
            (Some(_), None, ..) => Kind::Notification,
            (None, _, _, Some(_)) => Kind::Error,
            (None, _, Some(_), None) => Kind::Result,
            (None, _, None, None) => Kind::Other,
        }
    }
}
