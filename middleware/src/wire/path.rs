//! Where in a document the reader is.

use super::member::Member;

/// Containers that may be open at once; no path that is asked for is deeper.
const DEPTH_LIMIT: usize = 16;

/// The open containers.
#[derive(Debug)]
pub(super) struct Path {
    /// [`Member::Outside`] where none is open.
    innermost: Member,
    /// Those around it, outermost first.
    outer: [Member; DEPTH_LIMIT],
    depth: usize,
}

impl Default for Path {
    fn default() -> Self {
        Self {
            innermost: Member::Outside,
            outer: [Member::Outside; DEPTH_LIMIT],
            depth: 0,
        }
    }
}

impl Path {
    pub(super) const fn last(&self) -> Member {
        self.innermost
    }

    /// Returns whether there was room.
    pub(super) fn push(&mut self, member: Member) -> bool {
        let Some(around) = self.outer.get_mut(self.depth) else {
            return false;
        };
        *around = std::mem::replace(&mut self.innermost, member);
        self.depth += 1;
        true
    }

    /// Returns the innermost container, which it no longer is.
    pub(super) fn pop(&mut self) -> Member {
        self.depth = self.depth.saturating_sub(1);
        std::mem::replace(&mut self.innermost, self.outer[self.depth])
    }

    pub(super) const fn clear(&mut self) {
        self.innermost = Member::Outside;
        self.depth = 0;
    }
}
