//! The bounded queue between receiving and inserting, measured in rows.

use std::sync::Arc;

use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::row::Row;

/// Where requests put their rows; cloning shares the queue.
#[derive(Clone, Debug)]
pub struct Queue {
    space: Space,
    sender: mpsc::Sender<Chunk>,
}

/// The rows of one request and the space that they take until they are stored or lost.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<Row>,
    pub(crate) space: OwnedSemaphorePermit,
}

/// How much of the queue is taken, rows in the hands of the inserter included.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    free: Arc<Semaphore>,
    capacity: usize,
    queued: IntGauge,
}

/// Why rows were not taken; none of them was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// There is no room now.
    Full,
    /// There are more rows than the queue ever has room for.
    TooMany {
        /// Rows that the queue has room for.
        capacity: usize,
    },
    /// The collector is shutting down.
    Closed,
}

impl Space {
    pub(crate) fn new(capacity: usize, queued: IntGauge) -> Self {
        Self {
            free: Arc::new(Semaphore::new(capacity)),
            capacity,
            queued,
        }
    }

    /// Rows that are in the queue or with the inserter.
    pub(crate) fn taken(&self) -> usize {
        self.capacity - self.free.available_permits()
    }

    /// Writes what is taken into the gauge.
    pub(crate) fn publish(&self) {
        self.queued.set(self.taken() as i64);
    }
}

impl Queue {
    pub(crate) fn new(space: Space, sender: mpsc::Sender<Chunk>) -> Self {
        Self { space, sender }
    }

    /// Takes all rows, or none and says why; never waits.
    ///
    /// # Errors
    /// See [`PushError`].
    pub fn push(&self, rows: Vec<Row>) -> Result<(), PushError> {
        if rows.is_empty() {
            return Ok(());
        }
        let capacity = self.space.capacity;
        let count = u32::try_from(rows.len()).ok().filter(|_| rows.len() <= capacity);
        let count = count.ok_or(PushError::TooMany { capacity })?;
        let free = Arc::clone(&self.space.free);
        let space = free.try_acquire_many_owned(count).map_err(|_| PushError::Full)?;
        self.sender
            .try_send(Chunk { rows, space })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => PushError::Full,
                mpsc::error::TrySendError::Closed(_) => PushError::Closed,
            })?;
        self.space.publish();
        Ok(())
    }
}
