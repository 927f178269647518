//! Which containers a scanner is in: a bit for each.

/// Wanted containers that may be open at once; no path that a visitor asks for is deeper.
pub(super) const OPEN_LIMIT: usize = 16;

/// The open wanted containers.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) depth: usize,
    /// A bit for each, set for an object; the innermost is the lowest.
    objects: u16,
}

impl Open {
    /// Outside of all.
    pub(super) const NONE: Self = Self { depth: 0, objects: 0 };

    pub(super) const fn push(&mut self, object: bool) {
        self.objects = self.objects << 1 | object as u16;
        self.depth += 1;
    }

    /// Whether the innermost is an object.
    pub(super) fn last(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.objects & 1 == 1)
    }

    pub(super) fn pop(&mut self) -> Option<bool> {
        let last = self.last()?;
        self.depth -= 1;
        self.objects >>= 1;
        Some(last)
    }
}
