//! Strings that are read where they stand: short ones without escapes, as most are.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, dispatch, u8x16};

/// Most strings end within as many bytes, which are looked at step by step.
const NEAR: usize = 64;
const STEP: usize = 16;

/// What is before and behind the closing quote of the string that `bytes` begin with, if that is near and comes before any
/// backslash.
#[inline(always)]
pub(crate) fn plain_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = bytes.first_chunk::<STEP>();
    let near = first.and_then(|step| dispatch!(Level::baseline(), simd => quote_or_backslash(simd, step)));
    let end = match near {
        Some(at) if bytes[at] != b'"' => return None,
        Some(at) => at,
        None => longer_plain_end(bytes)?,
    };
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// The end of a plain string that is not within the first step, or of one that is among the last bytes.
#[inline(never)]
fn longer_plain_end(bytes: &[u8]) -> Option<usize> {
    dispatch!(Level::baseline(), simd => plain_end(simd, bytes))
}

#[inline(always)]
fn plain_end<S: Simd>(simd: S, bytes: &[u8]) -> Option<usize> {
    let near = &bytes[..bytes.len().min(NEAR)];
    for (index, step) in near.as_chunks::<STEP>().0.iter().enumerate() {
        if let Some(at) = quote_or_backslash(simd, step) {
            return (step[at] == b'"').then_some(index * STEP + at);
        }
    }
    // What is left has some of what was looked at in front.
    let last = near.last_chunk::<STEP>()?;
    let at = quote_or_backslash(simd, last)?;
    (last[at] == b'"').then_some(near.len() - STEP + at)
}

#[inline(always)]
fn quote_or_backslash<S: Simd>(simd: S, bytes: &[u8; STEP]) -> Option<usize> {
    let block = u8x16::from_slice(simd, bytes);
    let found = (block.simd_eq(b'"') | block.simd_eq(b'\\')).to_bitmask();
    (found != 0).then(|| found.trailing_zeros() as usize % STEP)
}
