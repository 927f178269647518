//! Numbers, `true`, `false` and `null`.

use super::decimal::Decimal;
use super::state::State;
use super::{CanonicalHash, End};

/// Longest number whose value is compared.
pub(super) const NUMBER_LIMIT: usize = 128;

/// Where the literal that `bytes` go on with ends; `None` where they do not tell.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    bytes
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.'))
}

impl CanonicalHash {
    pub(super) fn literal<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = length(bytes);
        if let Some(end) = end
            && self.literal.is_empty()
            && end <= NUMBER_LIMIT
        {
            self.end_literal(&bytes[..end]);
            return &bytes[end..];
        }
        let part = &bytes[..end.unwrap_or(bytes.len())];
        let room = NUMBER_LIMIT.saturating_sub(self.literal.len());
        if part.len() > room && self.literal.len() <= NUMBER_LIMIT {
            if let Some(b't' | b'f' | b'n') = self.literal.first().or(part.first()) {
                self.state = State::Broken;
                return &[];
            }
            // From here on it is hashed as it is written, and one byte more says so.
            let literal = std::mem::take(&mut self.literal);
            self.hash(&literal);
            self.literal = literal;
            self.literal.resize(NUMBER_LIMIT + 1, b'0');
        }
        if self.literal.len() > NUMBER_LIMIT {
            self.hash(part);
        } else {
            self.literal.extend_from_slice(part);
        }
        match end {
            Some(end) => {
                let literal = std::mem::take(&mut self.literal);
                self.end_literal(&literal);
                &bytes[end..]
            }
            None => &[],
        }
    }

    pub(super) fn end_literal(&mut self, literal: &[u8]) {
        match literal.first() {
            Some(b't' | b'f' | b'n') if !matches!(literal, b"true" | b"false" | b"null") => self.state = State::Broken,
            Some(b't' | b'f' | b'n') => {
                self.hash(literal);
                self.value(End::Literal);
            }
            _ if literal.len() > NUMBER_LIMIT => self.value(End::LongNumber),
            _ => match Decimal::read(literal) {
                Some(decimal) => {
                    self.length = decimal.hash(&mut self.hasher);
                    self.value(End::Number);
                }
                None => self.state = State::Broken,
            },
        }
    }
}
