//! Brings batches into the sink, one at a time, each exactly once.

use std::pin::pin;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::backoff::Backoff;
use super::batch::Batcher;
use super::queue::{Chunk, Space};
use super::sink::{InsertError, Sink};
use crate::row::Row;
use crate::store::Block;
use crate::telemetry::Metrics;

/// The one task that talks to the sink.
#[derive(Debug)]
pub(crate) struct Inserter<S> {
    pub(crate) sink: S,
    pub(crate) batcher: Batcher,
    pub(crate) tokens: Tokens,
    pub(crate) space: Space,
    pub(crate) metrics: Metrics,
}

/// Names for batches, unique for ever: the epoch is drawn anew at each start.
#[derive(Debug)]
pub(crate) struct Tokens {
    prefix: String,
    sequence: u64,
}

impl Tokens {
    pub(crate) fn new(instance: &str) -> Self {
        Self {
            prefix: format!("{instance}:{:032x}", rand::random::<u128>()),
            sequence: 0,
        }
    }

    fn next(&mut self) -> String {
        self.sequence += 1;
        format!("{}:{}", self.prefix, self.sequence)
    }
}

impl<S: Sink> Inserter<S> {
    /// Inserts until the queue is closed and empty, or `give_up` is cancelled; what is left then is lost and counted.
    pub(crate) async fn run(mut self, give_up: CancellationToken) {
        let (space, metrics) = (self.space.clone(), self.metrics.clone());
        {
            // Rows in the hands of this future hold their space until it is dropped, so it has to outlive the count.
            let mut work = pin!(self.insert_all());
            tokio::select! {
                () = &mut work => {}
                () = give_up.cancelled() => {}
            }
            let lost = space.taken();
            if lost > 0 {
                metrics.rows_lost.with_label_values(&["shutdown"]).inc_by(lost as u64);
                error!(
                    rows = lost,
                    "rows lost: the store did not take them before the end of the shutdown"
                );
            }
        }
        drop(self);
        space.publish();
    }

    async fn insert_all(&mut self) {
        while let Some(batch) = self.batcher.next().await {
            self.insert_batch(batch).await;
        }
    }

    /// Inserts a batch; one that is rejected is halved until the bad rows stand alone.
    async fn insert_batch(&mut self, mut batch: Chunk) {
        let mut rejected = 0_u64;
        let mut reason = String::new();
        let mut parts = Vec::new();
        parts.push(0..batch.rows.len());
        while let Some(part) = parts.pop() {
            match self.insert(&batch.rows[part.clone()]).await {
                Ok(()) => {}
                Err(message) if part.len() == 1 => {
                    self.metrics.rows_lost.with_label_values(&["rejected"]).inc();
                    rejected += 1;
                    reason = message;
                }
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                    continue;
                }
            }
            drop(batch.space.split(&batch.rows[part]));
            self.space.publish();
        }
        if rejected > 0 {
            error!(rows = rejected, reason, "rows lost: the store rejects them");
        }
    }

    /// Sends the same rows with the same token until the sink has decided.
    async fn insert(&mut self, rows: &[Row<'_>]) -> Result<(), String> {
        let (block, token) = (rows.iter().collect::<Block>(), self.tokens.next());
        let mut backoff = Backoff::default();
        loop {
            match self.sink.insert(&block, &token).await {
                Ok(()) => return Ok(()),
                Err(InsertError::Permanent(message)) => return Err(message),
                Err(InsertError::Retryable(reason)) => {
                    let delay = backoff.next();
                    let retry_in_seconds = delay.as_secs_f64();
                    warn!(
                        rows = rows.len(),
                        retry_in_seconds, reason, "the store did not take a batch"
                    );
                    sleep(delay).await;
                    self.metrics.insert_retries.inc();
                }
            }
        }
    }
}
