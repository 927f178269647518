//! By how much the counters of one process have grown.
//!
//! A process that starts again counts from 0, with another start, so each start is a stream of its own. That way it does
//! not matter in which order points of two processes come that say they were one, or of one before and after its restart.

use lru::LruCache;
use serde::{Deserialize, Serialize};

use super::{Count, Counter};

/// Streams of one process: a layer has 15, so these are those of four starts.
const MOST: usize = 64;

/// Counter, reason or kind, and start; a delta has another start each time, which says nothing, hence `None`.
type Key = (Counter, String, Option<u64>);

/// The last point of a stream.
#[derive(Clone, Copy, Debug)]
struct Last {
    start: u64,
    time: u64,
    value: u64,
}

/// A stream that tells all since its start, and has counted something.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stream {
    counter: Counter,
    label: String,
    start: u64,
    time: u64,
    value: u64,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Streams {
    known: LruCache<Key, Last>,
    /// Streams that are not known and started until then, in nanoseconds since the Unix epoch, may be ones that were
    /// forgotten: what they have counted so far may have been added once, and is not added again.
    pub(super) forgotten_until: Option<u64>,
}

impl Streams {
    pub(super) fn new(forgotten_until: Option<u64>) -> Self {
        Self {
            known: LruCache::unbounded(),
            forgotten_until,
        }
    }

    /// By how much a counter has grown, and how many streams were forgotten to know it: 0 or 1.
    pub(super) fn grow(&mut self, count: &Count) -> (u64, u64) {
        let Count { start, time, value, .. } = *count;
        let last = Last { start, time, value };
        let key = (count.counter, count.label.clone(), (!count.is_delta).then_some(start));
        if let Some(known) = self.known.get_mut(&key) {
            let growth = if count.is_delta {
                known.delta(last)
            } else {
                known.total(last)
            };
            return (growth, 0);
        }
        let may_be_known = !count.is_delta && self.forgotten_until.is_some_and(|until| start <= until);
        let mut forgotten = 0;
        if self.known.len() == MOST {
            self.forgotten_until = self.forgotten_until.max(self.oldest_start());
            self.known.pop_lru();
            forgotten = 1;
        }
        self.known.put(key, last);
        (if may_be_known { 0 } else { value }, forgotten)
    }

    /// What there is to know after a restart of the collector, the one that is forgotten next at first.
    pub(super) fn kept(&self) -> Vec<Stream> {
        let totals = self.known.iter().rev().filter_map(|((counter, label, start), last)| {
            Some(Stream {
                counter: *counter,
                label: label.clone(),
                start: start.filter(|_| last.value > 0)?,
                time: last.time,
                value: last.value,
            })
        });
        totals.collect()
    }

    /// Knows what was kept.
    pub(super) fn restore(&mut self, kept: Vec<Stream>) {
        for stream in kept.into_iter().take(MOST) {
            let Stream { start, time, value, .. } = stream;
            let key = (stream.counter, stream.label, Some(start));
            self.known.put(key, Last { start, time, value });
        }
    }

    /// When the last of its streams started.
    pub(super) fn newest_start(&self) -> Option<u64> {
        let starts = self.known.iter().filter_map(|((.., start), _)| *start);
        starts.max().max(self.forgotten_until)
    }

    /// The start of the stream that is forgotten next.
    fn oldest_start(&self) -> Option<u64> {
        self.known.peek_lru().and_then(|((.., start), _)| *start)
    }
}

impl Last {
    /// The growth by a point that says how much was added; the same point twice is one that was sent again.
    fn delta(&mut self, point: Self) -> u64 {
        let is_repeated = point.time > 0 && (self.start, self.time) == (point.start, point.time);
        *self = point;
        if is_repeated { 0 } else { point.value }
    }

    /// The growth by a point that says how many there are since the start.
    fn total(&mut self, point: Self) -> u64 {
        if point.value < self.value && point.time < self.time {
            // It was overtaken by the one that is known.
            return 0;
        }
        let before = if point.value < self.value { 0 } else { self.value };
        *self = point;
        point.value - before
    }
}
