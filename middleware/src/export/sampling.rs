//! Which records become spans when not all of them should.

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use crate::outcome::{Fault, Outcome};
use crate::record::Record;

/// Sampling of records, decided when a call has ended and everything is known of it.
///
/// Of the calls of one tool that succeeded quickly, one in every `one_in` is kept, at a random place among them so that
/// callers who take turns are all seen, and carries the weight `one_in` in `toolsight.weight`. Everything else, failures
/// of any kind, interim answers and slow calls, is always kept with weight 1. So the sum of the weights of a tool is the
/// number of its calls to within `one_in`, whatever was sampled, and that of its failures is exact. Metrics are made of
/// all records before the sampling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    one_in: u32,
    slow: Duration,
}

/// A kept call stands for at most this many.
const MOST: u32 = 10_000;

impl Sampling {
    /// Keeps one in so many quick successes: 1 keeps all, at most 10,000.
    pub const fn one_in(calls: u32) -> Self {
        let one_in = match calls {
            0 => 1,
            MOST.. => MOST,
            calls => calls,
        };
        Self {
            one_in,
            slow: Duration::from_secs(1),
        }
    }

    /// Keeps every call that took at least so long. Default: 1 s.
    #[must_use]
    pub const fn but_all_slower_than(mut self, duration: Duration) -> Self {
        self.slow = duration;
        self
    }
}

impl Default for Sampling {
    fn default() -> Self {
        Self::one_in(1)
    }
}

/// The place among the calls of one tool.
#[derive(Debug)]
struct Place {
    /// Calls of the current round of `one_in` so far.
    seen: u32,
    /// The one of them that is kept.
    keep: u32,
}

/// Places that are kept. More than there are names at a time (`names` in [`Forgotten`](crate::Forgotten)), so that what makes room
/// is a name that has been displaced, and nobody misses its place.
const PLACES: NonZeroUsize = NonZeroUsize::new(4096).expect("more than none");

/// Decides for each record; keeps one place for each name that it is given.
#[derive(Debug)]
pub(super) struct Sampler {
    sampling: Sampling,
    places: LruCache<String, Place>,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        // Grows with its use.
        let mut places = LruCache::unbounded();
        places.resize(PLACES);
        Self { sampling, places }
    }

    /// How many calls the record stands for, `None` where it is not kept. `name` gives one of a closed set, such as the
    /// metrics have; `random` draws a number below its argument.
    pub(super) fn weigh(
        &mut self,
        record: &Record,
        name: impl FnOnce() -> String,
        random: impl FnOnce(u32) -> u32,
    ) -> Option<u32> {
        let Sampling { one_in, slow } = self.sampling;
        let quick_success = record.outcome == Outcome::Ok && record.fault == Fault::None && record.duration < slow;
        if one_in == 1 || !quick_success {
            return Some(1);
        }
        let begin = || Place { seen: one_in, keep: 0 };
        let place = self.places.get_or_insert_mut(name(), begin);
        if place.seen == one_in {
            *place = Place {
                seen: 0,
                keep: random(one_in),
            };
        }
        let kept = place.seen == place.keep;
        place.seen += 1;
        kept.then_some(one_in)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::tests::record;

    fn call(outcome: Outcome, duration: Duration) -> Record {
        let fault = if outcome == Outcome::Ok {
            Fault::None
        } else {
            Fault::Server
        };
        Record {
            outcome,
            fault,
            duration,
            ..record()
        }
    }

    #[test]
    fn failures_and_slow_calls_are_always_kept_and_stand_for_themselves() {
        let mut sampler = Sampler::new(Sampling::one_in(100).but_all_slower_than(Duration::from_millis(50)));
        for (case, outcome, millis) in [
            ("a failure", Outcome::ToolError, 1),
            ("an interim answer", Outcome::InputRequired, 1),
            ("a call that was given up", Outcome::Cancelled, 1),
            ("a slow success", Outcome::Ok, 50),
        ] {
            let record = call(outcome, Duration::from_millis(millis));
            for _ in 0..3 {
                assert_eq!(sampler.weigh(&record, || "a".to_owned(), |_| 99), Some(1), "{case}");
            }
        }
        let quick = call(Outcome::Ok, Duration::from_millis(49));
        assert_eq!(sampler.weigh(&quick, || "a".to_owned(), |_| 99), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many steps for an interpreter")]
    fn names_that_come_and_go_take_no_more_room() {
        let mut sampler = Sampler::new(Sampling::one_in(2));
        let quick = call(Outcome::Ok, Duration::ZERO);
        for name in 0..PLACES.get() + 5 {
            sampler.weigh(&quick, || name.to_string(), |_| 0);
        }
        assert_eq!(sampler.places.len(), PLACES.get());
    }

    proptest! {
        #[test]
        fn weights_add_up_to_the_calls_of_each_tool(one_in in 1_u32..40, calls in 0_u32..400, seed in any::<u64>()) {
            let mut sampler = Sampler::new(Sampling::one_in(one_in));
            let quick = call(Outcome::Ok, Duration::ZERO);
            let mut state = seed | 1;
            let (mut sum, mut other) = (0, 0);
            for _ in 0..calls {
                let random = |below: u32| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    ((state >> 33) as u32) % below
                };
                sum += sampler.weigh(&quick, || "a".to_owned(), random).unwrap_or(0);
                other += sampler.weigh(&quick, || "b".to_owned(), |_| 0).unwrap_or(0);
            }
            prop_assert!(sum.abs_diff(calls) < one_in, "{sum} of {calls}");
            prop_assert_eq!(other, calls.div_ceil(one_in) * one_in);
        }
    }
}
