//! Makes messages of what a scanner tells.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::member::Member;
use super::message::{ErrorPart, Id, Message, ResultPart, ResultType, TaskStatus, Tool};
use super::path::Path;
use super::schema::{Argument, InputSchema, Kinds};
use super::tap::Taps;
use super::unescape::unescape;
use super::visitor::{Interest, Scalar, ValueKind, Visitor};
use super::words::known;
use super::{ARGUMENTS_LIMIT, BATCH_LIMIT, NAME_LIMIT, TOOLS_LIMIT, cut};
use crate::record::{Peer, Text};
use crate::trace_context::{TraceParent, whole_entries};

#[derive(Debug, Default)]
pub(super) struct Builder {
    path: Path,
    /// The messages are answers.
    pub(super) answer: bool,
    /// The member whose value comes next.
    next: Option<Member>,
    /// Name of the argument whose kind comes next.
    argument: Text,
    pub(super) message: Message,
    pub(super) is_complete: bool,
    /// Messages of this document kept so far.
    kept: usize,
    pub(super) omitted: u64,
    /// Whether the tool that is read is among those kept.
    tool_kept: bool,
    /// The schema that is read is that of the tool's output.
    is_output: bool,
    pub(super) taps: Taps,
    /// Of a state that is too long to be kept.
    beyond: Option<Beyond>,
}

/// A hash of what is not kept of a string.
#[derive(Debug, Default)]
struct Beyond {
    hasher: DefaultHasher,
    has_escape: bool,
}

impl Builder {
    pub(super) fn of(answer: bool) -> Self {
        Self {
            answer,
            ..Self::default()
        }
    }

    /// Makes ready for the next document.
    pub(super) fn reset(&mut self) {
        self.path.clear();
        self.message.clear();
        self.is_complete = false;
        self.kept = 0;
        self.taps.reset();
        self.beyond = None;
    }
}

impl Visitor for Builder {
    fn element(&mut self) -> Interest {
        self.next = match self.path.last() {
            None => Some(Member::Root),
            Some(container) => container.element(),
        };
        self.interest()
    }

    fn key(&mut self, key: &[u8]) -> Interest {
        let parent = self.path.last().unwrap_or(Member::Other);
        self.next = match parent.child(key) {
            // Any key may be written with escapes, though nobody does.
            None if key.contains(&b'\\') => parent.child(unescape(key).as_bytes()),
            child => child,
        };
        match self.next {
            Some(Member::Result) => {
                // It may be any value by JSON-RPC; that there is one is what counts.
                self.result();
                self.next = self.next.filter(|_| self.answer);
            }
            Some(member) if self.answer && parent == Member::Params && !member.is_told_to_clients() => {
                self.next = None;
            }
            Some(Member::InputSchema) => self.is_output = unescape(key) == "outputSchema",
            Some(Member::Argument | Member::StructuredValue) => {
                self.argument = cut(&unescape(key), NAME_LIMIT).into();
                return Interest::Kind;
            }
            Some(Member::Property) => self.start_property(&unescape(key)),
            _ => {}
        }
        self.interest()
    }

    fn enter(&mut self, object: bool) {
        let member = match self.next.take() {
            Some(Member::Root) if !object && self.path.is_empty() => Member::Batch,
            Some(member) if member.is_array() != object || member == Member::Structured => member,
            _ => Member::Other,
        };
        match member {
            Member::Result => self.message.result = Some(ResultPart::default()),
            Member::Error => self.message.error = Some(ErrorPart::default()),
            Member::ParamsClient => self.message.params.client = Some(Peer::default()),
            Member::MetaClient => self.message.params.meta.client = Some(Peer::default()),
            Member::ResultServer => self.result().server = Some(Peer::default()),
            Member::ResultTask => self.result().task = true,
            Member::NestedResult => self.result().task_result = true,
            Member::ParamsInputResponses => self.message.params.input_responses = true,
            Member::Tools => self.result().tools = Some(Vec::new()),
            Member::Tool => self.start_tool(),
            // Names by pattern: what is not listed may be allowed.
            Member::PatternProperties => self.schema().into_iter().for_each(|schema| schema.cut = true),
            Member::InputSchema if self.is_output => drop(self.schema()),
            _ => {}
        }
        self.taps.start(member, object, &mut self.message);
        self.path.push(member);
    }

    fn leave(&mut self) {
        let left = self.path.pop();
        if let Some(left) = left {
            self.taps.leave(left, &mut self.message);
        }
        if left == Some(Member::Root) {
            if self.kept < BATCH_LIMIT {
                self.kept += 1;
                self.is_complete = true;
            } else {
                self.omitted += 1;
                self.message.clear();
            }
        }
    }

    fn kind(&mut self, kind: ValueKind) {
        let name = std::mem::take(&mut self.argument);
        let arguments = match self.next.take() {
            Some(Member::Argument) => &mut self.message.params.arguments,
            Some(Member::StructuredValue) => {
                let content = &mut self.result().content;
                content.has_any = true;
                content.structured.get_or_insert_default()
            }
            _ => return,
        };
        if arguments.len() < ARGUMENTS_LIMIT {
            arguments.push(Argument { name, kind });
        }
    }

    fn is_tapped(&self) -> bool {
        self.taps.is_tapped()
    }

    fn has_enough(&self) -> bool {
        self.is_complete
    }

    fn tap(&mut self, bytes: &[u8]) {
        if let Some(definition) = self.taps.push(bytes, &mut self.message) {
            self.tool()
                .into_iter()
                .for_each(|tool| tool.definition = Some(definition));
        }
    }

    fn beyond(&mut self, bytes: &[u8]) {
        if let Some(Member::ParamsRequestState | Member::ResultRequestState) = self.next {
            let beyond = self.beyond.get_or_insert_default();
            beyond.hasher.write(bytes);
            beyond.has_escape |= bytes.contains(&b'\\');
        }
    }

    fn scalar(&mut self, scalar: Scalar<'_>) {
        let Some(member) = self.next.take() else {
            return;
        };
        match scalar {
            Scalar::String(raw) => match member {
                Member::Jsonrpc => self.message.jsonrpc = true,
                Member::BlockText => self.taps.block_has_text(!raw.is_empty()),
                Member::Method | Member::MetaProtocolVersion | Member::ParamsProtocolVersion => match known(raw) {
                    Some(word) => self.word(member, Text::new_static(word)),
                    None => self.word(member, cut(&unescape(raw), NAME_LIMIT).into()),
                },
                Member::ParamsRequestState => self.message.params.request_state = self.state(raw),
                Member::ResultRequestState => {
                    let state = self.state(raw);
                    self.result().request_state = state;
                }
                _ => self.text(member, &unescape(raw)),
            },
            Scalar::Literal(raw) => self.literal(member, std::str::from_utf8(raw).unwrap_or_default()),
        }
    }
}

impl Builder {
    const fn interest(&self) -> Interest {
        if self.next.is_some() {
            Interest::Take
        } else {
            Interest::Skip
        }
    }

    fn result(&mut self) -> &mut ResultPart {
        self.message.result.get_or_insert_default()
    }

    fn peer(&mut self) -> Option<&mut Peer> {
        match self.path.last()? {
            Member::ParamsClient => self.message.params.client.as_mut(),
            Member::MetaClient => self.message.params.meta.client.as_mut(),
            Member::ResultServer => self.result().server.as_mut(),
            _ => None,
        }
    }

    fn word(&mut self, member: Member, word: Text) {
        let Message { method, params, .. } = &mut self.message;
        *match member {
            Member::Method => method,
            Member::MetaProtocolVersion => &mut params.meta.protocol_version,
            _ => &mut params.protocol_version,
        } = Some(word);
    }

    fn text(&mut self, member: Member, text: &str) {
        let kept = || Some(cut(text, NAME_LIMIT).into());
        let message = &mut self.message;
        match member {
            Member::Id => message.id = kept().map(Id::Text),
            Member::ParamsName => message.params.name = kept(),
            Member::ParamsUri => message.params.uri = kept(),
            Member::ParamsRequestId => message.params.request_id = kept().map(Id::Text),
            Member::ParamsProgressToken => message.params.progress_token = kept().map(Id::Text),
            Member::MetaProgressToken => message.params.meta.progress_token = kept().map(Id::Text),
            Member::MetaTraceparent => message.params.meta.traceparent = TraceParent::read(text),
            Member::MetaTracestate => message.params.meta.tracestate = Some(whole_entries(text).into()),
            Member::ResultType => self.result().result_type = Some(ResultType::read(text)),
            Member::ResultProtocolVersion => self.result().protocol_version = kept(),
            Member::ParamsTaskId => message.params.task.id = kept(),
            Member::ParamsStatus => message.params.task.status = TaskStatus::read(text),
            Member::ResultTaskId => self.result().task_part.id = kept(),
            Member::ResultStatus => {
                let status = TaskStatus::read(text);
                let result = self.result();
                result.task_part.status = status;
                result.task_failed |= status == Some(TaskStatus::Failed);
            }
            Member::BlockType => {
                self.result().content.types.add(text);
                self.taps.block_is_text(text == "text");
            }
            Member::ParamsCursor => message.params.cursor = Some(hash(text)),
            Member::NextCursor => self.result().next_cursor = Some(hash(text)),
            Member::ToolName => {
                if let Some(tool) = self.tool() {
                    tool.name = cut(text, NAME_LIMIT).into();
                }
            }
            Member::RequiredName => self.require(cut(text, NAME_LIMIT).into()),
            Member::PropertyTypes | Member::PropertyType => self.property_type(text),
            Member::PeerName => {
                if let Some(peer) = self.peer() {
                    peer.name = cut(text, NAME_LIMIT).into();
                }
            }
            Member::PeerVersion => {
                if let Some(peer) = self.peer() {
                    peer.version = cut(text, NAME_LIMIT).into();
                }
            }
            Member::ErrorMessage => self.error().message = kept(),
            _ => {}
        }
    }

    fn literal(&mut self, member: Member, text: &str) {
        match member {
            Member::Id => self.message.id = number(text),
            Member::ParamsRequestId => self.message.params.request_id = number(text),
            Member::ParamsProgressToken => self.message.params.progress_token = number(text),
            Member::MetaProgressToken => self.message.params.meta.progress_token = number(text),
            Member::IsError => self.result().is_error = text == "true",
            Member::NestedIsError => {
                let result = self.result();
                result.task_failed |= text == "true";
                result.task_part.is_error |= text == "true";
            }
            Member::ParamsTaskIsError => self.message.params.task.is_error |= text == "true",
            Member::AdditionalProperties if text == "false" => {
                self.schema().into_iter().for_each(|schema| schema.closed = true);
            }
            Member::ErrorCode => self.error().code = text.parse().ok(),
            _ => {}
        }
    }

    /// A hash of a state, which may be private, and is told apart by all of it.
    fn state(&mut self, raw: &[u8]) -> Option<u64> {
        let Some(mut beyond) = self.beyond.take() else {
            return Some(hash(&unescape(raw)));
        };
        // Client and server may write escapes differently, and so be cut elsewhere.
        let has_escape = beyond.has_escape || raw.contains(&b'\\');
        beyond.hasher.write(raw);
        (!has_escape).then(|| beyond.hasher.finish())
    }

    /// A tool beyond the limit is read into nothing.
    fn start_tool(&mut self) {
        let tools = self.result().tools.get_or_insert_default();
        let room = tools.len() < TOOLS_LIMIT;
        if room {
            tools.push(Tool::default());
        }
        self.tool_kept = room;
    }

    fn tool(&mut self) -> Option<&mut Tool> {
        let kept = self.tool_kept;
        self.result().tools.as_mut()?.last_mut().filter(|_| kept)
    }

    /// The schema that is read.
    fn schema(&mut self) -> Option<&mut InputSchema> {
        let is_output = self.is_output;
        let tool = self.tool()?;
        Some(if is_output {
            tool.output.get_or_insert_default()
        } else {
            &mut tool.input
        })
    }

    fn start_property(&mut self, name: &str) {
        let name: Text = cut(name, NAME_LIMIT).into();
        if let Some(schema) = self.schema() {
            if schema.properties.len() < ARGUMENTS_LIMIT {
                schema.properties.push((name, Kinds::default()));
            } else {
                schema.cut = true;
            }
        }
    }

    fn property_type(&mut self, name: &str) {
        let schema = self.schema().filter(|schema| !schema.cut);
        if let Some((_, kinds)) = schema.and_then(|schema| schema.properties.last_mut()) {
            kinds.allow(name);
        }
    }

    fn require(&mut self, name: Text) {
        let schema = self.schema().filter(|schema| schema.required.len() < ARGUMENTS_LIMIT);
        if let Some(schema) = schema {
            schema.required.push(name);
        }
    }

    fn error(&mut self) -> &mut ErrorPart {
        self.message.error.get_or_insert_default()
    }
}

/// A hash within this process of text that is too long or too private to be kept.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A numeric id; `7.0` is 7, as newer servers read it, and null is no id.
fn number(text: &str) -> Option<Id> {
    let text = text.strip_suffix(".0").unwrap_or(text);
    (text != "null").then(|| Id::Number(cut(text, NAME_LIMIT).into()))
}
