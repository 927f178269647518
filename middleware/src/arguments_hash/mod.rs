//! A hash of JSON that does not depend on how the JSON is written.
//!
//! # Canonical form
//!
//! Two values hash alike if they are equal by these rules, and otherwise differ as 64 bits can:
//! - White space between tokens does not count, nor does the order of an object's members.
//! - Strings and keys are compared by their characters: `"\u00e9"` is `"é"`. A lone surrogate is a character of its own.
//! - Numbers are compared by their value in decimal, exactly: `1`, `1.0`, `10e-1` are one number, `-0` is `0`. Numbers of
//!   more than 128 characters are compared as they are written.
//! - An object with a key twice has both members.
//!
//! Nested deeper than 128 levels, or not JSON, it has no hash. The bytes are taken as they come and not kept: memory is
//! bounded by the depth.

mod decimal;
mod gathered;
mod literals;
mod secret;
mod state;
mod whole;

use std::hash::Hasher as _;

use memchr::memchr2;
use siphasher::sip::SipHasher24;

pub(crate) use secret::Secret;
use state::{Frame, Members, State};
pub(crate) use whole::object;

use crate::wire::plain_string;

/// Containers that may be open at once.
const DEPTH_LIMIT: usize = 128;

/// What is hashed last of each value and key, with the length of what is before it: read from its end, what is hashed can
/// only be understood in one way.
#[derive(Clone, Copy)]
enum End {
    Literal = 1,
    Number,
    LongNumber,
    Text,
    Key,
    Elements,
    Array,
    Object,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct CanonicalHash {
    secret: Secret,
    innermost: Option<Frame>,
    /// The open containers around that.
    outer: Vec<Frame>,
    state: State,
    /// Of the elements of the innermost array so far, or of its object's member that is open.
    hasher: SipHasher24,
    /// Bytes hashed of the string or number that is open.
    length: u64,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    /// What has come of a literal that came in more than one piece.
    literal: Vec<u8>,
    hash: u64,
}

impl CanonicalHash {
    pub(crate) fn new(secret: Secret) -> Self {
        Self {
            secret,
            innermost: None,
            outer: Vec::new(),
            state: State::Value { or_end: false },
            hasher: secret.hasher(),
            length: 0,
            high: None,
            literal: Vec::new(),
            hash: 0,
        }
    }

    /// The hash of an object without members.
    pub(crate) fn of_nothing(secret: Secret) -> u64 {
        let mut hash = Self::new(secret);
        hash.push(b"{}");
        hash.hash
    }

    /// Reads the next piece of the value.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while let Some(&byte) = bytes.first() {
            bytes = match self.state {
                State::Text { key } => self.text(bytes, key),
                State::Literal => self.literal(bytes),
                State::Escape { key } => {
                    self.escape(byte, key);
                    &bytes[1..]
                }
                State::Unicode { key, digits, value } => {
                    self.unicode(byte, key, digits, value);
                    &bytes[1..]
                }
                State::Broken => return,
                _ => {
                    self.structure(byte);
                    // A literal has nothing that opens it.
                    if self.state == State::Literal {
                        bytes
                    } else {
                        &bytes[1..]
                    }
                }
            };
        }
    }

    /// The hash, if one whole value has been read.
    pub(crate) fn finish(mut self) -> Option<u64> {
        if self.state == State::Literal {
            let literal = std::mem::take(&mut self.literal);
            self.end_literal(&literal);
        }
        (self.state == State::Done).then_some(self.hash)
    }

    fn structure(&mut self, byte: u8) {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return;
        }
        self.state = match (self.state, byte) {
            (State::Value { or_end: true }, b']')
            | (State::Key { or_end: true }, b'}')
            | (State::After, b']' | b'}') => {
                return self.close(byte == b'}');
            }
            (State::Value { .. }, b'{' | b'[') if self.depth() < DEPTH_LIMIT => {
                let object = byte == b'{';
                self.open(object.then(Members::default));
                if object {
                    State::Key { or_end: true }
                } else {
                    State::Value { or_end: true }
                }
            }
            (State::Value { .. }, b'"') => State::Text { key: false },
            (State::Key { .. }, b'"') => {
                self.hasher = self.secret.hasher();
                State::Text { key: true }
            }
            (State::Value { .. }, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.literal.clear();
                State::Literal
            }
            (State::Colon, b':') => State::Value { or_end: false },
            (State::After, b',') if self.is_object() => State::Key { or_end: false },
            (State::After, b',') if self.innermost.is_some() => State::Value { or_end: false },
            _ => State::Broken,
        };
    }

    fn depth(&self) -> usize {
        self.outer.len() + usize::from(self.innermost.is_some())
    }

    fn open(&mut self, members: Option<Members>) {
        let around = std::mem::replace(&mut self.hasher, self.secret.hasher());
        self.outer.extend(self.innermost.replace(Frame { around, members }));
    }

    fn close(&mut self, is_object: bool) {
        let closed = self.innermost.take();
        self.innermost = self.outer.pop();
        let (around, hash, end) = match closed {
            Some(Frame { around, members: None }) if !is_object => {
                self.end(End::Elements);
                (around, self.hasher.finish(), End::Array)
            }
            Some(Frame {
                around,
                members: Some(members),
            }) if is_object => {
                let mut hasher = self.secret.hasher();
                hasher.write_u64(members.sum);
                hasher.write_u64(members.count);
                (around, hasher.finish(), End::Object)
            }
            _ => {
                self.state = State::Broken;
                return;
            }
        };
        self.hasher = around;
        self.hasher.write_u64(hash);
        self.value(end);
    }

    fn hash(&mut self, bytes: &[u8]) {
        self.hasher.write(bytes);
        self.length += bytes.len() as u64;
    }

    fn end(&mut self, end: End) {
        let length = std::mem::take(&mut self.length);
        self.hasher.write_u64((end as u64) << 56 | length);
    }

    /// A value has ended.
    fn value(&mut self, end: End) {
        self.end(end);
        self.state = State::After;
        match &mut self.innermost {
            None => {
                self.hash = self.hasher.finish();
                self.state = State::Done;
            }
            Some(Frame { members: None, .. }) => {}
            Some(Frame {
                members: Some(members), ..
            }) => {
                members.sum = members.sum.wrapping_add(self.hasher.finish());
                members.count += 1;
            }
        }
    }

    fn text<'a>(&mut self, bytes: &'a [u8], key: bool) -> &'a [u8] {
        if let Some((text, rest)) = plain_string(bytes) {
            self.plain(text);
            return self.end_text(rest, key);
        }
        let Some(end) = memchr2(b'"', b'\\', bytes) else {
            self.plain(bytes);
            return &[];
        };
        self.plain(&bytes[..end]);
        let rest = &bytes[end + 1..];
        if bytes[end] == b'\\' {
            self.state = State::Escape { key };
            return rest;
        }
        self.end_text(rest, key)
    }

    fn plain(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.end_surrogate();
            self.hash(text);
        }
    }

    /// A key or text has ended; returns what follows it.
    fn end_text<'a>(&mut self, rest: &'a [u8], key: bool) -> &'a [u8] {
        self.end_surrogate();
        // What mostly comes next is read at once.
        if key {
            self.end(End::Key);
            if let [b':', b'"', rest @ ..] = rest {
                self.state = State::Text { key: false };
                return rest;
            }
            self.state = State::Colon;
        } else {
            self.value(End::Text);
            if let [b',', b'"', rest @ ..] = rest
                && self.state == State::After
                && self.is_object()
            {
                self.hasher = self.secret.hasher();
                self.state = State::Text { key: true };
                return rest;
            }
        }
        rest
    }

    const fn is_object(&self) -> bool {
        matches!(self.innermost, Some(Frame { members: Some(_), .. }))
    }

    fn escape(&mut self, byte: u8, key: bool) {
        self.state = State::Text { key };
        let character = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.state = State::Unicode {
                    key,
                    digits: 0,
                    value: 0,
                };
                return;
            }
            _ => {
                self.state = State::Broken;
                return;
            }
        };
        self.end_surrogate();
        self.hash(&[character]);
    }

    fn unicode(&mut self, byte: u8, key: bool, digits: u8, value: u16) {
        let Some(digit) = char::from(byte).to_digit(16) else {
            self.state = State::Broken;
            return;
        };
        let value = value << 4 | digit as u16;
        if digits < 3 {
            let digits = digits + 1;
            self.state = State::Unicode { key, digits, value };
            return;
        }
        self.state = State::Text { key };
        match (self.high.take(), value) {
            (Some(high), 0xdc00..=0xdfff) => {
                let scalar = 0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(value) - 0xdc00);
                self.character(scalar);
            }
            (high, 0xd800..=0xdbff) => {
                self.high = high;
                self.end_surrogate();
                self.high = Some(value);
            }
            (high, _) => {
                self.high = high;
                self.end_surrogate();
                self.character(u32::from(value));
            }
        }
    }

    /// A first half whose second did not come.
    fn end_surrogate(&mut self) {
        if let Some(high) = self.high.take() {
            self.character(u32::from(high));
        }
    }

    /// In UTF-8, and a surrogate in the bytes that UTF-8 would have for it, which no other character has.
    fn character(&mut self, scalar: u32) {
        match char::from_u32(scalar) {
            Some(character) => self.hash(character.encode_utf8(&mut [0; 4]).as_bytes()),
            None => {
                let [.., high, low] = scalar.to_be_bytes();
                self.hash(&[0xed, 0x80 | (high << 2 & 0x3f) | low >> 6, 0x80 | (low & 0x3f)]);
            }
        }
    }
}

#[cfg(test)]
mod tests;
