//! The values of one column, kept as they travel.

use std::borrow::Cow;
use std::hash::BuildHasher as _;
use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::compare::same;

/// What a block asks of its columns.
pub(super) trait Column: Sync {
    /// Bytes in memory.
    fn bytes(&self) -> usize;
    /// Forgets all values, and keeps the memory for others.
    fn clear(&mut self);
    /// Adds what is to be sent for this many rows.
    fn parts<'a>(&'a self, rows: usize, parts: &mut Vec<Cow<'a, [u8]>>);
}

/// Values of the same width, such as numbers and identifiers.
#[derive(Default)]
pub(super) struct Fixed(Vec<u8>);

/// A value with a fixed width, as the server wants its bytes.
pub(super) trait Bytes {
    fn write(&self, out: &mut Vec<u8>);
}

macro_rules! little_endian {
    ($($number:ty),*) => {
        $(impl Bytes for $number {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        })*
    };
}

little_endian!(u16, i32, u32, i64, u64);

impl<const N: usize> Bytes for [u8; N] {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

impl Fixed {
    pub(super) fn push(&mut self, value: &impl Bytes) {
        value.write(&mut self.0);
    }
}

impl Column for Fixed {
    fn bytes(&self) -> usize {
        self.0.capacity()
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn parts<'a>(&'a self, _: usize, parts: &mut Vec<Cow<'a, [u8]>>) {
        parts.push(Cow::Borrowed(&self.0));
    }
}

/// Texts of which most differ.
#[derive(Default)]
pub(super) struct Text(Vec<u8>);

impl Text {
    pub(super) fn push(&mut self, text: &str) {
        write_text(text, &mut self.0);
    }
}

impl Column for Text {
    fn bytes(&self) -> usize {
        self.0.capacity()
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn parts<'a>(&'a self, _: usize, parts: &mut Vec<Cow<'a, [u8]>>) {
        parts.push(Cow::Borrowed(&self.0));
    }
}

/// The layout's only version: dictionaries with keys of their own.
const DICTIONARY_VERSION: u64 = 1;
/// Keys follow, and they are not to be merged with those of an earlier block.
const DICTIONARY_FLAGS: u64 = (1 << 9) | (1 << 10);

/// Texts of which few differ: each of them once, and an index for each row.
#[derive(Default)]
pub(super) struct Dictionary {
    /// The keys with their lengths, in order of appearance.
    keys: Vec<u8>,
    /// Where each key stands there.
    places: Vec<Range<usize>>,
    /// Finds the index of a key.
    table: HashTable<usize>,
    hasher: RandomState,
    /// Index of the last row: the next one mostly has the same.
    previous: usize,
    indexes: Vec<u8>,
    /// An index has two to the power of this many bytes.
    width: u8,
}

impl Dictionary {
    pub(super) fn push(&mut self, text: &str) {
        let key = text.as_bytes();
        let as_before = |place: &Range<usize>| same(&self.keys[place.clone()], key);
        if !self.places.get(self.previous).is_some_and(as_before) {
            self.previous = self.index(key);
        }
        match self.width {
            0 => self.indexes.push(self.previous as u8),
            1 => self.indexes.extend_from_slice(&(self.previous as u16).to_le_bytes()),
            _ => self.indexes.extend_from_slice(&(self.previous as u32).to_le_bytes()),
        }
    }

    /// Replaces the text of a row.
    pub(super) fn set(&mut self, row: usize, text: &str) {
        let index = self.index(text.as_bytes());
        let width = 1 << self.width;
        if let Some(place) = self.indexes.chunks_exact_mut(width).nth(row) {
            place.copy_from_slice(&(index as u32).to_le_bytes()[..width]);
        }
    }

    /// Index of a key, which may be new.
    fn index(&mut self, key: &[u8]) -> usize {
        let hash = self.hasher.hash_one(key);
        let (keys, places) = (&self.keys, &self.places);
        if let Some(index) = self.table.find(hash, |&index| same(&keys[places[index].clone()], key)) {
            return *index;
        }
        let index = self.places.len();
        match index {
            0x100 => self.widen(1),
            0x1_0000 => self.widen(2),
            _ => {}
        }
        write_length(key.len(), &mut self.keys);
        self.places.push(self.keys.len()..self.keys.len() + key.len());
        self.keys.extend_from_slice(key);
        let (keys, places, hasher) = (&self.keys, &self.places, &self.hasher);
        self.table
            .insert_unique(hash, index, |&index| hasher.hash_one(&keys[places[index].clone()]));
        index
    }

    fn widen(&mut self, width: u8) {
        let zeros = [0; 2];
        let (old, added) = (1 << self.width, (1 << width) - (1 << self.width));
        let mut wider = Vec::with_capacity(self.indexes.len() * 2);
        for index in self.indexes.chunks_exact(old) {
            wider.extend_from_slice(index);
            wider.extend_from_slice(&zeros[..added]);
        }
        (self.indexes, self.width) = (wider, width);
    }
}

impl Column for Dictionary {
    fn bytes(&self) -> usize {
        let places = self.places.capacity() * size_of::<Range<usize>>();
        self.keys.capacity() + places + self.table.allocation_size() + self.indexes.capacity()
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
        self.table.clear();
        self.indexes.clear();
        (self.previous, self.width) = (0, 0);
    }

    fn parts<'a>(&'a self, rows: usize, parts: &mut Vec<Cow<'a, [u8]>>) {
        let flags = DICTIONARY_FLAGS | u64::from(self.width);
        let head = [DICTIONARY_VERSION, flags, self.places.len() as u64].map(u64::to_le_bytes);
        parts.push(Cow::Owned(head.concat()));
        parts.push(Cow::Borrowed(&self.keys));
        parts.push(Cow::Owned((rows as u64).to_le_bytes().to_vec()));
        parts.push(Cow::Borrowed(&self.indexes));
    }
}

pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    write_length(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::{Column, Dictionary, write_length};

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
        let mut dictionary = Dictionary::default();
        for key in ["b", "", "b", "b", ""] {
            dictionary.push(key);
        }
        let mut parts = Vec::new();
        dictionary.parts(5, &mut parts);
        let expected = [
            &1_u64.to_le_bytes()[..],
            &0x600_u64.to_le_bytes(),
            &2_u64.to_le_bytes(),
            b"\x01b\x00",
            &5_u64.to_le_bytes(),
            &[0, 1, 0, 0, 1],
        ];
        assert_eq!(parts.concat(), expected.concat());
    }

    #[test]
    fn indexes_get_wider_when_there_are_more_keys_than_they_can_count() {
        for (keys, width) in [(256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
            let mut dictionary = Dictionary::default();
            for key in 0..keys {
                dictionary.push(&key.to_string());
            }
            let found = dictionary.indexes.chunks_exact(width).map(|index| {
                let mut wide = [0; 4];
                wide[..width].copy_from_slice(index);
                u32::from_le_bytes(wide)
            });
            assert!(found.eq(0..keys), "{keys} keys");
        }
    }
}
