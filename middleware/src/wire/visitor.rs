//! What a [`Scanner`](super::scan::Scanner) asks and tells.

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

/// A scalar as it stands in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'a> {
    /// The bytes between the quotes, still escaped, at most [`TOKEN_LIMIT`] of them.
    String(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Literal(&'a [u8]),
}

/// What receives the members that it asked for.
pub(crate) trait Visitor {
    /// An array element or the document itself comes next.
    fn element(&mut self) -> Interest;
    /// The member with this key (between the quotes, still escaped) comes next.
    fn key(&mut self, key: &[u8]) -> Interest;
    /// The value whose kind was asked for is of this kind.
    fn kind(&mut self, kind: ValueKind);
    /// A wanted value is this scalar.
    fn scalar(&mut self, scalar: Scalar<'_>);
    /// Bytes of the wanted string that comes next, behind the first [`TOKEN_LIMIT`].
    fn beyond(&mut self, _bytes: &[u8]) {}
    /// A wanted value opens: an object, or else an array.
    fn enter(&mut self, object: bool);
    /// The innermost open object or array closes.
    fn leave(&mut self);
    /// Whether the bytes that come next are wanted as they are.
    fn is_tapped(&self) -> bool {
        false
    }
    /// Whether what comes next is to be left for another time. Asked when something was opened or closed.
    fn has_enough(&self) -> bool {
        false
    }
    /// A piece of the document that is wanted as it is, from the bracket at which that was first so, to the one at which
    /// it no longer was; told after all else that is in it.
    fn tap(&mut self, _bytes: &[u8]) {}
}
