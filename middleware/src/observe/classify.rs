//! The rules for outcome and fault, in one place.

use super::head::{End, Status};
use super::tasks::Seen;
use super::tools::Input;
use crate::outcome::{Fault, Outcome};
use crate::record::Direction;
use crate::wire::{Message, ResultType, TaskStatus};

/// The first version of the era without sessions and handshake.
pub(crate) const MODERN: &str = "2026-07-28";

/// What a request over Streamable HTTP speaks of which nothing tells the version, by the specification (since 2025-06-18,
/// transports, protocol version header).
pub(super) const ASSUMED: &str = "2025-03-26";

/// Whether a version belongs to the era that names client and version in every request.
pub(crate) fn is_modern(version: Option<&str>) -> bool {
    // Drafts had words for versions.
    version.is_some_and(|version| version >= MODERN && version.as_bytes()[0].is_ascii_digit())
}

/// Whether a request of this method asks for a task or tells it something.
pub(super) fn is_of_task(method: &str) -> bool {
    method.starts_with("tasks/")
}

/// What a request can be of a client that does not know yet which era the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Nothing of that kind.
    No,
    /// `server/discover`, which is there to ask for it.
    Discover,
    /// Any other request of the new era, to a server that has not answered any yet.
    Request,
}

impl Probe {
    /// Whether an answer with `code` and `status` tells that the server is of the old era. Codes of the new era do not, but for
    /// the one by which it refuses a version, and without a status there is none that only says this: over a pipe, what
    /// the client asks next tells.
    const fn is_refused(self, code: Option<i64>, status: Option<u16>) -> bool {
        match (self, code, status) {
            // Of the page that asks, or of the address that it asks by.
            (_, _, Some(403)) => false,
            (Self::Discover, Some(-32022 | -32020..=-32000 | -32602..=-32600), _) => true,
            // Since 2026-07-28 this status with this code is a method that does not exist.
            (Self::Request, Some(-32601), Some(404)) => false,
            (Self::Request, None | Some(-32022 | -32019..=-32000 | -32601..=-32600), Some(400..=499)) => true,
            _ => false,
        }
    }
}

/// How a request ended that was answered by `answer`.
///
/// `input` is what the definitions seen say of the call: servers report wrong arguments as `-32602` or, since
/// 2025-11-25, as a result with `isError`, and tools that they do not have either way. Only what they list tells these from
/// other failures.
pub(crate) fn by_answer(
    method: &str,
    probe: Probe,
    input: Input,
    answer: &Message,
    status: Option<Status>,
) -> (Outcome, Fault) {
    if let Some(result) = &answer.result {
        return match result.result_type {
            None | Some(ResultType::Complete) if result.is_error && input == Input::UnknownTool => {
                (Outcome::UnknownTool, Fault::Caller)
            }
            None | Some(ResultType::Complete) if result.is_error && input == Input::Invalid => {
                (Outcome::InvalidArguments, Fault::Caller)
            }
            None | Some(ResultType::Complete) if result.is_error => (Outcome::ToolError, Fault::Server),
            // A question for a task begins none, whatever type its answer is said to have.
            None if result.task && !is_of_task(method) => (Outcome::Deferred, Fault::None),
            None | Some(ResultType::Complete) => (Outcome::Ok, Fault::None),
            Some(ResultType::InputRequired) => (Outcome::InputRequired, Fault::None),
            Some(ResultType::Task) if is_of_task(method) => (Outcome::Ok, Fault::None),
            Some(ResultType::Task) => (Outcome::Deferred, Fault::None),
            Some(ResultType::Other) => (Outcome::ProtocolError, Fault::Server),
        };
    }
    if let Some(by_status @ (Outcome::Unauthorized | Outcome::RateLimited | Outcome::Timeout, _)) =
        status.map(by_status)
    {
        return by_status;
    }
    let code = answer.error.as_ref().and_then(|error| error.code);
    let status = status.map(|status| status.code);
    match code {
        _ if probe.is_refused(code, status) => (Outcome::Probe, Fault::None),
        Some(-32602) if input == Input::UnknownTool => (Outcome::UnknownTool, Fault::Caller),
        Some(-32602 | -32600 | -32700) => (Outcome::InvalidArguments, Fault::Caller),
        // Method, resource, header, capability or version that the server does not have.
        Some(-32601 | -32002 | -32022 | -32021 | -32020) => (Outcome::ProtocolError, Fault::Caller),
        Some(-32603) => (Outcome::InternalError, Fault::Server),
        Some(-32042) => (Outcome::InputRequired, Fault::None),
        // Codes of the implementation's own, such as for a session that has expired: the status tells whose fault it is.
        _ if matches!(status, Some(400..=499)) => (Outcome::ProtocolError, Fault::Caller),
        _ => (Outcome::ProtocolError, Fault::Server),
    }
}

/// How a request of the server ended that the client answered by `answer`. The fault is the server's where it asked for
/// what cannot be answered, and the caller's, who is the client here as well, where that could not answer.
pub(crate) fn by_client_answer(method: &str, answer: &Message) -> (Outcome, Fault) {
    let Some(error) = &answer.error else {
        let becomes_task = answer.result.as_ref().is_some_and(|result| result.task);
        return match becomes_task && !is_of_task(method) {
            true => (Outcome::Deferred, Fault::None),
            false => (Outcome::Ok, Fault::None),
        };
    };
    match error.code {
        // A person said no.
        Some(-1) => (Outcome::Cancelled, Fault::None),
        Some(-32602 | -32600 | -32700) => (Outcome::InvalidArguments, Fault::Server),
        Some(-32603) => (Outcome::InternalError, Fault::Caller),
        _ => (Outcome::ProtocolError, Fault::Caller),
    }
}

/// What the answer to a `tasks/*` request of `asked` tells of its task. `own` is the call's own answer, if that stands there.
pub(crate) fn task_seen(
    asked: Direction,
    method: &str,
    answer: &Message,
    own: Option<&Message>,
    status: Option<Status>,
) -> Option<Seen> {
    let Some(result) = &answer.result else {
        // The task's own failure, unless it is the question that was wrong.
        let code = answer.error.as_ref()?.code?;
        let refused = status.is_some_and(|status| status.code >= 400);
        let wrong_question = matches!(code, -32602..=-32600) || refused;
        return (method == "tasks/result" && !wrong_question).then(|| ended_by(asked, answer));
    };
    match method {
        "tasks/result" => Some(ended_by(asked, answer)),
        // The person has answered, so the server goes on.
        "tasks/update" => Some(Seen::Status(TaskStatus::Working)),
        // Since 2026-07-28 that is all the answer says; before, it is the task.
        "tasks/cancel" => Some(match result.task_part.status {
            Some(status @ (TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Cancelled)) => {
                task_status(asked, status, own)
            }
            _ => Seen::Cancelling,
        }),
        _ => Some(task_status(asked, result.task_part.status?, own)),
    }
}

/// A call that became a task has ended, and would have been answered by this.
fn ended_by(asked: Direction, own: &Message) -> Seen {
    let (outcome, fault) = match asked {
        Direction::ToServer => by_answer("", Probe::No, Input::Fine, own, None),
        Direction::ToClient => by_client_answer("", own),
    };
    Seen::Ended(outcome, fault)
}

/// How a call has ended that became a task which has failed, where nothing else is told.
pub(super) const fn failed_task(asked: Direction) -> (Outcome, Fault) {
    match asked {
        Direction::ToServer => (Outcome::ToolError, Fault::Server),
        Direction::ToClient => (Outcome::ProtocolError, Fault::Caller),
    }
}

/// The same of one that was cancelled, by whom it was asked.
pub(super) const fn cancelled_task(asked: Direction) -> (Outcome, Fault) {
    match asked {
        Direction::ToServer => (Outcome::Cancelled, Fault::ClientGone),
        Direction::ToClient => (Outcome::Cancelled, Fault::None),
    }
}

/// What the status of a task tells. Before 2026-07-28 the call's own answer is to be asked for, and does not stand there.
pub(crate) fn task_status(asked: Direction, status: TaskStatus, own: Option<&Message>) -> Seen {
    match (status, own) {
        (TaskStatus::Completed | TaskStatus::Failed, Some(own)) => ended_by(asked, own),
        (TaskStatus::Cancelled, _) => {
            let (outcome, fault) = cancelled_task(asked);
            Seen::Ended(outcome, fault)
        }
        (status, _) => Seen::Status(status),
    }
}

/// How a request or notification ended of which only the HTTP status is known.
///
/// 408 says that the client was too slow, but servers answer it when they give up waiting for themselves
/// (`tower_http::timeout`, for one), so it is theirs as 504 is.
///
/// 403 is about credentials only where it says which it wants: else it is about the page or the address that the client
/// asks by (`Origin`, `Host`), or what this user may do.
pub(crate) const fn by_status(status: Status) -> (Outcome, Fault) {
    match status.code {
        401 => (Outcome::Unauthorized, Fault::Auth),
        403 if status.challenges => (Outcome::Unauthorized, Fault::Auth),
        429 => (Outcome::RateLimited, Fault::Caller),
        408 | 504 => (Outcome::Timeout, Fault::Server),
        400..=499 => (Outcome::HttpError, Fault::Caller),
        500.. => (Outcome::HttpError, Fault::Server),
        _ => (Outcome::Ok, Fault::None),
    }
}

/// How a request ended to which no answer came.
pub(crate) fn by_end(probe: Probe, end: End, status: Option<Status>, modern: bool) -> (Outcome, Fault) {
    if let Some(status @ Status { code: 400.., .. }) = status {
        return match by_status(status) {
            (Outcome::HttpError, Fault::Caller) if probe != Probe::No && status.code != 403 => {
                (Outcome::Probe, Fault::None)
            }
            other => other,
        };
    }
    match end {
        // The client is sent elsewhere, as from `/mcp` to `/mcp/`, whether it reads what else is said or not.
        _ if matches!(status, Some(Status { code: 300..=399, .. })) => (Outcome::Deferred, Fault::None),
        // Accepted, to be answered on another stream, as in the transport of 2024-11-05.
        End::Complete if matches!(status, Some(Status { code: 202, .. })) => (Outcome::Deferred, Fault::None),
        End::Dropped if modern => (Outcome::Cancelled, Fault::ClientGone),
        End::Dropped => (Outcome::Abandoned, Fault::ClientGone),
        End::ServiceError => (Outcome::HttpError, Fault::Server),
        End::Complete | End::BodyError => (Outcome::Abandoned, Fault::Server),
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
