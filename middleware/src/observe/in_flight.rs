//! The calls that are running: how many, and since when the oldest of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::sync::Mutex;

/// One entry for each [`Ticket`], so it is as bounded as the calls that hold these.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<Starts>);

#[derive(Debug, Default)]
struct Starts {
    next: u64,
    /// By number, so the first is the one that has been running for longest.
    running: BTreeMap<u64, Instant>,
}

impl InFlight {
    pub(super) fn enter(self: &Arc<Self>, start: Instant) -> Option<Ticket> {
        let mut starts = self.0.lock().ok()?;
        let number = starts.next;
        starts.next += 1;
        starts.running.insert(number, start);
        Some(Ticket {
            in_flight: self.clone(),
            number,
        })
    }

    /// How many calls are running, and when the oldest of them began.
    pub(crate) fn read(&self) -> (u64, Option<Instant>) {
        self.0.lock().map_or((0, None), |starts| {
            let oldest = starts.running.first_key_value().map(|(_, start)| *start);
            (starts.running.len() as u64, oldest)
        })
    }
}

/// A call counts as running for as long as it has this.
#[derive(Debug)]
pub(super) struct Ticket {
    in_flight: Arc<InFlight>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Ok(mut starts) = self.in_flight.0.lock() {
            starts.running.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_running_call_is_known() {
        let in_flight = Arc::new(InFlight::default());
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        let first = in_flight.enter(start);
        let second = in_flight.enter(later);
        assert_eq!(in_flight.read(), (2, Some(start)));
        drop(first);
        assert_eq!(in_flight.read(), (1, Some(later)));
        drop(second);
        assert_eq!(in_flight.read(), (0, None));
    }
}
