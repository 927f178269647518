//! Attribute values of any type and size as the plain values of a row; what does not fit is corrected and counted.

use std::borrow::Cow;
use std::cell::Cell;

use super::attributes::{Attributes, FIELDS, Field, Value};
use super::tally::{Corrected, Tally};
use crate::compare::same;

/// The text that each field had last in a request: most fields have it again in the next span, and comparing takes less
/// than finding out once more that it is one.
pub(crate) type Known<'a> = [Cell<&'a str>; FIELDS];

/// Reads fields of one span.
#[derive(Debug)]
pub(crate) struct Values<'a, 't> {
    pub(crate) span: &'t Attributes<'a>,
    pub(crate) resource: &'t Attributes<'a>,
    pub(crate) known: &'t Known<'a>,
    pub(crate) tally: &'t mut Tally,
}

impl<'a> Values<'a, '_> {
    /// A text of the span itself, empty where absent.
    pub(crate) fn text(&mut self, field: Field) -> Cow<'a, str> {
        self.read(field, self.span.get(field))
    }

    /// A text of the span or its resource, empty where absent.
    pub(crate) fn inherited(&mut self, field: Field) -> Cow<'a, str> {
        self.read(field, self.span.get_or_inherit(self.resource, field))
    }

    /// A number of the span between `least` and `most`, `None` where absent or unusable.
    pub(crate) fn number(&mut self, field: Field, least: f64, most: f64) -> Option<f64> {
        let number = match self.span.get(field)? {
            Value::Integer(value) => Some(value as f64),
            Value::Double(value) => Some(value),
            Value::Text(text) => str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()),
            Value::Boolean(_) | Value::Compound => None,
        };
        match number {
            None => self.tally.correct(Corrected::WrongType),
            Some(number) if (least..=most).contains(&number) => return Some(number),
            Some(_) => self.tally.correct(Corrected::OutOfRange),
        }
        None
    }

    /// A hash of the span, written as hexadecimal digits; 0 where absent or unusable.
    pub(crate) fn hash(&mut self, field: Field) -> u64 {
        let Some(value) = self.span.get(field) else { return 0 };
        let hash = match value {
            Value::Text(digits) => str::from_utf8(digits)
                .ok()
                .and_then(|text| u64::from_str_radix(text, 16).ok()),
            _ => None,
        };
        hash.unwrap_or_else(|| {
            self.tally.correct(Corrected::WrongType);
            0
        })
    }

    /// Whether the span says yes.
    pub(crate) fn flag(&mut self, field: Field) -> bool {
        matches!(self.span.get(field), Some(Value::Boolean(true) | Value::Text(b"true")))
    }

    // Inlined up to here, since each field is mostly there or mostly absent, which a processor learns place by place.
    #[inline(always)]
    fn read(&mut self, field: Field, value: Option<Value<'a>>) -> Cow<'a, str> {
        match value {
            None => Cow::Borrowed(""),
            Some(value) => self.read_present(field, value),
        }
    }

    fn read_present(&mut self, field: Field, value: Value<'a>) -> Cow<'a, str> {
        match value {
            Value::Text(bytes) => {
                let known = &self.known[field as usize];
                if same(known.get().as_bytes(), bytes) {
                    return Cow::Borrowed(known.get());
                }
                let text = text(bytes, field.limit(), self.tally);
                if let Cow::Borrowed(text) = text {
                    known.set(text);
                }
                text
            }
            Value::Integer(value) => value.to_string().into(),
            Value::Double(value) => text(value.to_string().as_bytes(), field.limit(), self.tally)
                .into_owned()
                .into(),
            Value::Boolean(value) => if value { "true" } else { "false" }.into(),
            Value::Compound => {
                self.tally.correct(Corrected::WrongType);
                Cow::default()
            }
        }
    }
}

/// At most `limit` bytes of valid UTF-8 out of any bytes, as they stand there where they can be used as they are.
#[inline]
pub(crate) fn text<'a>(bytes: &'a [u8], limit: usize, tally: &mut Tally) -> Cow<'a, str> {
    match str::from_utf8(bytes.get(..=limit).unwrap_or(bytes)) {
        Ok(text) if text.len() <= limit => Cow::Borrowed(text),
        _ => corrected(bytes, limit, tally),
    }
}

#[cold]
fn corrected<'a>(bytes: &'a [u8], limit: usize, tally: &mut Tally) -> Cow<'a, str> {
    // A character has up to four bytes, so one that straddles the limit is still seen whole here.
    let looked_at = &bytes[..bytes.len().min(limit + 4)];
    let valid = match str::from_utf8(looked_at) {
        Ok(text) => Cow::Borrowed(text),
        Err(error) if error.error_len().is_none() && looked_at.len() < bytes.len() => {
            String::from_utf8_lossy(&looked_at[..error.valid_up_to()])
        }
        Err(_) => {
            tally.correct(Corrected::InvalidUtf8);
            String::from_utf8_lossy(looked_at)
        }
    };
    if valid.len() <= limit {
        return valid;
    }
    tally.correct(Corrected::TooLong);
    let end = valid.floor_char_boundary(limit);
    match valid {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Corrected, Tally, text};

    #[test]
    fn any_bytes_become_text_within_the_limit() {
        let four = "x".repeat(7) + "😀";
        for (case, bytes, expected, invalid, long) in [
            ("nothing", &b""[..], "", 0, 0),
            ("short", b"add", "add", 0, 0),
            ("just the limit", b"12345678", "12345678", 0, 0),
            ("one beyond", b"123456789", "12345678", 0, 1),
            ("a character across the limit", four.as_bytes(), "xxxxxxx", 0, 1),
            ("a latin-1 letter", b"caf\xe9", "caf\u{fffd}", 1, 0),
            ("a character without its end", b"caf\xc3", "caf\u{fffd}", 1, 0),
            ("long with a broken letter", b"\xff1234567890", "\u{fffd}12345", 1, 1),
            (
                "a broken letter behind the limit",
                b"1234567890123\xff",
                "12345678",
                0,
                1,
            ),
        ] {
            let mut tally = Tally::default();
            assert_eq!(text(bytes, 8, &mut tally), expected, "{case}");
            assert_eq!(tally.corrected(Corrected::InvalidUtf8), invalid, "{case}");
            assert_eq!(tally.corrected(Corrected::TooLong), long, "{case}");
        }
    }
}
