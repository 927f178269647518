//! The fast parts of the scanner: where a string ends, and where the container that is skipped ends.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64, u64x4};
use memchr::{memchr, memchr2};

use super::blocks::{BLOCK, escaped_by, in_blocks, places};

/// Each bit becomes whether there is an odd number of bits up to it, when these have been shifted and added one by one.
const SHIFTS: [u32; 6] = [1, 2, 4, 8, 16, 32];
/// Blocks that are looked at together where none of them has a byte that needs a closer look.
const GROUP: usize = 4;
/// After an escaped quote as many bytes are looked at in blocks, since more of them are likely.
const DENSE: usize = 64 * BLOCK;

/// Where the string that `bytes` go on with has its closing quote. `escaped` tells whether the first byte is escaped,
/// and at the end whether the first byte of the next piece is.
pub(super) fn string_end(bytes: &[u8], escaped: &mut bool) -> Option<usize> {
    far_string_end(Level::new(), bytes, escaped)
}

fn far_string_end(level: Level, bytes: &[u8], escaped: &mut bool) -> Option<usize> {
    dispatch!(level, simd => far_string_end_in(simd, bytes, escaped))
}

#[inline(always)]
fn far_string_end_in<S: Simd>(simd: S, bytes: &[u8], escaped: &mut bool) -> Option<usize> {
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
        if let Some(end) = dense_string_end(simd, dense, escaped) {
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

#[inline(always)]
fn dense_string_end<S: Simd>(simd: S, bytes: &[u8], escaped: &mut bool) -> Option<usize> {
    // In a register, as it is looked at all the time.
    let mut carried = *escaped;
    let end = in_blocks(
        bytes,
        #[inline(always)]
        |block: &[u8; BLOCK], length| {
            let block = u8x64::from_slice(simd, block);
            let quotes = places(block, b'"') & !escaped_by(places(block, b'\\'), length, &mut carried);
            (quotes != 0).then(|| quotes.trailing_zeros() as usize)
        },
    );
    *escaped = carried;
    end
}

/// Where a skip through containers stands.
///
/// Only brackets of the sort of the outermost container are counted: in JSON those of the other sort are in pairs
/// between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Containers {
    /// `[` or `{`.
    opening: u8,
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Containers {
    /// After the bracket that opens the outermost.
    pub(super) const fn opened_by(opening: u8) -> Self {
        Self {
            opening,
            depth: 1,
            in_string: false,
            escaped: false,
        }
    }

    /// Reads on and returns what follows the bracket that closes the outermost; `None` where it is not among `bytes`.
    pub(super) fn skip<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.skip_at(Level::new(), bytes)
    }

    fn skip_at<'a>(&mut self, level: Level, bytes: &'a [u8]) -> Option<&'a [u8]> {
        dispatch!(level, simd => self.skip_in(simd, bytes))
    }

    #[inline(always)]
    fn skip_in<'a, S: Simd>(&mut self, simd: S, mut bytes: &'a [u8]) -> Option<&'a [u8]> {
        loop {
            if self.in_string {
                let end = far_string_end_in(simd, bytes, &mut self.escaped)?;
                self.in_string = false;
                bytes = &bytes[end + 1..];
            }
            // Stops also where it is in the midst of a long string. In registers, as it is looked at all the time.
            let mut here = *self;
            let end = here.through(simd, bytes);
            *self = here;
            bytes = &bytes[end? + 1..];
            if self.depth == 0 {
                return Some(bytes);
            }
        }
    }

    /// Reads blocks, several of them together while they are plain, until one of them tells a place.
    #[inline(always)]
    fn through<S: Simd>(&mut self, simd: S, bytes: &[u8]) -> Option<usize> {
        let (groups, rest) = bytes.as_chunks::<{ GROUP * BLOCK }>();
        for (index, group) in groups.iter().enumerate() {
            let found = match self.plain_group(simd, group) {
                Some(found) => found,
                None => in_blocks(
                    group,
                    #[inline(always)]
                    |block: &[u8; BLOCK], length| self.step(simd, block, length),
                ),
            };
            if let Some(place) = found {
                return Some(index * GROUP * BLOCK + place);
            }
        }
        let place = in_blocks(
            rest,
            #[inline(always)]
            |block: &[u8; BLOCK], length| self.step(simd, block, length),
        );
        Some(groups.len() * GROUP * BLOCK + place?)
    }

    /// Reads a group of blocks if no byte of it is escaped and not all of it is inside a string, and returns the place where the
    /// outermost closes if it does.
    #[inline(always)]
    fn plain_group<S: Simd>(&mut self, simd: S, group: &[u8; GROUP * BLOCK]) -> Option<Option<usize>> {
        let (blocks, _) = group.as_chunks::<BLOCK>();
        let blocks: [u8x64<S>; GROUP] = std::array::from_fn(
            #[inline(always)]
            |at| u8x64::from_slice(simd, &blocks[at]),
        );
        // Asked once for all of them, since numbers out of each take longer.
        let mut backslashes = blocks[0].simd_eq(b'\\');
        let mut any_quotes = blocks[0].simd_eq(b'"');
        for block in &blocks[1..] {
            backslashes |= block.simd_eq(b'\\');
            any_quotes |= block.simd_eq(b'"');
        }
        if self.escaped || backslashes.any_true() || self.in_string && !any_quotes.any_true() {
            return None;
        }
        let mut quotes = [0; GROUP];
        for at in 0..GROUP {
            quotes[at] = places(blocks[at], b'"');
        }
        let mut texts = u64x4::from_slice(simd, &quotes);
        for shift in SHIFTS {
            texts ^= texts << shift;
        }
        let texts = <[u64; GROUP]>::from(texts);
        for at in 0..GROUP {
            let text = self.carry(texts[at]);
            let opening = places(blocks[at], self.opening);
            // Each closing bracket comes two after its opening one.
            let closing = places(blocks[at], self.opening + 2);
            if let Some(place) = self.count(opening & !text, closing & !text) {
                return Some(Some(at * BLOCK + place));
            }
        }
        Some(None)
    }

    /// Reads one block; returns the place where the outermost closes, or the last one where all of it is inside a
    /// string, of which more is likely.
    #[inline(always)]
    fn step<S: Simd>(&mut self, simd: S, block: &[u8; BLOCK], length: usize) -> Option<usize> {
        let block = u8x64::from_slice(simd, block);
        let backslashes = places(block, b'\\');
        let mut quotes = places(block, b'"');
        if backslashes != 0 || self.escaped {
            quotes &= !escaped_by(backslashes, length, &mut self.escaped);
        }
        if quotes == 0 && self.in_string {
            return (length == BLOCK).then_some(BLOCK - 1);
        }
        let opening = places(block, self.opening);
        // Each closing bracket comes two after its opening one.
        let closing = places(block, self.opening + 2);
        let text = self.text(quotes);
        self.count(opening & !text, closing & !text)
    }

    /// Counts the brackets of a block that are in no string; returns the place where the outermost closes.
    #[inline(always)]
    const fn count(&mut self, opening: u64, mut closing: u64) -> Option<usize> {
        let (opened, closed) = (opening.count_ones() as u64, closing.count_ones() as u64);
        if closed >= self.depth {
            let mut closed = 0;
            while closing != 0 {
                let lowest = closing & closing.wrapping_neg();
                closed += 1;
                if self.depth + (opening & (lowest - 1)).count_ones() as u64 == closed {
                    self.depth = 0;
                    return Some(lowest.trailing_zeros() as usize);
                }
                closing ^= lowest;
            }
        }
        self.depth = self.depth + opened - closed;
        None
    }

    /// Which bytes are inside strings, an opening quote included, where `quotes` open and close them.
    #[inline(always)]
    fn text(&mut self, quotes: u64) -> u64 {
        let text = SHIFTS.iter().fold(quotes, |text, shift| text ^ text << shift);
        self.carry(text)
    }

    /// The same, where `text` tells it as if the block began outside of strings.
    #[inline(always)]
    const fn carry(&mut self, text: u64) -> u64 {
        let text = text ^ 0u64.wrapping_sub(self.in_string as u64);
        self.in_string = text >> (BLOCK - 1) == 1;
        text
    }
}

/// Where the first line end is.
pub(super) fn line_end(bytes: &[u8]) -> Option<usize> {
    line_end_at(Level::new(), bytes)
}

fn line_end_at(level: Level, bytes: &[u8]) -> Option<usize> {
    /// Bytes that are smaller than any of a text but for white space are rare, so the least of many tells that there is none.
    #[inline(always)]
    fn find<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
        let (groups, rest) = bytes.as_chunks::<{ GROUP * BLOCK }>();
        for (index, group) in groups.iter().enumerate() {
            let (blocks, _) = group.as_chunks::<BLOCK>();
            let least = blocks[1..]
                .iter()
                .fold(u8x64::from_slice(simd, &blocks[0]), |least, block| {
                    least.min(u8x64::from_slice(simd, block))
                });
            if least.simd_le(b'\r').any_true()
                && let Some(place) = memchr2(b'\n', b'\r', group)
            {
                return Some(index * GROUP * BLOCK + place);
            }
        }
        Some(groups.len() * GROUP * BLOCK + memchr2(b'\n', b'\r', rest)?)
    }
    dispatch!(level, simd => find(simd, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::plain_string;
    use proptest::prelude::*;

    /// The same, one byte after the other.
    fn simple_string_end(bytes: &[u8], escaped: &mut bool) -> Option<usize> {
        bytes.iter().position(|byte| {
            let is_escaped = std::mem::take(escaped);
            *escaped = !is_escaped && *byte == b'\\';
            !is_escaped && *byte == b'"'
        })
    }

    fn simple_skip(opening: u8, bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut at) = (1, 0);
        while at < bytes.len() {
            match bytes[at] {
                b'"' => at += simple_string_end(&bytes[at + 1..], &mut false)? + 1,
                byte if byte == opening => depth += 1,
                byte if byte == opening + 2 => depth -= 1,
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
            for (start, level) in [(false, Level::new()), (true, Level::new()), (false, Level::baseline()), (true, Level::baseline())] {
                let (first, second) = in_pieces(bytes, cut);
                let mut escaped = start;
                let found = far_string_end(level, first, &mut escaped)
                    .or_else(|| Some(first.len() + far_string_end(level, second, &mut escaped)?));
                let mut simple_escaped = start;
                let simple = simple_string_end(bytes, &mut simple_escaped);
                prop_assert_eq!(found, simple);
                if simple.is_none() {
                    prop_assert_eq!(escaped, simple_escaped);
                }
                if let Some((string, rest)) = plain_string(bytes) {
                    prop_assert_eq!(Some(string.len()), simple_string_end(bytes, &mut false));
                    prop_assert!(!string.contains(&b'\\') && bytes.len() == string.len() + 1 + rest.len());
                }
            }
        }

        #[test]
        fn a_line_ends_where_a_walk_ends(text in "[a-z\t ]{0,900}(\n|\r|)[a\n\r]{0,300}") {
            let simple = text.bytes().position(|byte| matches!(byte, b'\n' | b'\r'));
            for level in [Level::new(), Level::baseline()] {
                prop_assert_eq!(line_end_at(level, text.as_bytes()), simple);
            }
        }

        #[test]
        fn containers_without_escapes_end_where_a_walk_ends(open in "[\\[{]{0,40}", text in "([\\[\\]{}]|\"[a\\[\\]{}]{0,30}\"|[a ]{0,30}){0,90}", more in "[\\]}]{0,40}", cut in 0usize..900) {
            same_end_of_containers(&(open + &text + &more), cut);
        }

        #[test]
        fn containers_end_where_a_walk_ends_in_any_pieces(text in "([\\[\\]{}]|\"([a\\[\\]]|\\\\[\\\\\"a]){0,70}\"|[a ]{0,40}){0,20}", cut in 0usize..300) {
            same_end_of_containers(&text, cut);
        }
    }

    fn same_end_of_containers(text: &str, cut: usize) {
        let (first, second) = in_pieces(text.as_bytes(), cut);
        for opening in [b'[', b'{'] {
            let simple = simple_skip(opening, text.as_bytes());
            for level in [Level::new(), Level::baseline()] {
                let mut containers = Containers::opened_by(opening);
                let rest = match containers.skip_at(level, first) {
                    Some(rest) => Some(rest.len() + second.len()),
                    None => containers.skip_at(level, second).map(<[u8]>::len),
                };
                assert_eq!(rest.map(|rest| text.len() - rest), simple);
            }
        }
    }
}
