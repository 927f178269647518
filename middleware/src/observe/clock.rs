//! What time it is, asked only where something depends on it: to ask costs more than to read a small message.

use std::time::Instant;

/// What tells the time.
pub(crate) trait Clock: Copy {
    fn now(self) -> Instant;
}

/// The time of the system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(self) -> Instant {
        Instant::now()
    }
}

/// A moment that is known.
impl Clock for Instant {
    fn now(self) -> Instant {
        self
    }
}
