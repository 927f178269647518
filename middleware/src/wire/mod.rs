//! What is read of MCP: bytes in, [`Message`]s out, without I/O and without keeping the bytes.
//!
//! A body is never collected. [`scan::Scanner`] walks JSON as it arrives, in whatever pieces, and reports only the few
//! members that a record needs, so a result of ten megabytes costs one pass and a few hundred bytes of memory.

mod blocks;
mod builder;
mod cut_tokens;
mod document;
pub(crate) mod headers;
mod keys;
mod lines;
mod literal;
mod member;
pub(crate) mod message;
mod names;
#[cfg(any(test, fuzzing))]
pub(crate) mod oracle;
mod path;
mod plain;
mod reader;
mod scalars;
pub(crate) mod scan;
pub(crate) mod schema;
mod skip;
pub(crate) mod sse;
mod tap;
mod timestamp;
pub(crate) mod unescape;
mod visitor;
mod words;

pub(crate) use blocks::saved_by_escapes;
pub(crate) use document::Document;
pub(crate) use lines::{Line, Lines};
pub(crate) use message::{
    ContentTypes, Id, Kind, Message, Params, ResultContent, ResultPart, ResultType, TaskStatus, Tool, UriTemplate,
};
pub(crate) use plain::plain_string;
pub(crate) use reader::{Reader, Side};
pub(crate) use schema::{Argument, InputSchema};
pub(crate) use sse::{Event, EventStream};
pub(crate) use tap::{Definition, Telling};
pub(crate) use unescape::unescape;

/// Names and versions that a peer chose are cut to this many bytes.
pub(crate) const NAME_LIMIT: usize = 256;
/// Longest JSON string or number that is kept while it is read; what is longer is cut.
pub(crate) const TOKEN_LIMIT: usize = 1024;
/// Messages of one batch that are recorded; the rest is passed on unrecorded and counted.
pub(crate) const BATCH_LIMIT: usize = 256;
/// Messages of one event, or of one line in pieces, that are kept until its end: more than calls can wait for them. The rest is
/// passed on unrecorded and counted, too.
pub(crate) const ANSWERS_LIMIT: usize = 2048;
/// Arguments kept of one call, and properties of one schema.
pub(crate) const ARGUMENTS_LIMIT: usize = 64;
/// Tools kept of one `tools/list` page: one more than are remembered, so that a longer page is known to be cut.
pub(crate) const TOOLS_LIMIT: usize = 1025;
/// URI templates kept of one `resources/templates/list` page, of which fewer are remembered.
pub(crate) const TEMPLATES_LIMIT: usize = 1024;

/// Cuts `text` to at most `limit` bytes at a character boundary.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}
