//! The `OTEL_*` variables.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

/// Where variables are looked up; the process's own environment outside of tests.
#[derive(Clone)]
pub(crate) struct Environment {
    lookup: Arc<Lookup>,
    /// Variables that were warned of: both signals read some of them.
    warned: Arc<Mutex<BTreeSet<String>>>,
}

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Default for Environment {
    fn default() -> Self {
        Self::from(|name: &str| std::env::var(name).ok())
    }
}

impl<F: Fn(&str) -> Option<String> + Send + Sync + 'static> From<F> for Environment {
    fn from(lookup: F) -> Self {
        Self {
            lookup: Arc::new(lookup),
            warned: Arc::default(),
        }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Environment")
    }
}

impl Environment {
    /// An empty value counts as none, as the OpenTelemetry specification says.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// The variable of this signal (`TRACES` or `METRICS`), else that of all, with its name.
    pub(super) fn of_signal(&self, signal: &str, option: &str) -> Option<(String, String)> {
        let mut names = Self::names(signal, option).into_iter();
        names.find_map(|name| Some((self.get(&name)?, name)))
    }

    /// The same of values that not every text is; what means nothing counts as not set.
    pub(super) fn meaning_of_signal<T>(
        &self,
        signal: &str,
        option: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let mut names = Self::names(signal, option).into_iter();
        names.find_map(|name| self.meaning(&name, expected, &read))
    }

    fn names(signal: &str, option: &str) -> [String; 2] {
        [
            format!("OTEL_EXPORTER_OTLP_{signal}_{option}"),
            format!("OTEL_EXPORTER_OTLP_{option}"),
        ]
    }

    /// What the value means. One that means nothing is warned of and counts as not set, as the OpenTelemetry specification
    /// has it ("Environment Variable Specification", boolean and enum; "Common Configuration Specification", numeric):
    /// the others of the process read it, too, and none is worth a server that does not start.
    fn meaning<T>(&self, variable: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.get(variable)?;
        let meaning = read(&value);
        if meaning.is_none() && self.is_news(variable) {
            tracing::warn!(target: "toolsight", variable, value, expected, "the variable is ignored, as its value means nothing");
        }
        meaning
    }

    /// Whether nobody was warned of the variable yet.
    pub(super) fn is_news(&self, variable: &str) -> bool {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.insert(variable.to_owned())
    }

    /// Whether `OTEL_SDK_DISABLED` turns everything off.
    pub(crate) fn disabled(&self) -> bool {
        self.meaning("OTEL_SDK_DISABLED", BOOLEAN, boolean).unwrap_or(false)
    }

    /// Whether `OTEL_TRACES_EXPORTER` or `OTEL_METRICS_EXPORTER` says that nothing of this signal is to be sent. Which
    /// other exporter it names is the application's.
    pub(super) fn is_off(&self, signal: &str) -> bool {
        self.get(&format!("OTEL_{signal}_EXPORTER"))
            .is_some_and(|value| value.eq_ignore_ascii_case("none"))
    }

    /// Whether metrics count from the start or from one export to the next.
    pub(crate) fn temporality(&self) -> Temporality {
        let variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let read = |value: &str| value.parse().ok();
        self.meaning(variable, "cumulative, delta or lowmemory", read)
            .unwrap_or(Temporality::Cumulative)
    }

    /// When and how much at a time is sent.
    pub(crate) fn pace(&self) -> Pace {
        let count = |name| self.meaning(name, "a whole number above 0", count);
        let duration = |name| self.meaning(name, MILLISECONDS, milliseconds);
        let timeout = |name| self.meaning(name, MILLISECONDS, timeout);
        let default = Pace::default();
        Pace {
            queue_records: count("OTEL_BSP_MAX_QUEUE_SIZE").unwrap_or(default.queue_records),
            batch: count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE").map_or(default.batch, |batch| batch.min(Pace::MOST)),
            linger: duration("OTEL_BSP_SCHEDULE_DELAY").unwrap_or(default.linger),
            retry_for: timeout("OTEL_BSP_EXPORT_TIMEOUT").unwrap_or(default.retry_for),
            metric_interval: duration("OTEL_METRIC_EXPORT_INTERVAL")
                .map_or(default.metric_interval, |interval| interval.max(Pace::LEAST_INTERVAL)),
            metrics_within: timeout("OTEL_METRIC_EXPORT_TIMEOUT").unwrap_or(default.metrics_within),
        }
    }
}

/// When records and metrics are sent, and how many records at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Records that wait for the export.
    pub(crate) queue_records: usize,
    /// Records in one export request.
    pub(crate) batch: usize,
    /// How long a record waits for others to share its request.
    pub(crate) linger: Duration,
    /// A batch that the collector does not take for this long is dropped, so that a batch it can never take does not stand
    /// in the way of all others.
    pub(crate) retry_for: Duration,
    pub(crate) metric_interval: Duration,
    /// Metrics that are not taken in this time are sent with the next ones.
    pub(crate) metrics_within: Duration,
}

impl Pace {
    /// Most records in one export request: some 4 MB, which collectors take by default.
    const MOST: usize = 4096;
    /// Least time between two exports of metrics.
    pub(crate) const LEAST_INTERVAL: Duration = Duration::from_millis(100);
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            queue_records: 16_384,
            batch: 512,
            linger: Duration::from_millis(500),
            retry_for: Duration::from_secs(300),
            metric_interval: Duration::from_secs(60),
            metrics_within: Duration::from_secs(10),
        }
    }
}

pub(super) const BOOLEAN: &str = "true or false";
pub(super) const MILLISECONDS: &str = "a whole number of milliseconds";
/// What stands for a timeout of 0, which is none at all: the longest that the specification proposes for it.
const NO_TIMEOUT: Duration = Duration::from_millis(u32::MAX as u64);

pub(super) fn boolean(value: &str) -> Option<bool> {
    value.to_ascii_lowercase().parse().ok()
}

fn count(value: &str) -> Option<usize> {
    value.parse().ok().filter(|count| *count > 0)
}

fn milliseconds(value: &str) -> Option<Duration> {
    value.parse().ok().map(Duration::from_millis)
}

/// Where 0 says that there is no limit ("Common Configuration Specification", timeout).
pub(super) fn timeout(value: &str) -> Option<Duration> {
    let time = milliseconds(value)?;
    Some(if time.is_zero() { NO_TIMEOUT } else { time })
}

#[cfg(test)]
impl Environment {
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let variables: std::collections::HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self::from(move |name: &str| variables.get(name).cloned())
    }
}
