//! Goes through a segment record by record, many with each read of the file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;

use super::record::{HEADER, Header, NoRecord, Record};
use super::segment::{self, SEGMENT_HEADER};

/// Bytes that are read at a time.
const AHEAD: usize = 256 * 1024;

/// Where the last record ended, so that the next one need not be searched.
#[derive(Debug)]
pub(super) struct Place {
    file: File,
    /// Number of the segment's first record.
    pub(super) segment: u64,
    seed: u32,
    /// Number of the record that stands here.
    pub(super) lsn: u64,
    offset: u64,
    ahead: Ahead,
}

/// What was read of the file last. Some of it may have been written since, so it counts only where it is a whole record.
#[derive(Debug, Default)]
struct Ahead {
    bytes: Bytes,
    /// How many of them were read.
    filled: usize,
    /// Where they stand in the file.
    offset: u64,
}

impl Place {
    /// The place of a segment's first record.
    pub(super) fn start(file: File, segment: u64, seed: u32) -> Self {
        Self {
            file,
            segment,
            seed,
            lsn: segment,
            offset: SEGMENT_HEADER,
            ahead: Ahead::default(),
        }
    }

    /// Goes on to this number and reads it; the place is then behind it.
    pub(super) fn read(mut self, lsn: u64) -> io::Result<Result<(Self, Record), NoRecord>> {
        while self.lsn < lsn {
            match segment::read_header(&self.file, self.offset, self.lsn)? {
                Ok(header) => self.offset += header.size(),
                Err(none) => return Ok(Err(none)),
            }
            self.lsn += 1;
        }
        let record = match self.ahead.record(&self.file, self.offset, lsn, self.seed)? {
            Some(record) => record,
            None => match segment::read_record(&self.file, self.offset, lsn, self.seed)? {
                Ok(record) => record,
                Err(none) => return Ok(Err(none)),
            },
        };
        self.offset += record.header.size();
        self.lsn += 1;
        Ok(Ok((self, record)))
    }
}

impl Ahead {
    /// The record at this place of the file if it is whole and not too large to be read with others.
    fn record(&mut self, file: &File, offset: u64, lsn: u64, seed: u32) -> io::Result<Option<Record>> {
        if let Some(record) = self.whole(offset, lsn, seed) {
            return Ok(Some(record));
        }
        // The buffer is used again, unless somebody still has a record in it.
        let mut buffer = std::mem::take(&mut self.bytes).try_into_mut().unwrap_or_default();
        buffer.resize(AHEAD, 0);
        self.filled = file.read_at(&mut buffer, offset)?;
        (self.bytes, self.offset) = (buffer.freeze(), offset);
        Ok(self.whole(offset, lsn, seed))
    }

    fn whole(&self, offset: u64, lsn: u64, seed: u32) -> Option<Record> {
        let start = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        let header = Header::decode(self.bytes.get(start..self.filled)?.first_chunk::<HEADER>()?).ok()?;
        let end = start.checked_add(usize::try_from(header.size()).ok()?)?;
        if header.lsn != lsn || end > self.filled {
            return None;
        }
        Record::check(header, seed, self.bytes.slice(start..end)).ok()
    }
}
