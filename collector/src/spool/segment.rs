//! A file of records.
//!
//! ```text
//! 0    magic      8 bytes   "tsspool2"; "tsspool1" is read as well, its seed is 0
//! 8    checksum   u32       CRC-32 of bytes 12 to 128
//! 12   length     u32       of the instance
//! 16   epoch      u128      random, drawn when the file was made
//! 32   first lsn  u64       number of the first record
//! 40   instance   64 bytes  name of the collector that made the file
//! 104  unused
//! 128  records
//! ```
//!
//! The file is as large as it may become from the start, so that a record needs no room that may be missing. It is cut
//! to its data once nothing is added any more; after a restart nothing is ever added to an older file.
//!
//! A segment that is not needed any more becomes a **spare**, which a later one overwrites: blocks that were written before
//! are on disk without a change of the file system's own notes, which would also wait for what others write. What the spare
//! still has behind the new data is of older records, with smaller numbers and under another seed, a checksum of the epoch.
//!
//! Tokens of batches carry the epoch of the file. A folder that was copied or restored from a backup goes on in new files
//! and so with new tokens; were it otherwise, other rows would go with a token that the store has seen, and be dropped.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::record::{END, HEADER, Header, MARK, NoRecord, Record};

/// Bytes in front of the first record.
pub(super) const SEGMENT_HEADER: u64 = 128;
/// Longest instance in bytes.
const MAX_INSTANCE: usize = 64;
const MAGIC: &[u8; 8] = b"tsspool2";
/// Of segments whose records had no seed.
const UNSEEDED: &[u8; 8] = b"tsspool1";
const ENDING: &str = "segment";
/// Ending of files that are kept to be overwritten.
pub(super) const SPARE: &str = "spare";
/// Bytes that are searched at a time.
const WINDOW: usize = 1 << 20;

/// What is a segment's own, drawn when it was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// What tokens of its batches begin with.
    pub(super) prefix: Arc<str>,
    /// What checksums of its records begin with.
    pub(super) seed: u32,
}

/// Path of the segment whose first record has this number.
pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.{ENDING}"))
}

/// Path of the spare that had this number as a segment.
pub(super) fn spare_path(folder: &Path, first: u64) -> PathBuf {
    path(folder, first).with_extension(SPARE)
}

/// The number of the first record by a segment's name; `None` for other files.
pub(super) fn first_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(ENDING)?.strip_suffix('.')?;
    name.parse().ok()
}

/// A new segment of this size, on disk with its name.
pub(super) fn create(folder: &Path, first: u64, bytes: u64, instance: &str) -> io::Result<(File, Identity)> {
    let epoch: u128 = rand::random();
    let path = path(folder, first);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let made = allocate(&file, bytes)
        .and_then(|()| file.write_all_at(&header(epoch, first, instance), 0))
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_folder(folder));
    match made {
        Ok(()) => Ok((file, Identity::new(instance.as_bytes(), epoch))),
        Err(error) => {
            // Best effort: an empty segment is removed at the next start as well.
            let _ = fs::remove_file(&path);
            Err(error)
        }
    }
}

/// Makes a segment a spare, which has its name for good when this returns.
pub(super) fn make_spare(folder: &Path, first: u64) -> io::Result<()> {
    // Opened first: where no more files can be, nothing has been done.
    let names = File::open(folder)?;
    fs::rename(path(folder, first), spare_path(folder, first))?;
    // Else its old name may come back, with what was written to it since.
    names.sync_all()
}

/// A new segment in the place of the spare that had this number. Its name may be forgotten, and is then made again from
/// its header: waiting for the folder would be waiting for all that others write.
pub(super) fn overwrite(folder: &Path, spare: u64, first: u64, instance: &str) -> io::Result<(File, Identity)> {
    let epoch: u128 = rand::random();
    let spare = spare_path(folder, spare);
    let file = OpenOptions::new().read(true).write(true).open(&spare)?;
    let mut start = header(epoch, first, instance).to_vec();
    start.extend_from_slice(&END);
    file.write_all_at(&start, 0)?;
    file.sync_data()?;
    fs::rename(&spare, path(folder, first))?;
    Ok((file, Identity::new(instance.as_bytes(), epoch)))
}

fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        // Some file systems cannot; then running out of room is noticed when a record is written.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(bytes),
        done => Ok(done?),
    }
}

/// Makes names that were made, changed or removed in the folder last.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn header(epoch: u128, first: u64, instance: &str) -> [u8; SEGMENT_HEADER as usize] {
    let mut header = [0; SEGMENT_HEADER as usize];
    let instance = &instance.as_bytes()[..instance.len().min(MAX_INSTANCE)];
    header[..8].copy_from_slice(MAGIC);
    header[12..16].copy_from_slice(&(instance.len() as u32).to_le_bytes());
    header[16..32].copy_from_slice(&epoch.to_le_bytes());
    header[32..40].copy_from_slice(&first.to_le_bytes());
    header[40..40 + instance.len()].copy_from_slice(instance);
    let checksum = crc32fast::hash(&header[12..]);
    header[8..12].copy_from_slice(&checksum.to_le_bytes());
    header
}

impl Identity {
    fn new(instance: &[u8], epoch: u128) -> Self {
        Self {
            prefix: format!("{}:{epoch:032x}", String::from_utf8_lossy(instance)).into(),
            seed: crc32fast::hash(&epoch.to_le_bytes()),
        }
    }
}

/// The identity of a segment; `None` if its header is not what was written for `first`.
pub(super) fn read_identity(file: &File, first: u64) -> io::Result<Option<Identity>> {
    let found = read_start(file)?;
    Ok(found.and_then(|(number, identity)| (number == first).then_some(identity)))
}

/// The number of a segment's first record and its identity; `None` if its header is not what was written.
pub(super) fn read_start(file: &File) -> io::Result<Option<(u64, Identity)>> {
    let mut header = [0; SEGMENT_HEADER as usize];
    match file.read_exact_at(&mut header, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let (epoch, first, length) = (
        header[16..32].try_into(),
        header[32..40].try_into(),
        usize::from(header[12]),
    );
    let seeded = header[..8] == *MAGIC;
    let right = (seeded || header[..8] == *UNSEEDED) && header[8..12] == crc32fast::hash(&header[12..]).to_le_bytes();
    match (epoch, first) {
        (Ok(epoch), Ok(first)) if right && length <= MAX_INSTANCE => {
            let mut identity = Identity::new(&header[40..40 + length], u128::from_le_bytes(epoch));
            if !seeded {
                identity.seed = 0;
            }
            Ok(Some((u64::from_le_bytes(first), identity)))
        }
        _ => Ok(None),
    }
}

/// The header at this place, whose record has to have this number.
pub(super) fn read_header(file: &File, offset: u64, lsn: u64) -> io::Result<Result<Header, NoRecord>> {
    let mut bytes = [0; HEADER];
    let whole = match file.read_exact_at(&mut bytes, offset) {
        // Less than a header: the file ends here, or within one.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            file.read_at(&mut bytes, offset)?;
            false
        }
        read => read.map(|()| true)?,
    };
    Ok(Header::decode(&bytes).and_then(|header| {
        if whole && header.lsn == lsn {
            Ok(header)
        } else {
            Err(NoRecord::Broken)
        }
    }))
}

/// The record at this place, which has to have this number and the segment's seed.
pub(super) fn read_record(file: &File, offset: u64, lsn: u64, seed: u32) -> io::Result<Result<Record, NoRecord>> {
    let header = match read_header(file, offset, lsn)? {
        Ok(header) => header,
        Err(none) => return Ok(Err(none)),
    };
    // A length that was damaged must not become a buffer of that size.
    if offset + header.size() > file.metadata()?.len() {
        return Ok(Err(NoRecord::Broken));
    }
    let mut bytes = vec![0; header.size() as usize];
    file.read_exact_at(&mut bytes, offset)?;
    Ok(Record::check(header, seed, bytes.into()))
}

/// Whether the record `lsn`, which cannot be read at this place, was on disk once: a whole record that was written later
/// stands anywhere behind it. Gives the number behind the last one of those.
pub(super) fn was_there(file: &File, offset: u64, lsn: u64, seed: u32) -> io::Result<Option<u64>> {
    let (length, mut offset) = (file.metadata()?.len(), offset);
    let mut window = vec![0; WINDOW];
    let mut behind = None;
    while offset < length {
        let count = file.read_at(&mut window, offset)?;
        for (at, _) in window[..count]
            .windows(MARK.len())
            .enumerate()
            .filter(|(_, bytes)| *bytes == MARK)
        {
            let mut header = [0; HEADER];
            let place = offset + at as u64;
            if file.read_at(&mut header, place)? == HEADER
                && let Ok(header) = Header::decode(&header)
                // What goes to the disk together arrives in any order.
                && header.lsn.saturating_sub(u64::from(header.place)) > lsn
                && read_record(file, place, header.lsn, seed)?.is_ok()
            {
                behind = behind.max(Some(header.lsn + 1));
            }
        }
        // The next window begins where a mark may be cut in two.
        let done = count.saturating_sub(MARK.len() - 1);
        if done == 0 {
            break;
        }
        offset += done as u64;
    }
    Ok(behind)
}
