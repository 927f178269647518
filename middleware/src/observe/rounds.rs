//! Calls that were answered by asking for input, until their next round comes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lru::LruCache;

use super::call::{Call, Ending};
use super::limits::ROUNDS;
use crate::outcome::Outcome;
use crate::record::Record;

/// The round and the moment at which it asked for input, by the `requestState` that the client sends back, see [`scoped`].
#[derive(Debug)]
pub(super) struct Rounds(Mutex<LruCache<u64, (u16, Instant)>>);

impl Default for Rounds {
    fn default() -> Self {
        let mut rounds = LruCache::unbounded();
        rounds.resize(const { NonZeroUsize::new(ROUNDS).expect("more than none") });
        Self(Mutex::new(rounds))
    }
}

/// A state belongs to who sends it, and to what they call: some servers give everybody the same.
pub(super) fn scoped(state: u64, record: &Record) -> u64 {
    let target = record.target.name();
    let Record {
        user, tenant, client, ..
    } = record;
    let scope = (user, tenant, &*client.name, &*client.version, &*record.method, target);
    let mut hasher = DefaultHasher::new();
    (state, scope).hash(&mut hasher);
    hasher.finish()
}

impl Rounds {
    /// Notes in the record of `call`, whose client and user are known by now, which round it is, and remembers it where it
    /// asks for input. Returns whether another had to make room.
    pub(super) fn note(&self, call: &mut Call, ending: &Ending<'_>) -> bool {
        let next = call
            .request_state
            .and_then(|state| self.next(scoped(state, &call.record), call.start));
        if let Some((attempt, waited)) = next {
            call.record.attempt = attempt;
            call.record.waited += waited;
        }
        let result = ending.answer.and_then(|answer| answer.result.as_ref());
        let asks = result.and_then(|result| result.request_state);
        let asks = asks.filter(|_| ending.outcome == Outcome::InputRequired);
        asks.is_some_and(|state| self.ask(scoped(state, &call.record), call.record.attempt, ending.at))
    }

    fn ask(&self, state: u64, attempt: u16, now: Instant) -> bool {
        let made_room = self
            .0
            .lock()
            .ok()
            .and_then(|mut rounds| rounds.push(state, (attempt, now)));
        made_room.is_some_and(|(old, _)| old != state)
    }

    /// The number of the round that sends `state` back, and how long it has taken to come.
    fn next(&self, state: u64, start: Instant) -> Option<(u16, Duration)> {
        let (attempt, asked) = *self.0.lock().ok()?.get(&state)?;
        Some((attempt.saturating_add(1), start.saturating_duration_since(asked)))
    }
}
