//! The other end of the spool: reads requests, and notes what became of them.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, warn};

use super::by_hand::ByHand;
use super::journal::{Journal, Position, Seal};
use super::place::Place;
use super::quarantine;
use super::record::Record;
use super::segment;
use super::set_aside::SetAside;
use super::state::Shared;
use super::stored_again;

/// Reads records in order and keeps the journal; there is one for each spool.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) journal: Journal,
    pub(super) committed: watch::Receiver<u64>,
    pub(super) place: Option<Place>,
    pub(super) linger: Duration,
    pub(super) boot: u64,
    /// What the last process left, see [`Reader::left`].
    pub(super) left: Left,
    pub(crate) set_aside: SetAside,
    pub(crate) by_hand: ByHand,
}

/// Batches that an earlier process sealed.
#[derive(Debug, Default)]
pub(crate) struct Left {
    /// Confirmed by the store before the machine was started again, so the store may have lost them since.
    pub(crate) replays: Vec<Seal>,
    /// Not confirmed: they have to be sent as they are.
    pub(crate) unconfirmed: Vec<Seal>,
}

/// What stands at a number.
#[derive(Debug)]
pub(crate) enum Found {
    /// The record, and what the tokens of its segment begin with.
    Record(Record, Arc<str>),
    /// It cannot be read, nor can those in front of `next`.
    Lost {
        /// Number of the next record that may be readable.
        next: u64,
        /// Number of the first record of their segment.
        segment: u64,
    },
    /// No segment has it, nor those in front of `next`: they were acknowledged once, and are gone.
    Gone {
        /// Number of the next record that may be readable.
        next: u64,
    },
    /// Nothing is there yet.
    End,
}

impl Reader {
    /// What the last process left to be done first.
    pub(crate) fn left(&mut self) -> Left {
        std::mem::take(&mut self.left)
    }

    /// The store has again what the machine's last boot may have lost.
    pub(crate) fn replayed(&mut self) {
        self.journal.set_boot(self.boot);
    }

    /// Told when records were committed and [`Reader::want`]ed rows wait.
    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.clone()
    }

    /// Where the batch after the last sealed one begins.
    pub(crate) fn next(&self) -> Position {
        self.journal.end()
    }

    /// Rows that wait, and the number behind the last record.
    pub(crate) fn waiting(&self) -> (u64, u64) {
        let state = self.shared.lock();
        (state.rows(), state.end())
    }

    /// Whether so many rows wait; if not, [`Reader::committed`] is told once they do.
    pub(crate) fn want(&self, rows: u64) -> bool {
        let mut state = self.shared.lock();
        state.wanted = rows;
        state.rows() >= rows
    }

    /// Rows of a segment, by the number of its first record, that wait.
    pub(crate) fn rows_of(&self, segment: u64) -> u64 {
        let state = self.shared.lock();
        state.segments.get(&segment).map_or(0, |segment| segment.rows)
    }

    /// Number of the first record of the segment that has this record; the record's own where none has it.
    pub(crate) fn segment_of(&self, lsn: u64) -> u64 {
        self.shared.lock().segment_of(lsn).map_or(lsn, |(first, _)| first)
    }

    /// What stands at this number.
    ///
    /// # Errors
    /// When the disk does not answer.
    pub(crate) fn read(&mut self, lsn: u64) -> io::Result<Found> {
        let found = {
            let state = self.shared.lock();
            match state.segment_of(lsn) {
                Some((first, segment)) => Some((first, segment.end, segment.identity.clone(), segment.damaged)),
                None => match state.next_record(lsn) {
                    Some(next) => return Ok(Found::Gone { next }),
                    None => None,
                },
            }
        };
        let Some((first, end, identity, damaged)) = found else {
            return Ok(Found::End);
        };
        let place = match self.place.take() {
            Some(place) if place.segment == first && place.lsn <= lsn => place,
            _ => match File::open(segment::path(&self.shared.folder, first)) {
                // What lingers is removed where its room is wanted.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Found::Lost {
                        next: end,
                        segment: first,
                    });
                }
                opened => Place::start(opened?, first, identity.seed),
            },
        };
        match place.read(lsn)? {
            Ok((place, record)) => {
                self.place = Some(place);
                Ok(Found::Record(record, identity.prefix))
            }
            Err(_) => {
                if !damaged {
                    self.damaged(first, lsn);
                }
                Ok(Found::Lost {
                    next: end,
                    segment: first,
                })
            }
        }
    }

    fn damaged(&self, first: u64, lsn: u64) {
        {
            let mut state = self.shared.lock();
            // What lingers is overwritten where its room is wanted.
            let Some(segment) = state.segments.get_mut(&first) else {
                return;
            };
            segment.damaged = true;
        }
        let path = segment::path(&self.shared.folder, first);
        let kept = quarantine::place(&self.shared.folder, &path);
        error!(
            path = %path.display(),
            lsn,
            kept = %kept.display(),
            "a segment of the spool is damaged: what follows in it is lost, and will be kept as it is; check the disk"
        );
        self.shared.metrics.corrupt_segments.inc();
    }

    /// Makes the boundaries of a batch last; nothing of it may be sent before.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn seal(&mut self, seal: Seal) -> io::Result<()> {
        self.journal.seal(seal)
    }

    /// Notes that the store has a batch. `taken` has the rows that it takes out of each segment, by first record.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn confirm(&mut self, seal: Seal, taken: &[(u64, u64)]) -> io::Result<()> {
        self.journal.confirm(seal)?;
        let mut state = self.shared.lock();
        state.cursor = state.cursor.max(seal.end);
        for (segment, rows) in taken {
            if let Some(segment) = state.segments.get_mut(segment) {
                segment.rows = segment.rows.saturating_sub(*rows);
            }
        }
        state.publish(&self.shared.metrics);
        Ok(())
    }

    /// Removes what the store has had for long enough.
    pub(crate) fn reclaim(&mut self) {
        while self.shared.reclaim(self.linger) {}
        self.set_aside.look();
        let first = self.shared.lock().segments.keys().next().copied();
        let first = first.unwrap_or(u64::MAX);
        if self.journal.forget_before(first)
            && let Err(cause) = stored_again::forget_before(&self.shared.folder, first)
        {
            warn!(%cause, "an empty file that tells of a batch stored again cannot be removed; it is tried again later");
        }
    }
}
