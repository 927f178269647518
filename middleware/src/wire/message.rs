//! One JSON-RPC message, reduced to the members that a record needs.

use std::time::Duration;

use smol_str::SmolStrBuilder;

use super::schema::{Argument, InputSchema};
use super::tap::Definition;
use super::visitor::ValueKind;
use crate::record::{Peer, Text};
use crate::trace_context::TraceParent;

/// JSON-RPC id. A number and a string of the same digits are different ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    Text(Text),
    Number(Text),
}

#[cfg(test)]
impl Id {
    pub(crate) fn into_text(self) -> Text {
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
    pub(crate) method: Option<Text>,
    pub(crate) params: Params,
    pub(crate) result: Option<ResultPart>,
    pub(crate) error: Option<ErrorPart>,
}

/// Members of `params`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Params {
    pub(crate) name: Option<Text>,
    /// At most [`super::TOKEN_LIMIT`] bytes as it is written, or as many as are captured of arguments, if these are more.
    pub(crate) uri: Option<Text>,
    /// It is longer than [`super::TOKEN_LIMIT`], whether or not more of it is kept.
    pub(crate) is_uri_long: bool,
    /// Hash of the `params.cursor` by which a further page of a list is asked for.
    pub(crate) cursor: Option<u64>,
    /// `params.protocolVersion` of `initialize`.
    pub(crate) protocol_version: Option<Text>,
    /// `params.clientInfo` of `initialize`.
    pub(crate) client: Option<Peer>,
    /// `params.requestId` of `notifications/cancelled`, else the subscription that a notification belongs to.
    pub(crate) request_id: Option<Id>,
    /// `params.progressToken` of `notifications/progress`.
    pub(crate) progress_token: Option<Id>,
    /// `params.taskId` of `tasks/*`, and what a notification tells of a task.
    pub(crate) task: TaskPart,
    /// What a notification tells of the result of a task.
    pub(crate) task_content: Option<Box<ResultContent>>,
    /// Hash of `params.requestState`, by which a further round of a call is known.
    pub(crate) request_state: Option<u64>,
    /// Hash of the keys of `params.inputResponses`, which every round of a call has but its first.
    pub(crate) input_responses: Option<u64>,
    /// Names and kinds of the members of `params.arguments`, at most [`super::ARGUMENTS_LIMIT`].
    pub(crate) arguments: Vec<Argument>,
    /// Whether there are arguments at all.
    pub(crate) has_arguments: bool,
    pub(crate) arguments_hash: Option<u64>,
    /// The beginning of the arguments, only where they are captured.
    pub(crate) captured: Option<Box<[u8]>>,
    pub(crate) meta: Meta,
}

/// Members of `params._meta`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Meta {
    pub(crate) protocol_version: Option<Text>,
    pub(crate) client: Option<Peer>,
    pub(crate) traceparent: Option<TraceParent>,
    pub(crate) tracestate: Option<Text>,
    /// What progress notifications name the request by.
    pub(crate) progress_token: Option<Id>,
}

/// Members of `result`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ResultPart {
    pub(crate) is_error: bool,
    pub(crate) result_type: Option<ResultType>,
    pub(crate) protocol_version: Option<Text>,
    /// `result.serverInfo`, or since 2026-07-28 the key in `result._meta`.
    pub(crate) server: Option<Peer>,
    /// Whether there is a `result.task` object, as a deferred call of 2025-11-25 is answered.
    pub(crate) task: bool,
    /// Id and status of the task, wherever in the result they stand.
    pub(crate) task_part: TaskPart,
    /// Hash of `result.requestState`.
    pub(crate) request_state: Option<u64>,
    /// Hash of the keys of `result.inputRequests`, in whatever order they are.
    pub(crate) input_requests: Option<u64>,
    pub(crate) tools: Option<Vec<Tool>>,
    /// Those of a `result.resourceTemplates`, at most [`super::TEMPLATES_LIMIT`].
    pub(crate) templates: Vec<UriTemplate>,
    /// Hash of the cursor of the next page; `None` on the last.
    pub(crate) next_cursor: Option<u64>,
    pub(crate) content: ResultContent,
}

/// What `result.resultType` says, since 2026-07-28.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResultType {
    Complete,
    InputRequired,
    Task,
    /// None that is known.
    Other,
}

impl ResultType {
    pub(super) fn read(word: &[u8]) -> Self {
        match word {
            b"complete" => Self::Complete,
            b"input_required" => Self::InputRequired,
            b"task" => Self::Task,
            _ => Self::Other,
        }
    }
}

/// What a message tells of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskPart {
    pub(crate) id: Option<Text>,
    pub(crate) status: Option<TaskStatus>,
    /// Its result stands there too, as since 2026-07-28.
    pub(crate) has_result: bool,
    /// That result is an error.
    pub(crate) is_error: bool,
    /// Why the task has failed, where that is no result.
    pub(crate) error: Option<Box<ErrorPart>>,
    /// The earliest moment at which it can have begun, and the latest at which its status can have changed last, in
    /// microseconds since 1970 by the clock of whoever runs it (`createdAt`, `lastUpdatedAt`).
    pub(super) created: Option<u64>,
    pub(super) updated: Option<u64>,
}

impl TaskPart {
    /// How long after its beginning its status has changed last.
    pub(crate) fn ran(&self) -> Option<Duration> {
        Some(Duration::from_micros(self.updated?.saturating_sub(self.created?)))
    }
}

/// Status of a task that matters to whoever times it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskStatus {
    Working,
    InputRequired,
    Completed,
    Failed,
    Cancelled,
}

impl TaskStatus {
    pub(super) fn read(word: &[u8]) -> Option<Self> {
        Some(match word {
            b"working" => Self::Working,
            b"input_required" => Self::InputRequired,
            b"completed" => Self::Completed,
            b"failed" => Self::Failed,
            b"cancelled" => Self::Cancelled,
            _ => return None,
        })
    }
}

/// A tool as `tools/list` defines it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tool {
    pub(crate) name: Text,
    pub(crate) input: InputSchema,
    pub(crate) output: Option<InputSchema>,
    pub(crate) definition: Option<Definition>,
}

/// A `uriTemplate` as `resources/templates/list` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UriTemplate {
    /// At most [`super::NAME_LIMIT`] bytes.
    pub(crate) text: Text,
    /// There is more of it.
    pub(crate) is_cut: bool,
}

/// The shape of a tool's result: never what it says, but where it is captured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ResultContent {
    /// Types of the content blocks.
    pub(crate) types: ContentTypes,
    /// Whether the first text among them looks like an error; `None` without any.
    pub(crate) looks_wrong: Option<bool>,
    /// There is a block that is no empty text, or structured content that is not empty.
    pub(crate) has_any: bool,
    /// What sort of value `structuredContent` is, if there is one.
    pub(crate) structured_kind: Option<ValueKind>,
    /// Names and kinds of the members of `structuredContent`, at most [`super::ARGUMENTS_LIMIT`]; `None` where it is no
    /// object.
    pub(crate) structured: Option<Vec<Argument>>,
    /// Hash and length of content and structured content, unless they are too long.
    pub(crate) digest: Option<crate::result_flags::Content>,
    /// The beginning of both, only where results are captured.
    pub(crate) captured: Option<Box<[u8]>>,
}

/// How many content blocks there are of each type, at most 255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ContentTypes([u8; CONTENT_TYPES.len()]);

/// The types of the protocol and `other` for those it does not have, sorted.
const CONTENT_TYPES: [&str; 6] = ["audio", "image", "other", "resource", "resource_link", "text"];
const OTHER_TYPE: usize = 2;

impl ContentTypes {
    pub(super) fn add(&mut self, name: &[u8]) {
        let known = CONTENT_TYPES.iter().position(|known| known.as_bytes() == name);
        let count = &mut self.0[known.unwrap_or(OTHER_TYPE)];
        *count = count.saturating_add(1);
    }

    /// Sorted, with commas between, and with its number where there are several of one.
    pub(crate) fn names(self) -> Text {
        let mut names = SmolStrBuilder::new();
        for (name, count) in CONTENT_TYPES.iter().zip(self.0).filter(|(_, count)| *count > 0) {
            if !names.is_empty() {
                names.push(',');
            }
            names.push_str(name);
            if count > 1 {
                names.push(':');
                names.push_str(&count.to_string());
            }
        }
        names.finish()
    }
}

/// Members of `error`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorPart {
    pub(crate) code: Option<i64>,
    pub(crate) message: Option<Text>,
}

impl Message {
    /// Makes ready for the next, and keeps the room that the arguments have taken.
    pub(super) fn clear(&mut self) {
        let mut arguments = std::mem::take(&mut self.params.arguments);
        arguments.clear();
        *self = Self::default();
        self.params.arguments = arguments;
    }

    /// What is read of a task: in the result of a question for it, or else in a notification.
    pub(super) fn task(&mut self) -> &mut TaskPart {
        match &mut self.result {
            Some(result) => &mut result.task_part,
            None => &mut self.params.task,
        }
    }

    /// The result of a task begins; what is in it is what a direct result would have.
    pub(super) fn task_result_comes(&mut self) {
        self.task().has_result = true;
        if self.result.is_none() {
            self.params.task_content = Some(Box::default());
        }
    }

    /// The content that is read.
    pub(super) fn content(&mut self) -> &mut ResultContent {
        match (&self.result, &mut self.params.task_content) {
            (None, Some(content)) => content,
            _ => &mut self.result.get_or_insert_default().content,
        }
    }

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
