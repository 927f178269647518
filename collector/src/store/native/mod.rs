//! Rows as one block of ClickHouse's `Native` format, column by column.
//!
//! Bounded names travel as `LowCardinality` dictionaries, which the server stores as they come: this costs it a fraction
//! of what a row format costs. `Native` also names the number of rows in front, so that a body that was cut anywhere is
//! rejected as a whole. The same rows always give the same bytes, which a repeated insert needs.

mod column;

use std::borrow::Cow;
use std::{fmt, vec};

use self::column::{Column, Dictionary, Fixed, Text, write_length, write_text};
use crate::pipeline::Caller;
use crate::row::Row;

/// Uncompressed bytes of one piece of a block.
const FRAME: usize = 256 * 1024;

macro_rules! block {
    ($($field:ident: $column:ident $kind:literal,)*) => {
        /// Rows as they travel to the store.
        ///
        /// It has no bound of its own: whoever fills it looks at [`Block::rows`] and [`Block::bytes`].
        #[derive(Default)]
        pub struct Block {
            rows: usize,
            received: (u64, u64),
            $($field: $column,)*
        }

        /// The columns of `calls`, in the order of [`Row`]'s fields.
        pub(super) const NAMES: &[&str] = &[$(stringify!($field)),*];

        impl Block {
            /// Adds a row; nothing of it is kept but copies.
            pub fn push(&mut self, row: &Row<'_>) {
                $(self.$field.push(&row.$field);)*
                self.rows += 1;
            }

            /// The same block without its rows. Filling it again costs less than a new one, which has to grow.
            pub(crate) fn emptied(mut self) -> Self {
                $(self.$field.clear();)*
                (self.rows, self.received) = (0, (0, 0));
                self
            }

            /// Name, type as the server spells it, and values of each column.
            fn columns(&self) -> [(&'static str, &'static str, &dyn Column); NAMES.len()] {
                [$((stringify!($field), $kind, &self.$field)),*]
            }
        }
    };
}

block! {
    time: Fixed "DateTime64(6, 'UTC')",
    tenant: Dictionary "LowCardinality(String)",
    server: Dictionary "LowCardinality(String)",
    server_version: Dictionary "LowCardinality(String)",
    instance: Dictionary "LowCardinality(String)",
    method: Dictionary "LowCardinality(String)",
    kind: Dictionary "LowCardinality(String)",
    target: Dictionary "LowCardinality(String)",
    resource_uri: Text "String",
    outcome: Dictionary "LowCardinality(String)",
    fault: Dictionary "LowCardinality(String)",
    error_type: Dictionary "LowCardinality(String)",
    rpc_code: Fixed "Int32",
    http_status: Fixed "UInt16",
    message: Text "String",
    duration_us: Fixed "UInt64",
    first_byte_us: Fixed "UInt64",
    request_bytes: Fixed "UInt64",
    response_bytes: Fixed "UInt64",
    client: Dictionary "LowCardinality(String)",
    client_version: Dictionary "LowCardinality(String)",
    client_bridge: Dictionary "LowCardinality(String)",
    protocol_version: Dictionary "LowCardinality(String)",
    transport: Dictionary "LowCardinality(String)",
    session_id: Text "String",
    user_id: Text "String",
    request_id: Text "String",
    direction: Dictionary "LowCardinality(String)",
    chain_id: Text "String",
    args_hash: Fixed "UInt64",
    invalid_arguments: Dictionary "LowCardinality(String)",
    result_flags: Dictionary "LowCardinality(String)",
    content_types: Dictionary "LowCardinality(String)",
    header_mismatch: Dictionary "LowCardinality(String)",
    attempt: Fixed "UInt16",
    waited_us: Fixed "UInt64",
    progress: Fixed "UInt32",
    definition_hash: Fixed "UInt64",
    definition_bytes: Fixed "UInt32",
    arguments: Text "String",
    result: Text "String",
    weight: Fixed "UInt32",
    trace_id: Fixed "FixedString(16)",
    span_id: Fixed "FixedString(8)",
    parent_span_id: Fixed "FixedString(8)",
}

impl Block {
    /// Fills in who called in a row that does not tell it.
    pub(crate) fn set_client(&mut self, row: usize, client: &Caller) {
        self.client.set(row, &client.name);
        self.client_version.set(row, &client.version);
        if !client.protocol_version.is_empty() {
            self.protocol_version.set(row, &client.protocol_version);
        }
    }

    /// Notes when the first and the last request with these rows arrived, in microseconds since the Unix epoch.
    pub(crate) fn set_received(&mut self, first: u64, last: u64) {
        self.received = (first, last);
    }

    /// When they arrived; 0 where that is not known.
    pub(super) fn received(&self) -> (u64, u64) {
        self.received
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that it takes in memory. Asks every column, so once a request is better than once a row.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let columns = self.columns();
        size_of::<Self>() + columns.iter().map(|(_, _, values)| values.bytes()).sum::<usize>()
    }

    /// Its bytes in `Native` format, in pieces of at most 256 KiB.
    #[must_use]
    pub fn frames(&self) -> Frames<'_> {
        let mut head = Vec::new();
        write_length(NAMES.len(), &mut head);
        write_length(self.rows, &mut head);
        let mut parts = vec![Cow::Owned(head)];
        for (name, kind, values) in self.columns() {
            let mut head = Vec::new();
            write_text(name, &mut head);
            write_text(kind, &mut head);
            parts.push(Cow::Owned(head));
            values.parts(self.rows, &mut parts);
        }
        Frames {
            parts: parts.into_iter(),
            part: Cow::default(),
            taken: 0,
            frame: Vec::with_capacity(FRAME),
        }
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut block = formatter.debug_struct("Block");
        block.field("rows", &self.rows).field("bytes", &self.bytes()).finish()
    }
}

impl<'a, 'b: 'a> FromIterator<&'a Row<'b>> for Block {
    fn from_iter<T: IntoIterator<Item = &'a Row<'b>>>(rows: T) -> Self {
        let mut block = Self::default();
        rows.into_iter().for_each(|row| block.push(row));
        block
    }
}

/// The bytes of a [`Block`], piece by piece.
#[derive(Debug)]
pub struct Frames<'a> {
    parts: vec::IntoIter<Cow<'a, [u8]>>,
    part: Cow<'a, [u8]>,
    taken: usize,
    frame: Vec<u8>,
}

impl Frames<'_> {
    /// The next piece; `None` at the end.
    pub fn next_frame(&mut self) -> Option<&[u8]> {
        self.frame.clear();
        while self.frame.len() < FRAME {
            let rest = &self.part[self.taken..];
            if rest.is_empty() {
                let Some(part) = self.parts.next() else { break };
                (self.part, self.taken) = (part, 0);
                continue;
            }
            let rest = &rest[..rest.len().min(FRAME - self.frame.len())];
            self.frame.extend_from_slice(rest);
            self.taken += rest.len();
        }
        (!self.frame.is_empty()).then_some(&self.frame)
    }
}

#[cfg(test)]
mod tests {
    use super::Block;
    use crate::row::Row;

    fn bytes(block: &Block) -> Vec<u8> {
        let (mut frames, mut bytes) = (block.frames(), Vec::new());
        while let Some(frame) = frames.next_frame() {
            bytes.extend_from_slice(frame);
        }
        bytes
    }

    #[test]
    fn a_block_that_was_emptied_is_as_a_new_one() {
        let rows = |names: std::ops::Range<u32>| -> Vec<Row<'static>> {
            let row = |name: u32| Row {
                target: format!("tool {name}").into(),
                request_id: name.to_string().into(),
                ..Row::default()
            };
            names.map(row).collect()
        };
        // More names than a byte counts, so that indexes were wider before.
        let mut block = Block::from_iter(&rows(0..1000)).emptied();
        assert_eq!(bytes(&block), bytes(&Block::default()));
        let others = rows(990..1100);
        others.iter().for_each(|row| block.push(row));
        assert_eq!(bytes(&block), bytes(&Block::from_iter(&others)));
    }
}
