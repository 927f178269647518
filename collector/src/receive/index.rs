//! Finds a name in a table of a hundred without comparing it with each: a hash table that is made at compile time.

use super::attributes::Field;
use crate::compare::same;

/// Places in the index: so many that most names stand where they are looked for first.
const PLACES: usize = 512;
const FREE: u8 = u8::MAX;

/// Where the names of a table stand in it.
#[derive(Debug)]
pub(crate) struct Index {
    ranks: [u8; PLACES],
}

impl Index {
    /// An index of fewer than 256 names.
    pub(crate) const fn new(names: &[(&str, Field)]) -> Self {
        assert!(names.len() < FREE as usize, "a rank is a byte");
        let mut index = Self { ranks: [FREE; PLACES] };
        let mut rank = 0;
        while rank < names.len() {
            index.insert(names[rank].0, rank as u8);
            rank += 1;
        }
        index
    }

    /// An index of the names of some fields only; the others are not found.
    pub(crate) const fn only(names: &[(&str, Field)], fields: &[Field]) -> Self {
        let mut index = Self { ranks: [FREE; PLACES] };
        let mut rank = 0;
        while rank < names.len() {
            let mut field = 0;
            while field < fields.len() {
                if fields[field] as usize == names[rank].1 as usize {
                    index.insert(names[rank].0, rank as u8);
                }
                field += 1;
            }
            rank += 1;
        }
        index
    }

    const fn insert(&mut self, name: &str, rank: u8) {
        let mut place = first_place(name.as_bytes());
        while self.ranks[place] != FREE {
            place = (place + 1) % PLACES;
        }
        self.ranks[place] = rank;
    }

    /// The place of a name in the table that this is the index of.
    pub(crate) fn find(&self, name: &[u8], names: &[(&str, Field)]) -> Option<u8> {
        let mut place = first_place(name);
        loop {
            match self.ranks[place] {
                FREE => return None,
                rank if same(names[usize::from(rank)].0.as_bytes(), name) => return Some(rank),
                _ => place = (place + 1) % PLACES,
            }
        }
    }
}

/// Names of the same length mostly differ in their last eight bytes.
const fn first_place(name: &[u8]) -> usize {
    let end = match name.last_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None if name.is_empty() => 0,
        None => u64::from_le_bytes([name[0], name[name.len() - 1], name[name.len() / 2], 0, 0, 0, 0, 0]),
    };
    let mixed = (end ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize % PLACES
}
