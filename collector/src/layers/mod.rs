//! What the layers of observed servers tell of themselves over OTLP: records that they lost before the collector could
//! have them, what they forgot, and the calls that are running.
//!
//! It is shown by server. Counts go on over restarts of a server's process, and begin with 0 when the collector starts: what
//! each layer has counted by then, which is since its own start, is known from a file, see `file`.

mod counts;
mod file;
mod show;
mod state;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::show::Families;
use self::state::State;

/// For how long losses are news.
const NEWS: Duration = Duration::from_secs(10 * 60);

/// What all layers have told; cloning shares it.
#[derive(Clone, Debug)]
pub struct Layers {
    state: Arc<Mutex<State>>,
    families: Arc<Families>,
}

/// A counter that layers keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Counter {
    /// Records that were not exported, by reason.
    Dropped,
    /// State that made room for other state, by kind.
    Forgotten,
    /// Bodies of which not all bytes could be read, by kind.
    Unread,
}

/// A point of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) counter: Counter,
    /// Reason or kind.
    pub(crate) label: String,
    pub(crate) value: u64,
    /// Whether the value is what was added between `start` and `time`, rather than all since `start`.
    pub(crate) is_delta: bool,
    /// Nanoseconds since the Unix epoch, 0 where absent, as `time`.
    pub(crate) start: u64,
    pub(crate) time: u64,
}

/// A point of a metric that layers send about themselves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Point {
    Count(Count),
    /// Calls that are running.
    InFlight(f64),
    /// Seconds for which the oldest of them has been running.
    Oldest(f64),
}

/// What one layer has told in one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) server: String,
    /// One process of that server; empty where it does not say.
    pub(crate) instance: String,
    pub(crate) points: Vec<Point>,
}

/// What the layers of observed servers have told of themselves since the collector started, of all tenants together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LayersAnswer {
    /// Processes that told something in the last five minutes.
    instances: u64,
    /// Calls that are running in these.
    calls_in_flight: f64,
    /// For how long the oldest of them has been running; 0 where none is.
    oldest_call_seconds: f64,
    /// Records that were lost before they reached the collector, by reason.
    pub(crate) records_dropped: BTreeMap<String, u64>,
    /// The same by server, as far as it has lost any.
    records_dropped_by_server: BTreeMap<String, u64>,
    /// What was forgotten because a bound was reached, by kind.
    state_forgotten: BTreeMap<String, u64>,
    /// Bodies of which not all bytes could be read, by kind.
    bodies_unread: BTreeMap<String, u64>,
    /// Whether one of the records was lost in the last ten minutes, or was told of then.
    pub(crate) lost_lately: bool,
}

/// The present moment, on both clocks.
#[derive(Clone, Copy, Debug)]
struct Now {
    instant: Instant,
    /// Nanoseconds since the Unix epoch.
    unix: u64,
}

impl Now {
    fn read() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            instant: Instant::now(),
            unix: since.map_or(0, |since| since.as_nanos() as u64),
        }
    }
}

impl Layers {
    /// Nothing yet.
    ///
    /// # Errors
    /// Only if a metric had no valid name.
    pub(crate) fn new() -> prometheus::Result<Self> {
        Ok(Self {
            state: Arc::default(),
            families: Families::new()?.into(),
        })
    }

    /// Adds what layers have told. Names count for one `tenant` only: what another one tells changes nothing of it.
    pub(crate) fn note(&self, tenant: &str, reports: &[Report]) {
        let (mut state, now) = (self.lock(), Now::read());
        for report in reports {
            state.note(tenant, report, now);
        }
    }

    /// What is known now.
    pub(crate) fn answer(&self) -> LayersAnswer {
        self.lock().answer(Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change leaves it as it should be, so a thread that died with it has broken nothing.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
