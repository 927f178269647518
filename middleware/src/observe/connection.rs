//! What belongs together beyond one exchange: a session, the two endpoints of HTTP+SSE, or a pipe; and the calls that are
//! open there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::SessionEnd;
use super::call::Call;
use super::clock::Clock;
use super::limits::{Slot, WAITING_OF_ONE, answer_within};
use crate::outcome::{Fault, Outcome};
use crate::record::{Direction, Peer, Text, Transport};
use crate::sync::{Mutex, MutexGuard};
use crate::wire::Id;

use smallvec::SmallVec;

/// Events of the server that are remembered of one session, so that those which a resumed stream repeats are known.
const EVENTS: usize = 64;

/// How far a connection reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// One exchange, because nothing tells what else belongs to it.
    Exchange,
    /// A session of Streamable HTTP.
    Session,
    /// The event stream of HTTP+SSE and the requests that it answers.
    EventStream,
    /// Standard input and output.
    Pipe,
}

/// What a handshake told, for the calls that follow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Handshake {
    pub(super) client: Peer,
    pub(super) protocol_version: Option<Text>,
    pub(super) server: Option<Peer>,
}

/// A call that is over, and how.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) call: Call,
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

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) reach: Reach,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    handshake: Option<Arc<Handshake>>,
    /// When the handshake was.
    started: Option<Instant>,
    last_seen: Instant,
    entries: Entries,
    waiting: usize,
    /// Hashes of the ids of the last events.
    events: VecDeque<u64>,
    /// How calls end here now that nothing more can come.
    over: Option<(Outcome, Fault)>,
}

/// Mostly there is one.
type Entries = SmallVec<[Entry; 1]>;

#[derive(Debug)]
struct Entry {
    call: Call,
    place: Place,
}

#[derive(Debug)]
enum Place {
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

impl Connection {
    pub(super) fn new(reach: Reach, now: Instant) -> Self {
        Self {
            reach,
            state: Mutex::new(State {
                handshake: None,
                started: None,
                last_seen: now,
                entries: Entries::new(),
                waiting: 0,
                events: VecDeque::new(),
                over: None,
            }),
        }
    }

    /// All of it, in a place of its own.
    pub(super) fn take_over(&mut self) -> Self {
        let last_seen = self.state().last_seen;
        std::mem::replace(self, Self::new(self.reach, last_seen))
    }

    pub(super) const fn transport(&self) -> Transport {
        match self.reach {
            Reach::Exchange | Reach::Session => Transport::StreamableHttp,
            Reach::EventStream => Transport::Sse,
            Reach::Pipe => Transport::Stdio,
        }
    }

    /// A panic while it was held is contained elsewhere, and leaves lists that are whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn touch(&self, now: Instant) {
        self.state().last_seen = now;
    }

    pub(super) fn handshake(&self) -> Option<Arc<Handshake>> {
        self.state().handshake.clone()
    }

    pub(super) fn shake_hands(&self, handshake: Handshake, now: Instant) {
        let mut state = self.state();
        state.handshake = Some(handshake.into());
        state.started.get_or_insert(now);
    }

    /// How long the session was, if there was a handshake; `now` is `None` for one that is forgotten.
    pub(super) fn session_end(&self, now: Option<Instant>) -> Option<SessionEnd> {
        let state = self.state();
        let end = now.unwrap_or(state.last_seen);
        Some(SessionEnd {
            duration: end.saturating_duration_since(state.started?),
            protocol_version: state.handshake.as_ref()?.protocol_version.clone(),
        })
    }

    /// Opens a call that the exchange `home` carries.
    pub(super) fn open(&self, call: Call, home: u64) {
        let place = Place::Home(home);
        self.state().entries.push(Entry { call, place });
    }

    /// Opens what the server asks on the exchange `home`, where nothing tells on which it will be answered. Returns the
    /// question that had to make room for it.
    pub(super) fn open_question(&self, call: Call, home: u64, now: Instant) -> Option<Closed> {
        let mut state = self.state();
        let place = Place::Home(home);
        state.entries.push(Entry { call, place });
        let is_question = |entry: &&Entry| entry.call.record.direction == Direction::ToClient;
        if state.entries.iter().filter(is_question).count() <= WAITING_OF_ONE {
            return None;
        }
        let at = state.entries.iter().position(|entry| is_question(&entry))?;
        Some(Closed::forgotten(state.remove(at).call, now))
    }

    /// Moves the calls that the exchange `home` carries, once it is known where they belong.
    pub(super) fn move_to(&self, other: &Self, home: u64) {
        let moved = self.state().extract(|entry| entry.is_at(home));
        other.state().entries.extend(moved);
    }

    /// Opens a call whose answer comes elsewhere in any case. Returns calls that are over instead: this one, where
    /// nothing more can come, or the one that had to make room for it.
    pub(super) fn wait(
        &self,
        call: Call,
        fallback: (Outcome, Fault),
        slot: Option<Slot>,
        now: Instant,
    ) -> Option<Closed> {
        self.state().wait(call, fallback, slot, now)
    }

    /// Takes the call that is answered by `id`: the one of the exchange `home`, else one of any other. Tells whether it is
    /// the former.
    pub(super) fn take(&self, direction: Direction, id: &Id, home: u64) -> Option<(Call, bool)> {
        let mut state = self.state();
        let is = |entry: &Entry| entry.call.is(direction, id);
        let own = state.entries.iter().position(|entry| entry.is_at(home) && is(entry));
        let at = own.or_else(|| state.entries.iter().position(is))?;
        Some((state.remove(at).call, own.is_some()))
    }

    /// Takes the oldest call of the exchange `home`.
    pub(super) fn take_own(&self, home: u64) -> Option<(Call, bool)> {
        let mut state = self.state();
        let at = state.entries.iter().position(|entry| entry.is_at(home))?;
        Some((state.remove(at).call, true))
    }

    /// Takes the oldest call for which `is` holds, of the exchange `home` or of those that wait.
    pub(super) fn take_first(&self, home: u64, is: impl Fn(&Call) -> bool) -> Option<Call> {
        let mut state = self.state();
        let ours = |entry: &Entry| entry.is_at(home) || matches!(entry.place, Place::Waiting { .. });
        let at = state.entries.iter().position(|entry| ours(entry) && is(&entry.call))?;
        Some(state.remove(at).call)
    }

    /// Counts a progress notification for the call that wants them under `token`: one of the exchange `home`, else any
    /// other. Tells whether there is one.
    pub(super) fn progress(&self, token: &Id, home: u64) -> bool {
        let entries = &mut self.state().entries;
        let own = |entry: &mut Entry| entry.is_at(home) && entry.call.count_progress(token);
        entries.iter_mut().any(own) || entries.iter_mut().any(|entry| entry.call.count_progress(token))
    }

    /// Ends the calls that the exchange `home` still carries, as `decide` says.
    pub(super) fn settle(
        &self,
        home: u64,
        clock: impl Clock,
        mut decide: impl FnMut(&mut Call) -> Unanswered,
    ) -> Vec<Closed> {
        let mut state = self.state();
        if state.entries.is_empty() {
            return Vec::new();
        }
        let now = clock.now();
        let own = state.extract(|entry| entry.is_at(home));
        let mut closed = Vec::new();
        for Entry { mut call, .. } in own {
            match decide(&mut call) {
                Unanswered::Over(outcome, fault) => closed.push(Closed::new(call, (outcome, fault), now)),
                Unanswered::Waits(outcome, fault, slot) => {
                    if fault == Fault::ClientGone {
                        call.leave_flight();
                    }
                    closed.extend(state.wait(call, (outcome, fault), slot, now));
                }
            }
        }
        closed
    }

    /// Ends all calls that wait: the client's as `over` says where that is known, else as each was left.
    pub(super) fn finish(&self, over: Option<(Outcome, Fault)>, now: Instant) -> Vec<Closed> {
        let mut state = self.state();
        state.over = over.or(state.over);
        let over = state.over;
        let waiting = state.extract(|entry| matches!(entry.place, Place::Waiting { .. }));
        state.waiting = 0;
        waiting.into_iter().map(|entry| entry.close(over, now)).collect()
    }

    /// Ends the calls whose answer has not come in time. While a pipe or an event stream is open, it still can.
    pub(super) fn expire(&self, now: Instant) -> Vec<Closed> {
        if matches!(self.reach, Reach::EventStream | Reach::Pipe) {
            return Vec::new();
        }
        let mut state = self.state();
        let expired = state.extract(|entry| {
            let waited = now.saturating_duration_since(entry.since(now));
            matches!(entry.place, Place::Waiting { .. }) && waited >= answer_within(entry.call.record.direction)
        });
        state.waiting -= expired.len();
        expired.into_iter().map(|entry| entry.close(None, now)).collect()
    }

    /// Whether the event has been seen before; remembers it.
    pub(super) fn is_repeated(&self, event: u64) -> bool {
        let mut state = self.state();
        let repeated = state.events.contains(&event);
        if !repeated {
            state.events.truncate(EVENTS - 1);
            state.events.push_front(event);
        }
        repeated
    }
}

impl State {
    fn extract(&mut self, which: impl Fn(&Entry) -> bool) -> Entries {
        let (taken, left) = std::mem::take(&mut self.entries).into_iter().partition(which);
        self.entries = left;
        taken
    }

    fn remove(&mut self, at: usize) -> Entry {
        let entry = self.entries.remove(at);
        self.waiting -= usize::from(matches!(entry.place, Place::Waiting { .. }));
        entry
    }

    fn wait(&mut self, call: Call, fallback: (Outcome, Fault), slot: Option<Slot>, now: Instant) -> Option<Closed> {
        if let Some(over) = self.over {
            let how = call.when_over(over);
            return Some(Closed::new(call, how, now));
        }
        let Some(slot) = slot else {
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
        let oldest = |entry: &Entry| matches!(entry.place, Place::Waiting { .. });
        let at = self.entries.iter().position(oldest)?;
        let entry = self.remove(at);
        let at = entry.since(now);
        Some(Closed::forgotten(entry.call, at))
    }
}

impl Entry {
    const fn is_at(&self, home: u64) -> bool {
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
                Closed::new(self.call, how, now)
            }
            // What was only waited for had ended before, as far as anybody saw.
            None => {
                let since = self.since(now);
                Closed::new(self.call, fallback, since)
            }
        }
    }
}

impl Closed {
    pub(super) const fn new(call: Call, (outcome, fault): (Outcome, Fault), at: Instant) -> Self {
        Self {
            call,
            outcome,
            fault,
            at,
            forgotten: false,
        }
    }

    /// How such a call will end is not known.
    fn forgotten(call: Call, at: Instant) -> Self {
        Self {
            forgotten: true,
            ..Self::new(call, (Outcome::Deferred, Fault::None), at)
        }
    }
}
