//! What was decided about the records: which of them form a batch, and which batches the store has.
//!
//! A batch is **sealed** here before it is sent for the first time, so that whatever happens the same rows go with the
//! same token. The file is a row of entries, each on its own checksum:
//!
//! ```text
//! 0   checksum   u32   CRC-32 of the 44 bytes behind it
//! 4   kind       u32   1: sealed, 2: confirmed by the store
//! 8   first lsn  u64
//! 16  first row  u32
//! 20  end row    u32
//! 24  end lsn    u64   the batch ends in front of this row of this record
//! 32  boot       u64   hash of the machine's boot at that time
//! 40  time       u64   microseconds since the Unix epoch
//! ```
//!
//! A damaged entry is passed over. Batches follow each other without gaps, so where one is missing between two others
//! its boundaries are theirs.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::record::now;
use super::segment::sync_folder;

const ENTRY: usize = 48;
const SEALED: u32 = 1;
const CONFIRMED: u32 = 2;
/// Entries after which the file is written anew with those that still matter.
const LONG: usize = 16_384;

/// A row of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) lsn: u64,
    pub(crate) row: u32,
}

/// The boundaries of a batch: rows from `first` to the one in front of `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seal {
    pub(crate) first: Position,
    pub(crate) end: Position,
}

/// The open journal.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    entries: usize,
    boot: u64,
    /// Sealed batches whose records may still be there, oldest first.
    seals: VecDeque<Seal>,
    /// Everything in front of it is in the store.
    cursor: Position,
}

/// What a journal said when it was opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Everything in front of it is in the store.
    pub(super) cursor: Position,
    /// All sealed batches, oldest first.
    pub(super) seals: VecDeque<Seal>,
    /// The machine's boot when the store confirmed the last batch; `None` where it never did.
    pub(super) boot: Option<u64>,
    /// Entries that could not be read.
    pub(super) damaged: usize,
}

impl Journal {
    /// Reads the journal of a folder.
    pub(super) fn read(folder: &Path) -> io::Result<Found> {
        let bytes = match fs::read(folder.join("journal")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let mut found = Found::default();
        let mut seals = Vec::new();
        for entry in bytes.chunks(ENTRY) {
            match decode(entry) {
                Some((SEALED, seal, _)) => seals.push(seal),
                Some((_, seal, then)) => {
                    found.cursor = found.cursor.max(seal.end);
                    found.boot = Some(then);
                }
                None => found.damaged += 1,
            }
        }
        seals.sort();
        for seal in seals {
            let before = found.seals.back().map_or(seal.first, |last: &Seal| last.end);
            if before < seal.first {
                found.seals.push_back(Seal {
                    first: before,
                    end: seal.first,
                });
            }
            // The entries after a torn one were written again by a later start.
            if before <= seal.first {
                found.seals.push_back(seal);
            }
        }
        Ok(found)
    }

    /// Writes the journal anew with what still matters, and goes on behind it.
    pub(super) fn create(folder: &Path, boot: u64, cursor: Position, seals: VecDeque<Seal>) -> io::Result<Self> {
        let path = folder.join("journal");
        let (file, entries) = write_new(&path, boot, cursor, &seals)?;
        Ok(Self {
            path,
            file,
            entries,
            boot,
            seals,
            cursor,
        })
    }

    /// From now on the machine's boot is this one: what an earlier one may have lost is in the store again.
    pub(super) fn set_boot(&mut self, boot: u64) {
        self.boot = boot;
    }

    /// Makes the boundaries of a batch last. Nothing may be sent before this has returned.
    pub(super) fn seal(&mut self, seal: Seal) -> io::Result<()> {
        self.add(SEALED, seal)?;
        self.seals.push_back(seal);
        Ok(())
    }

    /// Notes for good that the store has a batch and all before it.
    pub(super) fn confirm(&mut self, seal: Seal) -> io::Result<()> {
        self.add(CONFIRMED, seal)?;
        self.cursor = self.cursor.max(seal.end);
        Ok(())
    }

    /// Where the last sealed batch ends.
    pub(super) fn end(&self) -> Position {
        self.seals.back().map_or(self.cursor, |last| last.end.max(self.cursor))
    }

    /// Forgets batches whose records are all gone: those in front of `first`; tells whether there were any.
    pub(super) fn forget_before(&mut self, first: u64) -> bool {
        let before = self.seals.len();
        while self.seals.front().is_some_and(|seal| seal.end.lsn < first) {
            self.seals.pop_front();
        }
        self.seals.len() < before
    }

    fn add(&mut self, kind: u32, seal: Seal) -> io::Result<()> {
        if self.entries >= LONG.max(2 * self.seals.len()) {
            (self.file, self.entries) = write_new(&self.path, self.boot, self.cursor, &self.seals)?;
        }
        // At its place, so that it also goes over one that did not fit on a full disk.
        let offset = (self.entries * ENTRY) as u64;
        self.file.write_all_at(&encode(kind, seal, self.boot), offset)?;
        self.file.sync_data()?;
        self.entries += 1;
        Ok(())
    }
}

fn write_new(path: &Path, boot: u64, cursor: Position, seals: &VecDeque<Seal>) -> io::Result<(File, usize)> {
    let temporary = path.with_extension("new");
    let mut bytes = Vec::new();
    for seal in seals {
        bytes.extend_from_slice(&encode(SEALED, *seal, boot));
    }
    let confirmed = Seal {
        first: cursor,
        end: cursor,
    };
    bytes.extend_from_slice(&encode(CONFIRMED, confirmed, boot));
    let mut options = OpenOptions::new();
    let mut file = options
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    if let Some(folder) = path.parent() {
        sync_folder(folder)?;
    }
    Ok((file, seals.len() + 1))
}

fn encode(kind: u32, seal: Seal, boot: u64) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[4..8].copy_from_slice(&kind.to_le_bytes());
    entry[8..16].copy_from_slice(&seal.first.lsn.to_le_bytes());
    entry[16..20].copy_from_slice(&seal.first.row.to_le_bytes());
    entry[20..24].copy_from_slice(&seal.end.row.to_le_bytes());
    entry[24..32].copy_from_slice(&seal.end.lsn.to_le_bytes());
    entry[32..40].copy_from_slice(&boot.to_le_bytes());
    entry[40..48].copy_from_slice(&now().to_le_bytes());
    let checksum = crc32fast::hash(&entry[4..]);
    entry[..4].copy_from_slice(&checksum.to_le_bytes());
    entry
}

fn decode(entry: &[u8]) -> Option<(u32, Seal, u64)> {
    if entry.len() != ENTRY || entry[..4] != crc32fast::hash(&entry[4..]).to_le_bytes() {
        return None;
    }
    let u32_at = |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
    let position = |lsn, row| Position {
        lsn: u64_at(lsn),
        row: u32_at(row),
    };
    let seal = Seal {
        first: position(8, 16),
        end: position(24, 20),
    };
    let kind = u32_at(4);
    (matches!(kind, SEALED | CONFIRMED) && seal.first <= seal.end).then_some((kind, seal, u64_at(32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(first: u64, end: u64) -> Seal {
        let position = |lsn| Position { lsn, row: 3 };
        Seal {
            first: position(first),
            end: position(end),
        }
    }

    #[test]
    fn what_was_sealed_and_confirmed_is_found_whatever_entry_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let seals = [seal(1, 2), seal(2, 5), seal(5, 9)];
        let mut journal = Journal::create(folder.path(), 7, Position::default(), VecDeque::new()).unwrap();
        journal.seal(seals[0]).unwrap();
        journal.confirm(seals[0]).unwrap();
        journal.seal(seals[1]).unwrap();
        journal.seal(seals[2]).unwrap();
        let path = folder.path().join("journal");
        let whole = fs::read(&path).unwrap();
        assert_eq!(whole.len(), 5 * ENTRY);
        let found = Journal::read(folder.path()).unwrap();
        assert_eq!((found.cursor, found.boot, found.damaged), (seals[0].end, Some(7), 0));
        assert_eq!(found.seals, seals);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(&path, damaged).unwrap();
            let found = Journal::read(folder.path()).unwrap();
            assert_eq!(found.damaged, 1, "byte {at}");
            // The first has nothing in front of it, and the last nothing behind.
            let expected = match at / ENTRY {
                1 => &seals[1..],
                4 => &seals[..2],
                _ => &seals[..],
            };
            assert_eq!(found.seals, expected, "byte {at}");
        }
    }

    #[test]
    fn an_entry_that_is_cut_off_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), 7, Position::default(), VecDeque::new()).unwrap();
        journal.seal(seal(1, 2)).unwrap();
        journal.seal(seal(2, 3)).unwrap();
        let path = folder.path().join("journal");
        let whole = fs::read(&path).unwrap();
        for cut in 2 * ENTRY..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(Journal::read(folder.path()).unwrap().seals, [seal(1, 2)], "{cut}");
        }
    }

    #[test]
    fn a_long_journal_is_written_anew_with_what_still_matters() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(folder.path(), 7, Position::default(), VecDeque::new()).unwrap();
        journal.seal(seal(1, 2)).unwrap();
        journal.entries = LONG;
        journal.confirm(seal(1, 2)).unwrap();
        journal.forget_before(3);
        journal.seal(seal(2, 4)).unwrap();
        journal.entries = LONG;
        journal.seal(seal(4, 5)).unwrap();
        assert_eq!(journal.entries, 3);
        let found = Journal::read(folder.path()).unwrap();
        assert_eq!(found.cursor, seal(1, 2).end);
        assert_eq!(found.seals, [seal(2, 4), seal(4, 5)]);
    }
}
