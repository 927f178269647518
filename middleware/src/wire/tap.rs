//! What is made of the bytes of arguments, results and tool definitions as they pass.

use crate::arguments_hash::{CanonicalHash, Secret};
use crate::result_flags::ContentDigest;

/// What a reader tells of arguments and results beyond the members that every record needs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telling {
    /// Arguments are hashed under it; `None` where nothing is to be made of arguments and results.
    pub(crate) secret: Option<Secret>,
    /// Bytes that are kept of arguments.
    pub(crate) arguments: usize,
    /// Bytes that are kept of the content of a result.
    pub(crate) result: usize,
}

/// A tool's definition as `tools/list` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The same for every spelling of the same definition, in every process.
    pub(crate) hash: u64,
    pub(crate) bytes: u64,
}

/// The container whose bytes pass.
#[derive(Debug)]
pub(super) enum Tap {
    Arguments(CanonicalHash),
    Definition { hash: CanonicalHash, bytes: u64 },
    Content,
}

/// Bytes kept up to a limit.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    limit: usize,
}

impl Kept {
    pub(super) fn up_to(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            limit,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// What was kept, if anything was to be.
    pub(super) fn take(&mut self) -> Option<Box<[u8]>> {
        let bytes = std::mem::take(&mut self.bytes);
        (!bytes.is_empty()).then(|| bytes.into())
    }
}

/// A result's content as it is read.
#[derive(Debug, Default)]
pub(super) struct ContentTap {
    pub(super) digest: ContentDigest,
    kept: Kept,
    /// The block at hand is a text, and it is not empty.
    pub(super) is_text: bool,
    pub(super) has_text: bool,
}

impl ContentTap {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            kept: Kept::up_to(limit),
            ..Self::default()
        }
    }

    /// What is kept becomes an object of the two members.
    pub(super) fn begin(&mut self, structured: bool) {
        self.kept.push(if self.kept.bytes.is_empty() { b"{" } else { b"," });
        self.kept.push(if structured {
            b"\"structuredContent\":"
        } else {
            b"\"content\":"
        });
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.digest.push(bytes);
        self.kept.push(bytes);
    }

    pub(super) fn end(&mut self) -> Option<Box<[u8]>> {
        self.kept.push(b"}");
        self.kept.take()
    }
}
