//! Requests that their client has taken back by `notifications/cancelled`, which comes on an exchange of its own.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use lru::LruCache;

use crate::wire::Id;

/// Cancellations that wait for the end of their request; older ones make room.
const LIMIT: NonZeroUsize = NonZeroUsize::new(1024).expect("more than none");

/// Session and request id of each.
#[derive(Debug)]
pub(super) struct Cancelled(Mutex<LruCache<(Box<str>, Id), ()>>);

impl Default for Cancelled {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(LIMIT)))
    }
}

impl Cancelled {
    pub(super) fn insert(&self, session: &str, request: Id) {
        if let Ok(mut requests) = self.0.lock() {
            requests.put((session.into(), request), ());
        }
    }

    /// Whether the request has been taken back; forgets it.
    pub(super) fn take(&self, session: &str, request: &Id) -> bool {
        let key = (session.into(), request.clone());
        self.0.lock().is_ok_and(|mut requests| requests.pop(&key).is_some())
    }
}
