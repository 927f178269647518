//! Brings what is in the spool to the sink, one batch at a time, each exactly once.

use std::future::pending;
use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::backoff::Backoff;
use super::sessions::{Rows, Sessions};
use super::sink::{InsertError, Sink};
use super::walk::Walk;
use crate::config;
use crate::row::Row;
use crate::spool::{AppendError, Reader, Seal, lacks};
use crate::store::Block;
use crate::telemetry::{Metrics, unix_now};

/// Longest time between two signs of life, and between two looks at what has lingered long enough.
const TICK: Duration = Duration::from_secs(1);

/// How long a sink may take for a batch: longer than any takes that has limits of its own. Signs of life come beside the
/// work, so that one which waits for ever would look as if all were well.
const LONGEST_ANSWER: Duration = Duration::from_secs(600);
/// Bytes that a block may keep while no batch is on its way.
const SPARE: usize = 32 << 20;

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
struct Batch {
    seal: Seal,
    walk: Walk,
    block: Block,
    /// Start of its newest call in microseconds since the Unix epoch.
    newest: i64,
}

/// Rows that were decided on so far.
#[derive(Clone, Copy, Debug, Default)]
struct Decided {
    inserted: u64,
    rejected: u64,
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
        self.sessions.complete(&mut rows, &self.sink).await;
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
        self.sessions.complete(&mut rows, &self.sink).await;
        Ok(Batch::new(seal, walk, rows))
    }

    /// Puts some rows of a sealed batch, by their place in it, into what is empty at first.
    async fn part<T: Default>(
        &mut self,
        seal: Seal,
        part: &Range<u64>,
        put: impl Fn(&mut T, &Row<'_>, &mut Sessions),
    ) -> io::Result<T> {
        let read = self.again(|inserter| {
            let (mut index, mut into, sessions) = (0, T::default(), &mut inserter.sessions);
            Walk::sealed(&mut inserter.reader, seal, |row| {
                if part.contains(&index) {
                    put(&mut into, row, sessions);
                }
                index += 1;
            })?;
            Ok(into)
        });
        read.await
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

    /// Inserts a batch; one that is rejected is halved until the bad rows stand alone, and these are set aside.
    async fn deliver(&mut self, batch: Batch) -> io::Result<Decided> {
        let mut decided = Decided::default();
        let Some(token) = batch.token() else {
            return Ok(decided);
        };
        if batch.block.rows() == 0 {
            return Ok(decided);
        }
        self.metrics.batch_rows.observe(batch.block.rows() as f64);
        if self.insert(&batch.block, &token).await.is_ok() {
            decided.inserted = batch.walk.rows;
            if batch.block.bytes() <= SPARE {
                self.spare = batch.block.emptied();
            }
            return Ok(decided);
        }
        let Batch { seal, walk, block, .. } = batch;
        // The parts are read again, so that no row is in memory twice.
        drop(block);
        let mut reason = String::new();
        let mut parts = Vec::new();
        parts.push(0..walk.rows);
        while let Some(part) = parts.pop() {
            let token = format!("{token}/{}-{}", part.start, part.end);
            let put = |rows: &mut Rows, row: &Row<'_>, sessions: &mut Sessions| rows.push(row, sessions);
            let mut rows = self.part(seal, &part, put).await?;
            rows.block.set_received(walk.arrival, walk.last_arrival);
            match self.insert(&rows.block, &token).await {
                Ok(()) => decided.inserted += part.end - part.start,
                Err(why) if part.end - part.start <= 1 => {
                    let put = |rows: &mut Vec<_>, row: &Row<'_>, _: &mut Sessions| rows.push(row.clone().into_owned());
                    let rows = self.part(seal, &part, put).await?;
                    let add = |inserter: &mut Self| inserter.reader.set_aside.add(&rows, &why, &token);
                    self.again(add).await?;
                    decided.rejected += part.end - part.start;
                    reason = why;
                }
                Err(_) => {
                    let middle = part.start + (part.end - part.start) / 2;
                    parts.push(middle..part.end);
                    parts.push(part.start..middle);
                }
            }
        }
        if decided.rejected > 0 {
            let (rows, room_bytes) = (decided.rejected, self.reader.set_aside.room());
            error!(
                rows,
                reason,
                room_bytes,
                "the store rejects rows, which stand in set_aside.ndjson of the spool now; after so many bytes more, the \
                oldest of them go"
            );
        }
        Ok(decided)
    }

    /// Reads or notes something that cannot be left out: on a full disk it waits for room, and where too many files are
    /// open, until some are closed.
    async fn again<T>(&mut self, mut work: impl FnMut(&mut Self) -> io::Result<T>) -> io::Result<T> {
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

    /// Sends the same rows with the same token until the sink has decided.
    async fn insert(&mut self, block: &Block, token: &str) -> Result<(), String> {
        self.sink.prepared().await;
        let mut backoff = Backoff::default();
        loop {
            // Before the attempt, so that none is missed.
            let recovered = self.sink.recovered();
            let answer = timeout(LONGEST_ANSWER, self.sink.insert(block, token)).await;
            let silent = || InsertError::Retryable(format!("it has not answered for {} s", LONGEST_ANSWER.as_secs()));
            match answer.unwrap_or_else(|_| Err(silent())) {
                Ok(()) => return Ok(()),
                Err(InsertError::Permanent(message)) => return Err(message),
                Err(InsertError::Retryable(reason)) => {
                    let delay = backoff.next();
                    let retry_in_seconds = delay.as_secs_f64();
                    warn!(
                        rows = block.rows(),
                        retry_in_seconds, reason, "the store did not take a batch"
                    );
                    tokio::select! {
                        () = sleep(delay) => {}
                        () = recovered => backoff = Backoff::default(),
                    }
                    self.metrics.insert_retries.inc();
                }
            }
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
    fn token(&self) -> Option<String> {
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
