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
use tracing::{error, warn};

use super::digest_window::DigestWindow;
use super::record::{self, END, Header, encode, now};
use super::room::Room;
use super::segment::{self, SEGMENT_HEADER};
use super::state::{Segment, Shared};
use super::{AppendError, lacks};
use crate::config::Durability;

/// Bytes after which a group is written, even if more is waiting.
const GROUP: usize = 1 << 20;
/// Longest time between two signs of life.
const TICK: Duration = Duration::from_secs(1);

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
    seed: u32,
    /// Where the next group goes.
    offset: u64,
    bytes: u64,
}

#[derive(Debug)]
pub(super) struct Waiting {
    digest: u128,
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
        let fits = |active: &Active| active.offset + waits + size + END.len() as u64 <= active.bytes;
        if !self.active.as_ref().is_some_and(fits) {
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
        let Some(active) = &self.active else {
            return Ok(());
        };
        let place = self.waiting.len();
        let lsn = self.next_lsn + place as u64;
        let header = Header::new(lsn, now(), append.digest, append.rows, place as u32);
        encode(&header, active.seed, &append.tenant, &append.body, &mut self.group);
        self.waiting.push(Waiting {
            digest: append.digest,
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
        let length = self.group.len() as u64;
        self.group.extend_from_slice(&END);
        match active.file.write_all_at(&self.group, active.offset) {
            Err(cause) if lacks(&cause).is_some() => {
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
                self.out_of_room(AppendError::DiskFull, length, self.waiting.len());
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
        active.offset += length;
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
        let now = Instant::now();
        for waiting in &self.waiting {
            window.store(waiting.digest, now);
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
        let room = match self.room_for(size)? {
            Ok(room) => room,
            Err(refused) => return Ok(Err(refused)),
        };
        let (first, folder, instance) = (self.next_lsn, &self.shared.folder, &self.instance);
        let (made, bytes) = match room {
            Room::Spare(spare) => {
                self.shared.take_spare();
                let made = segment::overwrite(folder, spare.first, first, instance);
                if made.as_ref().is_err_and(|cause| lacks(cause).is_some()) {
                    // It still has its name, and counts as what it takes.
                    self.shared.put_back(spare);
                }
                (made, spare.bytes)
            }
            Room::New(bytes) => (segment::create(folder, first, bytes, instance), bytes),
        };
        let (file, identity) = match made.map_err(|cause| lacks(&cause).ok_or(cause)) {
            Err(Ok(refused)) => return Ok(Err(refused)),
            Err(Err(cause)) => return Err(cause),
            Ok(made) => made,
        };
        let seed = identity.seed;
        let segment = Segment {
            bytes,
            end: first,
            rows: 0,
            identity,
            open: true,
            damaged: false,
            applied: None,
        };
        self.shared.lock().segments.insert(first, segment);
        self.active = Some(Active {
            file,
            first,
            seed,
            offset: SEGMENT_HEADER,
            bytes,
        });
        Ok(Ok(()))
    }

    /// Cuts the active segment to its data; nothing is added to it any more.
    fn end_segment(&mut self) -> io::Result<()> {
        let Some(active) = self.active.take() else {
            return Ok(());
        };
        active.file.set_len(active.offset)?;
        // Its requests are on disk. Where it ends is known by the number of the next segment, or by what stands there.
        if self.durability == Durability::Os {
            active.file.sync_all()?;
        }
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
