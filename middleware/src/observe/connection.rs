//! What belongs together beyond one exchange: a session, the two endpoints of HTTP+SSE, or a pipe; and the calls that are
//! open there.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Instant;

use super::SessionEnd;
use super::call::{Call, Ended};
use super::limits::{SESSION_IDLE, Slot, WAITING_OF_ONE};
use super::open_calls::{Closed, Entry, OpenCalls, Place, Unanswered};
use crate::outcome::{Fault, Outcome};
use crate::record::{Chain, Direction, Peer, Text, Transport};
use crate::sync::{Mutex, MutexGuard};
use crate::wire::Id;

/// Events of the server that are remembered of one session, so that those which a resumed stream repeats are known.
const EVENTS: usize = 64;

/// Refused calls that are held back; further ones are taken as they are.
const REFUSED: usize = 16;

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

impl Reach {
    /// The server may answer for as long as it is open.
    const fn lasts(self) -> bool {
        matches!(self, Self::EventStream | Self::Pipe)
    }
}

/// What a handshake told, for the calls that follow.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Handshake {
    pub(super) client: Peer,
    pub(super) protocol_version: Option<Text>,
    pub(super) server: Option<Peer>,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) reach: Reach,
    /// See [`chain`](Self::chain).
    chain: Option<NonZeroU64>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    handshake: Option<Arc<Handshake>>,
    /// When the handshake was.
    started: Option<Instant>,
    last_seen: Instant,
    open: OpenCalls,
    /// Hashes of the ids of the last events.
    events: VecDeque<u64>,
    /// Calls that the server has refused where it may not speak the client's era: what the client asks next tells.
    refused: Vec<Ended>,
    /// The client will not say any more.
    client_is_gone: bool,
}

impl Connection {
    pub(super) fn new(reach: Reach, now: Instant) -> Self {
        Self {
            reach,
            chain: reach.lasts().then(rand::random),
            state: Mutex::new(State {
                handshake: None,
                started: None,
                last_seen: now,
                open: OpenCalls {
                    kept: reach == Reach::Pipe,
                    ..OpenCalls::default()
                },
                events: VecDeque::new(),
                refused: Vec::new(),
                client_is_gone: false,
            }),
        }
    }

    /// The chain of its calls, where it is one client's and no session.
    pub(super) fn chain(&self) -> Option<Chain> {
        self.chain.map(|chain| Chain::Hash(chain.get()))
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
        let mut state = self.state();
        // What is read later may have passed before.
        state.last_seen = state.last_seen.max(now);
        // A session that was taken for ended goes on after all, and is timed anew.
        if state.started.is_none() && state.handshake.is_some() {
            state.started = Some(now);
        }
    }

    pub(super) fn handshake(&self) -> Option<Arc<Handshake>> {
        self.state().handshake.clone()
    }

    pub(super) fn shake_hands(&self, handshake: Handshake, now: Instant) {
        let mut state = self.state();
        state.handshake = Some(handshake.into());
        state.started.get_or_insert(now);
    }

    /// How long the session was, if there was a handshake, told once; `now` is `None` for one that is forgotten.
    pub(super) fn session_end(&self, now: Option<Instant>) -> Option<Box<SessionEnd>> {
        let mut state = self.state();
        let end = now.unwrap_or(state.last_seen);
        let session = SessionEnd {
            duration: end.saturating_duration_since(state.started.take()?),
            protocol_version: state.handshake.as_ref()?.protocol_version.clone(),
        };
        Some(session.into())
    }

    /// The same of a session that nobody has used for long.
    pub(super) fn idle_end(&self, now: Instant) -> Option<Box<SessionEnd>> {
        let idle = now.saturating_duration_since(self.state().last_seen);
        (self.reach == Reach::Session && idle >= SESSION_IDLE)
            .then(|| self.session_end(None))
            .flatten()
    }

    /// The same at the shutdown: what lasts is open until `now`, a session was there when it was last used.
    pub(super) fn last_end(&self, now: Instant) -> Option<Box<SessionEnd>> {
        self.session_end(self.reach.lasts().then_some(now))
    }

    /// Opens a call that the exchange `home` carries.
    pub(super) fn open(&self, call: Box<Call>, home: u64) {
        let place = Place::Home(home);
        self.state().open.entries.push(Entry { call, place });
    }

    /// Opens what the server asks on the exchange `home`, where nothing tells on which it will be answered. Returns the
    /// question that had to make room for it.
    pub(super) fn open_question(&self, call: Box<Call>, home: u64, now: Instant) -> Option<Closed> {
        let mut state = self.state();
        let place = Place::Home(home);
        state.open.entries.push(Entry { call, place });
        let is_question = |entry: &&Entry| entry.call.record.direction == Direction::ToClient;
        if state.open.entries.iter().filter(is_question).count() <= WAITING_OF_ONE {
            return None;
        }
        let at = state.open.entries.iter().position(|entry| is_question(&entry))?;
        Some(Closed::forgotten(state.open.remove(at).call, now))
    }

    /// Moves the calls that the exchange `home` carries, once it is known where they belong.
    pub(super) fn move_to(&self, other: &Self, home: u64) {
        let moved = self.state().open.extract(|entry| entry.is_at(home));
        other.state().open.entries.extend(moved);
    }

    /// Opens a call whose answer comes elsewhere in any case. Returns calls that are over instead: this one, where
    /// nothing more can come, or the one that had to make room for it.
    pub(super) fn wait(
        &self,
        call: Box<Call>,
        fallback: (Outcome, Fault),
        slot: Option<Slot>,
        now: Instant,
    ) -> Option<Closed> {
        self.state().open.wait(call, fallback, slot, now)
    }

    /// Takes the call that is answered by `id`: the one of the exchange `home`, else one of any other. Tells whether it is
    /// the former.
    pub(super) fn take(&self, direction: Direction, id: &Id, home: u64) -> Option<(Box<Call>, bool)> {
        let mut state = self.state();
        let is = |entry: &Entry| entry.call.is(direction, id);
        let own = state
            .open
            .entries
            .iter()
            .position(|entry| entry.is_at(home) && is(entry));
        let at = own.or_else(|| state.open.entries.iter().position(is))?;
        Some((state.open.remove(at).call, own.is_some()))
    }

    /// Takes the oldest call of the exchange `home`.
    pub(super) fn take_own(&self, home: u64) -> Option<(Box<Call>, bool)> {
        let mut state = self.state();
        let at = state.open.entries.iter().position(|entry| entry.is_at(home))?;
        Some((state.open.remove(at).call, true))
    }

    /// Takes the oldest call for which `is` holds, of the exchange `home` or of those that wait.
    pub(super) fn take_first(&self, home: u64, is: impl Fn(&Call) -> bool) -> Option<Box<Call>> {
        let mut state = self.state();
        let ours = |entry: &Entry| entry.is_at(home) || entry.waits();
        let at = state
            .open
            .entries
            .iter()
            .position(|entry| ours(entry) && is(&entry.call))?;
        Some(state.open.remove(at).call)
    }

    /// Counts a progress notification for the call that wants them under `token`: one of the exchange `home`, else any
    /// other. Tells whether there is one.
    pub(super) fn progress(&self, token: &Id, home: u64) -> bool {
        let entries = &mut self.state().open.entries;
        let own = |entry: &mut Entry| entry.is_at(home) && entry.call.count_progress(token);
        entries.iter_mut().any(own) || entries.iter_mut().any(|entry| entry.call.count_progress(token))
    }

    /// Bytes have passed unread that may have answered any call which is answered elsewhere.
    pub(super) fn answer_may_have_passed(&self) {
        for entry in &mut self.state().open.entries {
            let is_asked = entry.call.record.direction == Direction::ToServer && entry.call.is_request();
            if is_asked && (entry.waits() || self.reach == Reach::EventStream) {
                entry.call.may_be_answered = true;
            }
        }
    }

    /// Ends the calls that the exchange `home` still carries, as `decide` says.
    pub(super) fn settle(
        &self,
        home: u64,
        now: Instant,
        mut decide: impl FnMut(&mut Call) -> Unanswered,
    ) -> Vec<Closed> {
        let mut state = self.state();
        if state.open.entries.is_empty() {
            return Vec::new();
        }
        let own = state.open.extract(|entry| entry.is_at(home));
        let mut closed = Vec::new();
        for Entry { mut call, .. } in own {
            match decide(&mut call) {
                Unanswered::Over(Outcome::Abandoned, Fault::Server) => {
                    // Whoever has ended the connection has ended this call, too.
                    let how = state.open.over.unwrap_or((Outcome::Abandoned, Fault::Server));
                    closed.push(Closed::new(call, how, now));
                }
                Unanswered::Over(outcome, fault) => closed.push(Closed::new(call, (outcome, fault), now)),
                Unanswered::Waits(outcome, fault, slot) => {
                    if fault == Fault::ClientGone {
                        call.leave_flight();
                    }
                    closed.extend(state.open.wait(call, (outcome, fault), slot, now));
                }
            }
        }
        closed
    }

    /// Ends all calls that wait, see [`OpenCalls::finish`].
    pub(super) fn finish(&self, over: Option<(Outcome, Fault)>, now: Instant) -> Vec<Closed> {
        self.state().open.finish(over, now)
    }

    /// Tells whether anybody but the exchanges under way knows of it from now on. Where nobody does, no further call waits:
    /// its exchange may end later, and it would not be recorded.
    pub(super) fn keep(&self, kept: bool) {
        self.state().open.kept = kept;
    }

    /// Ends the calls whose answer has not come in time. While a pipe or an event stream is open, the server's still can.
    pub(super) fn expire(&self, now: Instant) -> Vec<Closed> {
        self.state().open.expire(self.reach.lasts(), now)
    }

    /// How many calls wait.
    pub(super) fn waiting(&self) -> usize {
        self.state().open.waiting
    }

    /// Lets calls that wait give way, see [`OpenCalls::trim`].
    pub(super) fn trim(&self, left: usize, now: Instant) -> Vec<Closed> {
        self.state().open.trim(left, now)
    }

    /// Keeps the record of a refused call until [`release`](Self::release); gives it back where there is no room.
    pub(super) fn hold_back(&self, record: Ended) -> Option<Ended> {
        let refused = &mut self.state().refused;
        if refused.len() == REFUSED {
            return Some(record);
        }
        refused.push(record);
        None
    }

    /// The records held back.
    pub(super) fn release(&self) -> Vec<Ended> {
        std::mem::take(&mut self.state().refused)
    }

    pub(super) fn client_is_gone(&self) {
        self.state().client_is_gone = true;
    }

    /// Ends a pipe: what was held back, and the calls that are open. `None` if it has ended before.
    pub(super) fn close_pipe(&self, now: Instant) -> Option<(Vec<Ended>, Vec<Closed>)> {
        let mut state = self.state();
        let fault = if state.client_is_gone {
            Fault::ClientGone
        } else {
            Fault::Server
        };
        if state.open.over.is_some() {
            return None;
        }
        let closed = state.open.finish(Some((Outcome::Abandoned, fault)), now);
        Some((std::mem::take(&mut state.refused), closed))
    }

    /// Whether the event has been seen before; remembers it, and tells of one that it has to `forget` for it.
    pub(super) fn is_repeated(&self, event: u64, forget: impl FnOnce()) -> bool {
        let mut state = self.state();
        let repeated = state.events.contains(&event);
        if !repeated {
            if state.events.len() == EVENTS {
                state.events.pop_back();
                forget();
            }
            state.events.push_front(event);
        }
        repeated
    }
}
