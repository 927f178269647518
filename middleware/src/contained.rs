//! Keeps faults of the observing away from what is observed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use crate::export::Queue;
use crate::observe::{Conversation, Observations};

/// An observer of something.
///
/// Should observing panic, what is observed goes on unobserved, and the loss is counted.
#[derive(Debug)]
pub(crate) struct Contained<T> {
    slot: Mutex<Option<T>>,
}

/// What yields observations.
pub(crate) trait Observes {
    /// What has been observed since the last time.
    fn take(&mut self) -> Observations;
}

impl Observes for Conversation {
    fn take(&mut self) -> Observations {
        self.take()
    }
}

impl<T: Observes> Contained<T> {
    pub(crate) const fn new(observer: T) -> Self {
        Self {
            slot: Mutex::new(Some(observer)),
        }
    }

    /// Lets `step` observe something and hands on to the `queue` what comes of it.
    pub(crate) fn observe(&self, queue: &Queue, step: impl FnOnce(&mut T)) {
        if let Ok(mut slot) = self.slot.lock() {
            take_step(&mut slot, queue, step);
        }
    }

    /// The same, and nothing is observed any more.
    pub(crate) fn observe_last(&self, queue: &Queue, step: impl FnOnce(&mut T)) {
        if let Ok(mut slot) = self.slot.lock() {
            take_step(&mut slot, queue, step);
            *slot = None;
        }
    }
}

fn take_step<T: Observes>(slot: &mut Option<T>, queue: &Queue, step: impl FnOnce(&mut T)) {
    let Some(observer) = slot.as_mut() else {
        return;
    };
    let observed = catch_unwind(AssertUnwindSafe(|| {
        step(observer);
        observer.take()
    }));
    match observed {
        Ok(observations) => observations.into_iter().for_each(|observation| queue.push(observation)),
        Err(_panic) => {
            *slot = None;
            queue.count_panic();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fragile;

    impl Observes for Fragile {
        fn take(&mut self) -> Observations {
            smallvec::smallvec![crate::observe::Observation::Omitted(1)]
        }
    }

    #[test]
    fn nothing_is_observed_after_the_last() {
        let (queue, _receiver) = Queue::new(1);
        let counts = queue.counts();
        let contained = Contained::new(Fragile);
        contained.observe_last(&queue, |_| {});
        contained.observe(&queue, |_| panic!("it is over"));
        let dropped = counts.read();
        assert_eq!((dropped.batch_limit, dropped.panicked), (1, 0));
    }

    #[test]
    fn a_panic_ends_the_observing_and_nothing_else() {
        let (queue, _receiver) = Queue::new(1);
        let counts = queue.counts();
        let contained = Contained::new(Fragile);
        contained.observe(&queue, |_| {});
        contained.observe(&queue, |_| panic!("a fault in observing"));
        contained.observe(&queue, |_| panic!("nothing is observed any more"));
        let dropped = counts.read();
        assert_eq!((dropped.batch_limit, dropped.panicked), (1, 1));
    }
}
