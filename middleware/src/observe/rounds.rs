//! Calls that were answered by asking for input, until their next round comes.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lru::LruCache;

use super::limits::ROUNDS;

/// The round and the moment at which it asked for input, by the hash of `requestState`, which the client sends back.
#[derive(Debug)]
pub(super) struct Rounds(Mutex<LruCache<u64, (u16, Instant)>>);

impl Default for Rounds {
    fn default() -> Self {
        let mut rounds = LruCache::unbounded();
        rounds.resize(const { NonZeroUsize::new(ROUNDS).expect("more than none") });
        Self(Mutex::new(rounds))
    }
}

impl Rounds {
    /// Remembers that round `attempt` asked for input; returns whether another had to make room.
    pub(super) fn ask(&self, state: u64, attempt: u16, now: Instant) -> bool {
        let made_room = self
            .0
            .lock()
            .ok()
            .and_then(|mut rounds| rounds.push(state, (attempt, now)));
        made_room.is_some_and(|(old, _)| old != state)
    }

    /// The number of the round that sends `state` back, and how long it has taken to come.
    pub(super) fn next(&self, state: u64, now: Instant) -> Option<(u16, Duration)> {
        let (attempt, asked) = *self.0.lock().ok()?.get(&state)?;
        Some((attempt.saturating_add(1), now.saturating_duration_since(asked)))
    }
}
