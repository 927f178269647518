//! Where in a document a hash is.

use siphasher::sip::SipHasher24;

/// An open container.
#[derive(Debug)]
pub(super) struct Frame {
    /// Of what is around it, as far as that was read.
    pub(super) around: SipHasher24,
    /// `None` for an array.
    pub(super) members: Option<Members>,
}

#[derive(Debug, Default)]
pub(super) struct Members {
    /// Of their hashes, which is the same in any order.
    pub(super) sum: u64,
    pub(super) count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A value must come; in an array that has just opened, also its end.
    Value {
        or_end: bool,
    },
    /// A key must come; in an object that has just opened, also its end.
    Key {
        or_end: bool,
    },
    Colon,
    /// After a value: a comma or the end of the container.
    After,
    Text {
        key: bool,
    },
    /// Behind a backslash.
    Escape {
        key: bool,
    },
    /// Inside `\u`, with so many digits read and this value.
    Unicode {
        key: bool,
        digits: u8,
        value: u16,
    },
    Literal,
    Done,
    Broken,
}
