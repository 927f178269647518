//! From rows to the store: a bounded queue, and one task behind it that inserts batches.
//!
//! ```text
//! receive -> Queue -> Batcher -> Inserter -> Sink
//! ```
//!
//! A request's rows are taken whole or not at all. Rows count against the queue's bound until the sink has confirmed
//! them, so the bounds in rows and bytes hold for everything in memory, and `toolsight_rows_queued` is what would be lost by a crash.

mod backoff;
mod batch;
mod inserter;
mod queue;
mod sink;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use queue::{PushError, Queue};
pub use sink::{InsertError, Sink};

use self::batch::Batcher;
use self::inserter::{Inserter, Tokens};
use self::queue::Space;
use crate::config;
use crate::telemetry::Metrics;

/// A running pipeline.
#[derive(Debug)]
pub struct Pipeline {
    /// Where receivers put rows.
    pub queue: Queue,
    drain: CancellationToken,
    give_up: CancellationToken,
    drain_time: Duration,
    inserter: JoinHandle<()>,
}

impl Pipeline {
    /// Starts the inserter; all channels of the pipeline are made here.
    pub fn start<S: Sink>(config: &config::Queue, sink: S, metrics: Metrics) -> Self {
        // A chunk has at least one row, so a channel with room for as many chunks as rows is never the tighter bound.
        let (sender, receiver) = mpsc::channel(config.rows);
        let space = Space::new(config.rows, config.bytes, metrics.rows_queued.clone());
        let (drain, give_up) = (CancellationToken::new(), CancellationToken::new());
        let inserter = Inserter {
            sink,
            batcher: Batcher {
                chunks: receiver,
                drain: drain.clone(),
                most: config.batch_rows,
                linger: config.batch_linger,
                rest: None,
            },
            tokens: Tokens::new(&config.instance),
            space: space.clone(),
            metrics,
        };
        Self {
            queue: Queue::new(space, sender),
            inserter: tokio::spawn(inserter.run(give_up.clone())),
            drain,
            give_up,
            drain_time: config.drain_time,
        }
    }

    /// Waits until the inserter ends, which it should not do before [`Pipeline::shutdown`].
    pub(crate) async fn ended(&mut self) {
        drop((&mut self.inserter).await);
    }

    /// Takes no more rows, brings those in the queue to the sink, and returns when that is done or its time is over;
    /// rows left then are lost and counted.
    pub async fn shutdown(mut self) {
        self.drain.cancel();
        if self.inserter.is_finished() {
            return;
        }
        if tokio::time::timeout(self.drain_time, &mut self.inserter).await.is_err() {
            self.give_up.cancel();
            // The inserter only has to count what is left.
            drop(self.inserter.await);
        }
    }
}

#[cfg(test)]
mod tests;
