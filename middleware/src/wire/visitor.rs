//! What a [`Scanner`](super::scan::Scanner) asks and tells.

use std::borrow::Cow;

use super::literal;
use super::unescape::unescape;

/// What sort of value something is, in the terms of JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Null,
    Boolean,
    /// A number without a fraction.
    Integer,
    Number,
    String,
    Array,
    Object,
}

impl ValueKind {
    /// Of the value that is written so.
    pub(super) fn of(value: &[u8]) -> Self {
        match value.first() {
            Some(b'"') => Self::String,
            Some(b'{') => Self::Object,
            Some(b'[') => Self::Array,
            _ => literal::kind(value),
        }
    }
}

/// What stands between the quotes of a string or key, still escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quoted<'a> {
    pub(super) bytes: &'a [u8],
    /// It is known that no backslash is among them.
    pub(super) plain: bool,
}

impl<'a> Quoted<'a> {
    pub(super) const fn plain(bytes: &'a [u8]) -> Self {
        let plain = true;
        Self { bytes, plain }
    }

    pub(super) fn text(self) -> Cow<'a, str> {
        match std::str::from_utf8(self.bytes) {
            Ok(text) if self.plain => Cow::Borrowed(text),
            _ => unescape(self.bytes),
        }
    }

    /// The same as bytes, to be compared with words.
    pub(super) fn word(self) -> Cow<'a, [u8]> {
        if self.plain {
            return Cow::Borrowed(self.bytes);
        }
        match unescape(self.bytes) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    }
}

/// A scalar as it stands in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// At most [`TOKEN_LIMIT`](super::TOKEN_LIMIT) bytes of it.
    String(Quoted<'a>),
    /// A number, `true`, `false` or `null`.
    Literal(&'a [u8]),
}

/// What becomes of a container that opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entered<'a> {
    /// It is skipped, however large.
    Skip,
    /// What is in it is asked for, member by member.
    Walk,
    /// The same, and its bytes are wanted as they are until it closes.
    Tapped,
    /// The visitor has read it, and this follows.
    Read(&'a [u8]),
}

/// What has come to its end with a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing else.
    Nothing,
    /// What is wanted as it is.
    Tapped,
    /// All that is wanted for now: the rest is left for another time.
    Enough,
}

/// What receives the members that it asked for.
pub(crate) trait Visitor {
    /// What a value is to it.
    type Member: Copy;
    /// An array element or the document itself comes next; what is not wanted is skipped, however large.
    fn element(&mut self) -> Option<Self::Member>;
    /// The member with this key comes next.
    fn key(&mut self, key: Quoted<'_>) -> Option<Self::Member>;
    /// A wanted value is this scalar.
    fn scalar(&mut self, member: Self::Member, scalar: Scalar<'_>);
    /// Bytes of the wanted string that comes next, behind the first [`TOKEN_LIMIT`](super::TOKEN_LIMIT).
    fn beyond(&mut self, _member: Self::Member, _bytes: &[u8]) {}
    /// A wanted value is a container: an object, or else an array. The document goes on with `bytes` from its bracket on, as
    /// far as it has come.
    fn enter<'a>(&mut self, member: Self::Member, object: bool, bytes: &'a [u8]) -> Entered<'a>;
    /// The innermost container that is walked through closes.
    fn leave(&mut self) -> Left;
    /// Whether that is an object, and not an array.
    fn is_in_object(&self) -> bool;
    /// Whether there is none.
    fn is_outside(&self) -> bool;
    /// Whether the bytes that come next are wanted as they are.
    fn is_tapped(&self) -> bool {
        false
    }
    /// A piece of what is wanted as it is; told after all else that is in it.
    fn tap(&mut self, _bytes: &[u8]) {}
}
