//! From the spool to the store: one thread that forms batches of rows and inserts them.
//!
//! ```text
//! receive -> Spool -> Walk -> Inserter -> Sink
//! ```
//!
//! Only the batch on its way is in memory. Whatever happens to the store, what waits for it waits on disk.

mod backoff;
mod delivery;
mod head;
mod inserter;
mod sessions;
mod sink;
mod walk;

use std::path::Path;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{error, info};

pub use head::{Head, Refused};
pub use sink::{Caller, InsertError, Session, Sink};

pub(crate) use self::delivery::LONG_REFUSED;
use self::inserter::Inserter;
use self::sessions::Sessions;
use crate::config::Config;
use crate::priority;
use crate::spool::{Spool, SpoolError};
use crate::store::Block;
use crate::telemetry::Metrics;

/// A running pipeline. Dropping it ends it at once; nothing that was acknowledged is lost by that.
#[derive(Debug)]
pub struct Pipeline {
    spool: Spool,
    config: crate::config::Batch,
    metrics: Metrics,
    drain: CancellationToken,
    give_up: DropGuard,
    /// Closed when the threads end.
    writer: oneshot::Receiver<()>,
    inserter: oneshot::Receiver<()>,
}

impl Pipeline {
    /// Opens the spool in this folder, and starts to write to it and to read from it.
    ///
    /// # Errors
    /// See [`SpoolError`].
    pub fn start<S: Sink>(config: &Config, folder: &Path, sink: S, metrics: Metrics) -> Result<Self, SpoolError> {
        let (spool, reader, writer) = Spool::open(&config.spool, folder, &metrics)?;
        let (drain, give_up) = (CancellationToken::new(), CancellationToken::new());
        let inserter = Inserter {
            sink,
            reader,
            sessions: Sessions::new(metrics.clone()),
            config: config.batch.clone(),
            metrics: metrics.clone(),
            spare: Block::default(),
            drain: drain.clone(),
        };
        let (ended, end) = oneshot::channel();
        let (runtime, stop) = (Handle::current(), give_up.clone());
        let run = move || {
            priority::give_way();
            if let Err(cause) = runtime.block_on(inserter.run(stop)) {
                error!(%cause, "the spool cannot be read");
            }
            drop(ended);
        };
        let started = thread::Builder::new().name("inserter".to_owned()).spawn(run);
        started.map_err(|cause| SpoolError::Folder {
            folder: folder.to_owned(),
            cause,
        })?;
        Ok(Self {
            spool,
            config: config.batch.clone(),
            metrics,
            drain,
            give_up: give_up.drop_guard(),
            writer,
            inserter: end,
        })
    }

    /// Where requests are stored.
    pub(crate) const fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Waits until a part ends by itself, which none should before [`Pipeline::shutdown`], and tells which.
    pub(crate) async fn ended(&mut self) -> &'static str {
        tokio::select! {
            _ = &mut self.writer => "the spool",
            _ = &mut self.inserter => "the inserter",
        }
    }

    /// Brings what waits to the sink, and returns when that is done or its time is over; what is left then waits on disk
    /// for the next start.
    pub async fn shutdown(mut self) {
        self.drain.cancel();
        if !self.inserter.is_terminated()
            && tokio::time::timeout(self.config.drain_time, &mut self.inserter)
                .await
                .is_err()
        {
            drop(self.give_up);
            let _ = self.inserter.await;
        }
        let rows = self.metrics.rows_queued.get();
        if rows > 0 {
            info!(
                rows,
                "the store did not take all rows in time: they stay in the spool until the next start"
            );
        }
        let spool = self.spool;
        // May wait for the disk.
        let _ = task::spawn_blocking(move || spool.close()).await;
        if !self.writer.is_terminated() {
            let _ = self.writer.await;
        }
    }
}

#[cfg(test)]
mod set_aside_tests;
#[cfg(test)]
mod tests;
