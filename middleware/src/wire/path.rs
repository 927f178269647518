//! Where in a document the reader is.

use super::member::Member;
use super::open::OPEN_LIMIT;

/// The open containers; the scanner opens no more than [`OPEN_LIMIT`].
#[derive(Debug)]
pub(super) struct Path {
    innermost: Option<Member>,
    /// Those around it, outermost first.
    outer: [Member; OPEN_LIMIT],
    length: usize,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            innermost: None,
            outer: [Member::Other; OPEN_LIMIT],
            length: 0,
        }
    }
}

impl Path {
    pub(super) const fn last(&self) -> Option<Member> {
        self.innermost
    }

    pub(super) fn push(&mut self, member: Member) {
        if let Some(around) = self.innermost.replace(member) {
            self.outer[self.length] = around;
            self.length += 1;
        }
    }

    pub(super) fn pop(&mut self) -> Option<Member> {
        let around = self.length.checked_sub(1).map(|last| {
            self.length = last;
            self.outer[last]
        });
        std::mem::replace(&mut self.innermost, around)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.innermost.is_none()
    }

    pub(super) const fn clear(&mut self) {
        self.innermost = None;
        self.length = 0;
    }
}
