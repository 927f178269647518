//! Fields of protobuf messages, written one after the other.

/// How the value of a field stands on the wire.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

/// The number of a field within its message.
pub(super) type Field = u32;

fn key(out: &mut Vec<u8>, field: Field, wire: Wire) {
    varint(out, u64::from(field << 3 | wire as u32));
}

/// What a field begins with whose number is below 16 and whose value has a length.
pub(super) const fn length_key(field: Field) -> u8 {
    (field << 3 | Wire::Length as u32) as u8
}

pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a number as varint.
const fn varint_len(value: u64) -> usize {
    (value | 1).ilog2() as usize / 7 + 1
}

/// Bytes of a field whose number is below 16 and whose value has so many bytes.
pub(super) const fn field_len(bytes: usize) -> usize {
    1 + varint_len(bytes as u64) + bytes
}

/// Bytes of such a field with a number.
pub(super) const fn number_field_len(value: u64) -> usize {
    1 + varint_len(value)
}

/// Bytes of such a field with a double.
pub(super) const DOUBLE_FIELD_LEN: usize = 1 + 8;

/// What comes before a value of so many bytes.
pub(super) fn head(out: &mut Vec<u8>, field: Field, bytes: usize) {
    key(out, field, Wire::Length);
    varint(out, bytes as u64);
}

pub(super) fn bytes(out: &mut Vec<u8>, field: Field, value: &[u8]) {
    head(out, field, value.len());
    out.extend_from_slice(value);
}

pub(super) fn number(out: &mut Vec<u8>, field: Field, value: u64) {
    key(out, field, Wire::Varint);
    varint(out, value);
}

pub(super) fn fixed64(out: &mut Vec<u8>, field: Field, value: u64) {
    key(out, field, Wire::Fixed64);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn fixed32(out: &mut Vec<u8>, field: Field, value: u32) {
    key(out, field, Wire::Fixed32);
    out.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_bytes_as_is_said() {
        for shift in 0..64 {
            for value in [1 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                varint(&mut out, value);
                assert_eq!(out.len(), varint_len(value), "{value}");
                assert_eq!(
                    prost::decode_length_delimiter(&*[&*out, &[0; 9]].concat()).ok(),
                    usize::try_from(value).ok()
                );
            }
        }
    }
}
