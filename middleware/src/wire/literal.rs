//! Numbers, `true`, `false` and `null`.

use super::visitor::ValueKind;

/// Whether a literal can begin so.
pub(super) const fn begins(byte: u8) -> bool {
    matches!(byte, b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
}

/// Where the literal that `bytes` go on with ends; `None` where they do not tell.
#[inline(always)]
pub(super) fn end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| !PARTS[usize::from(*byte)])
}

/// Which bytes can stand in a literal.
const PARTS: [bool; 256] = {
    let mut parts = [false; 256];
    let mut byte = 0;
    while byte < parts.len() {
        parts[byte] = matches!(byte as u8, b'0'..=b'9' | b'a'..=b'z' | b'E' | b'+' | b'-' | b'.');
        byte += 1;
    }
    parts
};

/// Whether it is a number or one of the three words.
pub(super) fn is_one(token: &[u8]) -> bool {
    match token {
        [b't' | b'f' | b'n', ..] => matches!(token, b"true" | b"false" | b"null"),
        _ => true,
    }
}

/// The kind of a number, `true`, `false` or `null`.
pub(super) fn kind(token: &[u8]) -> ValueKind {
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
