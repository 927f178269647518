//! What is kept of the strings and literals of a message.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::builder::Builder;
use super::literal;
use super::member::Member;
use super::message::{Id, ResultType, TaskStatus, UriTemplate};
use super::unescape::unescape;
use super::visitor::{Quoted, ValueKind};
use super::{NAME_LIMIT, TEMPLATES_LIMIT, TOKEN_LIMIT, cut, timestamp};
use crate::record::Text;
use crate::result_flags::looks_like_error;
use crate::trace_context::{TraceParent, whole_entries};

/// What comes behind the part of a string that is kept: a hash of it, or of an address as much as is captured.
#[derive(Debug, Default)]
pub(super) struct Beyond {
    pub(super) hasher: DefaultHasher,
    pub(super) has_escape: bool,
    pub(super) kept: Vec<u8>,
}

impl Builder {
    #[inline(never)]
    pub(super) fn string(&mut self, member: Member, bytes: &[u8], plain: bool) {
        let text = Quoted { bytes, plain };
        let message = &mut self.message;
        match member {
            Member::Argument | Member::StructuredValue => self.kind(member, ValueKind::String),
            Member::Jsonrpc => message.jsonrpc = true,
            Member::Method => message.method = Some(self.names.of(bytes, plain)),
            Member::MetaProtocolVersion => message.params.meta.protocol_version = Some(self.names.of(bytes, plain)),
            Member::ParamsProtocolVersion => message.params.protocol_version = Some(self.names.of(bytes, plain)),
            Member::Id => message.id = Some(Id::Text(name(text))),
            Member::ParamsName => message.params.name = Some(self.names.of(bytes, plain)),
            Member::ParamsUri => self.address(text),
            Member::ParamsRequestId => message.params.request_id = Some(Id::Text(name(text))),
            Member::MetaSubscriptionId => {
                message.params.request_id.get_or_insert_with(|| Id::Text(name(text)));
            }
            Member::ParamsProgressToken => message.params.progress_token = Some(Id::Text(name(text))),
            Member::MetaProgressToken => message.params.meta.progress_token = Some(Id::Text(name(text))),
            Member::MetaTraceparent => message.params.meta.traceparent = traceparent(text),
            Member::MetaTracestate => message.params.meta.tracestate = Some(whole_entries(&text.text()).into()),
            Member::ParamsRequestState => {
                let state = self.state(text);
                self.message.params.request_state = state;
            }
            Member::ResultRequestState => {
                let state = self.state(text);
                self.result().request_state = state;
            }
            Member::ResultType => self.result().result_type = Some(ResultType::read(&text.word())),
            Member::ResultProtocolVersion => self.result().protocol_version = Some(name(text)),
            Member::ParamsTaskId => message.params.task.id = Some(name(text)),
            Member::ParamsStatus => message.params.task.status = TaskStatus::read(&text.word()),
            Member::ResultTaskId => self.result().task_part.id = Some(name(text)),
            Member::ResultStatus => self.result().task_part.status = TaskStatus::read(&text.word()),
            Member::ResultCreatedAt => {
                self.result().task_part.created = timestamp::read(&text.text()).map(|created| created.start);
            }
            Member::ResultLastUpdatedAt => {
                self.result().task_part.updated = timestamp::read(&text.text()).map(|updated| updated.end);
            }
            Member::BlockType => {
                let word = text.word();
                self.message.content().types.add(&word);
                self.taps.block_is_text(*word == *b"text");
            }
            Member::BlockText => {
                self.taps.block_has_text(!text.bytes.is_empty());
                let looks_wrong = &mut self.message.content().looks_wrong;
                looks_wrong.get_or_insert_with(|| looks_like_error(text.bytes));
            }
            Member::ParamsCursor => message.params.cursor = Some(hash(&text.text())),
            Member::NextCursor => self.result().next_cursor = Some(hash(&text.text())),
            Member::ToolName => {
                if let Some(tool) = self.tool() {
                    tool.name = name(text);
                }
            }
            Member::UriTemplate => self.template(text),
            Member::Structured => self.taps.scalar(ValueKind::String, bytes, message),
            Member::SchemaTypes | Member::SchemaType => {
                let text = text.text();
                self.schema().into_iter().for_each(|schema| schema.kinds.allow(&text));
            }
            Member::RequiredName => self.require(name(text)),
            Member::PropertyHeader => self.property_header(&text.text()),
            Member::PropertyTypes | Member::PropertyType => self.property_type(&text.text()),
            Member::PeerName => {
                let name = self.names.of(bytes, plain);
                if let Some(peer) = self.peer() {
                    peer.name = name;
                }
            }
            Member::PeerVersion => {
                let version = self.names.of(bytes, plain);
                if let Some(peer) = self.peer() {
                    peer.version = version;
                }
            }
            Member::ErrorMessage => self.error().message = Some(name(text)),
            _ => {}
        }
    }

    pub(super) fn literal(&mut self, member: Member, text: &[u8]) {
        match member {
            Member::Argument | Member::StructuredValue => self.kind(member, literal::kind(text)),
            Member::Structured => self.taps.scalar(literal::kind(text), text, &mut self.message),
            Member::Id => self.message.id = number(text),
            Member::ParamsRequestId => self.message.params.request_id = number(text),
            Member::MetaSubscriptionId => {
                let params = &mut self.message.params;
                params.request_id = params.request_id.take().or_else(|| number(text));
            }
            Member::ParamsProgressToken => self.message.params.progress_token = number(text),
            Member::MetaProgressToken => self.message.params.meta.progress_token = number(text),
            Member::IsError => self.result().is_error = text == b"true",
            Member::TaskIsError => self.message.task().is_error |= text == b"true",
            Member::AdditionalProperties if text == b"false" => {
                self.schema().into_iter().for_each(|schema| schema.closed = true);
            }
            Member::ErrorCode => self.error().code = std::str::from_utf8(text).ok().and_then(|code| code.parse().ok()),
            _ => {}
        }
    }

    fn address(&mut self, text: Quoted<'_>) {
        let params = &mut self.message.params;
        let beyond = self.beyond.take();
        params.is_uri_long = beyond.is_some();
        params.uri = Some(match beyond {
            Some(beyond) if !beyond.kept.is_empty() => unescape(&[text.bytes, &beyond.kept].concat()).into(),
            _ => text.text().into(),
        });
    }

    fn template(&mut self, text: Quoted<'_>) {
        let templates = &mut self.result().templates;
        if templates.len() < TEMPLATES_LIMIT {
            let whole = text.text();
            templates.push(UriTemplate {
                text: cut(&whole, NAME_LIMIT).into(),
                is_cut: whole.len() > NAME_LIMIT || text.bytes.len() == TOKEN_LIMIT,
            });
        }
    }

    /// A hash of a state, which may be private, and is told apart by all of it.
    fn state(&mut self, text: Quoted<'_>) -> Option<u64> {
        let Some(mut beyond) = self.beyond.take() else {
            return Some(hash(&text.text()));
        };
        // Client and server may write escapes differently, and so be cut elsewhere.
        let has_escape = beyond.has_escape || text.bytes.contains(&b'\\');
        beyond.hasher.write(text.bytes);
        (!has_escape).then(|| beyond.hasher.finish())
    }
}

/// One of the usual length has no blanks around it that could be taken off.
fn traceparent(text: Quoted<'_>) -> Option<TraceParent> {
    if text.bytes.len() == 55 {
        TraceParent::read_bytes(text.bytes)
    } else {
        TraceParent::read(&text.text())
    }
}

/// A hash within this process of text that is too long or too private to be kept.
pub(super) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A text that a peer chose, cut.
pub(super) fn name(text: Quoted<'_>) -> Text {
    match std::str::from_utf8(text.bytes) {
        Ok(whole) if text.plain && whole.len() <= NAME_LIMIT => whole.into(),
        _ => cut(&text.text(), NAME_LIMIT).into(),
    }
}

/// A numeric id; `7.0` is 7, as newer servers read it, and null is no id.
#[inline(never)]
fn number(text: &[u8]) -> Option<Id> {
    let text = text.strip_suffix(b".0").unwrap_or(text);
    let text = std::str::from_utf8(text).ok().filter(|text| *text != "null")?;
    Some(Id::Number(cut(text, NAME_LIMIT).into()))
}
