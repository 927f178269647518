//! The bounded queue between receiving and inserting, measured in rows and in bytes.

use std::ops::ControlFlow;
use std::sync::Arc;

use prometheus::IntGauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::row::Row;

/// Bytes behind one permit: a semaphore's calls take 32 bits.
const UNIT: usize = 1024;

/// Where requests put their rows; cloning shares the queue.
#[derive(Clone, Debug)]
pub struct Queue {
    space: Space,
    sender: mpsc::Sender<Chunk>,
}

/// The rows of one request while it is read. They take the queue's bytes one by one, so that the bound holds for
/// requests that are being read as well.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    queue: &'a Queue,
    rows: Vec<Row<'static>>,
    bytes: Option<OwnedSemaphorePermit>,
    count: usize,
    units: usize,
    refused: Option<PushError>,
}

/// The rows of one request and the space that they take until they are stored or lost.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) rows: Vec<Row<'static>>,
    pub(crate) space: Taken,
}

/// Space of some rows, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    rows: OwnedSemaphorePermit,
    bytes: OwnedSemaphorePermit,
}

/// How much of the queue is taken, rows in the hands of the inserter included.
#[derive(Clone, Debug)]
pub(crate) struct Space {
    free_rows: Arc<Semaphore>,
    free_bytes: Arc<Semaphore>,
    rows: usize,
    bytes: usize,
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
        rows: usize,
        /// Bytes that it has room for.
        bytes: usize,
    },
    /// The collector is shutting down.
    Closed,
}

impl Space {
    pub(crate) fn new(rows: usize, bytes: usize, queued: IntGauge) -> Self {
        Self {
            free_rows: Arc::new(Semaphore::new(rows)),
            free_bytes: Arc::new(Semaphore::new(bytes / UNIT)),
            rows,
            bytes,
            queued,
        }
    }

    /// Rows that are in the queue or with the inserter.
    pub(crate) fn taken(&self) -> usize {
        self.rows - self.free_rows.available_permits()
    }

    /// Writes what is taken into the gauge.
    pub(crate) fn publish(&self) {
        self.queued.set(self.taken() as i64);
    }
}

impl Taken {
    pub(crate) fn merge(&mut self, other: Self) {
        self.rows.merge(other.rows);
        self.bytes.merge(other.bytes);
    }

    /// The part of some of the rows that this is the space of.
    pub(crate) fn split(&mut self, rows: &[Row<'_>]) -> Option<Self> {
        let bytes = self.bytes.split(rows.iter().map(units).sum())?;
        let rows = self.rows.split(rows.len())?;
        Some(Self { rows, bytes })
    }

    #[cfg(test)]
    pub(crate) fn rows(&self) -> usize {
        self.rows.num_permits()
    }
}

/// Permits for the bytes of a row in memory.
fn units(row: &Row<'_>) -> usize {
    row.bytes().div_ceil(UNIT)
}

impl Queue {
    pub(crate) fn new(space: Space, sender: mpsc::Sender<Chunk>) -> Self {
        Self { space, sender }
    }

    /// Begins a request.
    pub(crate) fn draft(&self) -> Draft<'_> {
        Draft {
            queue: self,
            rows: Vec::new(),
            bytes: None,
            count: 0,
            units: 0,
            refused: None,
        }
    }

    /// Takes all rows, or none and says why; never waits.
    #[cfg(test)]
    pub(crate) fn push(&self, rows: Vec<Row<'static>>) -> Result<(), PushError> {
        let mut draft = self.draft();
        let _ = rows.into_iter().try_for_each(|row| draft.add(row));
        draft.send()
    }
}

impl Draft<'_> {
    /// Adds a row; after a `Break` nothing that could be added changes the answer of [`Draft::send`].
    pub(crate) fn add(&mut self, row: Row<'static>) -> ControlFlow<()> {
        let space = &self.queue.space;
        let units = units(&row);
        self.count += 1;
        self.units += units;
        if self.count > space.rows || self.units > space.bytes / UNIT {
            let (rows, bytes) = (space.rows, space.bytes);
            self.refuse(PushError::TooMany { rows, bytes });
            return ControlFlow::Break(());
        }
        if self.refused.is_some() {
            // Only measured: a request that never fits must not be told to come again.
            return ControlFlow::Continue(());
        }
        let free = Arc::clone(&space.free_bytes);
        match u32::try_from(units).map(|units| free.try_acquire_many_owned(units)) {
            Ok(Ok(bytes)) => {
                self.rows.push(row);
                match &mut self.bytes {
                    Some(all) => all.merge(bytes),
                    None => self.bytes = Some(bytes),
                }
            }
            _ => self.refuse(PushError::Full),
        }
        ControlFlow::Continue(())
    }

    fn refuse(&mut self, error: PushError) {
        self.refused = Some(error);
        (self.rows, self.bytes) = (Vec::new(), None);
    }

    /// Puts all rows into the queue, or none and says why; never waits.
    ///
    /// # Errors
    /// See [`PushError`].
    pub(crate) fn send(self) -> Result<(), PushError> {
        if let Some(error) = self.refused {
            return Err(error);
        }
        let (rows, Some(bytes)) = (self.rows, self.bytes) else {
            return Ok(());
        };
        let count = u32::try_from(rows.len()).map_err(|_| PushError::Full)?;
        let free = Arc::clone(&self.queue.space.free_rows);
        let space = Taken {
            rows: free.try_acquire_many_owned(count).map_err(|_| PushError::Full)?,
            bytes,
        };
        let sent = self.queue.sender.try_send(Chunk { rows, space });
        sent.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => PushError::Full,
            mpsc::error::TrySendError::Closed(_) => PushError::Closed,
        })?;
        self.queue.space.publish();
        Ok(())
    }
}
