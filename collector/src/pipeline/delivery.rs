//! One batch on its way to the sink, until it is stored or set aside.

use std::io;
use std::ops::Range;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{error, warn};

use super::backoff::Backoff;
use super::inserter::{Batch, Inserter, TICK};
use super::sessions::{Rows, Sessions};
use super::sink::{InsertError, Sink};
use super::walk::Walk;
use crate::row::Row;
use crate::spool::{ByHand, Seal, lacks};
use crate::store::Block;

/// How long a sink may take for a batch: longer than any takes that has limits of its own. Signs of life come beside the
/// work, so that one which waits for ever would look as if all were well.
const LONGEST_ANSWER: Duration = Duration::from_secs(600);
/// Bytes that a block may keep while no batch is on its way.
const SPARE: usize = 32 << 20;
/// How long a sink that answers may refuse a batch before it is told how to go on without the batch.
pub(crate) const LONG_REFUSED: Duration = Duration::from_secs(60);

/// Rows that were decided on so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decided {
    pub(super) inserted: u64,
    /// Those that were set aside.
    pub(super) rejected: u64,
}

/// Why the sink is not sent some rows any more, with what it had against them at last.
enum Refusal {
    /// It will never take them as they are.
    Permanent(String),
    /// An operator wants to go on without them.
    ByHand(String),
}

/// What became of rows.
enum Decision {
    Stored,
    /// The sink will never take them as they are, for this reason.
    Rejected(String),
    /// They stand in a file of their own.
    ByHand,
}

impl<S: Sink> Inserter<S> {
    /// Inserts a batch; one that is rejected is halved until the bad rows stand alone, and these are set aside.
    pub(super) async fn deliver(&mut self, batch: Batch) -> io::Result<Decided> {
        let mut decided = Decided::default();
        let Some(token) = batch.token() else {
            return Ok(decided);
        };
        if batch.block.rows() == 0 {
            return Ok(decided);
        }
        let all = batch.walk.rows;
        if self.reader.by_hand.has(&token) {
            // The collector ended before it had noted that, or the batch is repeated after a start of the machine.
            decided.rejected = all;
            return Ok(decided);
        }
        self.metrics.batch_rows.observe(batch.block.rows() as f64);
        let Batch { seal, walk, block, .. } = batch;
        let by_hand = self.again(|inserter| inserter.reader.by_hand.parts(&token)).await?;
        if by_hand.is_empty() {
            match self.decide(seal, &(0..all), &block, &token).await? {
                Decision::Stored => {
                    decided.inserted = all;
                    if block.bytes() <= SPARE {
                        self.spare = block.emptied();
                    }
                    return Ok(decided);
                }
                Decision::ByHand => {
                    decided.rejected = all;
                    return Ok(decided);
                }
                Decision::Rejected(_) => {}
            }
        }
        // The parts are read again, so that no row is in memory twice.
        drop(block);
        self.deliver_parts(seal, &walk, &token, &by_hand).await
    }

    /// Inserts the parts of a batch that cannot be sent as a whole: it is halved until the bad rows stand alone. Parts that
    /// were set aside `by_hand` before the collector ended are not sent, nor others that have such a part.
    async fn deliver_parts(
        &mut self,
        seal: Seal,
        walk: &Walk,
        token: &str,
        by_hand: &[Range<u64>],
    ) -> io::Result<Decided> {
        let (mut decided, mut bad, mut reason) = (Decided::default(), 0_u64, String::new());
        let mut parts = Vec::new();
        parts.push(0..walk.rows);
        while let Some(part) = parts.pop() {
            let rows_of_part = part.end - part.start;
            let middle = part.start + rows_of_part / 2;
            if by_hand.contains(&part) {
                decided.rejected += rows_of_part;
                continue;
            }
            if by_hand
                .iter()
                .any(|other| part.start <= other.start && other.end <= part.end)
            {
                parts.extend([middle..part.end, part.start..middle]);
                continue;
            }
            let token = format!("{token}/{}-{}", part.start, part.end);
            let read = self.again(|inserter| {
                let mut rows = Rows::default();
                inserter.visit(seal, &part, |row, sessions| rows.push(row, sessions))?;
                Ok(rows)
            });
            let mut rows = read.await?;
            rows.block.set_received(walk.arrival, walk.last_arrival);
            match self.decide(seal, &part, &rows.block, &token).await? {
                Decision::Stored => decided.inserted += rows_of_part,
                Decision::ByHand => decided.rejected += rows_of_part,
                Decision::Rejected(why) if rows_of_part <= 1 => {
                    let add = |inserter: &mut Self| {
                        let mut rows = Vec::new();
                        inserter.visit(seal, &part, |row, sessions| {
                            rows.push(sessions.completed(row).into_owned().into_owned());
                        })?;
                        inserter.reader.set_aside.add(&rows, &why, &token)
                    };
                    self.again(add).await?;
                    decided.rejected += rows_of_part;
                    bad += rows_of_part;
                    reason = why;
                }
                Decision::Rejected(_) => parts.extend([middle..part.end, part.start..middle]),
            }
        }
        if !reason.is_empty() {
            let room_bytes = self.reader.set_aside.room();
            error!(
                rows = bad,
                reason,
                room_bytes,
                "the store rejects rows, which stand in set_aside.ndjson of the spool now; after so many bytes more, the \
                oldest of them go"
            );
        }
        Ok(decided)
    }

    /// Visits some rows of a sealed batch, by their place in it.
    fn visit(
        &mut self,
        seal: Seal,
        part: &Range<u64>,
        mut visit: impl FnMut(&Row<'_>, &mut Sessions),
    ) -> io::Result<()> {
        let (mut index, sessions) = (0, &mut self.sessions);
        Walk::sealed(&mut self.reader, seal, |row| {
            if part.contains(&index) {
                visit(row, sessions);
            }
            index += 1;
        })?;
        Ok(())
    }

    /// Puts rows into a file of their own, as an operator has asked; tells whether that worked. Where the disk has no room
    /// they go on waiting for the store.
    fn set_aside(&mut self, seal: Seal, part: &Range<u64>, token: &str, reason: &str) -> io::Result<bool> {
        let mut write = || {
            let mut file = self.reader.by_hand.begin(token, reason)?;
            self.visit(seal, part, |row, sessions| file.put(&sessions.completed(row)))?;
            file.finish()
        };
        let written = write();
        if written.as_ref().is_err_and(|cause| lacks(cause).is_some()) {
            self.reader.by_hand.abandon(token);
        }
        self.reader.by_hand.answer();
        let file = match written {
            Err(cause) if lacks(&cause).is_some() => {
                error!(
                    %cause,
                    batch = token,
                    "a batch cannot be set aside, and is sent to the store again: make room on the spool's disk, or allow \
                     more open files, and run `toolsight-collector set-aside` again"
                );
                return Ok(false);
            }
            written => written?,
        };
        warn!(
            rows = part.end - part.start,
            reason,
            file = %file.display(),
            "a batch was set aside as somebody asked: once what the store has against it is mended, \
             `toolsight-collector store-again` stores it"
        );
        Ok(true)
    }

    /// Sends the same rows with the same token until the sink has decided, or they stand in a file since nobody wants to
    /// wait for that any more.
    async fn decide(&mut self, seal: Seal, part: &Range<u64>, block: &Block, token: &str) -> io::Result<Decision> {
        self.sink.prepared().await;
        let decision = loop {
            match self.attempt(block, token).await {
                Ok(()) => break Decision::Stored,
                Err(Refusal::Permanent(why)) => break Decision::Rejected(why),
                Err(Refusal::ByHand(why)) if self.set_aside(seal, part, token, &why)? => break Decision::ByHand,
                Err(Refusal::ByHand(_)) => {}
            }
        };
        self.metrics.head.decided();
        Ok(decision)
    }

    async fn attempt(&self, block: &Block, token: &str) -> Result<(), Refusal> {
        let mut backoff = Backoff::default();
        loop {
            // Before the attempt, so that none is missed.
            let recovered = self.sink.recovered();
            let answer = timeout(LONGEST_ANSWER, self.sink.insert(block, token)).await;
            let silent = || InsertError::Retryable(format!("it has not answered for {} s", LONGEST_ANSWER.as_secs()));
            let reason = match answer.unwrap_or_else(|_| Err(silent())) {
                Ok(()) => return Ok(()),
                Err(InsertError::Permanent(message)) => return Err(Refusal::Permanent(message)),
                Err(InsertError::Retryable(reason)) => reason,
            };
            let (delay, rows) = (backoff.next(), block.rows());
            let answers = self.sink.answers();
            let refused_for = self.metrics.head.refused(token, rows, &reason, answers);
            let (seconds, retry_in_seconds) = (refused_for.as_secs(), delay.as_secs_f64());
            if refused_for >= LONG_REFUSED && answers {
                error!(
                    rows,
                    seconds,
                    retry_in_seconds,
                    reason,
                    "the store answers, but has not taken this batch for so many seconds, and all others wait behind \
                     it: mend what the reason says, or go on without it by `toolsight-collector set-aside '{token}'`"
                );
            } else {
                warn!(
                    rows,
                    seconds, retry_in_seconds, reason, "the store did not take a batch"
                );
            }
            tokio::select! {
                () = sleep(delay) => {}
                () = recovered => {
                    backoff = Backoff::default();
                    // What it has against the batch, if anything, is seen from now on.
                    self.metrics.head.decided();
                }
                () = asked(&self.reader.by_hand, token) => return Err(Refusal::ByHand(reason)),
            }
            self.metrics.insert_retries.inc();
        }
    }
}

/// Waits until an operator wants this batch set aside.
async fn asked(by_hand: &ByHand, token: &str) {
    while !by_hand.is_asked(token) {
        sleep(TICK).await;
    }
}
