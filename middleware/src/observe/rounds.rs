//! Calls that were answered by asking for input, until their next round comes.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use lru::LruCache;

use super::call::{Call, Ending};
use super::limits::ROUNDS;
use crate::outcome::Outcome;
use crate::record::{Chain, Record};
use crate::wire::ResultPart;

/// What a further round of a call is known by: what the client sends back of an answer that asks for input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Round {
    /// Hash of the `requestState`.
    State(u64),
    /// Where there is none, hash of the keys of what is asked for.
    Inputs(u64),
}

impl Round {
    pub(super) fn of(method: &str, state: Option<u64>, inputs: Option<u64>) -> Option<Self> {
        // What a task asks for is told and answered by other methods, and it has an id.
        let may_ask = || matches!(method, "tools/call" | "prompts/get" | "resources/read");
        let inputs = inputs.filter(|_| may_ask()).map(Self::Inputs);
        state.map(Self::State).or(inputs)
    }

    /// The round that the result asks for, if it asks for one.
    pub(super) fn asked(record: &Record, result: &ResultPart) -> Option<Self> {
        Self::of(&record.method, result.request_state, result.input_requests)
    }
}

/// The round and the moment at which it asked for input, by what the client sends back, see [`scoped`].
#[derive(Debug)]
pub(super) struct Rounds(Mutex<LruCache<u64, (u16, Instant)>>);

impl Default for Rounds {
    fn default() -> Self {
        let mut rounds = LruCache::unbounded();
        rounds.resize(const { NonZeroUsize::new(ROUNDS).expect("more than none") });
        Self(Mutex::new(rounds))
    }
}

/// A round belongs to who calls, and to what they call: some servers give everybody the same state. Keys are the same for
/// everybody who calls the tool, so they count only where a user, or a connection that is one client's, tells who it is.
pub(super) fn scoped(round: Round, record: &Record, lasting: Option<&Chain>) -> Option<u64> {
    let target = record.target.name();
    let Record {
        user, tenant, client, ..
    } = record;
    let scope = (user, tenant, &*client.name, &*client.version, &*record.method, target);
    let mut hasher = DefaultHasher::new();
    match round {
        Round::State(state) => (state, scope).hash(&mut hasher),
        Round::Inputs(_) if user.is_none() && lasting.is_none() => return None,
        Round::Inputs(keys) => ("inputs", keys, scope, lasting).hash(&mut hasher),
    }
    Some(hasher.finish())
}

impl Rounds {
    /// Notes in the record of `call`, whose client and user are known by now, which round it is, and remembers it where it
    /// asks for input. Returns whether another had to make room.
    pub(super) fn note(&self, call: &mut Call, ending: &Ending<'_>, lasting: Option<&Chain>) -> bool {
        let sent = call.round.and_then(|round| scoped(round, &call.record, lasting));
        if let Some((attempt, waited)) = sent.and_then(|key| self.next(key, call.start)) {
            call.record.attempt = attempt;
            call.record.waited += waited;
        }
        if ending.outcome != Outcome::InputRequired {
            return false;
        }
        let result = ending.answer.and_then(|answer| answer.result.as_ref());
        let asked = result.and_then(|result| Round::asked(&call.record, result));
        let key = asked.and_then(|round| scoped(round, &call.record, lasting));
        key.is_some_and(|key| self.ask(key, call.record.attempt, ending.at))
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
