//! The connections that reach beyond one exchange, by what tells them: the id of a session, or the address that an event
//! stream gave.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use super::connection::Connection;
use crate::record::Text;
use crate::sync::Mutex;
use crate::wire::{NAME_LIMIT, cut};

/// The connections used last, up to a limit.
#[derive(Debug)]
pub(super) struct Sessions(Mutex<LruCache<Text, Arc<Connection>>>);

impl Sessions {
    pub(super) fn new(limit: usize) -> Self {
        let limit = NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        // Grows with its use: the limit may be far more than ever is needed.
        let mut sessions = LruCache::unbounded();
        sessions.resize(limit);
        Self(Mutex::new(sessions))
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Connection>> {
        self.0.lock().ok()?.get(id).cloned()
    }

    /// Remembers a connection, unless there is one by that id. Returns the one that is remembered now, and the one that
    /// had to make room.
    pub(super) fn insert(&self, id: &str, connection: Arc<Connection>) -> (Arc<Connection>, Option<Arc<Connection>>) {
        let Ok(mut sessions) = self.0.lock() else {
            return (connection, None);
        };
        if let Some(known) = sessions.get(id) {
            return (known.clone(), None);
        }
        connection.keep(true);
        let made_room = sessions.push(id.into(), connection.clone()).map(|(_, old)| old);
        if let Some(old) = &made_room {
            old.keep(false);
        }
        (connection, made_room)
    }

    pub(super) fn remove(&self, id: &str) -> Option<Arc<Connection>> {
        self.0.lock().ok()?.pop(id)
    }

    pub(super) fn all(&self) -> Vec<Arc<Connection>> {
        self.0
            .lock()
            .map(|sessions| sessions.iter().map(|(_, connection)| connection.clone()).collect())
            .unwrap_or_default()
    }
}

/// What tells the requests that an event stream answers, from the address that it gave or that they go to: the query,
/// else the last part of the path. The rest of the path may have been rewritten on the way.
pub(crate) fn endpoint_key(address: &str) -> Option<Text> {
    let address = address.trim().split('#').next()?;
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let last = || path.rsplit('/').find(|part| !part.is_empty());
    let key = if query.is_empty() { last()? } else { query };
    Some(cut(key, NAME_LIMIT).into())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::connection::{Handshake, Reach};
    use super::*;

    #[test]
    fn the_oldest_session_makes_room() {
        let start = Instant::now();
        let connect = || {
            let connection = Connection::new(Reach::Session, start);
            connection.shake_hands(Handshake::default(), start);
            Arc::new(connection)
        };
        let sessions = Sessions::new(2);
        assert!(sessions.insert("a", connect()).1.is_none());
        assert!(sessions.insert("b", connect()).1.is_none());
        let later = start + Duration::from_secs(3);
        sessions.get("a").unwrap().touch(later);
        let made_room = sessions.insert("c", connect()).1.unwrap();
        let duration = |connection: &Connection, now| connection.session_end(now).unwrap().duration;
        assert_eq!(
            duration(&made_room, None),
            Duration::ZERO,
            "it was last seen when it began"
        );
        assert_eq!(
            (sessions.get("a").is_some(), sessions.get("b").is_some()),
            (true, false)
        );
        let ended = sessions.remove("a").unwrap();
        assert_eq!(
            duration(&ended, Some(start + Duration::from_secs(5))),
            Duration::from_secs(5)
        );
        assert!(sessions.remove("a").is_none());
    }

    #[test]
    fn an_address_is_known_by_its_query_or_the_end_of_its_path() {
        for (address, key) in [
            ("/message?sessionId=1", Some("sessionId=1")),
            ("http://host/mcp/message?sessionId=1#x", Some("sessionId=1")),
            ("/messages/abc/", Some("abc")),
            ("abc", Some("abc")),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(endpoint_key(address).as_deref(), key, "{address}");
        }
    }
}
