//! How a call ended and whose fault that was: two closed sets, decided from protocol facts only.

use std::fmt;

/// How one call ended.
///
/// Never decided from the wording of a message: only from status, JSON-RPC code, `isError`, `resultType`, the tool
/// definitions seen, and the way in which the exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A result whose `isError` is not true, or an accepted notification.
    Ok,
    /// A result with `isError: true`, whatever the HTTP status.
    ToolError,
    /// A call of a tool that is not among those the server lists, answered by `-32602` or by a result with `isError`.
    UnknownTool,
    /// JSON-RPC `-32602`, a result with `isError` to arguments that the tool's schema refuses, and input that could not be
    /// read (`-32700`, `-32600`).
    InvalidArguments,
    /// Any other JSON-RPC error.
    ProtocolError,
    /// JSON-RPC `-32603`.
    InternalError,
    /// HTTP 4xx or 5xx without a JSON-RPC body, or an answer that cannot be read.
    HttpError,
    /// HTTP 401, or 403 with a challenge (`WWW-Authenticate`), as a token with too few scopes is answered.
    Unauthorized,
    /// HTTP 429.
    RateLimited,
    /// No answer within the server's or a gateway's time limit (HTTP 408, 504). A client that gives up takes the call back,
    /// and only the wording of its reason would say why: that is [`Self::Cancelled`].
    Timeout,
    /// The client took the call back: `notifications/cancelled`, or since 2026-07-28 by closing the stream.
    Cancelled,
    /// The exchange ended without an answer to the request.
    Abandoned,
    /// `resultType: "input_required"` or the legacy code `-32042`: an interim answer, neither success nor failure.
    InputRequired,
    /// `resultType: "task"` or the legacy `result.task`, of a task whose end was not seen; or the answer comes where it
    /// cannot be seen, or was no longer waited for because a bound was reached. How the call ended is not known.
    Deferred,
    /// A request of a client that speaks both eras to find out which one the server speaks.
    Probe,
}

/// Who has to act so that the call succeeds next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody: the call succeeded or is not finished.
    None,
    /// The server, or something that it depends on.
    Server,
    /// The caller sent something that cannot be served.
    Caller,
    /// Credentials are missing, expired or too weak.
    Auth,
    /// The client went away before the answer.
    ClientGone,
}

impl Outcome {
    /// The name used in attributes, columns and on the page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::UnknownTool => "unknown_tool",
            Self::InvalidArguments => "invalid_arguments",
            Self::ProtocolError => "protocol_error",
            Self::InternalError => "internal_error",
            Self::HttpError => "http_error",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate_limited",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Abandoned => "abandoned",
            Self::InputRequired => "input_required",
            Self::Deferred => "deferred",
            Self::Probe => "probe",
        }
    }
}

impl Fault {
    /// The name used in attributes, columns and on the page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Server => "server",
            Self::Caller => "caller",
            Self::Auth => "auth",
            Self::ClientGone => "client_gone",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
