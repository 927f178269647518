//! The bounded queue between the observed server and the export thread, and the count of what did not fit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::pressure::Pressure;

use crate::observe::Observation;
use crate::record::Record;

/// Records that were not exported, by reason, since the start; exported as the counter `toolsight.records.dropped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// As many as the queue holds were waiting already, since the collector was away or slow; also exchanges that were not looked at
    /// since reading was far behind, which takes some hundred thousand calls a second, or with much captured some thousand.
    pub queue_full: u64,
    /// The collector did not take the batch within the retry time.
    pub export_failed: u64,
    /// The collector said that it will not take them, as for wrong credentials; the log says what to do; also
    /// those that it rejects among others of a request.
    pub refused: u64,
    /// They came after the shutdown, or could not be sent before its deadline.
    pub shutdown: u64,
    /// They were messages of a batch beyond the first 256, or what a server said in one event or line beyond the first 2048.
    pub batch_limit: u64,
    /// Observing them failed by a fault in Toolsight.
    pub panicked: u64,
}

impl Dropped {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.queue_full + self.export_failed + self.refused + self.shutdown + self.batch_limit + self.panicked
    }

    /// Name of each reason and its count.
    pub(crate) const fn by_reason(&self) -> [(&'static str, u64); 6] {
        [
            ("queue_full", self.queue_full),
            ("export_failed", self.export_failed),
            ("refused", self.refused),
            ("shutdown", self.shutdown),
            ("batch_limit", self.batch_limit),
            ("panicked", self.panicked),
        ]
    }
}

/// Waking a thread costs more than making a record, so the export thread sleeps until as many are queued, or its time
/// has come.
const ENOUGH: usize = 256;

/// The counts behind [`Dropped`].
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(super) queue_full: AtomicU64,
    pub(super) export_failed: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) shutdown: AtomicU64,
    batch_limit: AtomicU64,
    panicked: AtomicU64,
}

impl Counts {
    pub(crate) fn read(&self) -> Dropped {
        Dropped {
            queue_full: self.queue_full.load(Relaxed),
            export_failed: self.export_failed.load(Relaxed),
            refused: self.refused.load(Relaxed),
            shutdown: self.shutdown.load(Relaxed),
            batch_limit: self.batch_limit.load(Relaxed),
            panicked: self.panicked.load(Relaxed),
        }
    }
}

/// What stands in the queue: records themselves, one behind the other, so that nothing is allocated by one thread for
/// another to free.
pub(crate) type Queued = Observation<Record>;

/// The sending side of the queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// None where nothing is to be recorded at all.
    sender: Option<mpsc::Sender<Queued>>,
    counts: Arc<Counts>,
    pressure: Arc<Pressure>,
}

impl Queue {
    /// A queue that takes nothing and counts nothing.
    pub(crate) fn off() -> Self {
        Self::default()
    }

    pub(crate) fn is_off(&self) -> bool {
        self.sender.is_none()
    }

    /// A queue that holds at most `capacity` records, and its receiving side.
    pub(crate) fn new(capacity: usize) -> (Self, mpsc::Receiver<Queued>) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let queue = Self {
            sender: Some(sender),
            ..Self::default()
        };
        (queue, receiver)
    }

    /// Whether another record fits, or it makes no difference.
    pub(crate) fn has_room(&self) -> bool {
        let sender = self.sender.as_ref();
        sender.is_none_or(|sender| sender.capacity() > 0 || sender.is_closed())
    }

    /// Never waits: what does not fit is dropped and counted.
    pub(crate) fn push(&self, observation: Observation) {
        let Self {
            sender,
            counts,
            pressure,
        } = self;
        if let Observation::Omitted(count) = observation {
            counts.batch_limit.fetch_add(count, Relaxed);
            return;
        }
        let Some(sender) = sender else {
            return;
        };
        let lost = match sender.try_reserve() {
            Ok(place) => {
                // Moved but once.
                match observation {
                    Observation::Call(record) => place.send(Queued::Call(record.into_record())),
                    other => place.send(other.into()),
                }
                let (room, most) = (sender.capacity(), sender.max_capacity());
                if most - room >= ENOUGH.min(most / 2) {
                    pressure.rise();
                }
                return;
            }
            Err(TrySendError::Full(())) => &counts.queue_full,
            Err(TrySendError::Closed(())) => &counts.shutdown,
        };
        lost.fetch_add(1, Relaxed);
    }

    /// Puts into the queue, too, for those who can wait.
    pub(crate) fn sender(&self) -> Option<mpsc::Sender<Queued>> {
        self.sender.clone()
    }

    /// There was no room for what would have become a record.
    pub(crate) fn count_full(&self) {
        self.counts.queue_full.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_panic(&self) {
        self.counts.panicked.fetch_add(1, Relaxed);
    }

    pub(crate) fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    /// Rises when enough records are queued to be worth waking the export thread.
    pub(crate) fn pressure(&self) -> Arc<Pressure> {
        self.pressure.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::SessionEnd;

    #[test]
    fn what_does_not_fit_is_counted_by_reason() {
        let some = || {
            let session = SessionEnd {
                duration: std::time::Duration::ZERO,
                protocol_version: None,
            };
            Observation::Session(session.into())
        };
        let (queue, receiver) = Queue::new(2);
        (0..5).for_each(|_| queue.push(some()));
        drop(receiver);
        queue.push(some());
        queue.push(Observation::Omitted(7));
        let dropped = queue.counts().read();
        assert_eq!((dropped.queue_full, dropped.shutdown, dropped.batch_limit), (3, 1, 7));
        assert_eq!(dropped.total(), 11);
    }
}
