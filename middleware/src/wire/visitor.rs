//! What a [`Scanner`](super::scan::Scanner) asks and tells.

use std::borrow::Cow;

use super::unescape::unescape;

/// Whether the visitor wants the value that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Skip it, however large.
    Skip,
    /// Report only what sort of value it is, and skip it.
    Kind,
    /// Report it: a scalar as such, a container by walking into it.
    Take,
}

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

/// What receives the members that it asked for.
pub(crate) trait Visitor {
    /// An array element or the document itself comes next.
    fn element(&mut self) -> Interest;
    /// The member with this key comes next.
    fn key(&mut self, key: Quoted<'_>) -> Interest;
    /// The value whose kind was asked for is of this kind.
    fn kind(&mut self, kind: ValueKind);
    /// A wanted value is this scalar.
    fn scalar(&mut self, scalar: Scalar<'_>);
    /// Bytes of the wanted string that comes next, behind the first [`TOKEN_LIMIT`](super::TOKEN_LIMIT).
    fn beyond(&mut self, _bytes: &[u8]) {}
    /// A wanted value opens: an object, or else an array.
    fn enter(&mut self, object: bool);
    /// The innermost open object or array closes.
    fn leave(&mut self);
    /// Whether the bytes that come next are wanted as they are. Changes only when something is opened or closed.
    fn is_tapped(&self) -> bool {
        false
    }
    /// Whether what comes next is to be left for another time. Changes only when something is closed.
    fn has_enough(&self) -> bool {
        false
    }
    /// A piece of the document that is wanted as it is, from the bracket at which that was first so, to the one at which
    /// it no longer was; told after all else that is in it.
    fn tap(&mut self, _bytes: &[u8]) {}
}
