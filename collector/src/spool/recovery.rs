//! Reads the folder of a spool at the start.
//!
//! Only the last segment may end in the middle of a record: the collector or the machine stopped while it was written,
//! and nobody was told that it is stored. It is cut off, with what a spare has behind it. Anywhere else, and where a record
//! follows that was written later, a record that cannot be read was damaged: the segment goes to `quarantine/`, and what
//! stands in front of the damage is used.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use tracing::{error, warn};

use super::digest_window::DigestWindow;
use super::journal::Position;
use super::quarantine;
use super::record::NoRecord;
use super::segment::{self, Identity, SEGMENT_HEADER, SPARE};
use super::state::{Segment, State};
use crate::telemetry::Metrics;

/// What a segment's file has.
struct Scanned {
    segment: Segment,
    /// Whether something stands there that is no record.
    broken: bool,
}

/// All segments of a folder, in order, with what of them is behind `cursor`; their digests go into `window`.
pub(super) fn scan(folder: &Path, cursor: Position, window: &mut DigestWindow, metrics: &Metrics) -> io::Result<State> {
    let mut state = State {
        cursor,
        ..State::default()
    };
    let recovery = Recovery {
        folder,
        cursor,
        metrics,
    };
    let entries: io::Result<Vec<_>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths: Vec<(u64, PathBuf)> = Vec::new();
    for path in entries? {
        let ending = path.extension().and_then(OsStr::to_str);
        match (segment::first_of(&path), ending) {
            (Some(first), _) => paths.push((first, path)),
            (None, Some("new")) => fs::remove_file(path)?,
            (None, Some(SPARE)) => paths.extend(recovery.spare(&path)?),
            _ => {}
        }
    }
    paths.sort();
    for (index, (first, path)) in paths.iter().enumerate() {
        let next = paths.get(index + 1).map(|(next, _)| *next);
        let (segment, behind) = recovery.open(*first, path, next, window)?;
        state.behind = state.behind.max(behind);
        if let Some(segment) = segment {
            state.segments.insert(*first, segment);
        }
    }
    // Where the store has confirmed nothing yet, all numbers from the first file's on have to be there.
    if let (true, false, Some((first, _))) = (cursor == Position::default(), state.segments.is_empty(), paths.first()) {
        state.cursor.lsn = *first;
    }
    Ok(state)
}

struct Recovery<'a> {
    folder: &'a Path,
    cursor: Position,
    metrics: &'a Metrics,
}

impl Recovery<'_> {
    /// The segment that a spare has become, under its own name; a spare that is one still is removed.
    fn spare(&self, path: &Path) -> io::Result<Option<(u64, PathBuf)>> {
        let Some((first, _)) = segment::read_start(&File::open(path)?)? else {
            self.damaged(path, 0, None);
            quarantine::keep(self.folder, path)?;
            return Ok(None);
        };
        let segment = segment::path(self.folder, first);
        if path == segment::spare_path(self.folder, first) || segment.exists() {
            fs::remove_file(path)?;
            return Ok(None);
        }
        // The machine stopped before it had the new name on disk.
        fs::rename(path, &segment)?;
        Ok(Some((first, segment)))
    }

    /// Brings one file in order, which the one whose first record is `next` follows; `None` if nothing of it can be used.
    /// Also gives the number behind the last record that it had once, 0 where that is not known.
    fn open(
        &self,
        first: u64,
        path: &Path,
        next: Option<u64>,
        window: &mut DigestWindow,
    ) -> io::Result<(Option<Segment>, u64)> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let Some(identity) = segment::read_identity(&file, first)? else {
            if next.is_none() && nothing_in(&file)? {
                // The collector was stopped while it made the file.
                fs::remove_file(path)?;
            } else {
                self.damaged(path, 0, next.map(|next| next - first.max(self.cursor.lsn).min(next)));
                quarantine::keep(self.folder, path)?;
            }
            return Ok((None, 0));
        };
        let seed = identity.seed;
        let scanned = records(&file, first, identity, self.cursor, window)?;
        let (length, end) = (file.metadata()?.len(), scanned.segment.bytes);
        let behind = match next {
            // Numbers have no gaps. What stands behind the last record is what the file had before.
            Some(next) => (length > end && next != scanned.segment.end).then_some(next),
            // Also where an end is written, which may be damage as well.
            None => segment::was_there(&file, end, scanned.segment.end, seed)?,
        };
        if let Some(behind) = behind {
            let lost = behind.saturating_sub(scanned.segment.end.max(self.cursor.lsn));
            self.damaged(path, end, Some(lost));
            self.replace(path, end)?;
        } else if length > end {
            if scanned.broken && next.is_none() {
                let bytes = length - end;
                warn!(path = %path.display(), bytes, "the collector stopped while it wrote a request, which is cut off");
            }
            file.set_len(end)?;
        }
        // A collector that was killed may have written what the disk does not have yet, and this one counts it as stored.
        if next.is_none() || length > end {
            file.sync_all()?;
        }
        let behind = behind.unwrap_or_default();
        if scanned.segment.end == first {
            fs::remove_file(path)?;
            return Ok((None, behind));
        }
        Ok((Some(scanned.segment), behind))
    }

    /// Puts a copy of the segment's readable part in its place.
    fn replace(&self, path: &Path, end: u64) -> io::Result<()> {
        let copy = path.with_extension("new");
        let mut file = File::create(&copy)?;
        io::copy(&mut File::open(path)?.take(end), &mut file)?;
        file.sync_all()?;
        quarantine::keep(self.folder, path)?;
        fs::rename(&copy, path)?;
        segment::sync_folder(self.folder)
    }

    /// `requests` is how many of those that were not stored yet are lost, where that is known.
    fn damaged(&self, path: &Path, offset: u64, requests: Option<u64>) {
        self.metrics.corrupt_segments.inc();
        let kept = quarantine::place(self.folder, path);
        error!(
            path = %path.display(),
            offset,
            requests,
            kept = %kept.display(),
            "a segment of the spool is damaged: what stands behind the offset is lost, and kept as it is; check the disk"
        );
    }
}

fn records(
    file: &File,
    first: u64,
    identity: Identity,
    cursor: Position,
    window: &mut DigestWindow,
) -> io::Result<Scanned> {
    let (mut lsn, mut offset, mut rows) = (first, SEGMENT_HEADER, 0);
    let broken = loop {
        let header = match segment::read_record(file, offset, lsn, identity.seed)? {
            Ok(record) => record.header,
            Err(none) => break none == NoRecord::Broken,
        };
        let confirmed = match lsn.cmp(&cursor.lsn) {
            std::cmp::Ordering::Less => header.rows,
            std::cmp::Ordering::Equal => cursor.row.min(header.rows),
            std::cmp::Ordering::Greater => 0,
        };
        rows += u64::from(header.rows - confirmed);
        window.store(header.digest, Instant::now());
        offset += header.size();
        lsn += 1;
    };
    Ok(Scanned {
        segment: Segment {
            bytes: offset,
            end: lsn,
            rows,
            identity,
            open: false,
            damaged: false,
            applied: None,
        },
        broken,
    })
}

fn nothing_in(file: &File) -> io::Result<bool> {
    let mut buffer = Vec::new();
    file.take(SEGMENT_HEADER * 2).read_to_end(&mut buffer)?;
    Ok(buffer
        .get(SEGMENT_HEADER as usize..)
        .is_none_or(|data| data.iter().all(|byte| *byte == 0)))
}
