//! How a call ended and whose fault it was, for spans of instrumentations that do not say it themselves.
//!
//! Decided from protocol facts in this order: what the tool said of itself, authentication and rate limits, the JSON-RPC
//! code, the HTTP status, the class of the error, the span's status. Caller mistakes stay the caller's whatever status
//! the span has, since instrumentations differ in whether they call those errors.

use toolsight::{Fault, Outcome};

/// What a span tells about its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence<'a> {
    /// `mcp.tool.result.is_error` is true.
    pub(crate) is_error: bool,
    pub(crate) error_type: &'a str,
    /// 0 where absent.
    pub(crate) rpc_code: i32,
    /// 0 where absent.
    pub(crate) http_status: u16,
    /// The span's status is `ERROR`.
    pub(crate) failed: bool,
}

/// All that a stored call may have.
pub(crate) const OUTCOMES: [Outcome; 15] = [
    Outcome::Ok,
    Outcome::ToolError,
    Outcome::UnknownTool,
    Outcome::InvalidArguments,
    Outcome::ProtocolError,
    Outcome::InternalError,
    Outcome::HttpError,
    Outcome::Unauthorized,
    Outcome::RateLimited,
    Outcome::Timeout,
    Outcome::Cancelled,
    Outcome::Abandoned,
    Outcome::InputRequired,
    Outcome::Deferred,
    Outcome::Probe,
];

const FAULTS: [Fault; 5] = [
    Fault::None,
    Fault::Server,
    Fault::Caller,
    Fault::Auth,
    Fault::ClientGone,
];

/// The outcome of that name.
pub(crate) fn outcome_named(name: &str) -> Option<Outcome> {
    OUTCOMES.into_iter().find(|outcome| outcome.as_str() == name)
}

/// The fault of that name.
pub(crate) fn fault_named(name: &str) -> Option<Fault> {
    FAULTS.into_iter().find(|fault| fault.as_str() == name)
}

/// Outcome and fault of a call whose span names neither.
pub(crate) fn derive(evidence: Evidence<'_>) -> (Outcome, Fault) {
    let Evidence {
        is_error,
        error_type,
        rpc_code,
        http_status,
        failed,
    } = evidence;
    if is_error || error_type == "tool_error" {
        return (Outcome::ToolError, Fault::Server);
    }
    // Instrumentations that know only `error.type` put the JSON-RPC code or the HTTP status there.
    let number = error_type.parse::<i32>().unwrap_or(0);
    let code = if rpc_code == 0 && number < 0 { number } else { rpc_code };
    let status = match u16::try_from(number) {
        Ok(status @ 400..=599) if http_status < 400 => status,
        _ => http_status,
    };
    match (status, code) {
        (401 | 403, _) => (Outcome::Unauthorized, Fault::Auth),
        (429, _) => (Outcome::RateLimited, Fault::Caller),
        (_, -32700 | -32600 | -32602) => (Outcome::InvalidArguments, Fault::Caller),
        (_, -32601 | -32002 | -32022..=-32020) => (Outcome::ProtocolError, Fault::Caller),
        (_, -32603) => (Outcome::InternalError, Fault::Server),
        (_, -32042) => (Outcome::InputRequired, Fault::None),
        (408 | 504, 0) => (Outcome::Timeout, Fault::Server),
        (500.., 0) => (Outcome::HttpError, Fault::Server),
        (400..=499, 0) => (Outcome::HttpError, Fault::Caller),
        (_, 0) => by_class(error_type, failed),
        _ => (Outcome::ProtocolError, Fault::Server),
    }
}

/// `error.type` is the name of a class or an exception here; of a path only the last part counts.
fn by_class(error_type: &str, failed: bool) -> (Outcome, Fault) {
    let name = error_type
        .rsplit(['.', ':'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    match name.as_str() {
        "" if !failed => (Outcome::Ok, Fault::None),
        "timeout" | "timeouterror" | "timeoutexception" | "deadline_exceeded" => (Outcome::Timeout, Fault::Server),
        "cancelled"
        | "canceled"
        | "cancellederror"
        | "cancellationexception"
        | "operationcanceledexception"
        | "taskcanceledexception" => (Outcome::Cancelled, Fault::ClientGone),
        "stream_closed" | "abandoned" => (Outcome::Abandoned, Fault::Server),
        _ => (Outcome::InternalError, Fault::Server),
    }
}

/// The fault that goes with an outcome when the span names the outcome only.
pub(crate) fn fault_of(outcome: Outcome, evidence: Evidence<'_>) -> Fault {
    match outcome {
        Outcome::ToolError | Outcome::InternalError | Outcome::Timeout | Outcome::Abandoned => Fault::Server,
        Outcome::UnknownTool | Outcome::InvalidArguments | Outcome::RateLimited => Fault::Caller,
        Outcome::Unauthorized => Fault::Auth,
        Outcome::Cancelled => Fault::ClientGone,
        Outcome::ProtocolError | Outcome::HttpError => match derive(evidence) {
            (_, Fault::None) => Fault::Server,
            (_, fault) => fault,
        },
        _ => Fault::None,
    }
}

#[cfg(test)]
mod tests {
    use toolsight::{Fault, Outcome};

    use super::{Evidence, FAULTS, OUTCOMES, derive, fault_named, outcome_named};

    fn evidence(error_type: &str, rpc_code: i32, http_status: u16, failed: bool) -> Evidence<'_> {
        Evidence {
            is_error: false,
            error_type,
            rpc_code,
            http_status,
            failed,
        }
    }

    #[test]
    fn every_name_is_found_again() {
        assert!(
            OUTCOMES
                .iter()
                .all(|outcome| outcome_named(outcome.as_str()) == Some(*outcome))
        );
        assert!(FAULTS.iter().all(|fault| fault_named(fault.as_str()) == Some(*fault)));
        assert_eq!(outcome_named("fine"), None);
    }

    #[test]
    fn outcome_and_fault_follow_from_what_the_span_tells() {
        for (case, evidence, expected) in [
            ("success", evidence("", 0, 200, false), (Outcome::Ok, Fault::None)),
            (
                "a notification that was accepted",
                evidence("", 0, 202, false),
                (Outcome::Ok, Fault::None),
            ),
            (
                "isError in HTTP 200",
                evidence("tool_error", 0, 200, true),
                (Outcome::ToolError, Fault::Server),
            ),
            (
                "isError as an attribute",
                Evidence {
                    is_error: true,
                    ..Evidence::default()
                },
                (Outcome::ToolError, Fault::Server),
            ),
            (
                "input that cannot be parsed",
                evidence("", -32700, 200, false),
                (Outcome::InvalidArguments, Fault::Caller),
            ),
            (
                "no request at all",
                evidence("", -32600, 400, false),
                (Outcome::InvalidArguments, Fault::Caller),
            ),
            (
                "invalid params",
                evidence("", -32602, 200, false),
                (Outcome::InvalidArguments, Fault::Caller),
            ),
            (
                "invalid params called an error",
                evidence("-32602", -32602, 200, true),
                (Outcome::InvalidArguments, Fault::Caller),
            ),
            (
                "a code only in error.type",
                evidence("-32602", 0, 0, true),
                (Outcome::InvalidArguments, Fault::Caller),
            ),
            (
                "an unknown method",
                evidence("", -32601, 404, false),
                (Outcome::ProtocolError, Fault::Caller),
            ),
            (
                "a resource that is not there",
                evidence("", -32002, 200, false),
                (Outcome::ProtocolError, Fault::Caller),
            ),
            (
                "headers that contradict the body",
                evidence("-32020", -32020, 400, true),
                (Outcome::ProtocolError, Fault::Caller),
            ),
            (
                "a version the server does not speak",
                evidence("-32022", -32022, 400, true),
                (Outcome::ProtocolError, Fault::Caller),
            ),
            (
                "an internal error",
                evidence("-32603", -32603, 200, true),
                (Outcome::InternalError, Fault::Server),
            ),
            (
                "a code of the implementation",
                evidence("-32000", -32000, 400, true),
                (Outcome::ProtocolError, Fault::Server),
            ),
            (
                "a URL to visit first",
                evidence("-32042", -32042, 200, true),
                (Outcome::InputRequired, Fault::None),
            ),
            (
                "no token",
                evidence("401", 0, 401, true),
                (Outcome::Unauthorized, Fault::Auth),
            ),
            (
                "a token that is too weak, with a JSON-RPC body",
                evidence("", -32001, 403, true),
                (Outcome::Unauthorized, Fault::Auth),
            ),
            (
                "too many requests",
                evidence("", 0, 429, true),
                (Outcome::RateLimited, Fault::Caller),
            ),
            (
                "an expired session",
                evidence("", 0, 404, false),
                (Outcome::HttpError, Fault::Caller),
            ),
            (
                "a gateway without a server",
                evidence("502", 0, 0, true),
                (Outcome::HttpError, Fault::Server),
            ),
            (
                "a gateway timeout",
                evidence("504", 0, 504, true),
                (Outcome::Timeout, Fault::Server),
            ),
            (
                "a timeout by name",
                evidence("timeout", 0, 0, true),
                (Outcome::Timeout, Fault::Server),
            ),
            (
                "a timeout as an exception",
                evidence("asyncio.TimeoutError", 0, 200, true),
                (Outcome::Timeout, Fault::Server),
            ),
            (
                "a call taken back",
                evidence("asyncio.CancelledError", 0, 0, true),
                (Outcome::Cancelled, Fault::ClientGone),
            ),
            (
                "a call taken back in .NET",
                evidence("System.Threading.Tasks.TaskCanceledException", 0, 0, true),
                (Outcome::Cancelled, Fault::ClientGone),
            ),
            (
                "a stream that ended early",
                evidence("stream_closed", 0, 200, true),
                (Outcome::Abandoned, Fault::Server),
            ),
            (
                "any exception",
                evidence("builtins.ValueError", 0, 200, true),
                (Outcome::InternalError, Fault::Server),
            ),
            (
                "an error without a class",
                evidence("_OTHER", 0, 0, true),
                (Outcome::InternalError, Fault::Server),
            ),
            (
                "only the status says error",
                evidence("", 0, 0, true),
                (Outcome::InternalError, Fault::Server),
            ),
        ] {
            assert_eq!(derive(evidence), expected, "{case}");
        }
    }
}
