//! The fast parts of the scanner: where a string ends, and where the container that is skipped ends.
//!
//! Both look at 64 bytes at a time, as sets of bits: which of them are quotes, backslashes, brackets. That is as quick
//! for text full of escapes, as JSON within JSON is, as for plain prose.

use memchr::memchr;
use wide::u8x16;

/// Bytes looked at in one step.
const BLOCK: usize = 64;
/// Most strings end within as many bytes, which are looked at in one step.
const NEAR: usize = 16;
/// After an escaped quote as many bytes are looked at in blocks, since more of them are likely.
const DENSE: usize = 64 * BLOCK;

/// Where the string that `bytes` go on with has its closing quote. `escaped` tells whether the first byte is escaped,
/// and at the end whether the first byte of the next piece is.
#[inline]
pub(super) fn string_end(bytes: &[u8], escaped: &mut bool) -> Option<usize> {
    if let Some(near) = bytes.first_chunk::<NEAR>()
        && !*escaped
    {
        let near = u8x16::from(*near);
        let quotes = near.simd_eq(u8x16::splat(b'"')).to_bitmask();
        let backslashes = near.simd_eq(u8x16::splat(b'\\')).to_bitmask();
        // The lowest bit alone, if a quote comes before any backslash.
        if quotes & quotes.wrapping_neg() & !(backslashes | backslashes.wrapping_neg()) != 0 {
            return Some(quotes.trailing_zeros() as usize);
        }
    }
    far_string_end(bytes, escaped)
}

fn far_string_end(bytes: &[u8], escaped: &mut bool) -> Option<usize> {
    let mut at = 0;
    while at < bytes.len() {
        // An escaped byte is over with first, so that the backslashes before a quote can be counted from here.
        at += usize::from(std::mem::take(escaped));
        let rest = bytes.get(at..)?;
        let Some(quote) = memchr(b'"', rest) else {
            *escaped = is_escaped(rest, rest.len());
            return None;
        };
        if !is_escaped(rest, quote) {
            return Some(at + quote);
        }
        at += quote + 1;
        let dense = &bytes[at..bytes.len().min(at + DENSE)];
        if let Some(end) = dense_string_end(dense, escaped) {
            // What was told is of the end of the block, not of the string.
            *escaped = false;
            return Some(at + end);
        }
        at += dense.len();
    }
    None
}

/// Whether the byte at `at` has an odd number of backslashes before it; the first of `bytes` has none.
fn is_escaped(bytes: &[u8], at: usize) -> bool {
    let backslashes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\');
    backslashes.count() % 2 == 1
}

fn dense_string_end(bytes: &[u8], escaped: &mut bool) -> Option<usize> {
    let mut step = |block: &[u8; BLOCK], length| {
        let lanes = lanes(block);
        let quotes = places(lanes, b'"') & !escaped_by(places(lanes, b'\\'), length, escaped);
        (quotes != 0).then(|| quotes.trailing_zeros() as usize)
    };
    in_blocks(bytes, &mut step)
}

/// Where a skip through containers stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Containers {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Containers {
    /// After the bracket that opens the outermost.
    pub(super) const OPENED: Self = Self {
        depth: 1,
        in_string: false,
        escaped: false,
    };

    /// Reads on and returns what follows the bracket that closes the outermost; `None` where it is not among `bytes`.
    pub(super) fn skip<'a>(&mut self, mut bytes: &'a [u8]) -> Option<&'a [u8]> {
        loop {
            if self.in_string {
                let end = string_end(bytes, &mut self.escaped)?;
                self.in_string = false;
                bytes = &bytes[end + 1..];
            }
            // Stops also where it is in the midst of a long string.
            let end = in_blocks(bytes, &mut |block, length| self.step(block, length))?;
            bytes = &bytes[end + 1..];
            if self.depth == 0 {
                return Some(bytes);
            }
        }
    }

    /// Reads one block; returns the place where the outermost closes, or the last one where all of it is inside a
    /// string, of which more is likely.
    #[inline]
    fn step(&mut self, block: &[u8; BLOCK], length: usize) -> Option<usize> {
        let lanes = lanes(block);
        let backslashes = if has(lanes, b'\\') { places(lanes, b'\\') } else { 0 };
        let quotes = places(lanes, b'"') & !escaped_by(backslashes, length, &mut self.escaped);
        let text = self.text(quotes);
        if text == u64::MAX && length == BLOCK {
            return Some(BLOCK - 1);
        }
        let mut brackets = brackets(lanes) & !text;
        while brackets != 0 {
            let bracket = brackets.trailing_zeros() as usize;
            // Of `[`, `{`, `]` and `}` only the opening ones have this bit.
            if block[bracket] & 2 != 0 {
                self.depth = self.depth.saturating_add(1);
            } else {
                self.depth -= 1;
                if self.depth == 0 {
                    return Some(bracket);
                }
            }
            brackets &= brackets - 1;
        }
        None
    }

    /// Which bytes are inside strings, an opening quote included, where `quotes` open and close them.
    #[inline]
    const fn text(&mut self, quotes: u64) -> u64 {
        let mut text = quotes;
        let mut shift = 1;
        while shift < BLOCK {
            text ^= text << shift;
            shift *= 2;
        }
        if self.in_string {
            text = !text;
        }
        self.in_string = text >> (BLOCK - 1) == 1;
        text
    }
}

/// Gives `bytes` to `step` in blocks, the last one filled up with spaces, until it finds a place.
#[inline]
fn in_blocks(bytes: &[u8], step: &mut impl FnMut(&[u8; BLOCK], usize) -> Option<usize>) -> Option<usize> {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    for (index, block) in blocks.iter().enumerate() {
        if let Some(place) = step(block, BLOCK) {
            return Some(index * BLOCK + place);
        }
    }
    if rest.is_empty() {
        return None;
    }
    let mut last = [b' '; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    Some(blocks.len() * BLOCK + step(&last, rest.len())?)
}

type Lanes = [u8x16; 4];

#[inline]
fn lanes(block: &[u8; BLOCK]) -> Lanes {
    let (lanes, _) = block.as_chunks::<16>();
    std::array::from_fn(|lane| u8x16::from(lanes[lane]))
}

/// Where `byte` stands.
#[inline]
fn places(lanes: Lanes, byte: u8) -> u64 {
    bits(lanes.map(|lane| lane.simd_eq(u8x16::splat(byte))))
}

#[inline]
fn has(lanes: Lanes, byte: u8) -> bool {
    let [first, second, third, fourth] = lanes.map(|lane| lane.simd_eq(u8x16::splat(byte)));
    ((first | second) | (third | fourth)).to_bitmask() != 0
}

/// Where brackets and braces stand: in ASCII the two differ in one bit.
#[inline]
fn brackets(lanes: Lanes) -> u64 {
    bits(lanes.map(|lane| {
        let lane = lane | u8x16::splat(0x20);
        lane.simd_eq(u8x16::splat(b'{')) | lane.simd_eq(u8x16::splat(b'}'))
    }))
}

#[inline]
fn bits(lanes: Lanes) -> u64 {
    let bits = lanes.map(|lane| u64::from(lane.to_bitmask()));
    bits[0] | bits[1] << 16 | bits[2] << 32 | bits[3] << 48
}

/// Which bytes are escaped, given the `backslashes` of a block of `length`. `first` is whether the first byte is; it
/// becomes whether the one after the block is.
///
/// A backslash at an even distance from the start of its run escapes what follows. Subtracting each run's start from the
/// odd positions carries through the run, so that what comes out differs at its end by the run's length (as simdjson
/// does it since version 3).
#[inline]
const fn escaped_by(backslashes: u64, length: usize, first: &mut bool) -> u64 {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    let carried = *first as u64;
    let starts = backslashes & !carried;
    let codes = ((starts << 1 | ODD).wrapping_sub(starts)) ^ ODD;
    let escaped = codes ^ (backslashes | carried);
    *first = if length == BLOCK {
        (codes & backslashes) >> (BLOCK - 1) == 1
    } else {
        escaped >> length & 1 == 1
    };
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same, one byte after the other.
    fn simple_string_end(bytes: &[u8], escaped: &mut bool) -> Option<usize> {
        bytes.iter().position(|byte| {
            let is_escaped = std::mem::take(escaped);
            *escaped = !is_escaped && *byte == b'\\';
            !is_escaped && *byte == b'"'
        })
    }

    fn simple_skip(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut at) = (1, 0);
        while at < bytes.len() {
            match bytes[at] {
                b'"' => at += simple_string_end(&bytes[at + 1..], &mut false)? + 1,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                return Some(at);
            }
        }
        None
    }

    fn in_pieces(bytes: &[u8], cut: usize) -> (&[u8], &[u8]) {
        bytes.split_at(cut.min(bytes.len()))
    }

    proptest! {
        #[test]
        fn a_string_ends_where_a_walk_ends_in_any_pieces(text in "[a\\\\\"]{0,40}", far in "(.{0,90}[\\\\\"a]{0,9}){0,4}", cut in 0usize..300) {
            let text = text + &far + "\"";
            let bytes = text.as_bytes();
            for start in [false, true] {
                let (first, second) = in_pieces(bytes, cut);
                let mut escaped = start;
                let found = string_end(first, &mut escaped)
                    .or_else(|| Some(first.len() + string_end(second, &mut escaped)?));
                let mut simple_escaped = start;
                let simple = simple_string_end(bytes, &mut simple_escaped);
                prop_assert_eq!(found, simple);
                if simple.is_none() {
                    prop_assert_eq!(escaped, simple_escaped);
                }
            }
        }

        #[test]
        fn containers_end_where_a_walk_ends_in_any_pieces(text in "([\\[\\]{}]|\"([a\\[\\]]|\\\\[\\\\\"a]){0,70}\"|[a ]{0,40}){0,20}", cut in 0usize..300) {
            let (first, second) = in_pieces(text.as_bytes(), cut);
            let mut containers = Containers::OPENED;
            let rest = match containers.skip(first) {
                Some(rest) => Some(rest.len() + second.len()),
                None => containers.skip(second).map(<[u8]>::len),
            };
            prop_assert_eq!(rest.map(|rest| text.len() - rest), simple_skip(text.as_bytes()));
        }
    }
}
