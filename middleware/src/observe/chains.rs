//! Calls that belong together without a session.
//!
//! Since 2026-07-28 there is no session, and none is invented: nothing is added to what server and client say to each
//! other. What they say by themselves ties calls together, the first of these that there is:
//!
//! 1. the trace that the caller names: the chain is the trace,
//! 2. the `requestState` with which a call goes on that an earlier answer has interrupted,
//! 3. the task that a call asks for and an earlier answer has begun,
//! 4. the connection that lasts: a pipe, or an event stream of HTTP+SSE, is one client's,
//! 5. the user, with their client: calls with no longer pause than the idle gap between them.
//!
//! Where there is no `requestState`, the keys of what is asked for take its place, for a user's calls: a round that comes after
//! the idle gap goes on with the chain.
//!
//! A `requestState` counts only together with user, tenant, client and what is called: some servers give everybody the same.
//! An answer that hands out a `requestState` or a task hands on the chain of its call. Where that call was seen by
//! another process of the same server, the chain is a keyed hash of the state or task, the same in every process that has
//! the key.

use std::hash::Hasher as _;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lru::LruCache;
use opentelemetry::trace::TraceId;

use super::limits::Counters;
use crate::arguments_hash::Secret;
use crate::record::{Chain, Peer, User};

/// What ties a call to others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ties<'a> {
    /// The trace, if the caller has named it.
    pub(crate) trace: Option<TraceId>,
    /// Hash of `params.requestState` and of whose it is.
    pub(crate) request_state: Option<u64>,
    /// Where there is none, hash of the keys of `params.inputResponses` and of whose they are.
    pub(crate) inputs: Option<u64>,
    /// `params.taskId`.
    pub(crate) task: Option<&'a str>,
    /// The chain of the connection, if that lasts.
    pub(crate) connection: Option<Chain>,
    pub(crate) user: Option<&'a User>,
    pub(crate) client: Option<&'a Peer>,
}

/// The chains that may go on, up to a limit; those that went on longest ago make room.
#[derive(Debug)]
pub(crate) struct Chains {
    secret: Secret,
    idle_gap: Duration,
    open: Mutex<Open>,
    counters: Arc<Counters>,
}

#[derive(Debug)]
struct Open {
    /// By the hash of user and client, or of a state or task.
    chains: LruCache<u64, Link>,
    begun: u64,
}

#[derive(Clone, Debug)]
struct Link {
    chain: Chain,
    seen: Instant,
}

impl Chains {
    pub(crate) fn new(secret: Secret, limit: usize, idle_gap: Duration, counters: Arc<Counters>) -> Self {
        let limit = NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        Self {
            secret,
            idle_gap,
            open: Mutex::new(Open {
                chains: LruCache::new(limit),
                // Another in each process, though the key is the same.
                begun: rand::random(),
            }),
            counters,
        }
    }

    /// The chain of a call that began at `now`; `None` where nothing ties it to any other.
    pub(crate) fn find(&self, ties: &Ties<'_>, now: Instant) -> Option<Chain> {
        if let Some(trace) = ties.trace {
            return Some(Chain::Trace(trace));
        }
        let state = ties.request_state.map(|state| self.key("state", &[&state.to_string()]));
        let task = || ties.task.map(|task| self.key("task", &[task]));
        if let Some(key) = state.or_else(task) {
            let known = self.open.lock().ok()?.chains.get(&key).map(|link| link.chain);
            return Some(known.unwrap_or(Chain::Hash(key)));
        }
        if ties.connection.is_some() {
            return ties.connection;
        }
        // Keys are no secret of one call, so they name no chain of their own.
        if let Some(inputs) = ties.inputs
            && let Some(link) = self
                .open
                .lock()
                .ok()?
                .chains
                .get(&self.key("state", &[&inputs.to_string()]))
        {
            return Some(link.chain);
        }
        let (User::Plain(user) | User::Hashed(user)) = ties.user?;
        let (name, version) = ties.client.map_or(("", ""), |client| (&client.name, &client.version));
        let key = self.key("user", &[user, name, version]);
        let mut open = self.open.lock().ok()?;
        if let Some(link) = open.chains.get_mut(&key)
            && now.saturating_duration_since(link.seen) <= self.idle_gap
        {
            link.seen = link.seen.max(now);
            return Some(link.chain);
        }
        open.begun = open.begun.wrapping_add(1);
        let begun = [key, open.begun].map(|number| format!("{number:016x}"));
        let chain = Chain::Hash(self.key("chain", &[&begun[0], &begun[1]]));
        self.keep(&mut open, key, chain, now);
        Some(chain)
    }

    /// The answer of a call in `chain` has handed out this `requestState`, or these keys, or this task.
    pub(crate) fn hand_on(&self, chain: Chain, request_state: Option<u64>, task: Option<&str>, now: Instant) {
        let state = request_state.map(|state| self.key("state", &[&state.to_string()]));
        let task = task.map(|task| self.key("task", &[task]));
        if state.is_none() && task.is_none() {
            return;
        }
        let Ok(mut open) = self.open.lock() else {
            return;
        };
        for key in [state, task].into_iter().flatten() {
            self.keep(&mut open, key, chain, now);
        }
    }

    fn keep(&self, open: &mut Open, key: u64, chain: Chain, now: Instant) {
        let link = Link { chain, seen: now };
        let gone = open.chains.push(key, link);
        let lost =
            gone.is_some_and(|(gone, link)| gone != key && now.saturating_duration_since(link.seen) <= self.idle_gap);
        self.counters.chains.fetch_add(u64::from(lost), Relaxed);
    }

    fn key(&self, kind: &str, parts: &[&str]) -> u64 {
        let mut hasher = self.secret.hasher();
        for part in [kind].iter().chain(parts) {
            hasher.write_usize(part.len());
            hasher.write(part.as_bytes());
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_secs(600);

    fn chains(limit: usize) -> Chains {
        Chains::new(Secret::derive(&[7; 32], "chains"), limit, GAP, Arc::default())
    }

    fn user(name: &str) -> User {
        User::Plain(name.into())
    }

    #[test]
    fn a_user_s_calls_are_a_chain_until_they_pause() {
        let (chains, start) = (chains(10), Instant::now());
        let (ada, bob) = (user("ada"), user("bob"));
        let (desk, phone) = (
            Peer {
                name: "desk".into(),
                ..Peer::default()
            },
            Peer::default(),
        );
        let of = |user, client, at| {
            let ties = Ties {
                user: Some(user),
                client: Some(client),
                ..Ties::default()
            };
            chains.find(&ties, start + at).unwrap()
        };
        let first = of(&ada, &desk, Duration::ZERO);
        assert_eq!(of(&ada, &desk, GAP), first);
        assert_eq!(
            of(&ada, &desk, GAP * 2),
            first,
            "the pause is counted from the last call"
        );
        let after = of(&ada, &desk, GAP * 3 + Duration::from_secs(1));
        let others = [of(&bob, &desk, Duration::ZERO), of(&ada, &phone, Duration::ZERO)];
        let mut all = vec![first, after];
        all.extend(others);
        all.sort_by_key(Chain::to_string);
        all.dedup();
        assert_eq!(all.len(), 4, "each of these is a chain of its own: {all:?}");
        assert_eq!(
            chains.find(&Ties::default(), start),
            None,
            "nothing ties a stranger's calls together"
        );
    }

    #[test]
    fn a_state_or_task_goes_on_with_the_chain_of_the_call_that_it_comes_from() {
        let (chains, now) = (chains(10), Instant::now());
        let ada = user("ada");
        let of_ada = Ties {
            user: Some(&ada),
            ..Ties::default()
        };
        let chain = chains.find(&of_ada, now).unwrap();
        chains.hand_on(chain, Some(5), Some("task"), now);
        let state = Ties {
            request_state: Some(5),
            ..Ties::default()
        };
        let task = Ties {
            task: Some("task"),
            ..Ties::default()
        };
        assert_eq!(chains.find(&state, now).as_ref(), Some(&chain));
        assert_eq!(chains.find(&task, now).as_ref(), Some(&chain));
        let trace = TraceId::from(5);
        let traced = Ties {
            trace: Some(trace),
            ..state
        };
        assert_eq!(chains.find(&traced, now), Some(Chain::Trace(trace)));
    }

    #[test]
    fn a_state_of_another_process_has_the_same_chain_everywhere() {
        let state = Ties {
            request_state: Some(5),
            ..Ties::default()
        };
        let task = Ties {
            task: Some("5"),
            ..Ties::default()
        };
        let now = Instant::now();
        let (here, there) = (chains(1), chains(9));
        assert_eq!(here.find(&state, now), there.find(&state, now));
        assert_ne!(here.find(&state, now), here.find(&task, now));
    }

    #[test]
    fn what_makes_room_is_counted_unless_it_was_over() {
        let (chains, start) = (chains(2), Instant::now());
        let find = |name: &str, at| {
            let user = user(name);
            let ties = Ties {
                user: Some(&user),
                ..Ties::default()
            };
            chains.find(&ties, start + at).unwrap()
        };
        let first = find("a", Duration::ZERO);
        find("b", Duration::ZERO);
        find("c", Duration::ZERO);
        assert_eq!(chains.counters.read().chains, 1);
        assert_ne!(find("a", Duration::ZERO), first);
        assert_eq!(chains.counters.read().chains, 2);
        find("d", GAP * 2);
        assert_eq!(chains.counters.read().chains, 2, "that one could not have gone on");
    }
}
