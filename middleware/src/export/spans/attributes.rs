//! Attributes of a span, which leave out what is not known.

use super::protobuf::{DOUBLE_FIELD_LEN, Field, bytes, field_len, fixed64, head, number, number_field_len};

/// Fields of `KeyValue`.
const KEY: Field = 1;
const VALUE: Field = 2;
/// Fields of `AnyValue`.
const STRING: Field = 1;
const INT: Field = 3;
const DOUBLE: Field = 4;

/// Writes each attribute as a `KeyValue`.
pub(super) struct Attributes<'a> {
    out: &'a mut Vec<u8>,
    field: Field,
}

impl<'a> Attributes<'a> {
    /// Writes to `out`, as the given field.
    pub(super) const fn new(out: &'a mut Vec<u8>, field: Field) -> Self {
        Self { out, field }
    }

    pub(super) fn text(&mut self, key: &'static str, value: &str) {
        if !value.is_empty() {
            self.head(key, field_len(value.len()));
            bytes(self.out, STRING, value.as_bytes());
        }
    }

    pub(super) fn maybe(&mut self, key: &'static str, value: Option<&str>) {
        self.text(key, value.unwrap_or_default());
    }

    /// Each byte as two digits.
    pub(super) fn hexadecimal(&mut self, key: &'static str, value: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.head(key, field_len(2 * value.len()));
        head(self.out, STRING, 2 * value.len());
        for byte in value {
            let digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
            self.out.extend_from_slice(&digits);
        }
    }

    pub(super) fn number(&mut self, key: &'static str, value: i64) {
        // Negative ones are as long as they can be, as the format has it.
        let value = value as u64;
        self.head(key, number_field_len(value));
        number(self.out, INT, value);
    }

    pub(super) fn double(&mut self, key: &'static str, value: f64) {
        self.head(key, DOUBLE_FIELD_LEN);
        fixed64(self.out, DOUBLE, value.to_bits());
    }

    /// What comes before the field of an `AnyValue` that has so many bytes.
    fn head(&mut self, key: &'static str, value: usize) {
        head(self.out, self.field, field_len(key.len()) + field_len(value));
        bytes(self.out, KEY, key.as_bytes());
        head(self.out, VALUE, value);
    }
}
