//! Turns the inside of a JSON string literal into text.

use std::borrow::Cow;

/// Resolves the escapes of `raw`, the bytes between the quotes of a JSON string.
///
/// Lenient, since the text is only shown: lone surrogates and invalid UTF-8 become U+FFFD, an unknown or cut escape is
/// dropped.
pub(crate) fn unescape(raw: &[u8]) -> Cow<'_, str> {
    if !has_escape(raw) {
        // The check alone is quicker than the replacement, which mostly has nothing to replace.
        return std::str::from_utf8(raw).map_or_else(|_| String::from_utf8_lossy(raw), Cow::Borrowed);
    }
    let mut text = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        rest = escape(&rest[at + 1..], &mut text);
    }
    text.extend_from_slice(rest);
    Cow::Owned(String::from_utf8_lossy(&text).into_owned())
}

fn has_escape(raw: &[u8]) -> bool {
    /// Shorter ones are looked at sooner than a search has begun.
    const SHORT: usize = 32;
    if raw.len() <= SHORT {
        // All of them, since without a way out of the loop many are looked at in one step.
        raw.iter().fold(false, |found, byte| found | (*byte == b'\\'))
    } else {
        memchr::memchr(b'\\', raw).is_some()
    }
}

/// Resolves one escape whose backslash is already taken and returns what follows it.
fn escape<'a>(rest: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some((&kind, rest)) = rest.split_first() else {
        return rest;
    };
    let byte = match kind {
        b'"' | b'\\' | b'/' => kind,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => return unicode(rest, text),
        _ => return rest,
    };
    text.push(byte);
    rest
}

fn unicode<'a>(rest: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let Some((high, rest)) = hex4(rest) else {
        return &[];
    };
    let mut scalar = u32::from(high);
    let mut rest = rest;
    if (0xd800..0xdc00).contains(&high)
        && let Some(after) = rest.strip_prefix(b"\\u")
        && let Some((low, after)) = hex4(after)
        && (0xdc00..0xe000).contains(&low)
    {
        scalar = 0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
        rest = after;
    }
    let character = char::from_u32(scalar).unwrap_or(char::REPLACEMENT_CHARACTER);
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn hex4(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = bytes.split_at_checked(4)?;
    let digits = std::str::from_utf8(digits)
        .ok()
        .filter(|digits| !digits.starts_with('+'))?;
    Some((u16::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_what_they_stand_for() {
        for (raw, text) in [
            ("plain", "plain"),
            (r#"a\"b\\c\/d"#, "a\"b\\c/d"),
            (r"\b\f\n\r\t", "\u{8}\u{c}\n\r\t"),
            (r"\u00e9\u4e2d", "é中"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\ud83d alone", "\u{fffd} alone"),
            (r"cut \u12", "cut "),
            (r"cut \", "cut "),
        ] {
            assert_eq!(unescape(raw.as_bytes()), text, "{raw}");
        }
        assert_eq!(unescape(b"\xff"), "\u{fffd}");
    }
}
