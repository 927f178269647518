//! Warnings that repeat are said once a minute.

use std::time::Duration;

use tokio::time::Instant;

/// Time between two warnings.
const EVERY: Duration = Duration::from_secs(60);

/// Says that records are lost and what to do, and in between only counts.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    said: Option<Instant>,
    lost_since: u64,
}

impl Complaints {
    pub(super) fn complain(&mut self, lost: u64, why: &str, advice: &str, now: Instant) {
        self.lost_since += lost;
        if self.said.is_some_and(|said| now.duration_since(said) < EVERY) {
            return;
        }
        self.said = Some(now);
        let records = std::mem::take(&mut self.lost_since);
        tracing::warn!(target: "toolsight", records, why, advice, "the collector does not take what it is sent; records are lost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_is_said_once_a_minute_with_all_that_was_lost() {
        let (mut complaints, start) = (Complaints::default(), Instant::now());
        complaints.complain(5, "no", "do", start);
        assert_eq!(complaints.lost_since, 0, "the first is said at once");
        complaints.complain(7, "no", "do", start + EVERY / 2);
        assert_eq!(complaints.lost_since, 7);
        complaints.complain(1, "no", "do", start + EVERY);
        assert_eq!(complaints.lost_since, 0);
    }
}
