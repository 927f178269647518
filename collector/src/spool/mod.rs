//! Requests on disk, from their acknowledgement until the store has their rows.
//!
//! ```text
//! folder/
//!   lock                           held by the collector that uses the folder
//!   00000000000000000001.segment   requests as they came, see `segment` and `record`; named by the first's number
//!   00000000000000000001.spare     what was such a file, to be overwritten by another one
//!   journal                        which of them form a batch, and which batches the store has, see `journal`
//!   set_aside.ndjson               rows that the store refuses, see `set_aside`
//!   set_aside.TOKEN.ndjson         a batch that an operator has set aside, see `by_hand`; behind its name stands `.taken`
//!                                  or `.stored` where it is, or was, stored again, see `stored_again`
//!   layers.json                    what layers have counted, see `crate::layers`
//!   quarantine/                    segments that were damaged
//! ```
//!
//! A request is acknowledged when the disk has it. Requests have numbers without gaps; a batch is a range of rows between
//! two of them, sealed in the journal before it is sent, and its token is made of that range: whatever stops the
//! collector, the same rows go with the same token again, and the store takes them once.
//!
//! What the store has confirmed lingers for a while, since ClickHouse answers before its disk has the rows. It is sent
//! again, with its old tokens, only if the machine was started anew meanwhile: nothing else loses what the system holds
//! for the disk. The tables drop what they have. Sending it at every start would be as harmless for them, but not for a
//! table that was just made from the rows of `calls`, as a new version of the collector may do: it has those rows and no
//! memory of their tokens. If someone empties that memory and keeps the rows, and the machine fails within the linger
//! time, the rows of that time count twice; keeping them out would mean losing them where the disk did not have them.

mod by_hand;
mod digest_window;
mod journal;
mod lock;
mod place;
mod quarantine;
mod reader;
mod record;
mod recovery;
mod room;
mod segment;
mod set_aside;
mod state;
pub(crate) mod stored_again;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use bytes::Bytes;
use rustix::io::Errno;
use tokio::sync::{oneshot, watch};
use tracing::{info, warn};

use self::digest_window::{DigestWindow, Seen};
use self::journal::Journal;
use self::lock::Lock;
use self::reader::Left;
use self::set_aside::SetAside;
use self::state::Shared;
use self::writer::{Append, Command, Writer};
use crate::config;
use crate::telemetry::Metrics;

pub(crate) use self::by_hand::ByHand;
pub(crate) use self::journal::{Position, Seal};
pub(crate) use self::lock::is_in_use;
pub(crate) use self::reader::{Found, Reader};
pub(crate) use self::record::MAX_TENANT;
pub(crate) use self::set_aside::SET_ASIDE_LIMIT;

/// Requests that may wait for the writer. Each of them is in memory.
const WAITING: usize = 64;
/// Bytes of a segment where the bound leaves room for many.
const SEGMENT: u64 = 64 << 20;
/// Segments that the bound is divided into at least.
const SEGMENTS: u64 = 8;

/// Where requests are stored; cloning shares it.
#[derive(Clone, Debug)]
pub struct Spool {
    commands: SyncSender<Command>,
    window: Arc<Mutex<DigestWindow>>,
}

/// Why a spool cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// A folder or file of it cannot be used.
    #[error(
        "the spool in {} cannot be used: {cause}; see that it is a folder with room that can be written, or choose \
         another one with --spool-folder",
        folder.display()
    )]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Another collector uses it.
    #[error(
        "another collector uses the spool in {}: stop it, or choose another folder with --spool-folder",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
}

/// What became of a request that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It is stored.
    Stored,
    /// It had been stored before.
    Duplicate,
}

/// Why a request was not stored; nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppendError {
    /// The spool has as many bytes as it may have.
    Full,
    /// The file system has no room left.
    DiskFull,
    /// Too many files are open for another one.
    OpenFiles,
    /// The request is larger than the whole spool may be, in bytes.
    TooLarge { limit: u64 },
    /// Too many requests wait to be written.
    Busy,
    /// The spool is closed, or its disk has failed.
    Closed,
}

impl Spool {
    /// Opens the spool of a folder, made where it is missing, and starts its writer. The receiver ends when the writer
    /// does.
    ///
    /// # Errors
    /// [`SpoolError`] when another collector uses the folder, or it cannot be read and written.
    pub(crate) fn open(
        config: &config::Spool,
        folder: &Path,
        metrics: &Metrics,
    ) -> Result<(Self, Reader, oneshot::Receiver<()>), SpoolError> {
        let lock = Lock::take(folder)?;
        metrics
            .spool_limit_bytes
            .set(i64::try_from(config.bytes).unwrap_or(i64::MAX));
        let failed = |cause| SpoolError::Folder {
            folder: folder.to_owned(),
            cause,
        };
        let mut window = DigestWindow::default();
        let boot = lock::boot().map_err(failed)?;
        let (mut reader, next_lsn) = recover(config, folder, lock, boot, &mut window, metrics).map_err(failed)?;
        let window = Arc::new(Mutex::new(window));
        let (committed, watching) = watch::channel(next_lsn);
        reader.committed = watching;
        let (commands, receiver) = sync_channel(WAITING);
        let writer = Writer {
            commands: receiver,
            shared: Arc::clone(&reader.shared),
            window: Arc::clone(&window),
            committed,
            active: None,
            next_lsn,
            limit: config.bytes,
            segment_bytes: segment_bytes(config),
            durability: config.durability,
            instance: config.instance.clone(),
            group: Vec::new(),
            waiting: Vec::new(),
            lacking: None,
        };
        let (ended, end) = oneshot::channel();
        let run = move || {
            writer.run();
            drop(ended);
        };
        thread::Builder::new()
            .name("spool".to_owned())
            .spawn(run)
            .map_err(failed)?;
        Ok((Self { commands, window }, reader, end))
    }

    /// Stores a request whose body becomes so many rows, at least one, and returns once it is on disk. The same request of
    /// the same tenant is not stored again.
    ///
    /// Dropping the future does not take the request back.
    pub(crate) async fn append(&self, tenant: &str, body: Bytes, rows: u32) -> Result<Appended, AppendError> {
        let digest = record::digest(tenant, &body);
        let answer = loop {
            let mut decided = {
                let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
                match window.look_up(digest, Instant::now()) {
                    Seen::Stored => return Ok(Appended::Duplicate),
                    Seen::Pending(decided) => decided,
                    Seen::New => {
                        let (sender, answer) = oneshot::channel();
                        let append = Append {
                            tenant: tenant.to_owned(),
                            body,
                            rows,
                            digest,
                            answer: sender,
                        };
                        if let Err(error) = self.commands.try_send(Command::Append(append)) {
                            window.give_up(digest);
                            return Err(match error {
                                TrySendError::Full(_) => AppendError::Busy,
                                TrySendError::Disconnected(_) => AppendError::Closed,
                            });
                        }
                        break answer;
                    }
                }
            };
            // It never changes; it is closed when the other request is decided.
            let _ = decided.changed().await;
        };
        match answer.await {
            Ok(Ok(())) => Ok(Appended::Stored),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(AppendError::Closed),
        }
    }

    /// Writes what waits, and closes the spool; may wait for the disk.
    pub(crate) fn close(&self) {
        // Fails where the writer has ended by itself.
        let _ = self.commands.send(Command::Close);
    }
}

/// What is lacking where an error says that there is not enough of something, which may change; `None` for all others.
pub(crate) fn lacks(error: &io::Error) -> Option<AppendError> {
    match (error.kind(), Errno::from_io_error(error)) {
        (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded, _) => Some(AppendError::DiskFull),
        (_, Some(Errno::MFILE | Errno::NFILE)) => Some(AppendError::OpenFiles),
        _ => None,
    }
}

/// Bytes of a segment where nothing forces it to be smaller or larger.
fn segment_bytes(config: &config::Spool) -> u64 {
    (config.bytes / SEGMENTS).min(SEGMENT)
}

/// Brings the folder in order; also gives the number of the next record.
fn recover(
    config: &config::Spool,
    folder: &Path,
    lock: Lock,
    boot: u64,
    window: &mut DigestWindow,
    metrics: &Metrics,
) -> io::Result<(Reader, u64)> {
    let found = Journal::read(folder)?;
    if found.damaged > 0 {
        let entries = found.damaged;
        warn!(folder = %folder.display(), entries, "entries of the spool's journal were damaged and are passed over");
    }
    let mut state = recovery::scan(folder, found.cursor, window, metrics)?;
    let first = state.segments.keys().next().copied();
    let mut seals = found.seals;
    seals.retain(|seal| first.is_some_and(|first| seal.end.lsn >= first));
    stored_again::forget_before(folder, first.unwrap_or(u64::MAX))?;
    let sealed = seals.back().map_or(found.cursor, |last| last.end.max(found.cursor));
    // A batch may end within its last record, whose number is then taken as well.
    let next_lsn = state
        .end()
        .max(state.behind)
        .max(sealed.lsn + u64::from(sealed.row > 0))
        .max(1);
    if state.cursor == Position::default() {
        state.cursor = Position {
            lsn: first.unwrap_or(next_lsn),
            row: 0,
        };
    }
    let rebooted = found.boot.is_some_and(|then| then != boot);
    let (confirmed, unconfirmed): (Vec<_>, Vec<_>) = seals.iter().partition(|seal| seal.end <= found.cursor);
    let left = Left {
        replays: if rebooted { confirmed } else { Vec::new() },
        unconfirmed,
    };
    metrics.rows_recovered.inc_by(state.rows());
    info!(
        folder = %folder.display(),
        rows = state.rows(),
        unconfirmed_batches = left.unconfirmed.len(),
        replayed_batches = left.replays.len(),
        "the spool is open"
    );
    // One that was begun while there was little room is not kept for when there is more.
    let worth = segment_bytes(config) / 2;
    let boot_then = found.boot.unwrap_or(boot);
    let journal = Journal::create(folder, boot_then, state.cursor, seals)?;
    let reader = Reader {
        shared: Arc::new(Shared::new(folder, lock, metrics.clone(), state, worth)),
        journal,
        committed: watch::channel(next_lsn).1,
        place: None,
        linger: config.linger,
        boot,
        left,
        set_aside: SetAside::new(folder, metrics.clone()),
        by_hand: ByHand::new(folder),
    };
    Ok((reader, next_lsn))
}

#[cfg(test)]
mod tests;
