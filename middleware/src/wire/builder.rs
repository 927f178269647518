//! Makes messages of what a scanner tells.

use std::hash::Hasher as _;

use super::member::Member;
use super::message::{ErrorPart, Message, ResultPart, Tool};
use super::names::Names;
use super::path::Path;
use super::scalars::{Beyond, hash, name};
use super::schema::{Argument, InputSchema, Kinds};
use super::tap::Taps;
use super::visitor::{Entered, Left, Quoted, Scalar, ValueKind, Visitor};
use super::{ARGUMENTS_LIMIT, BATCH_LIMIT, NAME_LIMIT, TOKEN_LIMIT, TOOLS_LIMIT, cut};
use crate::arguments_hash;
use crate::record::{Peer, Text};

#[derive(Debug, Default)]
pub(super) struct Builder {
    path: Path,
    /// The messages are answers.
    pub(super) answer: bool,
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
    pub(super) names: Names,
    /// Of a state or an address that is longer than what is kept of a string.
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
    type Member = Member;

    fn element(&mut self) -> Option<Member> {
        self.path.last().element()
    }

    #[inline(always)]
    fn key(&mut self, key: Quoted<'_>) -> Option<Member> {
        let parent = self.path.last();
        match parent.child(key.bytes) {
            None if key.plain => None,
            Some(member) if member.is_ordinary() && !(parent == Member::Params && self.answer) => Some(member),
            child => self.special_key(parent, child, key.bytes, key.plain),
        }
    }

    #[inline(always)]
    fn scalar(&mut self, member: Member, scalar: Scalar<'_>) {
        match scalar {
            Scalar::String(text) => self.string(member, text.bytes, text.plain),
            Scalar::Literal(raw) => self.literal(member, raw),
        }
    }

    fn beyond(&mut self, member: Member, bytes: &[u8]) {
        match member {
            Member::ParamsRequestState | Member::ResultRequestState => {
                let beyond = self.beyond.get_or_insert_default();
                beyond.hasher.write(bytes);
                beyond.has_escape |= bytes.contains(&b'\\');
            }
            Member::ParamsUri => {
                let limit = self.taps.telling.arguments.saturating_sub(TOKEN_LIMIT);
                let kept = &mut self.beyond.get_or_insert_default().kept;
                let room = limit.saturating_sub(kept.len());
                kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
            }
            Member::Structured => self.taps.beyond(bytes),
            _ => {}
        }
    }

    #[inline(always)]
    fn enter<'a>(&mut self, member: Member, object: bool, bytes: &'a [u8]) -> Entered<'a> {
        if member.opens_quietly() && object {
            return if self.path.push(member) {
                Entered::Walk
            } else {
                Entered::Skip
            };
        }
        self.open(member, object, bytes)
    }

    #[inline(always)]
    fn leave(&mut self) -> Left {
        let left = self.path.pop();
        if left.closes_quietly() {
            return Left::Nothing;
        }
        self.close(left)
    }

    fn is_in_object(&self) -> bool {
        !self.path.last().is_list()
    }

    fn is_outside(&self) -> bool {
        self.path.last() == Member::Outside
    }

    fn is_tapped(&self) -> bool {
        self.taps.is_tapped()
    }

    fn tap(&mut self, bytes: &[u8]) {
        if let Some(definition) = self.taps.push(bytes, &mut self.message) {
            self.tool()
                .into_iter()
                .for_each(|tool| tool.definition = Some(definition));
        }
    }
}

impl Builder {
    #[inline(never)]
    fn open<'a>(&mut self, member: Member, object: bool, bytes: &'a [u8]) -> Entered<'a> {
        if member == Member::Arguments
            && let Some(behind) = self.whole_arguments(bytes)
        {
            return Entered::Read(behind);
        }
        let place = match member {
            Member::Argument | Member::StructuredValue => {
                self.kind(member, if object { ValueKind::Object } else { ValueKind::Array });
                return Entered::Skip;
            }
            Member::InputKey => return Entered::Skip,
            Member::Structured if !object => Member::StructuredList,
            Member::Root if !object && self.path.last() == Member::Outside => Member::Batch,
            _ if member.is_list() != object => member,
            _ if object => Member::Other,
            _ => Member::OtherList,
        };
        if !self.path.push(place) {
            return Entered::Skip;
        }
        match place {
            Member::Result => self.message.result = Some(ResultPart::default()),
            Member::Error => self.message.error = Some(ErrorPart::default()),
            Member::ParamsClient => self.message.params.client = Some(Peer::default()),
            Member::MetaClient => self.message.params.meta.client = Some(Peer::default()),
            Member::ResultServer => self.result().server = Some(Peer::default()),
            Member::ResultTask => self.result().task = true,
            Member::TaskResult => self.message.task_result_comes(),
            Member::TaskError => self.message.task().error = Some(Box::default()),
            Member::ParamsInputResponses => self.message.params.input_responses = Some(0),
            Member::ResultInputRequests => self.result().input_requests = Some(0),
            Member::Tools => self.result().tools = Some(Vec::new()),
            Member::Tool => self.start_tool(),
            // Names by pattern: what is not listed may be allowed.
            Member::PatternProperties => self.schema().into_iter().for_each(|schema| schema.cut = true),
            Member::InputSchema if self.is_output => drop(self.schema()),
            _ => {}
        }
        if self.taps.start(place, &mut self.message) {
            Entered::Tapped
        } else {
            Entered::Walk
        }
    }

    /// Reads arguments that are an object and whole among `bytes`, and returns what follows them.
    fn whole_arguments<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let Self {
            taps, names, message, ..
        } = self;
        let params = &mut message.params;
        let before = params.arguments.len();
        let read = arguments_hash::object(taps.telling.secret?, bytes, &mut |key, value| {
            if params.arguments.len() < ARGUMENTS_LIMIT {
                params.arguments.push(Argument {
                    name: names.of(key, true),
                    kind: ValueKind::of(value),
                });
            }
        });
        let Some((hash, behind)) = read else {
            params.arguments.truncate(before);
            return None;
        };
        params.has_arguments = true;
        params.arguments_hash = Some(hash);
        params.captured = taps.beginning(&bytes[..bytes.len() - behind.len()]);
        Some(behind)
    }

    #[inline(never)]
    fn close(&mut self, left: Member) -> Left {
        if self.taps.leave(left, &mut self.message) {
            return Left::Tapped;
        }
        if left != Member::Root {
            return Left::Nothing;
        }
        // Answers are handed on one by one, and each is of a call that is known or of none: only calls take room.
        if self.answer || self.kept < BATCH_LIMIT {
            self.kept += 1;
            self.is_complete = true;
            return Left::Enough;
        }
        self.omitted += 1;
        self.clear();
        Left::Nothing
    }

    /// The value of which only the kind is told is of this kind.
    pub(super) fn kind(&mut self, member: Member, kind: ValueKind) {
        let name = std::mem::take(&mut self.argument);
        let arguments = if member == Member::Argument {
            &mut self.message.params.arguments
        } else {
            let content = self.message.content();
            content.has_any = true;
            content.structured.get_or_insert_default()
        };
        if arguments.len() < ARGUMENTS_LIMIT {
            arguments.push(Argument { name, kind });
        }
    }

    /// A key of which more is to be done than to remember what comes next.
    #[inline(never)]
    fn special_key(&mut self, parent: Member, child: Option<Member>, bytes: &[u8], plain: bool) -> Option<Member> {
        let key = Quoted { bytes, plain };
        // Any key may be written with escapes, though nobody does.
        let member = child.or_else(|| parent.child(&key.word()))?;
        match member {
            Member::Result => {
                // It may be any value by JSON-RPC; that there is one is what counts.
                self.result();
                return Some(if self.answer { member } else { Member::ClientResult });
            }
            _ if self.answer && parent == Member::Params && !member.is_told_to_clients() => return None,
            // The client does not tell how a task of the server's has ended.
            Member::TaskResult | Member::TaskError => return self.answer.then_some(member),
            Member::InputSchema => self.is_output = *key.word() == *b"outputSchema",
            Member::Argument | Member::StructuredValue => self.argument = self.names.of(bytes, plain),
            Member::Property => self.start_property(name(key)),
            Member::InputKey => self.input_key(parent, hash(&key.text())),
            _ => {}
        }
        Some(member)
    }

    pub(super) fn result(&mut self) -> &mut ResultPart {
        self.message.result.get_or_insert_default()
    }

    pub(super) fn peer(&mut self) -> Option<&mut Peer> {
        match self.path.last() {
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

    /// The property that is read is mirrored by this header.
    pub(super) fn property_header(&mut self, header: &str) {
        let schema = self.schema().filter(|schema| !schema.cut);
        if let Some(schema) = schema
            && schema.headers.len() < ARGUMENTS_LIMIT
            && let Some((property, _)) = schema.properties.last()
        {
            let header = cut(header, NAME_LIMIT).to_ascii_lowercase();
            schema.headers.push((header.into(), property.clone()));
        }
    }

    pub(super) fn require(&mut self, name: Text) {
        let schema = self.schema().filter(|schema| schema.required.len() < ARGUMENTS_LIMIT);
        if let Some(schema) = schema {
            schema.required.push(name);
        }
    }

    fn input_key(&mut self, parent: Member, key: u64) {
        let keys = if parent == Member::ParamsInputResponses {
            &mut self.message.params.input_responses
        } else {
            &mut self.result().input_requests
        };
        *keys = Some(keys.unwrap_or_default().wrapping_add(key));
    }

    pub(super) fn error(&mut self) -> &mut ErrorPart {
        if self.path.last() == Member::TaskError {
            return self.message.task().error.get_or_insert_default();
        }
        self.message.error.get_or_insert_default()
    }
}
