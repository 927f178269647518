//! Reads the protobuf wire format in place, without building messages.
//!
//! A message that is decoded into structs is lost as a whole when one string in it is not UTF-8, and costs several
//! times as much. Here only the framing has to be right; what is inside is judged field by field.

use std::fmt;

/// The fields of one message in the order in which they were written.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// The value of one field, as far as the wire tells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// Why bytes are not a protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The bytes end within a field.
    CutOff,
    /// A variable-length integer has more than ten bytes.
    LongVarint,
    /// A field has the number 0 or one beyond 2^29.
    FieldNumber(u64),
    /// A field has a wire type that protobuf 3 does not define.
    WireType(u8),
    /// A field is written with another wire type than the schema says.
    Type(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff => formatter.write_str("a field is cut off"),
            Self::LongVarint => formatter.write_str("a variable-length integer has more than ten bytes"),
            Self::FieldNumber(number) => write!(formatter, "{number} is not a field number"),
            Self::WireType(kind) => write!(formatter, "{kind} is not a wire type"),
            Self::Type(field) => write!(formatter, "{field} has the wrong wire type"),
        }
    }
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field, if it has this key and its length is one byte, as that of nearly every attribute: found without
    /// asking for what else it may be.
    #[inline(always)]
    pub(crate) fn short(&mut self, key: u8) -> Option<&'a [u8]> {
        match self.rest {
            [first, length @ ..0x80, rest @ ..] if *first == key => {
                let (message, rest) = rest.split_at_checked(usize::from(*length))?;
                self.rest = rest;
                Some(message)
            }
            _ => None,
        }
    }

    #[inline(always)]
    fn field(&mut self) -> Result<(u32, Value<'a>), Malformed> {
        let key = self.varint()?;
        let number = key >> 3;
        if number == 0 || number >= 1 << 29 {
            return Err(Malformed::FieldNumber(number));
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).map_err(|_| Malformed::CutOff)?)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.array()?)),
            kind => return Err(Malformed::WireType(kind as u8)),
        };
        Ok((number as u32, value))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Malformed> {
        if let [byte @ ..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.rest.len() < 10 {
            Malformed::CutOff
        } else {
            Malformed::LongVarint
        })
    }

    #[inline(always)]
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::CutOff)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed::CutOff)?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Malformed>;

    // Inlined, since most callers ask for certain fields and types only: then little is left of the rest.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// The key of a field with this number whose value has a length, where it is one byte.
pub(crate) const fn key_of_bytes(number: u8) -> u8 {
    assert!(number < 16, "larger numbers take two bytes");
    number << 3 | 2
}

/// The integer that these bytes are, all of them.
#[inline(always)]
pub(crate) fn whole_varint(bytes: &[u8]) -> Option<u64> {
    let mut fields = Fields::new(bytes);
    let value = fields.varint().ok()?;
    fields.rest.is_empty().then_some(value)
}

impl<'a> Value<'a> {
    /// The value of a `bytes`, `string` or message field; `name` stands in the error.
    pub(crate) const fn bytes(self, name: &'static str) -> Result<&'a [u8], Malformed> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed::Type(name)),
        }
    }

    /// The value of an integer, enumeration or `bool` field.
    pub(crate) const fn varint(self, name: &'static str) -> Result<u64, Malformed> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(Malformed::Type(name)),
        }
    }

    /// The value of a `fixed64` or `double` field.
    pub(crate) const fn fixed64(self, name: &'static str) -> Result<u64, Malformed> {
        match self {
            Self::Fixed64(value) => Ok(value),
            _ => Err(Malformed::Type(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, Malformed, Value};

    #[test]
    fn every_kind_of_field_is_read_and_every_broken_one_is_named() {
        let long = [&[0x08][..], &[0xff; 10], &[0x01]].concat();
        for (case, bytes, expected) in [
            ("nothing", &[][..], Ok(vec![])),
            ("a small integer", &[0x08, 0x05], Ok(vec![(1, Value::Varint(5))])),
            (
                "a two-byte integer",
                &[0x08, 0x96, 0x01],
                Ok(vec![(1, Value::Varint(150))]),
            ),
            ("a string", &[0x12, 2, b'h', b'i'], Ok(vec![(2, Value::Bytes(b"hi"))])),
            ("a fixed 32", &[0x1d, 1, 0, 0, 0], Ok(vec![(3, Value::Fixed32(1))])),
            (
                "a fixed 64",
                &[0x19, 1, 0, 0, 0, 0, 0, 0, 0],
                Ok(vec![(3, Value::Fixed64(1))]),
            ),
            (
                "two fields",
                &[0x08, 1, 0x08, 2],
                Ok(vec![(1, Value::Varint(1)), (1, Value::Varint(2))]),
            ),
            (
                "a string without its end",
                &[0x12, 3, b'h', b'i'],
                Err(Malformed::CutOff),
            ),
            ("an integer without its end", &[0x08, 0x80], Err(Malformed::CutOff)),
            ("a fixed 64 without its end", &[0x19, 1, 0], Err(Malformed::CutOff)),
            ("an endless integer", &long, Err(Malformed::LongVarint)),
            ("field number zero", &[0x00, 1], Err(Malformed::FieldNumber(0))),
            ("a group", &[0x0b], Err(Malformed::WireType(3))),
            (
                "a length beyond memory",
                &[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
                Err(Malformed::CutOff),
            ),
        ] {
            assert_eq!(Fields::new(bytes).collect::<Result<Vec<_>, _>>(), expected, "{case}");
        }
    }
}
