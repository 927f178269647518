//! What the handshake of a session told, for the calls that follow in it.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::Instant;

use lru::LruCache;

use super::SessionEnd;
use crate::record::Peer;

/// What is remembered of one session; at most some 2 KiB.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Session {
    pub(crate) client: Peer,
    pub(crate) protocol_version: Option<Box<str>>,
    pub(crate) server: Option<Peer>,
    pub(crate) started: Instant,
    pub(crate) last_seen: Instant,
}

impl Session {
    fn end(self, now: Instant) -> SessionEnd {
        SessionEnd {
            duration: now.saturating_duration_since(self.started),
            protocol_version: self.protocol_version,
        }
    }
}

/// The sessions used last, up to a limit.
#[derive(Debug)]
pub(crate) struct Sessions(Mutex<LruCache<Box<str>, Session>>);

impl Sessions {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Mutex::new(LruCache::new(
            NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN),
        )))
    }

    /// Remembers a session and returns the one that had to make room for it, ended at its own last sight.
    pub(crate) fn insert(&self, id: &str, session: Session) -> Option<SessionEnd> {
        let (evicted, old) = self.0.lock().ok()?.push(id.into(), session)?;
        let last_seen = old.last_seen;
        (*evicted != *id).then(|| old.end(last_seen))
    }

    pub(crate) fn get(&self, id: &str, now: Instant) -> Option<Session> {
        let mut sessions = self.0.lock().ok()?;
        let session = sessions.get_mut(id)?;
        session.last_seen = now;
        Some(session.clone())
    }

    pub(crate) fn end(&self, id: &str, now: Instant) -> Option<SessionEnd> {
        Some(self.0.lock().ok()?.pop(id)?.end(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_session_makes_room() {
        let start = Instant::now();
        let session = || Session {
            client: Peer::default(),
            protocol_version: None,
            server: None,
            started: start,
            last_seen: start,
        };
        let sessions = Sessions::new(2);
        assert_eq!(sessions.insert("a", session()), None);
        assert_eq!(sessions.insert("b", session()), None);
        let later = start + Duration::from_secs(3);
        assert!(sessions.get("a", later).is_some());
        let evicted = sessions.insert("c", session()).unwrap();
        assert_eq!(evicted.duration, Duration::ZERO, "it was last seen when it began");
        assert_eq!(
            (sessions.get("a", later).is_some(), sessions.get("b", later).is_some()),
            (true, false)
        );
        let end = sessions.end("a", start + Duration::from_secs(5)).unwrap();
        assert_eq!(end.duration, Duration::from_secs(5));
        assert_eq!(sessions.end("a", start), None);
    }
}
