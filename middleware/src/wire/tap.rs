//! What is made of the bytes of arguments, results and tool definitions as they pass.

use super::member::Member;
use super::message::Message;
use super::schema::Argument;
use super::visitor::ValueKind;
use crate::arguments_hash::{CanonicalHash, Secret};
use crate::result_flags::ContentDigest;

/// What a reader tells of arguments and results beyond the members that every record needs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telling {
    /// Arguments are hashed under it; `None` where nothing is to be made of arguments and results.
    pub(crate) secret: Option<Secret>,
    /// Bytes that are kept of arguments.
    pub(crate) arguments: usize,
    /// Bytes that are kept of the content of a result.
    pub(crate) result: usize,
}

/// A tool's definition as `tools/list` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The same for every spelling of the same definition, in every process.
    pub(crate) hash: u64,
    pub(crate) bytes: u64,
}

/// The container whose bytes pass.
#[derive(Debug)]
enum Tap {
    Arguments(CanonicalHash),
    Definition { hash: CanonicalHash, bytes: u64 },
    Content,
}

/// What is made of the bytes of one message.
#[derive(Debug, Default)]
pub(super) struct Taps {
    pub(super) telling: Telling,
    tap: Option<Tap>,
    is_tapped: bool,
    arguments: Kept,
    content: Option<Content>,
    /// Room for the members of the next structured content.
    spare: Vec<Argument>,
}

/// Bytes kept up to a limit.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
}

/// A result's content as it is read.
#[derive(Debug, Default)]
struct Content {
    digest: ContentDigest,
    kept: Kept,
    /// Of a string that is all there is of structured content, behind the first [`TOKEN_LIMIT`](super::TOKEN_LIMIT) bytes.
    beyond: Kept,
    /// The block at hand is a text, and it is not empty.
    is_text: bool,
    has_text: bool,
}

impl Taps {
    /// Whether bytes are wanted.
    pub(super) const fn is_tapped(&self) -> bool {
        self.is_tapped
    }

    /// Forgets a document that was cut off.
    pub(super) fn reset(&mut self) {
        self.is_tapped = false;
        self.tap = None;
        self.content = None;
    }

    /// Takes back the room that the members of structured content have taken.
    pub(super) fn reuse(&mut self, message: &mut Message) {
        let result = message.result.as_mut();
        if let Some(mut members) = result.and_then(|result| result.content.structured.take()) {
            members.clear();
            self.spare = members;
        }
    }

    /// What is kept of arguments that are whole.
    pub(super) fn beginning(&self, arguments: &[u8]) -> Option<Box<[u8]>> {
        let kept = &arguments[..arguments.len().min(self.telling.arguments)];
        (!kept.is_empty()).then(|| kept.into())
    }

    /// The container of `member` opens; returns whether its bytes are wanted.
    pub(super) fn start(&mut self, member: Member, message: &mut Message) -> bool {
        let Some(secret) = self.telling.secret else {
            return false;
        };
        self.tap = Some(match member {
            Member::Arguments => {
                message.params.has_arguments = true;
                self.arguments = Kept::up_to(self.telling.arguments);
                Tap::Arguments(CanonicalHash::new(secret))
            }
            Member::Tool => Tap::Definition {
                hash: CanonicalHash::new(Secret::NONE),
                bytes: 0,
            },
            Member::Content | Member::Structured | Member::StructuredList => {
                let limit = self.telling.result;
                let content = self.content.get_or_insert_with(|| Content::new(limit));
                content.begin(member != Member::Content);
                if member != Member::Content {
                    let object = member == Member::Structured;
                    let part = message.content();
                    part.has_any |= !object;
                    part.structured_kind = Some(if object { ValueKind::Object } else { ValueKind::Array });
                    part.structured = object.then(|| std::mem::take(&mut self.spare));
                }
                Tap::Content
            }
            _ => return false,
        });
        self.is_tapped = true;
        true
    }

    /// The container of `member` closes. Returns whether that was what is tapped; its last bytes are yet to come.
    pub(super) fn leave(&mut self, member: Member, message: &mut Message) -> bool {
        match (member, &mut self.content) {
            (Member::Arguments | Member::Tool | Member::Content | Member::Structured | Member::StructuredList, _) => {
                return std::mem::take(&mut self.is_tapped);
            }
            (Member::Block, Some(content)) => {
                let empty_text = content.is_text && !content.has_text;
                (content.is_text, content.has_text) = (false, false);
                message.content().has_any |= !empty_text;
            }
            (Member::Root, Some(content)) => {
                let part = message.content();
                part.digest = content.digest.finish();
                part.captured = content.end();
                self.content = None;
            }
            _ => {}
        }
        false
    }

    /// Bytes of the open container, or the last ones of the one that has closed: of a tool's they complete its definition.
    pub(super) fn push(&mut self, bytes: &[u8], message: &mut Message) -> Option<Definition> {
        match &mut self.tap {
            Some(Tap::Arguments(hash)) => {
                hash.push(bytes);
                self.arguments.push(bytes);
            }
            Some(Tap::Definition { hash, bytes: count }) => {
                hash.push(bytes);
                *count += bytes.len() as u64;
            }
            Some(Tap::Content) => self.content.iter_mut().for_each(|content| content.push(bytes)),
            None => {}
        }
        if self.is_tapped {
            return None;
        }
        match self.tap.take()? {
            Tap::Arguments(hash) => {
                message.params.arguments_hash = hash.finish();
                message.params.captured = self.arguments.take();
                None
            }
            Tap::Definition { hash, bytes } => hash.finish().map(|hash| Definition { hash, bytes }),
            Tap::Content => None,
        }
    }

    /// Structured content is this scalar, a string without its quotes.
    #[cold]
    pub(super) fn scalar(&mut self, kind: ValueKind, bytes: &[u8], message: &mut Message) {
        if self.telling.secret.is_none() {
            return;
        }
        let limit = self.telling.result;
        let content = self.content.get_or_insert_with(|| Content::new(limit));
        let part = message.content();
        part.structured = None;
        part.structured_kind = Some(kind);
        part.has_any |= kind != ValueKind::Null && !bytes.is_empty();
        content.begin(true);
        let quote: &[u8] = if kind == ValueKind::String { b"\"" } else { b"" };
        content.push(quote);
        content.push(bytes);
        let beyond = std::mem::take(&mut content.beyond.bytes);
        content.kept.push(&beyond);
        content.push(quote);
    }

    /// Bytes of the string that comes next, behind those that are told with it. It is only compared with others that come in the
    /// same order.
    #[cold]
    pub(super) fn beyond(&mut self, bytes: &[u8]) {
        if self.telling.secret.is_some() {
            let limit = self.telling.result;
            let content = self.content.get_or_insert_with(|| Content::new(limit));
            content.digest.push(bytes);
            content.beyond.push(bytes);
        }
    }

    pub(super) fn block_is_text(&mut self, is_text: bool) {
        self.content.iter_mut().for_each(|content| content.is_text = is_text);
    }

    pub(super) fn block_has_text(&mut self, has_text: bool) {
        self.content.iter_mut().for_each(|content| content.has_text = has_text);
    }
}

impl Kept {
    fn up_to(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.limit > 0 {
            self.keep(bytes);
        }
    }

    #[inline(never)]
    fn keep(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What was kept, if anything was to be.
    fn take(&mut self) -> Option<Box<[u8]>> {
        let bytes = std::mem::take(&mut self.bytes);
        (!bytes.is_empty()).then(|| bytes.into())
    }
}

impl Content {
    fn new(limit: usize) -> Self {
        Self {
            kept: Kept::up_to(limit),
            beyond: Kept::up_to(limit),
            ..Self::default()
        }
    }

    /// What is kept becomes an object of the two members.
    fn begin(&mut self, structured: bool) {
        self.kept.push(if self.kept.bytes.is_empty() { b"{" } else { b"," });
        self.kept.push(if structured {
            b"\"structuredContent\":"
        } else {
            b"\"content\":"
        });
    }

    fn push(&mut self, bytes: &[u8]) {
        self.digest.push(bytes);
        self.kept.push(bytes);
    }

    fn end(&mut self) -> Option<Box<[u8]>> {
        self.kept.push(b"}");
        self.kept.take()
    }
}
