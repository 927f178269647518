//! The class of a failure.

use std::borrow::Cow;

use crate::outcome::{Fault, Outcome};
use crate::record::{Direction, Record};
use crate::semconv;

/// The class of a failure as `error.type` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ErrorType {
    /// A code of JSON-RPC.
    Code(i64),
    /// A status of HTTP.
    Status(u16),
    Named(&'static str),
}

impl ErrorType {
    /// `None` where the call is not an error of who reports it.
    ///
    /// By the rule of the convention for servers (semantic-conventions-genai, MCP, "error codes"): mistakes of the caller
    /// keep their code in `rpc.response.status_code` and are no errors of the span.
    pub(super) fn of(record: &Record) -> Option<Self> {
        if let (Direction::ToClient, Some(code)) = (record.direction, record.code) {
            // By the same convention every code is an error to whoever asked.
            return Some(Self::Code(code));
        }
        match (record.fault, record.outcome) {
            (_, Outcome::Abandoned) if record.direction == Direction::ToClient => Some(Self::Named("abandoned")),
            (Fault::Server, Outcome::ToolError) => Some(Self::Named("tool_error")),
            (Fault::Server, Outcome::Timeout) => Some(Self::Named("timeout")),
            (Fault::Server, Outcome::Abandoned) => Some(Self::Named("abandoned")),
            (Fault::Server | Fault::Auth, _) => Some(match (record.code, record.http_status) {
                (Some(code), _) => Self::Code(code),
                (None, Some(status @ 400..)) => Self::Status(status),
                _ => Self::Named(semconv::OTHER),
            }),
            (Fault::Caller, Outcome::HttpError | Outcome::RateLimited) => record.http_status.map(Self::Status),
            (Fault::Caller, _) => record
                .code
                .filter(|code| matches!(code, -32022..=-32020))
                .map(Self::Code),
            (Fault::None | Fault::ClientGone, _) => None,
        }
    }

    /// The same, one for all codes that are none of JSON-RPC or MCP: those are the server's to choose.
    pub(super) const fn bounded(self) -> Self {
        match self {
            Self::Code(-32768..=-32000) | Self::Status(_) | Self::Named(_) => self,
            Self::Code(_) => Self::Named(semconv::OTHER),
        }
    }

    pub(super) fn text(self) -> Cow<'static, str> {
        match self {
            Self::Code(code) => code.to_string().into(),
            Self::Status(status) => status.to_string().into(),
            Self::Named(name) => name.into(),
        }
    }
}
