//! A push scanner for JSON: takes bytes in any pieces and reports what its visitor asks for.
//!
//! It keeps one token of at most [`TOKEN_LIMIT`] bytes. Values that the visitor does not want are skipped by counting
//! brackets, many bytes in one step, see [`super::skip`]. It checks structure only as far as it must to stay in step:
//! the server decides what is valid, the observer only has to see what is there.
//!
//! Most tokens stand in one piece, and most strings are short: these are read where they stand, here. The others are read
//! in [`super::cut_tokens`].

use super::TOKEN_LIMIT;
use super::literal;
use super::open::{OPEN_LIMIT, Open};
use super::skip::{Containers, plain_string};
use super::visitor::{Interest, Quoted, Scalar, ValueKind, Visitor};

/// What may come between two tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Value,
    /// In an array that has just opened.
    ValueOrEnd,
    Key,
    /// In an object that has just opened.
    KeyOrEnd,
    Colon,
    /// After a value: a comma, the end of the container, or nothing more.
    After,
}

/// A token of which only a part has come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Nothing,
    /// A string that is kept, of which `escaped` tells whether the next byte is escaped.
    Text {
        key: bool,
        escaped: bool,
    },
    /// A number or literal.
    Literal,
    /// Containers that are skipped.
    Skip(Containers),
    /// A string that is skipped.
    SkipString {
        escaped: bool,
    },
    /// Out of step; everything further is ignored.
    Lost,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Scanner {
    expected: Expected,
    pub(super) inside: Inside,
    pub(super) interest: Interest,
    open: Open,
    /// What has come of a string or literal that came in more than one piece.
    pub(super) token: Vec<u8>,
    started: bool,
}

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self {
            expected: Expected::Value,
            inside: Inside::Nothing,
            interest: Interest::Skip,
            open: Open::NONE,
            token: Vec::new(),
            started: false,
        }
    }

    /// Reads the next piece of the document, and returns what is left of it once the visitor has enough.
    pub(crate) fn push<'a>(&mut self, piece: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        let mut bytes = piece;
        let mut expected = self.expected;
        // What is wanted as it is, and all behind it.
        let mut tapped = visitor.is_tapped().then_some(piece);
        if self.inside != Inside::Nothing {
            bytes = self.resume(piece, visitor);
        }
        while let [byte, rest @ ..] = bytes {
            let byte = *byte;
            match (expected, byte) {
                (Expected::Key | Expected::KeyOrEnd, b'"') => (bytes, expected) = self.members(rest, visitor),
                (Expected::Value | Expected::ValueOrEnd, b'"') => {
                    self.element(visitor);
                    bytes = self.text(rest, visitor);
                    expected = Expected::After;
                }
                (Expected::Value | Expected::ValueOrEnd, b'{' | b'[') => {
                    self.element(visitor);
                    let object = byte == b'{';
                    if self.interest == Interest::Take && self.open.depth < OPEN_LIMIT {
                        self.open.push(object);
                        visitor.enter(object);
                        if visitor.is_tapped() && tapped.is_none() {
                            tapped = Some(bytes);
                        }
                        bytes = rest;
                        expected = if object {
                            Expected::KeyOrEnd
                        } else {
                            Expected::ValueOrEnd
                        };
                    } else {
                        bytes = self.container(byte, rest, visitor);
                        expected = Expected::After;
                    }
                }
                (Expected::After | Expected::KeyOrEnd, b'}') | (Expected::After | Expected::ValueOrEnd, b']') => {
                    if self.open.pop() != Some(byte == b'}') {
                        self.inside = Inside::Lost;
                        break;
                    }
                    visitor.leave();
                    bytes = rest;
                    expected = Expected::After;
                    if let Some(from) = tapped
                        && !visitor.is_tapped()
                    {
                        visitor.tap(&from[..from.len() - rest.len()]);
                        tapped = None;
                    }
                    if visitor.has_enough() {
                        self.expected = expected;
                        return bytes;
                    }
                }
                (Expected::After, b',') => {
                    bytes = rest;
                    expected = match self.open.last() {
                        Some(true) => Expected::Key,
                        Some(false) => Expected::Value,
                        None => {
                            self.inside = Inside::Lost;
                            break;
                        }
                    };
                }
                (Expected::Colon, b':') => (bytes, expected) = (rest, Expected::Value),
                (_, b' ' | b'\t' | b'\n' | b'\r') => bytes = rest,
                (Expected::Value | Expected::ValueOrEnd, _) if literal::begins(byte) => {
                    self.element(visitor);
                    bytes = self.literal(bytes, visitor);
                    expected = Expected::After;
                }
                _ => {
                    self.inside = Inside::Lost;
                    break;
                }
            }
        }
        self.expected = expected;
        if let Some(from) = tapped {
            visitor.tap(from);
        }
        &[]
    }

    /// Whether one whole value has been read.
    pub(crate) fn is_whole(&self) -> bool {
        self.started && self.inside == Inside::Nothing && self.expected == Expected::After && self.open.depth == 0
    }

    /// Ends the document and makes ready for the next; returns whether it was one whole value.
    pub(crate) fn finish(&mut self, visitor: &mut impl Visitor) -> bool {
        if self.inside == Inside::Literal {
            let token = std::mem::take(&mut self.token);
            self.end_literal(&token, &[], visitor);
        }
        let whole = self.is_whole();
        self.expected = Expected::Value;
        self.inside = Inside::Nothing;
        self.open = Open::NONE;
        self.token.clear();
        self.started = false;
        whole
    }

    /// A value comes; asks for it where no key has done so.
    #[inline(always)]
    fn element(&mut self, visitor: &mut impl Visitor) {
        if self.open.last() != Some(true) {
            self.started = true;
            self.interest = visitor.element();
        }
    }

    /// Reads a key, and on as long as one thing follows the other at once and values are strings.
    #[inline(always)]
    fn members<'a>(&mut self, mut bytes: &'a [u8], visitor: &mut impl Visitor) -> (&'a [u8], Expected) {
        loop {
            bytes = self.key(bytes, visitor);
            let [b':', value @ ..] = bytes else {
                return (bytes, Expected::Colon);
            };
            let [b'"', text @ ..] = value else {
                return (value, Expected::Value);
            };
            bytes = self.text(text, visitor);
            let [b',', b'"', key @ ..] = bytes else {
                return (bytes, Expected::After);
            };
            bytes = key;
        }
    }

    #[inline(always)]
    fn key<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        let Some((key, rest)) = plain_string(bytes) else {
            return self.far_text(bytes, true, false, visitor);
        };
        self.interest = visitor.key(Quoted::plain(key));
        rest
    }

    #[inline(always)]
    fn text<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        if self.interest == Interest::Kind {
            visitor.kind(ValueKind::String);
        }
        let Some((text, rest)) = plain_string(bytes) else {
            return match self.interest {
                Interest::Take => self.far_text(bytes, false, false, visitor),
                _ => self.skip_string(bytes, false),
            };
        };
        if self.interest == Interest::Take {
            visitor.scalar(Scalar::String(Quoted::plain(text)));
        }
        rest
    }

    fn container<'a>(&mut self, byte: u8, rest: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        if self.interest == Interest::Kind {
            visitor.kind(if byte == b'{' {
                ValueKind::Object
            } else {
                ValueKind::Array
            });
        }
        self.skip(rest, Containers::opened_by(byte))
    }

    #[inline(always)]
    fn literal<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        match literal::end(bytes) {
            Some(end) => self.end_literal(&bytes[..end.min(TOKEN_LIMIT)], &bytes[end..], visitor),
            None => self.cut_literal(bytes),
        }
    }

    /// Returns the `rest`, unless the scanner is out of step now.
    pub(super) fn end_literal<'a>(&mut self, token: &[u8], rest: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        self.inside = Inside::Nothing;
        if !literal::is_one(token) {
            self.inside = Inside::Lost;
            return &[];
        }
        match self.interest {
            Interest::Take => visitor.scalar(Scalar::Literal(token)),
            Interest::Kind => visitor.kind(literal::kind(token)),
            Interest::Skip => {}
        }
        rest
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
