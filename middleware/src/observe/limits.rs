//! The bounds of what is remembered between exchanges, and the count of what they cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::record::Direction;
use crate::sync::atomic::AtomicUsize;

/// Calls of one session or connection whose answer may come elsewhere.
pub(super) const WAITING_OF_ONE: usize = 1024;
/// The same of all sessions together.
const WAITING_OF_ALL: usize = 16_384;

/// How long an answer is waited for: the server's, once the exchange of its request has ended, for as long as a client may
/// take to resume it, and the client's for as long as a person may take.
pub(super) const fn answer_within(direction: Direction) -> Duration {
    match direction {
        Direction::ToServer => Duration::from_secs(5 * 60),
        Direction::ToClient => Duration::from_secs(30 * 60),
    }
}

/// How long a session that nobody uses is taken to be open, and of how many this is told at a time.
pub(super) const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
pub(super) const IDLE_AT_ONCE: usize = 1024;

/// Tasks that are followed.
pub(super) const TASKS: usize = 4096;
/// Tasks that have ended, of which further questions tell nothing new.
pub(super) const ENDED_TASKS: usize = 1024;
/// How long a task is followed that nobody asks for.
pub(super) const TASK_IDLE: Duration = Duration::from_secs(60 * 60);
/// The same of one that the client has cancelled: it may ask once more, and the server may not have seen to it in time.
pub(super) const CANCELLED_TASK_IDLE: Duration = Duration::from_secs(60);
/// Calls whose next round is waited for.
pub(super) const ROUNDS: usize = 4096;

/// What was forgotten before its time because a bound was reached, since the start; exported as the counter
/// `toolsight.state.forgotten`.
///
/// A million different sessions, users, tools, tasks, rounds and calls without an answer, each with names of 256 bytes,
/// leave the process below 70 MiB (`tests/bounds`, which allows the layer 96 MiB).
///
/// Nothing of this loses a call: what is not remembered of a session is missing from its later calls, and a call that is
/// not waited for is recorded as deferred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forgotten {
    /// Sessions that made room for newer ones, beyond those of [`Builder::sessions`](crate::Builder::sessions).
    pub sessions: u64,
    /// Calls whose answer could come on another exchange, and was no longer waited for: beyond 1024 of one session, pipe or event
    /// stream, or 16,384 of all.
    pub calls: u64,
    /// Tasks that were no longer followed, beyond 4096.
    pub tasks: u64,
    /// Calls that asked for input, and whose next round would not be known as such, beyond 4096.
    pub rounds: u64,
    /// Tools and prompts beyond the first 1024, and schemes of resources beyond the first 64, which are `_OTHER` in metrics, and
    /// templates of resources beyond the first 256, whose resources go by their scheme; each time one of them is met. A tool that
    /// the server lists takes the place of one that only a call has shown, or a list before the last change: then that is counted.
    pub names: u64,
    /// Chains of calls that could have gone on, and whose next call begins another, beyond 10,000.
    pub chains: u64,
    /// Captured arguments and results that were left out of a record because 64 MiB of them waited to be sent, or for their call to
    /// end.
    pub captures: u64,
    /// Results of the calls before the last 4096 different ones, and lengths of the results of tools before the last 1024, which
    /// the next result is not compared with: it may lack the flags `identical` and `truncated`.
    pub results: u64,
    /// Callers before the last 4096 who have seen a whole list of tools, and pages of lists before the last 256: neither is blamed
    /// for a tool that is in no list, unless two others have seen the same whole list.
    pub lists: u64,
    /// Requests over a pipe beyond 16 that were refused and wait for what the client does next: they are recorded as failures even
    /// where it turns out that they were probes.
    pub probes: u64,
    /// Tasks that have ended before the last 1024: the next question that finds the failure of one of them tells of it once more.
    pub ended_tasks: u64,
    /// Ids of events of a session before the last 64: what a resumed stream repeats of them counts once more.
    pub events: u64,
}

impl Forgotten {
    /// Name of each kind and its count.
    pub(crate) const fn by_kind(&self) -> [(&'static str, u64); 12] {
        [
            ("session", self.sessions),
            ("call", self.calls),
            ("task", self.tasks),
            ("ended_task", self.ended_tasks),
            ("probe", self.probes),
            ("round", self.rounds),
            ("name", self.names),
            ("chain", self.chains),
            ("capture", self.captures),
            ("result", self.results),
            ("list", self.lists),
            ("event", self.events),
        ]
    }
}

/// The counts behind [`Forgotten`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(super) sessions: AtomicU64,
    pub(super) calls: AtomicU64,
    pub(super) tasks: AtomicU64,
    pub(super) ended_tasks: AtomicU64,
    pub(super) probes: AtomicU64,
    pub(super) rounds: AtomicU64,
    pub(super) names: AtomicU64,
    pub(super) chains: AtomicU64,
    pub(super) captures: AtomicU64,
    pub(super) results: AtomicU64,
    pub(super) lists: AtomicU64,
    pub(super) events: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Forgotten {
        Forgotten {
            sessions: self.sessions.load(Relaxed),
            calls: self.calls.load(Relaxed),
            tasks: self.tasks.load(Relaxed),
            ended_tasks: self.ended_tasks.load(Relaxed),
            probes: self.probes.load(Relaxed),
            rounds: self.rounds.load(Relaxed),
            names: self.names.load(Relaxed),
            chains: self.chains.load(Relaxed),
            captures: self.captures.load(Relaxed),
            results: self.results.load(Relaxed),
            lists: self.lists.load(Relaxed),
            events: self.events.load(Relaxed),
        }
    }
}

/// Where less room is left than this, calls give way until it is twice as much. More than one exchange can take at once.
const RESERVE: usize = 1024;

/// Room for calls that wait, of all connections together.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots(Arc<AtomicUsize>);

impl Slots {
    pub(super) fn take(&self) -> Option<Slot> {
        let room = |taken: usize| (taken < WAITING_OF_ALL).then_some(taken + 1);
        let taken = self.0.fetch_update(Relaxed, Relaxed, room);
        taken.is_ok().then(|| Slot(self.0.clone()))
    }

    /// How many calls have to give way, if any.
    pub(super) fn wanted(&self) -> Option<usize> {
        let room = WAITING_OF_ALL - self.0.load(Relaxed);
        (room < RESERVE).then(|| 2 * RESERVE - room)
    }
}

/// The most that each of these may hold so that `wanted` are given back by those that hold more.
pub(super) fn level(held: impl Iterator<Item = usize>, wanted: usize) -> usize {
    let mut holders = [0; WAITING_OF_ONE + 1];
    held.for_each(|held| holders[held.min(WAITING_OF_ONE)] += 1);
    let (mut above, mut given) = (0, 0);
    for level in (0..WAITING_OF_ONE).rev() {
        above += holders[level + 1];
        given += above;
        if given >= wanted {
            return level;
        }
    }
    0
}

#[cfg(all(test, toolsight_loom))]
impl Slots {
    /// So many are taken, and only `room` are left.
    pub(super) fn with_room(room: usize) -> Self {
        Self(AtomicUsize::new(WAITING_OF_ALL - room).into())
    }

    pub(super) fn room(&self) -> usize {
        WAITING_OF_ALL - self.0.load(Relaxed)
    }
}

/// The room that one call takes for as long as it waits.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn there_is_room_again_when_a_call_no_longer_waits() {
        let slots = Slots::default();
        let mut taken: Vec<_> = (0..WAITING_OF_ALL).map(|_| slots.take().unwrap()).collect();
        assert!(slots.take().is_none());
        taken.pop();
        assert!(slots.take().is_some());
    }

    #[test]
    fn those_that_hold_most_give_back() {
        for (held, wanted, left) in [
            (&[][..], 1, 0),
            (&[1, 1, 1], 1, 0),
            (&[1, 1, 9], 3, 6),
            (&[1, 8, 9], 3, 7),
            (&[1024, 1024, 5], 2048, 1),
            (&[1024, 1024, 5], 1024, 512),
        ] {
            assert_eq!(level(held.iter().copied(), wanted), left, "{wanted} of {held:?}");
        }
    }
}
