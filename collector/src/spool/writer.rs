//! The one thread that writes requests: many with each wait for the disk.
//!
//! While one group is on its way to the disk the next one gathers, so a lone request waits for no other, and under load
//! a wait is shared by as many as came during the one before.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};
use tracing::{error, info, warn};

use super::digest_window::DigestWindow;
use super::record::{self, Header, encode, now};
use super::segment::{self, SEGMENT_HEADER};
use super::state::{Segment, Shared};
use super::{AppendError, SEGMENTS, is_full};
use crate::config::Durability;

/// Bytes after which a group is written, even if more is waiting.
const GROUP: usize = 1 << 20;
/// Longest time between two signs of life.
const TICK: Duration = Duration::from_secs(1);
/// Room on the file system that is left to others, at most. Refusing before it is all gone keeps the journal's and the
/// store's own writes alive.
const RESERVE: u64 = 128 << 20;
/// Small file systems keep this part of their size instead.
const RESERVED_PART: u64 = 10;

/// What the thread is asked for.
#[derive(Debug)]
pub(super) enum Command {
    Append(Append),
    Close,
}

/// A request to be stored.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) tenant: String,
    pub(super) body: Bytes,
    pub(super) rows: u32,
    pub(super) digest: u128,
    pub(super) answer: oneshot::Sender<Result<(), AppendError>>,
}

/// Writes requests into segments.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) commands: Receiver<Command>,
    pub(super) shared: Arc<Shared>,
    pub(super) window: Arc<Mutex<DigestWindow>>,
    /// The number behind the last committed record, whenever the reader has to look again.
    pub(super) committed: watch::Sender<u64>,
    pub(super) active: Option<Active>,
    pub(super) next_lsn: u64,
    pub(super) limit: u64,
    pub(super) segment_bytes: u64,
    pub(super) durability: Durability,
    pub(super) instance: String,
    /// Records that are not written yet, and who waits for them.
    pub(super) group: Vec<u8>,
    pub(super) waiting: Vec<Waiting>,
    /// Bytes of a record that there was no room for; `None` while there is room.
    pub(super) lacking: Option<u64>,
}

/// The segment that is being filled.
#[derive(Debug)]
pub(super) struct Active {
    file: File,
    first: u64,
    /// Where the next group goes.
    offset: u64,
    bytes: u64,
}

#[derive(Debug)]
pub(super) struct Waiting {
    digest: u128,
    arrival: u64,
    rows: u32,
    answer: oneshot::Sender<Result<(), AppendError>>,
}

impl Writer {
    /// Runs until it is told to close, all handles are gone, or the disk fails.
    pub(super) fn run(mut self) {
        let tick = self.shared.metrics.worker_tick("spool");
        self.shared.metrics.spool_writable.set(1);
        let ended = loop {
            tick();
            let first = match self.commands.recv_timeout(TICK) {
                Ok(Command::Append(append)) => append,
                Err(RecvTimeoutError::Timeout) => match self.look_for_room() {
                    Ok(()) => continue,
                    Err(cause) => break Err(cause),
                },
                Ok(Command::Close) | Err(RecvTimeoutError::Disconnected) => break self.close(),
            };
            match self.group(first) {
                Ok(true) => {}
                Ok(false) => break self.close(),
                Err(cause) => break Err(cause),
            }
        };
        self.shared.metrics.spool_writable.set(0);
        if let Err(cause) = ended {
            // What the system has after a failed sync is not known, and another sync would not tell: nothing is
            // acknowledged any more.
            error!(folder = %self.shared.folder.display(), %cause, "the spool cannot be written");
            self.cut_off();
        }
        self.refuse_waiting(AppendError::Closed);
    }

    /// Writes a request and what has come meanwhile; tells whether to go on.
    fn group(&mut self, first: Append) -> io::Result<bool> {
        self.admit(first)?;
        let mut open = true;
        while open && self.group.len() < GROUP {
            match self.commands.try_recv() {
                Ok(Command::Append(append)) => self.admit(append)?,
                Ok(Command::Close) => open = false,
                Err(_) => break,
            }
        }
        self.commit()?;
        Ok(open)
    }

    /// Puts a request into the group, or refuses it.
    fn admit(&mut self, append: Append) -> io::Result<()> {
        let size = record::size(&append.tenant, &append.body);
        let waits = self.group.len() as u64;
        if self
            .active
            .as_ref()
            .is_none_or(|active| active.offset + waits + size > active.bytes)
        {
            self.commit()?;
            if let Err(refused) = self.begin_segment(size)? {
                if refused != (AppendError::TooLarge { limit: self.limit }) {
                    self.out_of_room(refused, size, 1);
                }
                self.give_up(append.digest);
                // The sender may have gone.
                let _ = append.answer.send(Err(refused));
                return Ok(());
            }
            self.has_room();
        }
        let lsn = self.next_lsn + self.waiting.len() as u64;
        let header = Header::new(lsn, now(), append.digest, append.rows);
        encode(&header, &append.tenant, &append.body, &mut self.group);
        self.waiting.push(Waiting {
            digest: append.digest,
            arrival: header.arrival,
            rows: append.rows,
            answer: append.answer,
        });
        Ok(())
    }

    /// Brings the group to the disk and answers.
    fn commit(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut().filter(|_| !self.waiting.is_empty()) else {
            return Ok(());
        };
        match active.file.write_all_at(&self.group, active.offset) {
            Err(cause) if is_full(&cause) => {
                // Half a group may stand there, which must not be found behind what is written next.
                active.file.set_len(active.offset)?;
                active.bytes = active.offset;
                let (first, bytes) = (active.first, active.bytes);
                {
                    let mut state = self.shared.lock();
                    if let Some(segment) = state.segments.get_mut(&first) {
                        segment.bytes = bytes;
                    }
                    state.publish(&self.shared.metrics);
                }
                self.out_of_room(AppendError::DiskFull, self.group.len() as u64, self.waiting.len());
                self.group.clear();
                self.refuse_waiting(AppendError::DiskFull);
                return Ok(());
            }
            written => written?,
        }
        if self.durability == Durability::Fsync {
            let started = Instant::now();
            active.file.sync_data()?;
            let seconds = started.elapsed().as_secs_f64();
            self.shared.metrics.spool_fsync_seconds.observe(seconds);
        }
        active.offset += self.group.len() as u64;
        self.group.clear();
        // A large request must not be kept as memory for ever.
        self.group.shrink_to(2 * GROUP);
        self.next_lsn += self.waiting.len() as u64;
        let enough = {
            let mut state = self.shared.lock();
            if let Some(segment) = state.segments.get_mut(&active.first) {
                segment.end = self.next_lsn;
                segment.rows += self.waiting.iter().map(|waiting| u64::from(waiting.rows)).sum::<u64>();
            }
            state.publish(&self.shared.metrics);
            state.rows() >= state.wanted
        };
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        for waiting in &self.waiting {
            window.store(waiting.digest, waiting.arrival);
            self.shared.metrics.spans_spooled.inc_by(u64::from(waiting.rows));
        }
        drop(window);
        for waiting in self.waiting.drain(..) {
            let _ = waiting.answer.send(Ok(()));
        }
        if enough {
            self.committed.send_replace(self.next_lsn);
        }
        Ok(())
    }

    /// Ends the active segment and makes one in which a record of this size has room.
    fn begin_segment(&mut self, size: u64) -> io::Result<Result<(), AppendError>> {
        self.end_segment()?;
        let bytes = match self.room_for(size)? {
            Ok(bytes) => bytes,
            Err(refused) => return Ok(Err(refused)),
        };
        let first = self.next_lsn;
        let (file, prefix) = match segment::create(&self.shared.folder, first, bytes, &self.instance) {
            Err(cause) if is_full(&cause) => return Ok(Err(AppendError::DiskFull)),
            made => made?,
        };
        let segment = Segment {
            bytes,
            end: first,
            rows: 0,
            prefix: prefix.into(),
            open: true,
            damaged: false,
            applied: None,
        };
        self.shared.lock().segments.insert(first, segment);
        self.active = Some(Active {
            file,
            first,
            offset: SEGMENT_HEADER,
            bytes,
        });
        Ok(Ok(()))
    }

    /// Bytes for a new segment in which a record of this size has room, or why there are none.
    fn room_for(&self, size: u64) -> io::Result<Result<u64, AppendError>> {
        let (least, limit) = (SEGMENT_HEADER + size, self.limit);
        if least > limit {
            return Ok(Err(AppendError::TooLarge { limit }));
        }
        // The less room there is, the smaller are the parts it is taken in, so that all of it can be used.
        let part = self.free()? / SEGMENTS;
        let bytes = self.segment_bytes.min(part).max(least);
        // What the store has confirmed lingers only as long as there is room for it.
        self.shared.reclaim(Duration::ZERO, |state| {
            state.bytes() + bytes > limit || self.free().is_ok_and(|free| free < bytes)
        });
        if self.shared.lock().bytes() + bytes > limit {
            return Ok(Err(AppendError::Full));
        }
        if self.free()? < bytes {
            return Ok(Err(AppendError::DiskFull));
        }
        Ok(Ok(bytes))
    }

    /// Bytes of the file system that the spool may still take.
    fn free(&self) -> io::Result<u64> {
        let system = rustix::fs::statvfs(&self.shared.folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(system.f_frsize);
        let reserve = RESERVE.min(bytes(system.f_blocks) / RESERVED_PART);
        Ok(bytes(system.f_bavail).saturating_sub(reserve))
    }

    /// Counts requests that there is no room for, and says so if there was room until now.
    fn out_of_room(&mut self, refused: AppendError, size: u64, requests: usize) {
        let Shared { folder, metrics, .. } = &*self.shared;
        metrics.spool_full.inc_by(requests as u64);
        metrics.spool_writable.set(0);
        if self.lacking.replace(size).is_some() {
            return;
        }
        let (folder, limit) = (folder.display(), self.limit);
        if refused == AppendError::Full {
            warn!(
                %folder,
                limit, "the spool is full, and senders are told to come again: see why the store does not take what is \
                 in it, or allow the spool more with --spool-bytes"
            );
        } else {
            warn!(
                %folder,
                "the spool's disk is full, and senders are told to come again: make room on it, or put the spool on \
                 another one with --spool-folder"
            );
        }
    }

    /// Says that requests are taken if they were not until now.
    fn has_room(&mut self) {
        if self.lacking.take().is_some() {
            self.shared.metrics.spool_writable.set(1);
            info!(folder = %self.shared.folder.display(), "the spool has room again");
        }
    }

    /// Finds out about room that nobody asks for, since whoever looks at the readiness may not send before there is some.
    fn look_for_room(&mut self) -> io::Result<()> {
        if let Some(size) = self.lacking
            && self.room_for(size)?.is_ok()
        {
            self.has_room();
        }
        Ok(())
    }

    /// Cuts the active segment to its data; nothing is added to it any more.
    fn end_segment(&mut self) -> io::Result<()> {
        let Some(active) = self.active.take() else {
            return Ok(());
        };
        active.file.set_len(active.offset)?;
        active.file.sync_all()?;
        let mut state = self.shared.lock();
        if let Some(segment) = state.segments.get_mut(&active.first) {
            (segment.bytes, segment.open) = (active.offset, false);
        }
        state.publish(&self.shared.metrics);
        Ok(())
    }

    /// Takes back what was written and not acknowledged. The system may show it until the machine ends, though the disk
    /// does not have it: the next start would take it as stored, and a sender that comes again would hear that it is.
    fn cut_off(&self) {
        if let Some(active) = &self.active
            && let Err(cause) = active.file.set_len(active.offset)
        {
            warn!(%cause, "what the disk did not take of the spool's last segment cannot be cut off");
        }
    }

    fn close(&mut self) -> io::Result<()> {
        self.commit()?;
        self.end_segment()
    }

    fn give_up(&self, digest: u128) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.give_up(digest);
    }

    fn refuse_waiting(&mut self, error: AppendError) {
        for waiting in std::mem::take(&mut self.waiting) {
            self.give_up(waiting.digest);
            let _ = waiting.answer.send(Err(error));
        }
    }
}
