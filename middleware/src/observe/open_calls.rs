//! The calls that are open in one connection.

use std::time::Instant;

use super::call::Call;
use super::limits::{Slot, WAITING_OF_ONE, answer_within};
use crate::outcome::{Fault, Outcome};
use crate::record::Direction;

use smallvec::SmallVec;

/// A call that is over, and how.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) call: Box<Call>,
    pub(super) outcome: Outcome,
    pub(super) fault: Fault,
    pub(super) at: Instant,
    /// It was no longer waited for because a bound was reached.
    pub(super) forgotten: bool,
}

/// What becomes of a call whose exchange has ended without an answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    Over(Outcome, Fault),
    /// The answer may come elsewhere; if it does not, the call has ended like this.
    Waits(Outcome, Fault, Option<Slot>),
}

/// Mostly there is one.
pub(super) type Entries = SmallVec<[Entry; 1]>;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) call: Box<Call>,
    pub(super) place: Place,
}

#[derive(Debug)]
pub(super) enum Place {
    /// The exchange of this number carries it and is under way.
    Home(u64),
    /// Only an answer that comes elsewhere can still end it well.
    Waiting {
        since: Instant,
        fallback: (Outcome, Fault),
        /// Gives the room back when the call is taken.
        _slot: Slot,
    },
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct OpenCalls {
    pub(super) entries: Entries,
    pub(super) waiting: usize,
    /// How calls end here now that nothing more can come.
    pub(super) over: Option<(Outcome, Fault)>,
    /// Calls that wait here are looked after, so that each ends at some time.
    pub(super) kept: bool,
}

impl OpenCalls {
    pub(super) fn extract(&mut self, which: impl FnMut(&Entry) -> bool) -> Entries {
        let (taken, left) = std::mem::take(&mut self.entries).into_iter().partition(which);
        self.entries = left;
        taken
    }

    pub(super) fn remove(&mut self, at: usize) -> Entry {
        let entry = self.entries.remove(at);
        self.waiting -= usize::from(entry.waits());
        entry
    }

    pub(super) fn wait(
        &mut self,
        call: Box<Call>,
        fallback: (Outcome, Fault),
        slot: Option<Slot>,
        now: Instant,
    ) -> Option<Closed> {
        if let Some(over) = self.over {
            let how = call.when_over(over);
            return Some(Closed::unanswered(call, how, now));
        }
        let Some(slot) = slot.filter(|_| self.kept) else {
            return Some(Closed::forgotten(call, now));
        };
        let place = Place::Waiting {
            since: now,
            fallback,
            _slot: slot,
        };
        self.entries.push(Entry { call, place });
        self.waiting += 1;
        if self.waiting <= WAITING_OF_ONE {
            return None;
        }
        let at = self.entries.iter().position(Entry::waits)?;
        let entry = self.remove(at);
        let at = entry.since(now);
        Some(Closed::forgotten(entry.call, at))
    }

    /// Lets the calls that have waited longest give way, until only `left` of them wait.
    pub(super) fn trim(&mut self, left: usize, now: Instant) -> Vec<Closed> {
        let mut surplus = self.waiting.saturating_sub(left);
        if surplus == 0 {
            return Vec::new();
        }
        self.waiting -= surplus;
        let gives_way = |entry: &Entry| {
            let gives_way = surplus > 0 && entry.waits();
            surplus -= usize::from(gives_way);
            gives_way
        };
        let trimmed = self.extract(gives_way).into_iter();
        trimmed
            .map(|entry| {
                let at = entry.since(now);
                Closed::forgotten(entry.call, at)
            })
            .collect()
    }

    /// Ends all calls that wait: the client's as `over` says where that is known, else as each was left.
    pub(super) fn finish(&mut self, over: Option<(Outcome, Fault)>, now: Instant) -> Vec<Closed> {
        self.over = over.or(self.over);
        let over = self.over;
        let waiting = self.extract(Entry::waits);
        self.waiting = 0;
        waiting.into_iter().map(|entry| entry.close(over, now)).collect()
    }

    /// Ends the calls whose answer has not come in time; `lasting` where only the client's answers have a time.
    pub(super) fn expire(&mut self, lasting: bool, now: Instant) -> Vec<Closed> {
        if self.waiting == 0 {
            return Vec::new();
        }
        let expired = self.extract(|entry| {
            let direction = entry.call.record.direction;
            let waited = now.saturating_duration_since(entry.since(now));
            let has_limit = !lasting || direction == Direction::ToClient;
            entry.waits() && has_limit && waited >= answer_within(direction)
        });
        self.waiting -= expired.len();
        expired.into_iter().map(|entry| entry.close(None, now)).collect()
    }
}

impl Entry {
    pub(super) const fn waits(&self) -> bool {
        matches!(self.place, Place::Waiting { .. })
    }

    pub(super) const fn is_at(&self, home: u64) -> bool {
        matches!(self.place, Place::Home(number) if number == home)
    }

    const fn since(&self, now: Instant) -> Instant {
        match self.place {
            Place::Home(_) => now,
            Place::Waiting { since, .. } => since,
        }
    }

    fn close(self, over: Option<(Outcome, Fault)>, now: Instant) -> Closed {
        let fallback = match self.place {
            Place::Home(_) => (Outcome::Abandoned, Fault::Server),
            Place::Waiting { fallback, .. } => fallback,
        };
        match over {
            Some(over) => {
                let how = self.call.when_over(over);
                Closed::unanswered(self.call, how, now)
            }
            // What was only waited for had ended before, as far as anybody saw; a question is open until nobody waits.
            None => {
                let at = match self.call.record.direction {
                    Direction::ToServer => self.since(now),
                    Direction::ToClient => now,
                };
                Closed::unanswered(self.call, fallback, at)
            }
        }
    }
}

impl Closed {
    pub(super) const fn new(call: Box<Call>, (outcome, fault): (Outcome, Fault), at: Instant) -> Self {
        Self {
            call,
            outcome,
            fault,
            at,
            forgotten: false,
        }
    }

    /// The answer can no longer come elsewhere, so the call has ended like this, unless the answer has passed unread.
    fn unanswered(mut call: Box<Call>, how: (Outcome, Fault), at: Instant) -> Self {
        if !call.may_be_answered {
            return Self::new(call, how, at);
        }
        call.record.detail.flags.unread = true;
        Self::new(call, (Outcome::Deferred, Fault::None), at)
    }

    /// How such a call will end is not known.
    pub(super) fn forgotten(call: Box<Call>, at: Instant) -> Self {
        Self {
            forgotten: true,
            ..Self::new(call, (Outcome::Deferred, Fault::None), at)
        }
    }
}
