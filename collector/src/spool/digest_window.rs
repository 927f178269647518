//! Knows requests that come again because their acknowledgement was lost.
//!
//! Ages are counted by a clock that never jumps: a request must not count twice because somebody has set the time.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Digests that are remembered at most.
const MOST: usize = 100_000;
/// How long a digest is remembered. Senders give a request up long before.
const AGE: Duration = Duration::from_secs(600);

/// The digests of the latest requests.
#[derive(Debug)]
pub(crate) struct DigestWindow {
    known: HashMap<u128, Known, foldhash::fast::RandomState>,
    /// Stored ones, oldest first, with the time since when they are known.
    order: VecDeque<(Instant, u128)>,
    most: usize,
}

#[derive(Debug)]
enum Known {
    Stored,
    /// It is being written; the sender is dropped once that is decided.
    Pending(watch::Sender<()>),
}

/// What is known of a request.
#[derive(Debug)]
pub(crate) enum Seen {
    /// It is new, and pending from now on.
    New,
    /// It is stored.
    Stored,
    /// The same is being written: when this is closed, ask again.
    Pending(watch::Receiver<()>),
}

impl Default for DigestWindow {
    fn default() -> Self {
        Self {
            known: HashMap::default(),
            order: VecDeque::new(),
            most: MOST,
        }
    }
}

impl DigestWindow {
    /// Looks a request up, and makes it pending if it is new.
    pub(crate) fn look_up(&mut self, digest: u128, now: Instant) -> Seen {
        self.forget_old(now);
        match self.known.get(&digest) {
            Some(Known::Stored) => Seen::Stored,
            Some(Known::Pending(decided)) => Seen::Pending(decided.subscribe()),
            None => {
                self.known.insert(digest, Known::Pending(watch::Sender::new(())));
                Seen::New
            }
        }
    }

    /// The request is stored, or was found to be.
    pub(crate) fn store(&mut self, digest: u128, now: Instant) {
        if !matches!(self.known.insert(digest, Known::Stored), Some(Known::Stored)) {
            self.order.push_back((now, digest));
        }
        if self.order.len() > self.most {
            self.forget_oldest();
        }
    }

    /// The pending request was not stored.
    pub(crate) fn give_up(&mut self, digest: u128) {
        if matches!(self.known.get(&digest), Some(Known::Pending(_))) {
            self.known.remove(&digest);
        }
    }

    fn forget_old(&mut self, now: Instant) {
        let is_old = |since: Instant| now.saturating_duration_since(since) > AGE;
        while self.order.front().is_some_and(|(since, _)| is_old(*since)) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, digest)) = self.order.pop_front() {
            self.known.remove(&digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn window(most: usize) -> DigestWindow {
        DigestWindow {
            most,
            ..DigestWindow::default()
        }
    }

    #[test]
    fn a_request_is_known_for_ten_minutes_or_until_enough_others_came() {
        for (case, others, minutes, known) in [
            ("at once", 0, 0, true),
            ("after nine minutes", 0, 9, true),
            ("after eleven minutes", 0, 11, false),
            ("after as many as are remembered, with it", 9, 0, true),
            ("after one more", 10, 0, false),
        ] {
            let (mut window, start) = (window(10), Instant::now());
            assert!(matches!(window.look_up(7, start), Seen::New), "{case}");
            window.store(7, start);
            for other in 100..100 + others {
                window.store(other, start);
            }
            let seen = window.look_up(7, start + minutes * MINUTE);
            assert_eq!(matches!(seen, Seen::Stored), known, "{case}");
            assert!(window.order.len() <= 10 && window.known.len() <= 11, "{case}");
        }
    }

    #[tokio::test]
    async fn the_same_request_waits_until_the_first_is_decided() {
        for stored in [true, false] {
            let (mut window, now) = (window(10), Instant::now());
            assert!(matches!(window.look_up(7, now), Seen::New));
            let Seen::Pending(mut decided) = window.look_up(7, now) else {
                panic!("it is pending");
            };
            assert!(decided.has_changed().is_ok(), "not decided yet");
            if stored {
                window.store(7, now);
            } else {
                window.give_up(7);
            }
            assert!(decided.changed().await.is_err());
            assert_eq!(matches!(window.look_up(7, now), Seen::Stored), stored);
        }
    }
}
