//! What spans of the same request share: identifiers for those that come without, and texts that were read before.

use std::cell::{Cell, OnceCell};

use twox_hash::XxHash3_128;

use crate::receive::attributes::FIELDS;
use crate::receive::values::Known;

/// The request that a span stands in.
///
/// What is made of a request is made again when its batch has to go again, and then has to be the same. So a missing
/// identifier is no random one: it follows from the request, its time of arrival, and the place of the span in it.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// Time of arrival in microseconds since the Unix epoch.
    pub(crate) now: i64,
    body: &'a [u8],
    /// Hash of the body; most requests have all identifiers and need none.
    digest: OnceCell<u128>,
    pub(crate) known: Known<'a>,
}

impl<'a> Request<'a> {
    pub(crate) const fn new(now: i64, body: &'a [u8]) -> Self {
        Self {
            now,
            body,
            digest: OnceCell::new(),
            known: [const { Cell::new("") }; FIELDS],
        }
    }

    /// An identifier of `N` bytes, at most 16, for the span with this number. Identifiers of different lengths have
    /// nothing in common.
    pub(super) fn own_id<const N: usize>(&self, span: u64) -> [u8; N] {
        let digest = self.digest.get_or_init(|| XxHash3_128::oneshot(self.body));
        let mut hasher = XxHash3_128::new();
        for part in [self.now.cast_unsigned(), span, N as u64] {
            hasher.write(&part.to_le_bytes());
        }
        hasher.write(&digest.to_le_bytes());
        let hash = hasher.finish_128().to_le_bytes();
        std::array::from_fn(|index| hash[index])
    }
}
