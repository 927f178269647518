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
use super::plain::plain_string;
use super::skip::Containers;
use super::visitor::{Entered, Left, Quoted, Scalar, Visitor};

/// What may come between two tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Key,
    /// In an object that has just opened.
    KeyOrEnd,
    /// Of an object's member, whose key has told whether it is wanted.
    Member,
    /// The document itself, or an element.
    Value,
    /// In an array that has just opened.
    ValueOrEnd,
    Colon,
    /// After a value: a comma, the end of the container, or nothing more.
    After,
}

impl Expected {
    const fn is_key(self) -> bool {
        matches!(self, Self::Key | Self::KeyOrEnd)
    }

    const fn is_value(self) -> bool {
        matches!(self, Self::Member | Self::Value | Self::ValueOrEnd)
    }

    const fn is_end(self) -> bool {
        matches!(self, Self::After | Self::KeyOrEnd | Self::ValueOrEnd)
    }
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
pub(crate) struct Scanner<M> {
    expected: Expected,
    pub(super) inside: Inside,
    /// What the value that comes next is to the visitor, if it is wanted.
    pub(super) wanted: Option<M>,
    /// What has come of a string or literal that came in more than one piece.
    pub(super) token: Vec<u8>,
}

impl<M: Copy> Scanner<M> {
    pub(crate) const fn new() -> Self {
        Self {
            expected: Expected::Value,
            inside: Inside::Nothing,
            wanted: None,
            token: Vec::new(),
        }
    }

    /// Reads the next piece of the document, and returns what is left of it once the visitor has enough.
    ///
    /// A key, its value, and what follows that are read in one turn, as far as each follows the other at once.
    pub(crate) fn push<'a>(&mut self, piece: &'a [u8], visitor: &mut impl Visitor<Member = M>) -> &'a [u8] {
        let mut bytes = piece;
        let mut expected = self.expected;
        // Where what is wanted as it is begins, if it is open.
        let mut tapped = 0;
        if self.inside != Inside::Nothing {
            bytes = self.resume(piece, visitor);
        }
        'next: while let [byte, rest @ ..] = bytes {
            let (mut byte, mut rest) = (*byte, rest);
            if expected.is_key() && byte == b'"' {
                bytes = self.key(rest, visitor);
                expected = Expected::Colon;
                let [b':', value @ ..] = bytes else {
                    continue;
                };
                let [first, behind @ ..] = value else {
                    continue;
                };
                (byte, rest, bytes) = (*first, behind, value);
                expected = Expected::Member;
            }
            if expected.is_value() && byte == b'"' {
                self.element(expected, visitor);
                bytes = self.text(rest, visitor);
            } else if expected.is_value() && byte | 0x20 == b'{' {
                // Or a bracket, which has one bit less.
                self.element(expected, visitor);
                let object = byte == b'{';
                let entered = match self.wanted {
                    Some(member) => visitor.enter(member, object, bytes),
                    None => Entered::Skip,
                };
                match entered {
                    Entered::Skip => bytes = self.container(byte, rest),
                    Entered::Read(behind) => bytes = behind,
                    Entered::Walk | Entered::Tapped => {
                        if entered == Entered::Tapped {
                            tapped = piece.len() - bytes.len();
                        }
                        bytes = rest;
                        expected = if object {
                            Expected::KeyOrEnd
                        } else {
                            Expected::ValueOrEnd
                        };
                        continue;
                    }
                }
            } else if expected.is_value() && literal::begins(byte) {
                self.element(expected, visitor);
                bytes = self.literal(bytes, visitor);
            } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                bytes = rest;
                continue;
            } else if expected == Expected::Colon && byte == b':' {
                (bytes, expected) = (rest, Expected::Member);
                continue;
            } else if !(expected == Expected::After && byte == b',' || expected.is_end() && matches!(byte, b'}' | b']'))
            {
                self.inside = Inside::Lost;
                break;
            }
            expected = Expected::After;
            while let [byte, rest @ ..] = bytes {
                match *byte {
                    b',' => {
                        if visitor.is_outside() {
                            self.inside = Inside::Lost;
                            break 'next;
                        }
                        bytes = rest;
                        expected = if visitor.is_in_object() {
                            Expected::Key
                        } else {
                            Expected::Value
                        };
                        continue 'next;
                    }
                    b'}' | b']' => {
                        if visitor.is_outside() || visitor.is_in_object() != (*byte == b'}') {
                            self.inside = Inside::Lost;
                            break 'next;
                        }
                        bytes = rest;
                    }
                    _ => continue 'next,
                }
                match visitor.leave() {
                    Left::Nothing => {}
                    Left::Tapped => tap(visitor, piece, tapped, rest),
                    Left::Enough => {
                        self.expected = expected;
                        return bytes;
                    }
                }
            }
        }
        self.expected = expected;
        if visitor.is_tapped() {
            visitor.tap(&piece[tapped..]);
        }
        &[]
    }

    /// Whether one whole value has been read.
    pub(crate) fn is_whole(&self, visitor: &impl Visitor) -> bool {
        self.inside == Inside::Nothing && self.expected == Expected::After && visitor.is_outside()
    }

    /// Ends the document and makes ready for the next; returns whether it was one whole value.
    pub(crate) fn finish(&mut self, visitor: &mut impl Visitor<Member = M>) -> bool {
        if self.inside == Inside::Literal {
            let token = std::mem::take(&mut self.token);
            self.end_literal(&token, &[], visitor);
        }
        let whole = self.is_whole(visitor);
        self.expected = Expected::Value;
        self.inside = Inside::Nothing;
        self.token.clear();
        whole
    }

    /// A value comes; asks for it where no key has done so.
    #[inline(always)]
    fn element(&mut self, expected: Expected, visitor: &mut impl Visitor<Member = M>) {
        if expected != Expected::Member {
            self.wanted = visitor.element();
        }
    }

    #[inline(always)]
    fn key<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor<Member = M>) -> &'a [u8] {
        let Some((key, rest)) = plain_string(bytes) else {
            return self.far_text(bytes, true, false, visitor);
        };
        self.wanted = visitor.key(Quoted::plain(key));
        rest
    }

    #[inline(always)]
    fn text<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor<Member = M>) -> &'a [u8] {
        match (plain_string(bytes), self.wanted) {
            (Some((text, rest)), Some(member)) => {
                visitor.scalar(member, Scalar::String(Quoted::plain(text)));
                rest
            }
            (Some((_, rest)), None) => rest,
            (None, Some(_)) => self.far_text(bytes, false, false, visitor),
            (None, None) => self.skip_string(bytes, false),
        }
    }

    fn container<'a>(&mut self, opening: u8, rest: &'a [u8]) -> &'a [u8] {
        match rest {
            // The closing bracket comes two after its opening one.
            [next, behind @ ..] if *next == opening + 2 => behind,
            _ => self.skip(rest, Containers::opened_by(opening)),
        }
    }

    #[inline(always)]
    fn literal<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor<Member = M>) -> &'a [u8] {
        match literal::end(bytes) {
            Some(end) => self.end_literal(&bytes[..end.min(TOKEN_LIMIT)], &bytes[end..], visitor),
            None => self.cut_literal(bytes),
        }
    }

    /// Returns the `rest`, unless the scanner is out of step now.
    pub(super) fn end_literal<'a>(
        &mut self,
        token: &[u8],
        rest: &'a [u8],
        visitor: &mut impl Visitor<Member = M>,
    ) -> &'a [u8] {
        if !literal::is_one(token) {
            self.inside = Inside::Lost;
            return &[];
        }
        self.inside = Inside::Nothing;
        if let Some(member) = self.wanted {
            visitor.scalar(member, Scalar::Literal(token));
        }
        rest
    }
}

/// Tells what the `piece` has before its `rest`. A function of its own, so that nothing is made ready for it before it is
/// known to be wanted.
#[inline(never)]
fn tap(visitor: &mut impl Visitor, piece: &[u8], from: usize, rest: &[u8]) {
    visitor.tap(&piece[from..piece.len() - rest.len()]);
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
