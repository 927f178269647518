//! Messages in, records out: no I/O, no clock, nothing unbounded.
//!
//! An [`Observer`] is what one layer remembers between exchanges; an [`Exchange`] is one HTTP request and its response.

mod call;
mod chains;
mod classify;
mod connection;
mod conversation;
mod detail;
mod dialogue;
mod exchange;
mod head;
mod held;
mod in_flight;
mod limits;
mod lists;
mod mirrors;
#[cfg(all(test, toolsight_loom))]
mod models;
mod open_calls;
#[cfg(any(test, fuzzing))]
pub(crate) mod oracle;
mod pipes;
mod resources;
mod rounds;
mod sent;
mod sessions;
mod task_answers;
mod tasks;
mod template;
mod tools;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

pub(crate) use conversation::Conversation;
pub(crate) use detail::{Detail, DetailConfig};
pub(crate) use exchange::Exchange;
pub(crate) use head::{End, RequestHead, ResponseHead, Status};
pub(crate) use in_flight::InFlight;
pub(crate) use limits::Counters;
pub use limits::Forgotten;
pub(crate) use sessions::endpoint_key;
pub(crate) use tools::Tools;

use call::{Call, Carrier, Ended, Ending};
use classify::Probe;
use connection::Connection;
use limits::{IDLE_AT_ONCE, Slots, level};
use open_calls::Closed;
use pipes::Pipes;
use rounds::Rounds;
use sessions::Sessions;
use tasks::{TaskEnd, Tasks};

use smallvec::SmallVec;

use crate::identity::Identity;
use crate::outcome::{Fault, Outcome};
use crate::record::{Peer, Record, Text};
use crate::wire::{Message, Side};

/// What observing yields. A record is in a place of its own as long as it may be moved about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Observation<R = Ended> {
    Call(R),
    Session(Box<SessionEnd>),
    /// Messages of a batch beyond the limit, which passed unrecorded.
    Omitted(u64),
    /// A body of which not all bytes were read.
    Unread(Side, Gap),
}

/// Why bytes pass that are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// They are compressed, or the buffer does not show them.
    Opaque,
    /// Reading was so far behind that there was no room to keep them.
    NoRoom,
}

impl From<Observation> for Observation<Record> {
    fn from(observation: Observation) -> Self {
        match observation {
            Observation::Call(record) => Self::Call(record.into_record()),
            Observation::Session(session) => Self::Session(session),
            Observation::Omitted(count) => Self::Omitted(count),
            Observation::Unread(body, why) => Self::Unread(body, why),
        }
    }
}

/// Mostly one at a time.
pub(crate) type Observations = SmallVec<[Observation; 1]>;

/// A session of a legacy protocol version that was ended by either side, has made room for newer ones, was not used for long, or
/// was open at the shutdown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SessionEnd {
    pub(crate) duration: Duration,
    pub(crate) protocol_version: Option<Text>,
}

/// What one layer remembers between exchanges; shared by all of them.
#[derive(Debug)]
pub(crate) struct Observer {
    server: Option<Peer>,
    pub(crate) identity: Identity,
    sessions: Sessions,
    /// The event streams of the transport of 2024-11-05.
    endpoints: Sessions,
    pipes: Pipes,
    slots: Slots,
    tasks: Tasks,
    rounds: Rounds,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) tools: Arc<Tools>,
    pub(crate) detail: Detail,
    next_home: AtomicU64,
    /// An event stream was asked for that belongs to no session.
    endpoint_asked: AtomicBool,
    /// The server has answered a request of the era that began in 2026.
    speaks_modern: AtomicBool,
    /// What the server last said of itself, for answers that do not say it.
    learnt_server: RwLock<Option<Peer>>,
}

impl Observer {
    pub(crate) fn new(server: Option<Peer>, identity: impl Into<Identity>, session_limit: usize) -> Self {
        let counters = Arc::<Counters>::default();
        Self {
            server,
            identity: identity.into(),
            sessions: Sessions::new(session_limit),
            endpoints: Sessions::new(session_limit),
            pipes: Pipes::default(),
            slots: Slots::default(),
            tasks: Tasks::new(counters.clone()),
            rounds: Rounds::default(),
            in_flight: Arc::default(),
            tools: Arc::new(Tools::new(counters.clone())),
            detail: Detail::new(DetailConfig::default(), counters.clone()),
            counters,
            next_home: AtomicU64::new(0),
            endpoint_asked: AtomicBool::new(false),
            speaks_modern: AtomicBool::new(false),
            learnt_server: RwLock::default(),
        }
    }

    /// The same, telling this of each call.
    pub(crate) fn telling(mut self, config: DetailConfig) -> Self {
        self.detail = Detail::new(config, self.counters.clone());
        self
    }

    /// Whether there may be event streams that answer what is sent elsewhere, though nothing of them be read yet.
    pub(crate) fn may_have_endpoints(&self) -> bool {
        self.endpoint_asked.load(Relaxed)
    }

    /// An event stream is asked for that belongs to no session.
    pub(crate) fn endpoint_is_asked(&self) {
        self.endpoint_asked.store(true, Relaxed);
    }

    /// Ends what has been waited for too long. To be called from time to time.
    pub(crate) fn expire(&self, now: Instant) -> Vec<Observation> {
        let (mut ended, mut idle) = (Vec::new(), 0);
        for connection in self.connections() {
            ended.extend(self.records(connection.expire(now), &connection));
            if idle < IDLE_AT_ONCE
                && let Some(session) = connection.idle_end(now)
            {
                idle += 1;
                ended.push(Observation::Session(session));
            }
        }
        ended.extend(self.task_records(self.tasks.give_up(false, now)));
        ended
    }

    /// Ends everything that is waited for, as nobody will tell of it any more.
    pub(crate) fn finish(&self, now: Instant) -> Vec<Observation> {
        let pipes = self.pipes.all().into_iter();
        let mut ended: Vec<_> = pipes.flat_map(|pipe| self.end_pipe(&pipe, now)).collect();
        for connection in self.connections() {
            ended.extend(self.records(connection.finish(None, now), &connection));
            ended.extend(connection.last_end(now).map(Observation::Session));
        }
        ended.extend(self.task_records(self.tasks.give_up(true, now)));
        ended
    }

    /// Those that reach beyond one exchange.
    fn connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        let of_http = self.sessions.all().into_iter().chain(self.endpoints.all());
        of_http.chain(self.pipes.all())
    }

    /// Where there is hardly room for another call to wait, lets those that have waited longest give way in the connections
    /// where most of them wait, so that no client takes the room of others.
    fn make_room(&self, now: Instant) -> Vec<Observation> {
        let Some(wanted) = self.slots.wanted() else {
            return Vec::new();
        };
        let holders: Vec<_> = self.connections().collect();
        let left = level(holders.iter().map(|holder| holder.waiting()), wanted);
        let trimmed = holders.iter();
        trimmed
            .flat_map(|holder| self.records(holder.trim(left, now), holder))
            .collect()
    }

    /// Ends a pipe, unless it has ended before.
    fn end_pipe(&self, pipe: &Connection, now: Instant) -> Vec<Observation> {
        let Some((refused, closed)) = pipe.close_pipe(now) else {
            return Vec::new();
        };
        let mut ended: Vec<_> = refused.into_iter().map(Observation::Call).collect();
        ended.extend(self.records(closed, pipe));
        ended.extend(self.task_records(self.tasks.end_with(pipe)));
        ended.extend(pipe.session_end(Some(now)).map(Observation::Session));
        ended
    }

    /// Ends a connection that had to make room for a newer one.
    fn forget(&self, connection: &Connection, now: Instant) -> Vec<Observation> {
        self.counters.sessions.fetch_add(1, Relaxed);
        let mut ended = self.records(connection.trim(0, now), connection);
        ended.extend(connection.session_end(None).map(Observation::Session));
        ended
    }

    /// Ends a connection and, like `over`, the client's calls that are open in it.
    fn end_connection(&self, connection: &Connection, over: (Outcome, Fault), now: Instant) -> Vec<Observation> {
        let mut ended = self.records(connection.finish(Some(over), now), connection);
        ended.extend(self.task_records(self.tasks.end_with(connection)));
        ended.extend(connection.session_end(Some(now)).map(Observation::Session));
        ended
    }

    fn records(&self, closed: Vec<Closed>, connection: &Connection) -> Vec<Observation> {
        let record = |closed| self.record(closed, None, &Carrier::default(), connection);
        closed.into_iter().map(record).collect()
    }

    fn task_records(&self, ends: Vec<TaskEnd>) -> impl Iterator<Item = Observation> {
        let record = |end: TaskEnd| self.record(end.closed, None, &end.carrier, &end.connection);
        ends.into_iter().map(record)
    }

    fn record(
        &self,
        closed: Closed,
        answer: Option<&Message>,
        carrier: &Carrier,
        connection: &Connection,
    ) -> Observation {
        if closed.forgotten {
            self.counters.calls.fetch_add(1, Relaxed);
        }
        let ending = Ending {
            outcome: closed.outcome,
            fault: closed.fault,
            answer,
            carrier,
            at: closed.at,
        };
        Observation::Call(closed.call.end(&ending, connection, self))
    }

    /// Whether `call` may be the question which era the server speaks, so that a refusal is no failure: a client of both eras
    /// begins with `server/discover`, or with any request of the new one.
    fn may_probe(&self, call: &Call) -> Probe {
        if &*call.record.method == "server/discover" {
            Probe::Discover
        } else if call.is_modern() && !self.speaks_modern.load(Relaxed) {
            Probe::Request
        } else {
            Probe::No
        }
    }

    pub(crate) fn learn_server(&self, said: &Peer) {
        let known = self
            .learnt_server
            .read()
            .is_ok_and(|known| known.as_ref() == Some(said));
        if !known && let Ok(mut learnt) = self.learnt_server.write() {
            *learnt = Some(said.clone());
        }
    }

    /// The server as configured, else as it says in this answer, else as it last said; its version likewise.
    pub(crate) fn server(&self, said: Option<&Peer>) -> Peer {
        let told = || {
            let learnt = || self.learnt_server.read().ok()?.clone();
            said.cloned().or_else(learnt).unwrap_or_default()
        };
        match &self.server {
            Some(Peer { name, version }) if version.is_empty() => Peer {
                name: name.clone(),
                version: told().version,
            },
            Some(known) => known.clone(),
            None => told(),
        }
    }
}

#[cfg(test)]
mod tests;
