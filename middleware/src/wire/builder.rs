//! Makes messages of what a scanner tells.

use std::hash::Hasher as _;

use super::member::Member;
use super::message::{ErrorPart, Message, ResultPart, Tool};
use super::path::Path;
use super::scalars::{Beyond, name};
use super::schema::{Argument, InputSchema, Kinds};
use super::tap::Taps;
use super::visitor::{Interest, Quoted, Scalar, ValueKind, Visitor};
use super::{ARGUMENTS_LIMIT, BATCH_LIMIT, TOOLS_LIMIT};
use crate::record::{Peer, Text};

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
    pub(super) beyond: Option<Beyond>,
}

impl Builder {
    pub(super) fn of(answer: bool) -> Self {
        Self {
            answer,
            ..Self::default()
        }
    }

    /// Makes ready for the next message.
    pub(super) fn clear(&mut self) {
        self.taps.reuse(&mut self.message);
        self.message.clear();
    }

    /// Makes ready for the next document.
    pub(super) fn reset(&mut self) {
        self.path.clear();
        self.clear();
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

    #[inline(always)]
    fn key(&mut self, key: Quoted<'_>) -> Interest {
        let parent = self.path.last().unwrap_or(Member::Other);
        self.next = parent.child(key.bytes);
        match self.next {
            None if key.plain => Interest::Skip,
            Some(member) if member.is_ordinary() && !(self.answer && parent == Member::Params) => Interest::Take,
            _ => self.special_key(parent, key),
        }
    }

    #[inline(always)]
    fn enter(&mut self, object: bool) {
        let member = match self.next.take() {
            Some(Member::Root) if !object && self.path.is_empty() => Member::Batch,
            Some(member) if member.is_array() != object || member == Member::Structured => member,
            _ => Member::Other,
        };
        if !member.opens_quietly() {
            self.open(member, object);
        }
        self.path.push(member);
    }

    #[inline(always)]
    fn leave(&mut self) {
        if let Some(left) = self.path.pop()
            && !left.closes_quietly()
        {
            self.close(left);
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

    #[inline(always)]
    fn scalar(&mut self, scalar: Scalar<'_>) {
        let Some(member) = self.next.take() else {
            return;
        };
        match scalar {
            Scalar::String(text) => self.string(member, text),
            Scalar::Literal(raw) => self.literal(member, raw),
        }
    }
}

impl Builder {
    #[inline(never)]
    fn open(&mut self, member: Member, object: bool) {
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
    }

    #[inline(never)]
    fn close(&mut self, left: Member) {
        self.taps.leave(left, &mut self.message);
        if left == Member::Root {
            if self.kept < BATCH_LIMIT {
                self.kept += 1;
                self.is_complete = true;
            } else {
                self.omitted += 1;
                self.clear();
            }
        }
    }

    /// A key of which more is to be done than to remember what comes next.
    #[inline(never)]
    fn special_key(&mut self, parent: Member, key: Quoted<'_>) -> Interest {
        // Any key may be written with escapes, though nobody does.
        let child = self.next.or_else(|| parent.child(&key.word()));
        self.next = child;
        match child {
            Some(Member::Result) => {
                // It may be any value by JSON-RPC; that there is one is what counts.
                self.result();
                self.next = child.filter(|_| self.answer);
            }
            Some(member) if self.answer && parent == Member::Params && !member.is_told_to_clients() => {
                self.next = None;
            }
            Some(Member::InputSchema) => self.is_output = *key.word() == *b"outputSchema",
            Some(Member::Argument | Member::StructuredValue) => {
                self.argument = name(key);
                return Interest::Kind;
            }
            Some(Member::Property) => self.start_property(name(key)),
            _ => {}
        }
        self.interest()
    }

    const fn interest(&self) -> Interest {
        if self.next.is_some() {
            Interest::Take
        } else {
            Interest::Skip
        }
    }

    pub(super) fn result(&mut self) -> &mut ResultPart {
        self.message.result.get_or_insert_default()
    }

    pub(super) fn peer(&mut self) -> Option<&mut Peer> {
        match self.path.last()? {
            Member::ParamsClient => self.message.params.client.as_mut(),
            Member::MetaClient => self.message.params.meta.client.as_mut(),
            Member::ResultServer => self.result().server.as_mut(),
            _ => None,
        }
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

    pub(super) fn tool(&mut self) -> Option<&mut Tool> {
        let kept = self.tool_kept;
        self.result().tools.as_mut()?.last_mut().filter(|_| kept)
    }

    /// The schema that is read.
    pub(super) fn schema(&mut self) -> Option<&mut InputSchema> {
        let is_output = self.is_output;
        let tool = self.tool()?;
        Some(if is_output {
            tool.output.get_or_insert_default()
        } else {
            &mut tool.input
        })
    }

    pub(super) fn start_property(&mut self, name: Text) {
        if let Some(schema) = self.schema() {
            if schema.properties.len() < ARGUMENTS_LIMIT {
                schema.properties.push((name, Kinds::default()));
            } else {
                schema.cut = true;
            }
        }
    }

    pub(super) fn property_type(&mut self, name: &str) {
        let schema = self.schema().filter(|schema| !schema.cut);
        if let Some((_, kinds)) = schema.and_then(|schema| schema.properties.last_mut()) {
            kinds.allow(name);
        }
    }

    pub(super) fn require(&mut self, name: Text) {
        let schema = self.schema().filter(|schema| schema.required.len() < ARGUMENTS_LIMIT);
        if let Some(schema) = schema {
            schema.required.push(name);
        }
    }

    pub(super) fn error(&mut self) -> &mut ErrorPart {
        self.message.error.get_or_insert_default()
    }
}
