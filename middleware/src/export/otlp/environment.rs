//! The `OTEL_*` variables.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::metrics::Temporality;

use super::BuildError;

/// Where variables are looked up; the process's own environment outside of tests.
#[derive(Clone)]
pub(crate) struct Environment(Arc<Lookup>);

type Lookup = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Default for Environment {
    fn default() -> Self {
        Self(Arc::new(|name| std::env::var(name).ok()))
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
        let value = (self.0)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// The variable of this signal (`TRACES` or `METRICS`), else that of all, with its name.
    pub(super) fn of_signal(&self, signal: &str, option: &str) -> Option<(String, String)> {
        [
            format!("OTEL_EXPORTER_OTLP_{signal}_{option}"),
            format!("OTEL_EXPORTER_OTLP_{option}"),
        ]
        .into_iter()
        .find_map(|name| Some((self.get(&name)?, name)))
    }

    /// Whether `OTEL_SDK_DISABLED` turns everything off.
    pub(crate) fn disabled(&self) -> bool {
        self.get("OTEL_SDK_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether `OTEL_TRACES_EXPORTER` or `OTEL_METRICS_EXPORTER` says that nothing of this signal is to be sent. Which
    /// other exporter it names is the application's.
    pub(super) fn is_off(&self, signal: &str) -> bool {
        self.get(&format!("OTEL_{signal}_EXPORTER"))
            .is_some_and(|value| value.eq_ignore_ascii_case("none"))
    }

    /// Whether metrics count from the start or from one export to the next. What means nothing is warned of and ignored, as
    /// the OpenTelemetry specification wants of such a value.
    pub(crate) fn temporality(&self) -> Temporality {
        let variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let Some(value) = self.get(variable) else {
            return Temporality::Cumulative;
        };
        value.parse().unwrap_or_else(|()| {
            tracing::warn!(target: "toolsight", variable, value, "metrics are cumulative, since this is none of \
                cumulative, delta and lowmemory");
            Temporality::Cumulative
        })
    }

    /// When and how much at a time is sent.
    pub(crate) fn pace(&self) -> Result<Pace, BuildError> {
        let time = |name| self.named(name).map(milliseconds).transpose();
        let number = |name| self.named(name).map(count).transpose();
        let default = Pace::default();
        Ok(Pace {
            queue_records: number("OTEL_BSP_MAX_QUEUE_SIZE")?.unwrap_or(default.queue_records),
            batch: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")?.map_or(default.batch, |batch| batch.min(Pace::MOST)),
            linger: time("OTEL_BSP_SCHEDULE_DELAY")?.unwrap_or(default.linger),
            retry_for: time("OTEL_BSP_EXPORT_TIMEOUT")?.unwrap_or(default.retry_for),
            metric_interval: time("OTEL_METRIC_EXPORT_INTERVAL")?.unwrap_or(default.metric_interval),
            metrics_within: time("OTEL_METRIC_EXPORT_TIMEOUT")?.unwrap_or(default.metrics_within),
        })
    }

    fn named(&self, name: &str) -> Option<(String, String)> {
        Some((self.get(name)?, name.to_owned()))
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

fn count((value, variable): (String, String)) -> Result<usize, BuildError> {
    match value.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(BuildError::Variable {
            variable,
            value,
            expected: "a whole number above 0",
        }),
    }
}

pub(super) fn milliseconds((value, variable): (String, String)) -> Result<Duration, BuildError> {
    match value.parse() {
        Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err(BuildError::Variable {
            variable,
            value,
            expected: "a whole number of milliseconds above 0",
        }),
    }
}

#[cfg(test)]
impl Environment {
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let variables: std::collections::HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self(Arc::new(move |name| variables.get(name).cloned()))
    }
}
