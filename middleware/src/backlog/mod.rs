//! What has passed and is not read yet.
//!
//! A thread that serves writes down what passes, with the time, and goes on. Some hundred calls later, or some milliseconds,
//! the export thread reads all of it at once, in the order in which it was written: so nobody waits for the reading, and the
//! code that reads is in the caches but for the first call, which costs a fraction of reading each call where it is served
//! (`middleware/benches/README.md`).
//!
//! Where reading falls behind, whoever writes reads some of what waits; should others be about that and all room be taken, bytes are
//! left out, and the records say so.

#[cfg(all(test, toolsight_loom))]
mod models;
#[cfg(test)]
mod tests;
mod written;

use std::fmt;
use std::sync::{Arc, TryLockError};
use std::time::Instant;

use crate::export::Pressure;
use crate::observe::{End, Gap, ResponseHead};
use crate::sync::atomic::{AtomicBool, Ordering::Relaxed};
use crate::sync::{Mutex, MutexGuard};

use written::Written;

/// A piece longer than [`Observed::copied`] is read where it is, unless others are reading or there is more than a few to be read
/// before.
const COPIED: usize = 32 * 1024;
const FEW: Amount = Amount {
    steps: 256,
    bytes: 128 * 1024,
};

/// So much is worth waking who reads.
const MUCH: Amount = Amount {
    steps: 1024,
    bytes: 512 * 1024,
};

/// Whoever writes more than this reads some of it, unless others are reading.
const TOO_MUCH: Amount = Amount {
    steps: 4096,
    bytes: 2 * 1024 * 1024,
};

/// So much is read at a time by a thread that serves: more than it writes, but for the longest pieces.
const PORTION: Amount = Amount {
    steps: 32,
    bytes: 2 * COPIED,
};

/// No bytes are kept beyond this, and no exchange is begun.
const MOST: Amount = Amount {
    steps: 32 * 1024,
    bytes: 8 * 1024 * 1024,
};

/// Something that happened to what is observed.
#[derive(Debug)]
pub(crate) enum Passed<'a> {
    ClientData(&'a [u8]),
    ServerData(&'a [u8]),
    /// So many bytes that are not read.
    ClientGap(usize, Gap),
    ServerGap(usize, Gap),
    ResponseHead(ResponseHead),
    /// The client will not say any more.
    ClientEnd,
    End(End),
}

/// What is observed: an exchange or a pipe.
pub(crate) trait Observed: fmt::Debug + Send + Sync {
    /// Reads what has passed; all of that comes in its order, some time later.
    fn read(&self, passed: Passed<'_>, at: Instant);

    /// Leaves out these bytes, if there are means to say so.
    ///
    /// Else whoever writes waits for those who read.
    fn cut(&self, passed: &Passed<'_>) -> bool;

    /// Bytes of a piece that is rather copied than read where it is.
    fn copied(&self) -> usize {
        COPIED
    }
}

/// How much is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amount {
    steps: usize,
    bytes: usize,
}

impl Amount {
    const ALL: Self = Self {
        steps: usize::MAX,
        bytes: usize::MAX,
    };

    const fn with(self, bytes: usize) -> Self {
        Self {
            bytes: self.bytes + bytes,
            ..self
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            bytes: self.bytes + other.bytes,
        }
    }

    const fn reaches(self, limit: Self) -> bool {
        self.steps >= limit.steps || self.bytes >= limit.bytes
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Backlog {
    written: Mutex<Written>,
    /// Held by whoever reads, so that all is read in its order; room for what is written next.
    reading: Mutex<Written>,
    /// What passes is read at once, since nobody comes to read it later.
    at_once: AtomicBool,
    is_full: AtomicBool,
    /// Risen when something is written where there was nothing.
    passing: Arc<Pressure>,
    /// Risen when much is written.
    pressure: Arc<Pressure>,
}

impl Backlog {
    /// One that raises `pressure` when there is much to read.
    pub(crate) fn new(pressure: Arc<Pressure>) -> Self {
        Self {
            pressure,
            written: Mutex::new(Written::default()),
            reading: Mutex::new(Written::default()),
            at_once: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            passing: Arc::default(),
        }
    }

    /// From now on nobody comes to read later. What was written before is left to whoever says so.
    pub(crate) fn read_at_once(&self) {
        self.at_once.store(true, Relaxed);
    }

    /// Whether there is no room for another exchange.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full.load(Relaxed)
    }

    /// Rises when something is written where there was nothing.
    pub(crate) fn passing(&self) -> Arc<Pressure> {
        self.passing.clone()
    }

    /// How much has passed by now and is not read. Waits for whoever reads.
    pub(crate) fn steps(&self) -> usize {
        lock(&self.reading).amount().and(self.amount()).steps
    }

    fn amount(&self) -> Amount {
        lock(&self.written).amount()
    }

    /// Writes down what passes, to be read later.
    pub(crate) fn write<T: Observed + 'static>(&self, observed: &Arc<T>, passed: Passed<'_>) {
        if let Passed::ClientData([]) | Passed::ServerData([]) = passed {
            return;
        }
        let at = Instant::now();
        let bytes = passed.bytes().len();
        let is_long = bytes > observed.copied();
        if is_long
            && let Some(mut reading) = self.try_reading()
            && (bytes >= MUCH.bytes || !reading.amount().and(self.amount()).reaches(FEW))
        {
            self.read_all(&mut reading, &mut || true);
            return observed.read(passed, at);
        }
        let mut written = lock(&self.written);
        if written.amount().with(bytes).reaches(MOST) {
            drop(written);
            if let Some(mut reading) = self.try_reading() {
                self.read_some(&mut reading);
            }
            written = lock(&self.written);
        }
        let has_room = !written.amount().with(bytes).reaches(MOST);
        if !has_room && !is_long {
            // Else it is this piece that is too long.
            self.is_full.store(true, Relaxed);
        }
        let is_cut = !has_room && bytes > 0 && observed.cut(&passed);
        written.push(observed.clone(), if is_cut { passed.gap() } else { passed }, at);
        let amount = written.amount();
        // Under the lock: what was written before it was said is read by who said it.
        let at_once = self.at_once.load(Relaxed);
        drop(written);
        if at_once || !has_room && bytes > 0 && !is_cut {
            self.catch_up();
        } else if amount.steps == 1 {
            self.passing.rise();
        } else if amount.reaches(TOO_MUCH)
            && let Some(mut reading) = self.try_reading()
        {
            self.read_some(&mut reading);
        }
        if amount.reaches(MUCH) {
            self.pressure.rise();
        }
    }

    /// Reads everything that is written by now; returns whether there was anything.
    pub(crate) fn catch_up(&self) -> bool {
        self.catch_up_while(&mut || true)
    }

    /// The same as long as `goes_on`, which is asked before each step; the rest is left to others.
    pub(crate) fn catch_up_while(&self, goes_on: &mut dyn FnMut() -> bool) -> bool {
        self.read_all(&mut lock(&self.reading), goes_on)
    }

    fn read_all(&self, reading: &mut Written, goes_on: &mut dyn FnMut() -> bool) -> bool {
        let mut is_any = !reading.is_empty();
        // What others have left.
        reading.read(Amount::ALL, goes_on);
        if reading.is_empty() {
            self.fetch(reading);
            is_any |= !reading.is_empty();
            reading.read(Amount::ALL, goes_on);
        }
        is_any
    }

    fn read_some(&self, reading: &mut Written) {
        if reading.is_empty() {
            self.fetch(reading);
        }
        reading.read(PORTION, &mut || true);
    }

    fn fetch(&self, reading: &mut Written) {
        std::mem::swap(&mut *lock(&self.written), reading);
        self.is_full.store(false, Relaxed);
    }

    /// None where others read.
    fn try_reading(&self) -> Option<MutexGuard<'_, Written>> {
        match self.reading.try_lock() {
            Ok(reading) => Some(reading),
            Err(TryLockError::Poisoned(reading)) => Some(reading.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    #[cfg(test)]
    pub(crate) fn written_steps(&self) -> usize {
        self.amount().steps
    }

    /// Somebody reads as long as this is kept.
    #[cfg(test)]
    pub(crate) fn busy(&self) -> impl Sized + '_ {
        lock(&self.reading)
    }
}

/// What was written by a thread that panicked is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
