//! Where the next segment can be: in a spare, in a new file, or nowhere for now.

use std::fs::File;
use std::io;
use std::time::Duration;

use tracing::{info, warn};

use super::record::END;
use super::segment::SEGMENT_HEADER;
use super::state::{Shared, Spare};
use super::writer::Writer;
use super::{AppendError, SEGMENTS, lacks};

/// Room on the file system that is left to others, at most. Refusing before it is all gone keeps the journal's and the
/// store's own writes alive.
const RESERVE: u64 = 128 << 20;
/// Small file systems keep this part of their size instead.
const RESERVED_PART: u64 = 10;

/// Where a new segment can be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Room {
    /// In the oldest spare.
    Spare(Spare),
    /// In a file of so many bytes.
    New(u64),
}

impl Writer {
    /// Room for a new segment in which a record of this size fits, or why there is none.
    pub(super) fn room_for(&self, size: u64) -> io::Result<Result<Room, AppendError>> {
        let (least, limit) = (SEGMENT_HEADER + size + END.len() as u64, self.limit);
        if least > limit {
            return Ok(Err(AppendError::TooLarge { limit }));
        }
        loop {
            let free = self.free()?;
            // The less room there is, the smaller are the parts it is taken in, so that all of it can be used.
            let bytes = self.segment_bytes.min(free / SEGMENTS).max(least);
            let (used, spare) = {
                let state = self.shared.lock();
                (state.bytes(), state.spares.first().copied())
            };
            if let Some(spare) = spare.filter(|spare| spare.bytes >= least && used <= limit) {
                return Ok(Ok(Room::Spare(spare)));
            }
            if used + bytes <= limit && bytes <= free {
                return Ok(Ok(Room::New(bytes)));
            }
            // What the store has confirmed lingers only as long as there is room for it.
            if !self.shared.drop_spare() && !self.shared.reclaim(Duration::ZERO) {
                let full = used + bytes > limit;
                return Ok(Err(if full { AppendError::Full } else { AppendError::DiskFull }));
            }
        }
    }

    /// Bytes of the file system that the spool may still take.
    fn free(&self) -> io::Result<u64> {
        let system = rustix::fs::statvfs(&self.shared.folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(system.f_frsize);
        let reserve = RESERVE.min(bytes(system.f_blocks) / RESERVED_PART);
        Ok(bytes(system.f_bavail).saturating_sub(reserve))
    }

    /// Counts requests that there is no room for, and says so if there was room until now.
    pub(super) fn out_of_room(&mut self, refused: AppendError, size: u64, requests: usize) {
        let Shared { folder, metrics, .. } = &*self.shared;
        metrics.spool_full.inc_by(requests as u64);
        metrics.spool_writable.set(0);
        if self.lacking.replace(size).is_some() {
            return;
        }
        let (folder, limit) = (folder.display(), self.limit);
        match refused {
            AppendError::Full => warn!(
                %folder,
                limit, "the spool is full, and senders are told to come again: see why the store does not take what is \
                 in it, or allow the spool more with --spool-bytes"
            ),
            AppendError::OpenFiles => warn!(
                %folder,
                "too many files are open for another one of the spool, and senders are told to come again: allow more \
                 (LimitNOFILE in systemd, --ulimit nofile in Docker), or fewer connections with --max-connections"
            ),
            _ => warn!(
                %folder,
                "the spool's disk is full, and senders are told to come again: make room on it, or put the spool on \
                 another one with --spool-folder"
            ),
        }
    }

    /// Says that requests are taken if they were not until now.
    pub(super) fn has_room(&mut self) {
        if self.lacking.take().is_some() {
            self.shared.metrics.spool_writable.set(1);
            info!(folder = %self.shared.folder.display(), "the spool has room again");
        }
    }

    /// Finds out about room that nobody asks for, since whoever looks at the readiness may not send before there is some.
    pub(super) fn look_for_room(&mut self) -> io::Result<()> {
        if let Some(size) = self.lacking
            && self.room_for(size)?.is_ok()
            && self.can_open()?
        {
            self.has_room();
        }
        Ok(())
    }

    /// Whether a segment's file and its folder could be opened.
    fn can_open(&self) -> io::Result<bool> {
        let both = File::open(&self.shared.folder).and_then(|folder| folder.try_clone());
        match both {
            Err(cause) if lacks(&cause).is_some() => Ok(false),
            both => both.map(|_| true),
        }
    }
}
