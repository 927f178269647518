//! Attributes of a span, which leave out what is not known.

use super::protobuf::{DOUBLE_FIELD_LEN, Field, bytes, field_len, fixed64, head, length_key, number, number_field_len};

/// Of `Span`.
const ATTRIBUTES: Field = 9;
/// Fields of `KeyValue`.
const KEY: Field = 1;
const VALUE: Field = 2;
/// Fields of `AnyValue`.
const STRING: Field = 1;
const INT: Field = 3;
const DOUBLE: Field = 4;

/// Bytes of a [`Key::head`], so many for each that they are copied by a few instructions.
const HEAD: usize = 48;
/// The largest number that is one byte.
const ONE_BYTE: usize = 127;

/// The name of an attribute, as it is written.
pub(super) struct Key {
    name: &'static str,
    /// All that comes before the value, but for two lengths of one byte: of the attribute, and of the value.
    head: [u8; HEAD],
    /// Where the latter stands.
    value: usize,
    /// Bytes of the attribute without those of the value, where one byte tells how many these are.
    fields: usize,
}

impl Key {
    pub(super) const fn new(name: &'static str) -> Self {
        let mut head = [0; HEAD];
        let bytes = name.as_bytes();
        head[0] = length_key(ATTRIBUTES);
        head[2] = length_key(KEY);
        head[3] = bytes.len() as u8;
        let mut at = 0;
        while at < bytes.len() {
            head[4 + at] = bytes[at];
            at += 1;
        }
        head[4 + at] = length_key(VALUE);
        assert!(6 + at <= HEAD, "a longer name needs more room");
        Self {
            name,
            head,
            value: 5 + at,
            fields: field_len(at) + field_len(0),
        }
    }
}

/// The [`Key`] of a name in [`semconv`](crate::semconv).
macro_rules! key {
    ($name:ident) => {
        const { &$crate::export::spans::attributes::Key::new($crate::semconv::$name) }
    };
}
pub(super) use key;

/// Writes each attribute as a `KeyValue`.
pub(super) struct Attributes<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Attributes<'a> {
    pub(super) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    pub(super) fn text(&mut self, key: &Key, value: &str) {
        if !value.is_empty() {
            self.head(key, field_len(value.len()));
            bytes(self.out, STRING, value.as_bytes());
        }
    }

    pub(super) fn maybe(&mut self, key: &Key, value: Option<&str>) {
        self.text(key, value.unwrap_or_default());
    }

    /// Each byte as two digits.
    pub(super) fn hexadecimal<const BYTES: usize>(&mut self, key: &Key, value: [u8; BYTES]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = value.map(|byte| [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]));
        self.head(key, field_len(2 * BYTES));
        bytes(self.out, STRING, digits.as_flattened());
    }

    pub(super) fn number(&mut self, key: &Key, value: i64) {
        // Negative ones are as long as they can be, as the format has it.
        let value = value as u64;
        self.head(key, number_field_len(value));
        number(self.out, INT, value);
    }

    pub(super) fn double(&mut self, key: &Key, value: f64) {
        self.head(key, DOUBLE_FIELD_LEN);
        fixed64(self.out, DOUBLE, value.to_bits());
    }

    /// What comes before the field of an `AnyValue` that has so many bytes.
    fn head(&mut self, key: &Key, value: usize) {
        let attribute = key.fields + value;
        if attribute <= ONE_BYTE {
            let at = self.out.len();
            // As many bytes for each key, and what is too much taken back, is less than to copy as many as there are.
            self.out.extend_from_slice(&key.head);
            self.out.truncate(at + key.value + 1);
            self.out[at + 1] = attribute as u8;
            self.out[at + key.value] = value as u8;
        } else {
            head(self.out, ATTRIBUTES, field_len(key.name.len()) + field_len(value));
            bytes(self.out, KEY, key.name.as_bytes());
            head(self.out, VALUE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use prost::Message as _;

    use super::*;

    /// One byte tells the length of a short attribute, more that of a longer one or of its value.
    #[test]
    fn a_text_of_any_length_is_written_as_the_format_has_it() {
        for length in (1..300).chain([16_000, 16_383, 16_384, 20_000]) {
            let text = "x".repeat(length);
            let mut written = Vec::new();
            Attributes::new(&mut written).text(key!(TOOLSIGHT_OUTCOME), &text);
            let value = AnyValue {
                value: Some(Value::StringValue(text)),
            };
            let attribute = KeyValue {
                key: crate::semconv::TOOLSIGHT_OUTCOME.to_owned(),
                value: Some(value),
                ..KeyValue::default()
            };
            let mut expected = Vec::new();
            bytes(&mut expected, ATTRIBUTES, &attribute.encode_to_vec());
            assert_eq!(written, expected, "{length}");
        }
    }
}
