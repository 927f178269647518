//! The counters of one server, over all of its processes.

use std::collections::BTreeMap;

use toolsight::semconv::OTHER;

use super::Counter;

/// Reasons and kinds of one server, of all counters together; what is beyond becomes [`OTHER`].
const MOST: usize = 48;

/// See the [module](self).
#[derive(Clone, Debug, Default)]
pub(super) struct Counts(BTreeMap<(Counter, String), u64>);

impl Counts {
    /// Adds to a count, which then is there, also as 0.
    pub(super) fn add(&mut self, counter: Counter, label: &str, count: u64) {
        let mut key = (counter, label.to_owned());
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            key.1 = OTHER.to_owned();
        }
        let sum = self.0.entry(key).or_default();
        *sum = sum.saturating_add(count);
    }

    /// Adds all of another's.
    pub(super) fn add_all(&mut self, other: &Self) {
        for (counter, label, count) in other.iter() {
            self.add(counter, label, count);
        }
    }

    /// Counter, reason or kind, and count of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Counter, &str, u64)> {
        self.0
            .iter()
            .map(|((counter, label), count)| (*counter, label.as_str(), *count))
    }

    /// What one counter has come to.
    pub(super) fn total(&self, counter: Counter) -> u64 {
        let counts = self.iter().filter(|(of, ..)| *of == counter);
        counts.fold(0, |sum, (.., count)| sum.saturating_add(count))
    }

    /// Whether nothing was ever added.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
