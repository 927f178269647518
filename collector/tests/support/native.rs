//! Reads a block's bytes back into rows, as the server does.

use super::{Block, Row};

/// The rows of a block.
pub(crate) fn rows(block: &Block) -> Vec<Row<'static>> {
    let (mut bytes, mut frames) = (Vec::new(), block.frames());
    while let Some(frame) = frames.next_frame() {
        bytes.extend_from_slice(frame);
    }
    let mut reader = Reader(&bytes);
    let (columns, count) = (reader.length(), reader.length());
    assert_eq!(count, block.rows());
    let mut rows = vec![Row::default(); count];
    for _ in 0..columns {
        let (name, kind) = (reader.text(), reader.text());
        let values = reader.values(&String::from_utf8(kind).unwrap(), count);
        let name = String::from_utf8(name).unwrap();
        for (row, value) in rows.iter_mut().zip(values) {
            set(row, &name, value);
        }
    }
    assert!(reader.0.is_empty(), "{} bytes behind the last column", reader.0.len());
    rows
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken.to_vec()
    }

    fn number(&mut self, width: usize) -> u64 {
        let bytes = self.take(width);
        bytes
            .iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn length(&mut self) -> usize {
        let (mut length, mut shift) = (0, 0);
        loop {
            let byte = self.number(1) as usize;
            length |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return length;
            }
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let length = self.length();
        self.take(length)
    }

    fn values(&mut self, kind: &str, count: usize) -> Vec<Vec<u8>> {
        let width = match kind {
            "String" => return (0..count).map(|_| self.text()).collect(),
            "LowCardinality(String)" => return self.dictionary(count),
            "UInt16" => 2,
            "UInt32" | "Int32" => 4,
            "UInt64" | "DateTime64(6, 'UTC')" | "FixedString(8)" => 8,
            "FixedString(16)" => 16,
            other => panic!("no column of calls is a {other}"),
        };
        (0..count).map(|_| self.take(width)).collect()
    }

    fn dictionary(&mut self, count: usize) -> Vec<Vec<u8>> {
        assert_eq!(self.number(8), 1, "version");
        let flags = self.number(8);
        assert_eq!(flags & !0xff, 0x600, "keys of their own");
        let keys: Vec<_> = (0..self.number(8)).map(|_| self.text()).collect();
        assert_eq!(self.number(8), count as u64);
        let width = 1 << (flags & 0xff);
        (0..count).map(|_| keys[self.number(width) as usize].clone()).collect()
    }
}

fn set(row: &mut Row<'static>, name: &str, value: Vec<u8>) {
    macro_rules! fields {
        (texts: $($text:ident)*; ids: $($id:ident)*; numbers: $($number:ident: $type:ty,)*) => {
            match name {
                $(stringify!($text) => row.$text = String::from_utf8(value).unwrap().into(),)*
                $(stringify!($number) => row.$number = <$type>::from_le_bytes(value.try_into().unwrap()),)*
                $(stringify!($id) => row.$id = value.try_into().unwrap(),)*
                other => panic!("calls has no column {other}"),
            }
        };
    }
    fields! {
        texts: tenant server server_version instance method kind target resource_uri outcome fault error_type message
            client client_version client_bridge protocol_version transport session_id user_id request_id direction
            chain_id invalid_arguments result_flags content_types header_mismatch arguments result;
        ids: trace_id span_id parent_span_id;
        numbers: time: i64, rpc_code: i32, http_status: u16, duration_us: u64, first_byte_us: u64, request_bytes: u64,
            response_bytes: u64, args_hash: u64, attempt: u16, waited_us: u64, progress: u32, definition_hash: u64,
            definition_bytes: u32, weight: u32,
    }
}
