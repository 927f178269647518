//! The calls that are running: how many, and since when the oldest of them.

use std::sync::Arc;
use std::time::Instant;

use crate::sync::Mutex;

/// One place for each [`Ticket`], so it is as bounded as the calls that hold these.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<Starts>);

/// To begin and to end is what happens all the time, so that is what must be quick; the oldest is asked for only now and
/// then.
#[derive(Debug, Default)]
struct Starts {
    places: Vec<Option<Instant>>,
    free: Vec<usize>,
}

impl InFlight {
    pub(super) fn enter(self: &Arc<Self>, start: Instant) -> Option<Ticket> {
        let mut starts = self.0.lock().ok()?;
        let place = starts.free.pop().unwrap_or(starts.places.len());
        if place == starts.places.len() {
            starts.places.push(None);
        }
        starts.places[place] = Some(start);
        Some(Ticket {
            in_flight: self.clone(),
            place,
        })
    }

    /// How many calls are running, and when the oldest of them began.
    pub(crate) fn read(&self) -> (u64, Option<Instant>) {
        self.0.lock().map_or((0, None), |starts| {
            let running = starts.places.len() - starts.free.len();
            (running as u64, starts.places.iter().flatten().min().copied())
        })
    }
}

/// A call counts as running for as long as it has this.
#[derive(Debug)]
pub(super) struct Ticket {
    in_flight: Arc<InFlight>,
    place: usize,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Ok(mut starts) = self.in_flight.0.lock() {
            starts.places[self.place] = None;
            starts.free.push(self.place);
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
