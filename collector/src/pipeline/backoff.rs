//! How long to wait before the next attempt.

use std::time::Duration;

/// Delay before the second attempt, at its longest.
const FIRST: Duration = Duration::from_millis(200);
/// Longest delay.
const LONGEST: Duration = Duration::from_secs(30);

/// Doubles from 0.2 s to 30 s; each delay is drawn from its upper half, so that collectors which lost the store at the
/// same moment do not come back at the same moment.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The next delay.
    pub(crate) fn next(&mut self) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.attempts.min(16)).min(LONGEST);
        self.attempts += 1;
        longest.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;

    #[test]
    fn delays_double_up_to_thirty_seconds() {
        let mut backoff = Backoff::default();
        for longest in [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0] {
            let delay = backoff.next().as_secs_f64();
            assert!(
                (longest / 2.0..=longest).contains(&delay),
                "{delay} is not in the upper half of {longest}"
            );
        }
        assert!((0..100).all(|_| backoff.next().as_secs_f64() <= 30.0));
    }
}
