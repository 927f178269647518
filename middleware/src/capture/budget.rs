//! How much captured text may wait: to be sent, or for the end of its call.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::Captured;

/// Bytes of captured text that wait at most; the records of further calls go without.
pub(crate) const WAITING: usize = 64 * 1024 * 1024;

/// The beginning of the arguments of a call that has not ended.
#[derive(Debug)]
pub(crate) struct Kept {
    bytes: Box<[u8]>,
    _part: Part,
}

impl Deref for Kept {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What waits by now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

/// The part of it that one record has for as long as it is there.
#[derive(Debug, Default)]
pub(super) struct Part {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    /// Gives `captured` its part, or takes it away where there is no room for it.
    pub(crate) fn admit(&self, mut captured: Captured) -> Option<Captured> {
        captured.part = self.part(captured.bytes())?;
        Some(captured)
    }

    /// The same of what a call is to be recorded with.
    pub(crate) fn keep(&self, bytes: Box<[u8]>) -> Option<Kept> {
        let _part = self.part(bytes.len())?;
        Some(Kept { bytes, _part })
    }

    fn part(&self, bytes: usize) -> Option<Part> {
        let room = |waiting: usize| waiting.checked_add(bytes).filter(|waiting| *waiting <= WAITING);
        self.0.fetch_update(Relaxed, Relaxed, room).ok()?;
        Some(Part {
            budget: self.clone(),
            bytes,
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Relaxed);
    }
}

/// Records are compared by what they say.
impl PartialEq for Part {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Part {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_been_sent_makes_room() {
        let budget = Budget::default();
        let large = || Captured {
            result: Some("x".repeat(WAITING / 2).into()),
            ..Captured::default()
        };
        let (first, second) = (budget.admit(large()), budget.admit(large()));
        assert!(first.is_some() && second.is_some());
        assert!(budget.admit(large()).is_none());
        drop(first);
        assert!(budget.admit(large()).is_some());
    }
}
