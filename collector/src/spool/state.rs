//! What writer and reader share: which segments there are, and how much of them waits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::error;

use super::AppendError;
use super::journal::Position;
use super::lacks;
use super::lock::Lock;
use super::quarantine;
use super::segment::{self, Identity};
use crate::telemetry::Metrics;

/// Spares that are kept at most: one for the next segment, and one for when two are done with at a time.
const SPARES: usize = 2;

/// Shared by everything that belongs to one spool.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) metrics: Metrics,
    /// Bytes that a segment has at least to become a spare.
    worth: u64,
    state: Mutex<State>,
    /// Held until both writer and reader are gone: either may still write.
    _lock: Lock,
}

/// The segments.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By the number of their first record.
    pub(super) segments: BTreeMap<u64, Segment>,
    /// Files to be overwritten, oldest first. The reader adds some behind, and the writer takes them.
    pub(super) spares: Vec<Spare>,
    /// Bytes of files that are on their way to be spares or to be gone.
    pub(super) freeing: u64,
    /// Whether one could not be freed at the last look, which is told once.
    pub(super) stuck: bool,
    /// Number behind the last record that damaged segments had once; it is not given again, so that what is lost is a gap.
    pub(super) behind: u64,
    /// Everything in front of it is in the store.
    pub(super) cursor: Position,
    /// Rows that have to wait before whoever reads them is told.
    pub(super) wanted: u64,
}

/// A file that was a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spare {
    /// Number of the first record that it had, by which it has its name.
    pub(super) first: u64,
    pub(super) bytes: u64,
}

/// A segment as far as it is committed.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// Bytes that the file takes.
    pub(super) bytes: u64,
    /// Number of the record behind the last.
    pub(super) end: u64,
    /// Rows that wait for the store.
    pub(super) rows: u64,
    pub(super) identity: Identity,
    /// Whether records may still be added.
    pub(super) open: bool,
    /// Whether records of it could not be read.
    pub(super) damaged: bool,
    /// When the store had all of it.
    pub(super) applied: Option<Instant>,
}

impl Shared {
    pub(super) fn new(folder: &Path, lock: Lock, metrics: Metrics, state: State, worth: u64) -> Self {
        let shared = Self {
            folder: folder.to_owned(),
            metrics,
            worth,
            state: Mutex::new(state),
            _lock: lock,
        };
        shared.lock().publish(&shared.metrics);
        shared
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No change of the state can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees the oldest segment that the store has had for `linger` and that can be freed; tells whether there was one.
    pub(super) fn reclaim(&self, linger: Duration) -> bool {
        let mut done_with = {
            let mut state = self.lock();
            let cursor = state.cursor.lsn;
            for segment in state.segments.values_mut().filter(|segment| segment.end <= cursor) {
                segment.applied.get_or_insert_with(Instant::now);
            }
            let applied = |segment: &Segment| segment.applied.is_some_and(|applied| applied.elapsed() >= linger);
            let segments = state.segments.iter();
            let done_with = segments.take_while(|(_, segment)| !segment.open && applied(segment));
            done_with.map(|(first, _)| *first).collect::<Vec<_>>().into_iter()
        };
        // One that cannot be moved is passed over, else the spool would fill with what is stored.
        let Some(oldest) = done_with.position(|first| self.free(first)) else {
            return false;
        };
        if oldest == 0 {
            self.lock().stuck = false;
        }
        true
    }

    /// Frees a segment; tells whether that worked. It becomes a spare if it is worth it and there are not enough yet.
    fn free(&self, first: u64) -> bool {
        let mut state = self.lock();
        let Some(segment) = state.segments.remove(&first) else {
            return false;
        };
        let (damaged, bytes) = (segment.damaged, segment.bytes);
        let spare = !damaged && bytes >= self.worth && state.spares.len() < SPARES;
        state.freeing += bytes;
        // The disk may take its time, and requests do not wait for it.
        drop(state);
        let path = segment::path(&self.folder, first);
        let freed = if damaged {
            quarantine::keep(&self.folder, &path)
        } else if spare {
            segment::make_spare(&self.folder, first)
        } else {
            fs::remove_file(&path)
        };
        if let Err(cause) = freed {
            let mut state = self.lock();
            let told = std::mem::replace(&mut state.stuck, true);
            if path.exists() {
                // Nothing was done yet; it is tried again at the next look.
                state.freeing -= bytes;
                state.segments.insert(first, segment);
            }
            if !told && lacks(&cause) != Some(AppendError::OpenFiles) {
                error!(path = %path.display(), %cause, "a segment of the spool cannot be removed, and takes room");
            }
            return false;
        }
        let mut state = self.lock();
        state.freeing -= bytes;
        if spare {
            state.spares.push(Spare { first, bytes });
        }
        state.publish(&self.metrics);
        true
    }

    /// Takes the oldest spare.
    pub(super) fn take_spare(&self) -> Option<Spare> {
        let mut state = self.lock();
        let spare = (!state.spares.is_empty()).then(|| state.spares.remove(0));
        state.publish(&self.metrics);
        spare
    }

    /// Takes a spare back that could not be used.
    pub(super) fn put_back(&self, spare: Spare) {
        let mut state = self.lock();
        state.spares.insert(0, spare);
        state.publish(&self.metrics);
    }

    /// Removes a spare; tells whether there was one.
    pub(super) fn drop_spare(&self) -> bool {
        let Some(spare) = self.take_spare() else {
            return false;
        };
        let path = segment::spare_path(&self.folder, spare.first);
        if let Err(cause) = fs::remove_file(&path) {
            error!(path = %path.display(), %cause, "a spare of the spool cannot be removed");
        }
        true
    }
}

impl State {
    /// Bytes of all segments and spares.
    pub(super) fn bytes(&self) -> u64 {
        let segments = self.segments.values().map(|segment| segment.bytes);
        let spares = self.spares.iter().map(|spare| spare.bytes);
        segments.chain(spares).sum::<u64>() + self.freeing
    }

    /// The segment that has this record, and the number of its first record.
    pub(super) fn segment_of(&self, lsn: u64) -> Option<(u64, &Segment)> {
        let (first, segment) = self.segments.range(..=lsn).next_back()?;
        (lsn < segment.end).then_some((*first, segment))
    }

    /// The first record at or behind this number.
    pub(super) fn next_record(&self, lsn: u64) -> Option<u64> {
        if self.segment_of(lsn).is_some() {
            return Some(lsn);
        }
        let mut behind = self.segments.range(lsn..);
        behind
            .find(|(first, segment)| **first < segment.end)
            .map(|(first, _)| *first)
    }

    /// The number behind the last record.
    pub(super) fn end(&self) -> u64 {
        self.segments.last_key_value().map_or(0, |(_, last)| last.end)
    }

    /// Rows that wait for the store.
    pub(super) fn rows(&self) -> u64 {
        self.segments.values().map(|segment| segment.rows).sum()
    }

    /// Writes the gauges.
    pub(super) fn publish(&self, metrics: &Metrics) {
        metrics.spool_bytes.set(self.bytes() as i64);
        metrics.rows_queued.set(self.rows() as i64);
        let waiting = |(first, segment): (&u64, &Segment)| segment.end.saturating_sub(self.cursor.lsn.max(*first));
        metrics
            .spool_records
            .set(self.segments.iter().map(waiting).sum::<u64>() as i64);
    }
}
