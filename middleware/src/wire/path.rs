//! Where in a document the reader is.

use super::member::Member;
use super::open::OPEN_LIMIT;

/// The open containers, outermost first; the scanner opens no more than these.
#[derive(Debug)]
pub(super) struct Path {
    members: [Member; OPEN_LIMIT],
    length: usize,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            members: [Member::Other; OPEN_LIMIT],
            length: 0,
        }
    }
}

impl Path {
    pub(super) fn last(&self) -> Option<Member> {
        self.members[..self.length].last().copied()
    }

    pub(super) const fn push(&mut self, member: Member) {
        self.members[self.length] = member;
        self.length += 1;
    }

    pub(super) fn pop(&mut self) -> Option<Member> {
        let last = self.last()?;
        self.length -= 1;
        Some(last)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(super) const fn clear(&mut self) {
        self.length = 0;
    }
}
