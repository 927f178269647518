//! Messages in, records out: no I/O, no clock, nothing unbounded.
//!
//! An [`Observer`] is what one layer remembers between exchanges; an [`Exchange`] is one HTTP request and its response.

mod call;
mod cancelled;
mod chains;
mod classify;
mod exchange;
mod sessions;
mod tools;

use std::sync::{Arc, RwLock};
use std::time::Duration;

pub(crate) use exchange::{End, Exchange, RequestHead, ResponseHead};
pub(crate) use tools::Tools;

use cancelled::Cancelled;

use crate::identity::Identity;
use crate::record::{Peer, Record};
use sessions::Sessions;

/// What observing yields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Observation {
    Call(Box<Record>),
    Session(SessionEnd),
    /// Messages of a batch beyond the limit, which passed unrecorded.
    Omitted(u64),
}

/// A session of a legacy protocol version that was ended by its client or has made room for newer ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SessionEnd {
    pub(crate) duration: Duration,
    pub(crate) protocol_version: Option<Box<str>>,
}

/// What one layer remembers between exchanges; shared by all of them.
#[derive(Debug)]
pub(crate) struct Observer {
    server: Option<Peer>,
    pub(crate) identity: Identity,
    sessions: Sessions,
    cancelled: Cancelled,
    pub(crate) tools: Arc<Tools>,
    /// What the server last said of itself, for answers that do not say it.
    learnt_server: RwLock<Option<Peer>>,
}

impl Observer {
    pub(crate) fn new(server: Option<Peer>, identity: impl Into<Identity>, session_limit: usize) -> Self {
        Self {
            server,
            identity: identity.into(),
            sessions: Sessions::new(session_limit),
            cancelled: Cancelled::default(),
            tools: Arc::default(),
            learnt_server: RwLock::default(),
        }
    }

    fn learn_server(&self, said: &Peer) {
        let known = self
            .learnt_server
            .read()
            .is_ok_and(|known| known.as_ref() == Some(said));
        if !known && let Ok(mut learnt) = self.learnt_server.write() {
            *learnt = Some(said.clone());
        }
    }

    /// The server as configured, else as it says in this answer, else as it last said.
    fn server(&self, said: Option<&Peer>) -> Peer {
        let learnt = || self.learnt_server.read().ok()?.clone();
        self.server
            .clone()
            .or_else(|| said.cloned())
            .or_else(learnt)
            .unwrap_or_default()
    }
}
