//! Looks at 64 bytes at a time, as sets of bits: which of them are quotes, backslashes, brackets. That is as quick for text
//! full of escapes, as JSON within JSON is, as for plain prose.
//!
//! What is generic over [`Simd`] here and in [`super::skip`] is built once for each set of instructions that the processor
//! may have, and has to be inlined into the place where one of them is chosen.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x64};

/// Bytes looked at in one step.
pub(super) const BLOCK: usize = 64;

/// Gives `bytes` to `step` in blocks, the last one filled up with spaces, until it finds a place.
#[inline(always)]
pub(super) fn in_blocks(bytes: &[u8], mut step: impl FnMut(&[u8; BLOCK], usize) -> Option<usize>) -> Option<usize> {
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

/// Where `byte` stands.
#[inline(always)]
pub(super) fn places<S: Simd>(block: u8x64<S>, byte: u8) -> u64 {
    block.simd_eq(byte).to_bitmask()
}

/// Which bytes are escaped, given the `backslashes` of a block of `length`. `first` is whether the first byte is; it
/// becomes whether the one after the block is.
///
/// A backslash at an even distance from the start of its run escapes what follows. Subtracting each run's start from the
/// odd positions carries through the run, so that what comes out differs at its end by the run's length (as simdjson
/// does it since version 3).
#[inline(always)]
pub(super) const fn escaped_by(backslashes: u64, length: usize, first: &mut bool) -> u64 {
    const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
    let carried = *first as u64;
    let followed = backslashes << 1 | carried;
    if backslashes & followed == 0 {
        // Each stands alone, and does not depend on what was before: so the processor can read on before it knows that.
        *first = if length == BLOCK {
            backslashes >> (BLOCK - 1) == 1
        } else {
            followed >> length & 1 == 1
        };
        return followed;
    }
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

/// By how much the text of a JSON string is shorter than `bytes`, which spell it with escapes: those of `\u` count as
/// one byte. `escaped` is whether the first byte is escaped, and becomes whether the first of the next piece is.
pub(crate) fn saved_by_escapes(bytes: &[u8], escaped: &mut bool) -> u64 {
    saved_by_escapes_at(Level::new(), bytes, escaped)
}

fn saved_by_escapes_at(level: Level, bytes: &[u8], escaped: &mut bool) -> u64 {
    #[inline(always)]
    fn count<S: Simd>(simd: S, bytes: &[u8], escaped: &mut bool) -> u64 {
        let mut saved = 0;
        in_blocks(
            bytes,
            #[inline(always)]
            |block: &[u8; BLOCK], length| {
                let block = u8x64::from_slice(simd, block);
                let backslashes = places(block, b'\\');
                if backslashes != 0 || *escaped {
                    let within = u64::MAX >> (BLOCK - length);
                    let escaped = escaped_by(backslashes, length, escaped) & within;
                    let unicode = escaped & places(block, b'u');
                    saved += u64::from(escaped.count_ones() + 4 * unicode.count_ones());
                }
                None
            },
        );
        saved
    }
    dispatch!(level, simd => count(simd, bytes, escaped))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn escapes_are_counted_as_a_walk_counts_them_in_any_pieces(text in "(\\\\[nu\\\\]|[a-u]{0,9}){0,60}", cut in 0usize..200) {
            let bytes = text.as_bytes();
            let (mut simple, mut at) = (0, 0);
            while at < bytes.len() {
                let kind = bytes.get(at + 1).filter(|_| bytes[at] == b'\\');
                simple += kind.map_or(0, |kind| if *kind == b'u' { 5 } else { 1 });
                at += if kind.is_some() { 2 } else { 1 };
            }
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            for level in [Level::new(), Level::baseline()] {
                let mut escaped = false;
                let saved = saved_by_escapes_at(level, first, &mut escaped) + saved_by_escapes_at(level, second, &mut escaped);
                prop_assert_eq!(saved, simple);
            }
        }
    }
}
