//! One request as it lies in a segment.
//!
//! ```text
//! 0   magic         u32   "tsrc"
//! 4   checksum      u32   CRC-32 of everything behind it, tenant and body included, begun with the segment's seed
//! 8   body length   u32
//! 12  tenant length u16
//! 14  kind          u8    1: ExportTraceServiceRequest in protobuf
//! 15  unused        u8    0
//! 16  lsn           u64   number of the record, without gaps
//! 24  arrival       u64   microseconds since the Unix epoch
//! 32  digest        u128  XXH3 of tenant and body, to know a repeated request by
//! 48  rows          u32   rows that the body becomes
//! 52  place         u32   records that were written in front of it by the same wait for the disk
//! 56  tenant, body
//! ```
//!
//! All numbers are little-endian. A magic of zero is the end of the data: a new segment is made of zeros, and each write
//! to one that was used before ends with [`END`].
//!
//! The seed ties a record to its segment: what another one has left in the same file does not have the right checksum.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use twox_hash::XxHash3_128;

/// Bytes in front of tenant and body.
pub(super) const HEADER: usize = 56;
/// What stands behind the last record.
pub(super) const END: [u8; 4] = [0; 4];
/// Longest tenant in bytes.
pub(crate) const MAX_TENANT: usize = u16::MAX as usize;

/// What each record begins with.
pub(super) const MARK: [u8; 4] = *b"tsrc";
const MAGIC: u32 = u32::from_le_bytes(MARK);
const TRACES: u8 = 1;

/// What stands in front of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    checksum: u32,
    body_length: u32,
    tenant_length: u16,
    /// Number of the record.
    pub(crate) lsn: u64,
    /// Time of arrival in microseconds since the Unix epoch.
    pub(crate) arrival: u64,
    /// What a repeated request is known by.
    pub(crate) digest: u128,
    /// Rows that the body becomes.
    pub(crate) rows: u32,
    /// Records in front of it that the disk got together with it.
    pub(super) place: u32,
}

/// A request that was read back and is as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) header: Header,
    bytes: Bytes,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRecord {
    /// The data ends here.
    End,
    /// There is something, but not what was written.
    Broken,
}

/// What a request is known by when it comes again.
pub(crate) fn digest(tenant: &str, body: &[u8]) -> u128 {
    let mut hasher = XxHash3_128::new();
    hasher.write(&(tenant.len() as u64).to_le_bytes());
    hasher.write(tenant.as_bytes());
    hasher.write(body);
    hasher.finish_128()
}

/// Bytes of a record with this tenant and body.
pub(super) const fn size(tenant: &str, body: &[u8]) -> u64 {
    (HEADER + tenant.len() + body.len()) as u64
}

/// Writes a record behind `buffer`. The tenant is at most [`MAX_TENANT`] and the body less than 4 GiB long.
pub(super) fn encode(header: &Header, seed: u32, tenant: &str, body: &[u8], buffer: &mut Vec<u8>) {
    let start = buffer.len();
    buffer.extend_from_slice(&MAGIC.to_le_bytes());
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&(body.len() as u32).to_le_bytes());
    buffer.extend_from_slice(&(tenant.len() as u16).to_le_bytes());
    buffer.extend_from_slice(&[TRACES, 0]);
    buffer.extend_from_slice(&header.lsn.to_le_bytes());
    buffer.extend_from_slice(&header.arrival.to_le_bytes());
    buffer.extend_from_slice(&header.digest.to_le_bytes());
    buffer.extend_from_slice(&header.rows.to_le_bytes());
    buffer.extend_from_slice(&header.place.to_le_bytes());
    buffer.extend_from_slice(tenant.as_bytes());
    buffer.extend_from_slice(body);
    let checksum = checksum(seed, &buffer[start + 8..]);
    buffer[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
}

impl Header {
    /// The header of a new record.
    pub(super) fn new(lsn: u64, arrival: u64, digest: u128, rows: u32, place: u32) -> Self {
        Self {
            lsn,
            arrival,
            digest,
            rows,
            place,
            ..Self::default()
        }
    }

    /// Reads a header; its checksum is not looked at before [`Record::check`].
    pub(super) fn decode(bytes: &[u8; HEADER]) -> Result<Self, NoRecord> {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        match u32_at(0) {
            MAGIC if bytes[14] == TRACES => {}
            0 => return Err(NoRecord::End),
            _ => return Err(NoRecord::Broken),
        }
        Ok(Self {
            checksum: u32_at(4),
            body_length: u32_at(8),
            tenant_length: u16::from_le_bytes([bytes[12], bytes[13]]),
            lsn: u64_at(16),
            arrival: u64_at(24),
            digest: u128::from(u64_at(32)) | u128::from(u64_at(40)) << 64,
            rows: u32_at(48),
            place: u32_at(52),
        })
    }

    /// Bytes of the whole record.
    pub(super) fn size(&self) -> u64 {
        HEADER as u64 + u64::from(self.tenant_length) + u64::from(self.body_length)
    }
}

impl Record {
    /// The record of these bytes, header included, if they are what was written to the segment with this seed.
    pub(super) fn check(header: Header, seed: u32, bytes: Bytes) -> Result<Self, NoRecord> {
        let whole = bytes.len() as u64 == header.size() && checksum(seed, &bytes[8..]) == header.checksum;
        let record = Self { header, bytes };
        if whole && str::from_utf8(record.tenant_bytes()).is_ok() {
            Ok(record)
        } else {
            Err(NoRecord::Broken)
        }
    }

    /// Whom its rows belong to; empty where the sender was not told apart.
    pub(crate) fn tenant(&self) -> &str {
        str::from_utf8(self.tenant_bytes()).unwrap_or_default()
    }

    /// The request in protobuf.
    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[HEADER + usize::from(self.header.tenant_length)..]
    }

    /// When it arrived.
    pub(crate) fn arrival(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_micros(self.header.arrival)
    }

    fn tenant_bytes(&self) -> &[u8] {
        &self.bytes[HEADER..HEADER + usize::from(self.header.tenant_length)]
    }
}

fn checksum(seed: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(seed);
    hasher.update(bytes);
    hasher.finalize()
}

/// Microseconds since the Unix epoch.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
