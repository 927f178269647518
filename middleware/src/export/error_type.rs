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
    /// keep their code in `rpc.response.status_code` and are no errors of the span. The convention names those of JSON-RPC
    /// and `-32002`; the codes of 2026-07-28 for a header, a capability or a version that the server does not take are the
    /// same, and so is what its rule for HTTP servers says of every 4xx. So an error is what is the server's fault.
    pub(super) fn of(record: &Record) -> Option<Self> {
        if record.direction == Direction::ToClient {
            // By the same convention every code is an error to whoever asked.
            let abandoned = (record.outcome == Outcome::Abandoned).then_some(Self::Named("abandoned"));
            return record.code.map(Self::Code).or(abandoned);
        }
        match (record.fault, record.outcome, record.code, record.http_status) {
            (Fault::Server, Outcome::ToolError, ..) => Some(Self::Named("tool_error")),
            (Fault::Server, Outcome::Timeout, ..) => Some(Self::Named("timeout")),
            (Fault::Server, Outcome::Abandoned, ..) => Some(Self::Named("abandoned")),
            (Fault::Server, _, Some(code), _) => Some(Self::Code(code)),
            (Fault::Server, _, None, Some(status @ 400..)) => Some(Self::Status(status)),
            (Fault::Server, ..) => Some(Self::Named(semconv::OTHER)),
            (Fault::None | Fault::Caller | Fault::Auth | Fault::ClientGone, ..) => None,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::tests::record;

    #[test]
    fn what_is_the_server_s_fault_is_an_error() {
        use Direction::{ToClient, ToServer};
        use Fault::{Auth, Caller, ClientGone, None as Nobody, Server};
        for (direction, outcome, fault, code, status, expected) in [
            (ToServer, Outcome::Ok, Nobody, None, 200, None),
            (ToServer, Outcome::ToolError, Server, None, 200, Some("tool_error")),
            (ToServer, Outcome::Timeout, Server, None, 504, Some("timeout")),
            (ToServer, Outcome::Abandoned, Server, None, 200, Some("abandoned")),
            (
                ToServer,
                Outcome::InternalError,
                Server,
                Some(-32603),
                200,
                Some("-32603"),
            ),
            (ToServer, Outcome::ProtocolError, Server, Some(7), 200, Some("7")),
            (ToServer, Outcome::HttpError, Server, None, 502, Some("502")),
            (ToServer, Outcome::ProtocolError, Server, None, 200, Some("_OTHER")),
            // Mistakes of the caller, who may be on the way to sign in or to find out what the server speaks.
            (ToServer, Outcome::Unauthorized, Auth, None, 401, None),
            (ToServer, Outcome::Unauthorized, Auth, Some(-32000), 403, None),
            (ToServer, Outcome::RateLimited, Caller, None, 429, None),
            (ToServer, Outcome::HttpError, Caller, None, 404, None),
            (ToServer, Outcome::ProtocolError, Caller, Some(-32001), 404, None),
            (ToServer, Outcome::InvalidArguments, Caller, Some(-32602), 200, None),
            (ToServer, Outcome::UnknownTool, Caller, None, 200, None),
            (ToServer, Outcome::ProtocolError, Caller, Some(-32020), 400, None),
            (ToServer, Outcome::ProtocolError, Caller, Some(-32021), 400, None),
            (ToServer, Outcome::ProtocolError, Caller, Some(-32022), 400, None),
            (ToServer, Outcome::InputRequired, Nobody, Some(-32042), 200, None),
            (ToServer, Outcome::Probe, Nobody, Some(-32601), 200, None),
            (ToServer, Outcome::Cancelled, ClientGone, None, 200, None),
            // The server is the one who asks here.
            (ToClient, Outcome::Cancelled, Nobody, Some(-1), 200, Some("-1")),
            (ToClient, Outcome::Abandoned, ClientGone, None, 200, Some("abandoned")),
            (ToClient, Outcome::Ok, Nobody, None, 200, None),
        ] {
            let record = Record {
                direction,
                outcome,
                fault,
                code,
                http_status: Some(status),
                ..record()
            };
            let told = ErrorType::of(&record).map(ErrorType::text);
            assert_eq!(told.as_deref(), expected, "{outcome} {fault} {code:?} {status}");
        }
    }
}
