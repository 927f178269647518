//! Rows as one block of ClickHouse's `Native` format, column by column.
//!
//! Bounded names travel as `LowCardinality` dictionaries, which the server stores as they come: this costs it a fraction
//! of what a row format costs. `Native` also names the number of rows in front, so that a body that was cut anywhere is
//! rejected as a whole. The same rows always give the same bytes, which a repeated insert needs.

use std::collections::{HashMap, hash_map::Entry};

use foldhash::fast::RandomState;

use crate::row::Row;

/// One column of `calls`: its name, its type as the server spells it, and where its values come from.
pub(super) struct Column {
    pub(super) name: &'static str,
    kind: &'static str,
    values: Values,
}

enum Values {
    /// Writes the little-endian bytes of a value with a fixed width.
    Fixed(fn(&Row, &mut Vec<u8>)),
    Text(fn(&Row) -> &str),
    Dictionary(fn(&Row) -> &str),
}

macro_rules! fixed {
    ($kind:literal, $field:ident) => {
        Column {
            name: stringify!($field),
            kind: $kind,
            values: Values::Fixed(|row, out| out.extend_from_slice(&row.$field.to_le_bytes())),
        }
    };
}

macro_rules! bytes {
    ($kind:literal, $field:ident) => {
        Column {
            name: stringify!($field),
            kind: $kind,
            values: Values::Fixed(|row, out| out.extend_from_slice(&row.$field)),
        }
    };
}

macro_rules! text {
    ($field:ident) => {
        Column {
            name: stringify!($field),
            kind: "String",
            values: Values::Text(|row| &row.$field),
        }
    };
}

macro_rules! dictionary {
    ($field:ident) => {
        Column {
            name: stringify!($field),
            kind: "LowCardinality(String)",
            values: Values::Dictionary(|row| &row.$field),
        }
    };
}

/// The columns of `calls`, in the order of [`Row`]'s fields.
pub(super) const COLUMNS: [Column; 44] = [
    fixed!("DateTime64(6, 'UTC')", time),
    dictionary!(tenant),
    dictionary!(server),
    dictionary!(server_version),
    dictionary!(instance),
    dictionary!(method),
    dictionary!(kind),
    dictionary!(target),
    text!(resource_uri),
    dictionary!(outcome),
    dictionary!(fault),
    dictionary!(error_type),
    fixed!("Int32", rpc_code),
    fixed!("UInt16", http_status),
    text!(message),
    fixed!("UInt64", duration_us),
    fixed!("UInt64", first_byte_us),
    fixed!("UInt64", request_bytes),
    fixed!("UInt64", response_bytes),
    dictionary!(client),
    dictionary!(client_version),
    dictionary!(client_bridge),
    dictionary!(protocol_version),
    dictionary!(transport),
    text!(session_id),
    text!(user_id),
    text!(request_id),
    dictionary!(direction),
    text!(chain_id),
    fixed!("UInt64", args_hash),
    dictionary!(invalid_arguments),
    dictionary!(result_flags),
    dictionary!(content_types),
    fixed!("UInt16", attempt),
    fixed!("UInt64", waited_us),
    fixed!("UInt32", progress),
    fixed!("UInt64", definition_hash),
    fixed!("UInt32", definition_bytes),
    text!(arguments),
    text!(result),
    fixed!("UInt32", weight),
    bytes!("FixedString(16)", trace_id),
    bytes!("FixedString(8)", span_id),
    bytes!("FixedString(8)", parent_span_id),
];

/// Writes what stands in front of the first column.
pub(super) fn write_header(rows: usize, out: &mut Vec<u8>) {
    write_length(COLUMNS.len(), out);
    write_length(rows, out);
}

/// Writes one column: name, type, values.
pub(super) fn write_column(column: &Column, rows: &[Row], out: &mut Vec<u8>) {
    write_text(column.name, out);
    write_text(column.kind, out);
    match column.values {
        Values::Fixed(write) => rows.iter().for_each(|row| write(row, out)),
        Values::Text(text) => rows.iter().for_each(|row| write_text(text(row), out)),
        Values::Dictionary(text) => write_dictionary(rows, text, out),
    }
}

/// The layout's only version: dictionaries with keys of their own.
const DICTIONARY_VERSION: u64 = 1;
/// Keys follow, and they are not to be merged with those of an earlier block.
const DICTIONARY_FLAGS: u64 = (1 << 9) | (1 << 10);

fn write_dictionary(rows: &[Row], text: fn(&Row) -> &str, out: &mut Vec<u8>) {
    let mut places: HashMap<&str, u32, RandomState> = HashMap::default();
    let mut keys = Vec::new();
    let mut indexes: Vec<u32> = Vec::with_capacity(rows.len());
    let mut previous: Option<(&str, u32)> = None;
    for row in rows {
        let key = text(row);
        let index = match previous {
            Some((same, index)) if same == key => index,
            _ => match places.entry(key) {
                Entry::Occupied(place) => *place.get(),
                Entry::Vacant(place) => {
                    let index = u32::try_from(keys.len()).unwrap_or(u32::MAX);
                    keys.push(key);
                    *place.insert(index)
                }
            },
        };
        previous = Some((key, index));
        indexes.push(index);
    }

    let width = match keys.len() {
        0..=0x100 => 0_u64,
        0x101..=0x1_0000 => 1,
        _ => 2,
    };
    out.extend_from_slice(&DICTIONARY_VERSION.to_le_bytes());
    out.extend_from_slice(&(DICTIONARY_FLAGS | width).to_le_bytes());
    out.extend_from_slice(&(keys.len() as u64).to_le_bytes());
    keys.iter().for_each(|key| write_text(key, out));
    out.extend_from_slice(&(indexes.len() as u64).to_le_bytes());
    let bytes = 1 << width;
    for index in indexes {
        out.extend_from_slice(&index.to_le_bytes()[..bytes]);
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_leb128() {
        let cases: [(usize, &[u8]); 5] = [
            (0, &[0]),
            (127, &[127]),
            (128, &[0x80, 1]),
            (300, &[0xac, 2]),
            (1 << 21, &[0x80, 0x80, 0x80, 1]),
        ];
        for (length, bytes) in cases {
            let mut out = Vec::new();
            write_length(length, &mut out);
            assert_eq!(out, bytes, "{length}");
        }
    }

    #[test]
    fn a_dictionary_lists_each_key_once_in_order_of_appearance() {
        let rows = ["b", "a", "b", "b", "a"].map(|tenant| Row {
            tenant: tenant.to_owned(),
            ..Row::default()
        });
        let mut out = Vec::new();
        write_dictionary(&rows, |row| &row.tenant, &mut out);
        let expected = [
            &1_u64.to_le_bytes()[..],
            &0x600_u64.to_le_bytes(),
            &2_u64.to_le_bytes(),
            b"\x01b\x01a",
        ];
        let expected = [&expected.concat()[..], &5_u64.to_le_bytes(), &[0, 1, 0, 0, 1]].concat();
        assert_eq!(out, expected);
    }
}
