//! Brings what is in the spool to the sink, one batch at a time, each exactly once.

use std::future::pending;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::sessions::{Rows, Sessions};
use super::sink::Sink;
use super::walk::Walk;
use crate::config;
use crate::spool::{AppendError, Reader, Seal, lacks};
use crate::store::Block;
use crate::telemetry::{Metrics, unix_now};

/// Longest time between two signs of life, and between two looks at what has lingered long enough.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// The one task that talks to the sink. It reads from the disk, so it has a thread of its own.
#[derive(Debug)]
pub(crate) struct Inserter<S> {
    pub(crate) sink: S,
    pub(crate) reader: Reader,
    pub(crate) sessions: Sessions,
    pub(crate) config: config::Batch,
    pub(crate) metrics: Metrics,
    /// An empty block for the next batch, with memory of the last one.
    pub(crate) spare: Block,
    /// Cancelled when the spool takes no more and what is in it shall go.
    pub(crate) drain: CancellationToken,
}

/// A batch with boundaries that are sealed.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) seal: Seal,
    pub(super) walk: Walk,
    pub(super) block: Block,
    /// Start of its newest call in microseconds since the Unix epoch.
    newest: i64,
}

impl<S: Sink> Inserter<S> {
    /// Inserts until the spool is drained, or `give_up` is cancelled; what is left then stays in the spool.
    ///
    /// # Errors
    /// When the spool's disk fails.
    pub(crate) async fn run(mut self, give_up: CancellationToken) -> io::Result<()> {
        let (metrics, oldest) = (self.metrics.clone(), AtomicU64::new(0));
        let tick = metrics.worker_tick("inserter");
        let mut work = std::pin::pin!(self.insert_all(&oldest));
        let mut ticks = interval(TICK);
        loop {
            tokio::select! {
                biased;
                () = give_up.cancelled() => return Ok(()),
                ended = &mut work => return ended,
                _ = ticks.tick() => {
                    tick();
                    let arrived = oldest.load(Ordering::Relaxed) as f64 / 1e6;
                    let age = if arrived > 0.0 { (unix_now() - arrived).max(0.0) } else { 0.0 };
                    metrics.spool_oldest_seconds.set(age);
                }
            }
        }
    }

    async fn insert_all(&mut self, oldest: &AtomicU64) -> io::Result<()> {
        let left = self.reader.left();
        for seal in left.replays {
            let batch = self.form_sealed(seal).await?;
            // These rows were counted when they came and when they were confirmed.
            self.deliver(batch).await?;
        }
        self.reader.replayed();
        for seal in left.unconfirmed {
            let batch = self.form_sealed(seal).await?;
            oldest.store(batch.walk.arrival, Ordering::Relaxed);
            self.finish(batch).await?;
        }
        let mut committed = self.reader.committed();
        while self.wait(&mut committed, oldest).await {
            let batch = self.form().await?;
            oldest.store(batch.walk.arrival, Ordering::Relaxed);
            self.finish(batch).await?;
        }
        Ok(())
    }

    /// Waits for enough rows, or until the first has waited long enough; false once the spool is drained.
    async fn wait(&mut self, committed: &mut watch::Receiver<u64>, oldest: &AtomicU64) -> bool {
        loop {
            self.reader.reclaim();
            // The store refuses none now.
            self.reader.by_hand.answer();
            self.reader.want(0);
            if self.reader.next().lsn < self.reader.waiting().1 {
                break;
            }
            oldest.store(0, Ordering::Relaxed);
            if self.drain.is_cancelled() {
                return false;
            }
            tokio::select! {
                () = changed(committed) => {}
                () = self.drain.cancelled() => {}
                () = sleep(TICK) => {}
            }
        }
        let full_at = Instant::now() + self.config.linger;
        oldest.store((unix_now() * 1e6) as u64, Ordering::Relaxed);
        while !self.reader.want(self.config.rows as u64) {
            tokio::select! {
                () = changed(committed) => {}
                () = self.drain.cancelled() => break,
                () = sleep_until(full_at) => break,
            }
        }
        true
    }

    /// Forms the next batch, as large as it may be, and seals it.
    async fn form(&mut self) -> io::Result<Batch> {
        let first = self.reader.next();
        let opened = self.again(|inserter| {
            let (mut rows, mut bytes) = (Rows::of(std::mem::take(&mut inserter.spare)), 0);
            let (config, sessions) = (&inserter.config, &mut inserter.sessions);
            let walk = Walk::open(&mut inserter.reader, first, |row| {
                bytes += row.bytes();
                rows.push(row, sessions);
                if rows.block.rows() >= config.rows || bytes >= config.bytes {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })?;
            Ok((walk, rows))
        });
        let (walk, mut rows) = opened.await?;
        let end = walk.at;
        let seal = Seal { first, end };
        self.again(|inserter| inserter.reader.seal(seal)).await?;
        // None is waited for while another full batch waits, or at the end.
        let full = walk.rows + self.config.rows as u64;
        let hurry = || self.drain.is_cancelled() || self.reader.waiting().0 >= full;
        self.sessions.complete(&mut rows, &self.sink, hurry).await;
        Ok(Batch::new(seal, walk, rows))
    }

    /// Forms a batch again.
    async fn form_sealed(&mut self, seal: Seal) -> io::Result<Batch> {
        let formed = self.again(|inserter| {
            let (mut rows, sessions) = (Rows::default(), &mut inserter.sessions);
            let walk = Walk::sealed(&mut inserter.reader, seal, |row| rows.push(row, sessions))?;
            Ok((walk, rows))
        });
        let (walk, mut rows) = formed.await?;
        // It is of before the start, and so are the handshakes.
        self.sessions.complete(&mut rows, &self.sink, || true).await;
        Ok(Batch::new(seal, walk, rows))
    }

    /// Delivers a batch, and notes that.
    async fn finish(&mut self, batch: Batch) -> io::Result<()> {
        for tally in &batch.walk.tallies {
            tally.record_corrections(&self.metrics);
        }
        let (seal, newest) = (batch.seal, batch.newest);
        let (taken, all, gone) = (batch.walk.taken.clone(), batch.walk.taken(), batch.walk.gone);
        let decided = self.deliver(batch).await?;
        let unreadable = all.saturating_sub(decided.inserted + decided.rejected);
        self.again(|inserter| inserter.reader.confirm(seal, &taken)).await?;
        let lost = &self.metrics.rows_lost;
        self.metrics.rows_inserted.inc_by(decided.inserted);
        lost.with_label_values(&["rejected"]).inc_by(decided.rejected);
        lost.with_label_values(&["unreadable"]).inc_by(unreadable);
        // Here and not when the spool is opened, since each gap is passed once and may be there at many starts.
        if gone > 0 {
            self.metrics.requests_lost.inc_by(gone);
            error!(
                requests = gone,
                behind = seal.end.lsn,
                "requests that were acknowledged are gone from the spool, and so are their calls: check the disk, and \
                 look into quarantine/ of the spool's folder"
            );
        }
        if newest > 0 {
            let newest = self.metrics.newest_call.get().max(newest as f64 / 1e6);
            self.metrics.newest_call.set(newest);
        }
        Ok(())
    }

    /// Reads or notes something that cannot be left out: on a full disk it waits for room, and where too many files are
    /// open, until some are closed.
    pub(super) async fn again<T>(&mut self, mut work: impl FnMut(&mut Self) -> io::Result<T>) -> io::Result<T> {
        let mut waits = false;
        loop {
            let (cause, lacks) = match work(self) {
                Err(cause) => match lacks(&cause) {
                    Some(lacks) => (cause, lacks),
                    None => return Err(cause),
                },
                done => return done,
            };
            match (std::mem::replace(&mut waits, true), lacks) {
                (true, _) => {}
                (false, AppendError::OpenFiles) => error!(
                    %cause,
                    "nothing goes to the store before a file of the spool can be opened: allow the collector more open \
                     files (LimitNOFILE in systemd, --ulimit nofile in Docker)"
                ),
                (false, _) => {
                    error!(%cause, "nothing goes to the store before the spool's disk has room for notes: make some");
                }
            }
            sleep(TICK).await;
        }
    }
}

impl Batch {
    fn new(seal: Seal, walk: Walk, rows: Rows) -> Self {
        let Rows { mut block, newest, .. } = rows;
        block.set_received(walk.arrival, walk.last_arrival);
        Self {
            seal,
            walk,
            block,
            newest,
        }
    }

    /// The name that it has for ever; `None` where no record of it can be read.
    pub(super) fn token(&self) -> Option<String> {
        let (prefix, Seal { first, end }) = (self.walk.prefix.as_ref()?, self.seal);
        Some(format!("{prefix}:{}.{}-{}.{}", first.lsn, first.row, end.lsn, end.row))
    }
}

/// Waits for the next commit; there is none once the writer has ended.
async fn changed(committed: &mut watch::Receiver<u64>) {
    if committed.changed().await.is_err() {
        pending::<()>().await;
    }
}
