//! Where in a document a hash is.

use siphasher::sip::SipHasher24;

#[derive(Debug)]
pub(super) enum Frame {
    Array(SipHasher24),
    /// The sum of the members' hashes, which is the same in any order; and the key that is open.
    Object {
        sum: u64,
        count: u64,
        key: u64,
    },
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
