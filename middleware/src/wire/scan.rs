//! A push scanner for JSON: takes bytes in any pieces and reports what its visitor asks for.
//!
//! It keeps one token of at most [`TOKEN_LIMIT`] bytes. Values that the visitor does not want are skipped by counting
//! brackets, many bytes in one step, see [`super::skip`]. It checks structure only as far as it must to stay in step:
//! the server decides what is valid, the observer only has to see what is there.

use super::TOKEN_LIMIT;
use super::open::{OPEN_LIMIT, Open};
use super::skip::{Containers, string_end};
use super::visitor::{Interest, Scalar, ValueKind, Visitor};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value must come; in an array that has just opened, also its end.
    Value {
        or_end: bool,
    },
    /// A key must come; in an object that has just opened, also its end.
    Key {
        or_end: bool,
    },
    Colon,
    /// Inside a string that is kept.
    Text {
        key: bool,
        escaped: bool,
    },
    /// Inside a number or literal.
    Literal,
    /// After a value: a comma, the end of the container, or nothing more.
    After,
    /// Inside containers that are skipped.
    Skip(Containers),
    /// Inside a string that is skipped.
    SkipString {
        escaped: bool,
    },
    /// Out of step; everything further is ignored.
    Lost,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Scanner {
    state: State,
    interest: Interest,
    open: Open,
    /// What has come of a string or literal that came in more than one piece.
    token: Vec<u8>,
    started: bool,
}

impl Scanner {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Value { or_end: false },
            interest: Interest::Skip,
            open: Open::NONE,
            token: Vec::new(),
            started: false,
        }
    }

    /// Reads the next piece of the document, and returns what is left of it once the visitor has enough.
    pub(crate) fn push<'a>(&mut self, piece: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        let mut bytes = piece;
        let mut tapped_from = visitor.is_tapped().then_some(0);
        while !bytes.is_empty() {
            let (before, depth) = (bytes.len(), self.open.depth);
            bytes = match self.state {
                State::Skip(containers) => self.skip(bytes, containers),
                State::SkipString { escaped } => self.skip_string(bytes, escaped),
                State::Text { key, escaped } => self.text(bytes, key, escaped, visitor),
                State::Literal => self.literal(bytes, visitor),
                State::Lost => return &[],
                State::Value { .. } | State::Key { .. } | State::Colon | State::After => self.structure(bytes, visitor),
            };
            if depth == self.open.depth {
                // Nothing was opened or closed whose bytes could be wanted.
                continue;
            }
            match (tapped_from, visitor.is_tapped()) {
                (None, true) => tapped_from = Some(piece.len() - before),
                (Some(from), false) => {
                    visitor.tap(&piece[from..piece.len() - bytes.len()]);
                    tapped_from = None;
                }
                _ => {}
            }
            if visitor.has_enough() {
                return bytes;
            }
        }
        if let Some(from) = tapped_from {
            visitor.tap(&piece[from..]);
        }
        &[]
    }

    /// Whether one whole value has been read.
    pub(crate) fn is_whole(&self) -> bool {
        self.started && self.state == State::After && self.open.depth == 0
    }

    /// Ends the document and makes ready for the next; returns whether it was one whole value.
    pub(crate) fn finish(&mut self, visitor: &mut impl Visitor) -> bool {
        if self.state == State::Literal {
            let token = std::mem::take(&mut self.token);
            self.end_literal(&token, visitor);
        }
        let whole = self.is_whole();
        self.state = State::Value { or_end: false };
        self.open = Open::NONE;
        self.token.clear();
        self.started = false;
        whole
    }

    /// Reads one byte between tokens, and with it the quote of a key that follows at once; returns what comes next.
    fn structure<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        let (byte, rest) = (bytes[0], &bytes[1..]);
        match (self.state, byte) {
            (_, b' ' | b'\t' | b'\n' | b'\r') => return rest,
            _ => self.between(byte, visitor),
        }
        match (self.state, rest) {
            // A literal has nothing that opens it.
            (State::Literal, _) => bytes,
            (State::Key { .. }, [b'"', rest @ ..]) => {
                self.open_key();
                rest
            }
            _ => rest,
        }
    }

    fn open_key(&mut self) {
        self.token.clear();
        self.state = State::Text {
            key: true,
            escaped: false,
        };
    }

    fn between(&mut self, byte: u8, visitor: &mut impl Visitor) {
        match (self.state, byte) {
            (State::Value { or_end: true }, b']') | (State::Key { or_end: true }, b'}') => self.close(byte, visitor),
            (State::Value { .. }, _) => self.value(byte, visitor),
            (State::Key { .. }, b'"') => self.open_key(),
            (State::Colon, b':') => self.state = State::Value { or_end: false },
            (State::After, b',') => {
                self.state = match self.open.last() {
                    Some(true) => State::Key { or_end: false },
                    Some(false) => State::Value { or_end: false },
                    None => State::Lost,
                };
            }
            (State::After, b'}' | b']') => self.close(byte, visitor),
            _ => self.state = State::Lost,
        }
    }

    fn value(&mut self, byte: u8, visitor: &mut impl Visitor) {
        if self.open.last() != Some(true) {
            self.interest = visitor.element();
        }
        self.started = true;
        let take = self.interest == Interest::Take;
        if self.interest == Interest::Kind {
            match byte {
                b'{' => visitor.kind(ValueKind::Object),
                b'[' => visitor.kind(ValueKind::Array),
                b'"' => visitor.kind(ValueKind::String),
                // A literal's kind is known at its end.
                _ => {}
            }
        }
        match byte {
            b'{' | b'[' if take && self.open.depth < OPEN_LIMIT => {
                let object = byte == b'{';
                self.open.push(object);
                visitor.enter(object);
                self.state = if object {
                    State::Key { or_end: true }
                } else {
                    State::Value { or_end: true }
                };
            }
            b'{' | b'[' => self.state = State::Skip(Containers::opened_by(byte)),
            b'"' if take => {
                self.token.clear();
                self.state = State::Text {
                    key: false,
                    escaped: false,
                };
            }
            b'"' => self.state = State::SkipString { escaped: false },
            byte if begins_literal(byte) => {
                self.token.clear();
                self.state = State::Literal;
            }
            _ => self.state = State::Lost,
        }
    }

    fn close(&mut self, byte: u8, visitor: &mut impl Visitor) {
        if self.open.pop() == Some(byte == b'}') {
            visitor.leave();
            self.state = State::After;
        } else {
            self.state = State::Lost;
        }
    }

    /// Reads on in a string that is kept, and where that is a key, the members that follow it as far as they are strings.
    fn text<'a>(
        &mut self,
        mut bytes: &'a [u8],
        mut key: bool,
        mut escaped: bool,
        visitor: &mut impl Visitor,
    ) -> &'a [u8] {
        loop {
            let Some(end) = string_end(bytes, &mut escaped) else {
                self.keep_text(bytes, key, visitor);
                self.state = State::Text { key, escaped };
                return &[];
            };
            if self.token.is_empty() {
                // What came in one piece need not be kept.
                let (token, beyond) = bytes[..end].split_at(end.min(TOKEN_LIMIT));
                if !key && !beyond.is_empty() {
                    visitor.beyond(beyond);
                }
                self.end_text(token, key, visitor);
            } else {
                self.keep_text(&bytes[..end], key, visitor);
                let token = std::mem::take(&mut self.token);
                self.end_text(&token, key, visitor);
                self.token = token;
                self.token.clear();
            }
            bytes = &bytes[end + 1..];
            escaped = false;
            match (key, bytes) {
                (true, [b':', b'"', rest @ ..]) if self.interest == Interest::Take => (bytes, key) = (rest, false),
                (true, [b':', b'"', rest @ ..]) => {
                    self.value(b'"', visitor);
                    return self.skip_string(rest, false);
                }
                (true, [b':', rest @ ..]) if rest.first().is_some_and(|byte| begins_literal(*byte)) => {
                    return self.literal(rest, visitor);
                }
                (true, [b':', rest @ ..]) => {
                    self.state = State::Value { or_end: false };
                    return rest;
                }
                (true, _) => {
                    self.state = State::Colon;
                    return bytes;
                }
                (false, [b',', b'"', rest @ ..]) if self.open.last() == Some(true) => (bytes, key) = (rest, true),
                (false, _) => {
                    self.state = State::After;
                    return bytes;
                }
            }
        }
    }

    fn end_text(&mut self, token: &[u8], key: bool, visitor: &mut impl Visitor) {
        if key {
            self.interest = visitor.key(token);
        } else {
            visitor.scalar(Scalar::String(token));
        }
    }

    fn literal<'a>(&mut self, bytes: &'a [u8], visitor: &mut impl Visitor) -> &'a [u8] {
        let end = bytes
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.'));
        let Some(end) = end else {
            self.keep(bytes);
            self.state = State::Literal;
            return &[];
        };
        if self.token.is_empty() {
            self.end_literal(&bytes[..end.min(TOKEN_LIMIT)], visitor);
        } else {
            self.keep(&bytes[..end]);
            let token = std::mem::take(&mut self.token);
            self.end_literal(&token, visitor);
        }
        if self.state == State::After {
            self.after(&bytes[end..])
        } else {
            &bytes[end..]
        }
    }

    /// A value has ended: reads on to the key of the next member where that follows at once.
    fn after<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if let [b',', b'"', rest @ ..] = bytes
            && self.open.last() == Some(true)
        {
            self.open_key();
            return rest;
        }
        self.state = State::After;
        bytes
    }

    fn end_literal(&mut self, token: &[u8], visitor: &mut impl Visitor) {
        let word = matches!(token.first(), Some(b't' | b'f' | b'n'));
        if word && !matches!(token, b"true" | b"false" | b"null") {
            self.state = State::Lost;
            return;
        }
        match self.interest {
            Interest::Take => visitor.scalar(Scalar::Literal(token)),
            Interest::Kind => visitor.kind(literal_kind(token)),
            Interest::Skip => {}
        }
        self.state = State::After;
    }

    fn skip_string<'a>(&mut self, bytes: &'a [u8], mut escaped: bool) -> &'a [u8] {
        match string_end(bytes, &mut escaped) {
            Some(end) => self.after(&bytes[end + 1..]),
            None => {
                self.state = State::SkipString { escaped };
                &[]
            }
        }
    }

    fn skip<'a>(&mut self, bytes: &'a [u8], mut containers: Containers) -> &'a [u8] {
        let rest = containers.skip(bytes);
        self.state = match rest {
            Some(_) => State::After,
            None => State::Skip(containers),
        };
        rest.unwrap_or_default()
    }

    fn keep_text(&mut self, bytes: &[u8], key: bool, visitor: &mut impl Visitor) {
        let beyond = self.keep(bytes);
        if !key && !beyond.is_empty() {
            visitor.beyond(beyond);
        }
    }

    /// Returns what there is no room for.
    fn keep<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = TOKEN_LIMIT.saturating_sub(self.token.len());
        let (token, beyond) = bytes.split_at(bytes.len().min(room));
        self.token.extend_from_slice(token);
        beyond
    }
}

const fn begins_literal(byte: u8) -> bool {
    matches!(byte, b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
}

/// The kind of a number, `true`, `false` or `null`.
fn literal_kind(token: &[u8]) -> ValueKind {
    match token.first() {
        Some(b'n') => ValueKind::Null,
        Some(b't' | b'f') => ValueKind::Boolean,
        // JSON Schema takes 1.0 for an integer, and 1e3 may be one.
        _ if has_fraction(token) => ValueKind::Number,
        _ => ValueKind::Integer,
    }
}

fn has_fraction(number: &[u8]) -> bool {
    let point = number.iter().position(|byte| *byte == b'.');
    let fraction = point.map_or(&[][..], |point| &number[point + 1..]);
    !number.iter().any(|byte| matches!(byte, b'e' | b'E')) && fraction.iter().any(|digit| *digit != b'0')
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
