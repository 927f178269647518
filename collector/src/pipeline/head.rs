//! The batch at the head, which all others wait behind, as long as the store does not take it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What the batch at the head waits for; cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Head(Arc<Mutex<Option<Refused>>>);

/// A batch that the store has not taken so far.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its token, by which an operator names it.
    pub batch: String,
    /// Its rows.
    pub rows: usize,
    /// Since the first attempt that failed while the store answered otherwise.
    pub since: Instant,
    /// What was wrong at the last attempt, with the store's error code where it gave one.
    pub reason: String,
}

impl Head {
    /// An attempt has failed; tells how long ago the first one did. Those of a store that does not answer say nothing of
    /// the batch.
    pub(super) fn refused(&self, batch: &str, rows: usize, reason: &str, answers: bool) -> Duration {
        let mut head = self.lock();
        let since = match &*head {
            Some(refused) if answers && refused.batch == batch => refused.since,
            _ => Instant::now(),
        };
        *head = Some(Refused {
            batch: batch.to_owned(),
            rows,
            since,
            reason: reason.to_owned(),
        });
        since.elapsed()
    }

    /// The batch is stored, or is somewhere else.
    pub(super) fn decided(&self) {
        self.set(None);
    }

    /// What is known of the head from now on.
    pub fn set(&self, refused: Option<Refused>) {
        *self.lock() = refused;
    }

    /// The batch that the store does not take, if there is one.
    #[must_use]
    pub fn get(&self) -> Option<Refused> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
