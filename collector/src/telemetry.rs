//! The collector's own metrics and log.

use std::io::IsTerminal as _;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::core::Collector as _;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    exponential_buckets,
};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{Log, LogFormat};
use crate::layers::Layers;
use crate::pipeline::Head;

/// Every metric the collector exposes about itself, registered in one [`Registry`].
///
/// Cloning is cheap and shares the values.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// What `/metrics` renders.
    pub registry: Registry,
    /// Spans that arrived, by `protocol` (`grpc`, `http`).
    pub spans_received: IntCounterVec,
    /// Spans of requests that were answered with an error, by `reason`; the sender still has them.
    pub spans_refused: IntCounterVec,
    /// Spans that were accepted and not stored, by `reason`.
    pub spans_ignored: IntCounterVec,
    /// Points of metrics and log records that were accepted and not stored, by `signal`.
    pub telemetry_ignored: IntCounterVec,
    /// What layers tell of themselves.
    pub layers: Layers,
    /// Requests that were answered with an error, by `reason`.
    pub requests_refused: IntCounterVec,
    /// Connections that were closed before their first request, by `reason` (`slow`, `handshake`).
    pub connections_refused: IntCounterVec,
    /// Changed files that could not be used, by the setting that names them.
    pub reload_failures: IntCounterVec,
    /// Values of stored spans that had to be corrected, by `reason`.
    pub values_corrected: IntCounterVec,
    /// Spans of requests that were known already, and so not stored again.
    pub spans_duplicate: IntCounter,
    /// Spans whose requests were stored in the spool; each becomes a row.
    pub spans_spooled: IntCounter,
    /// Rows that lay in the spool when the collector started.
    pub rows_recovered: IntCounter,
    /// Rows that the store has confirmed.
    pub rows_inserted: IntCounter,
    /// Rows that will never be stored, by `reason`.
    pub rows_lost: IntCounterVec,
    /// Bytes of rows that the store refused, in the files where they stand.
    pub set_aside_bytes: IntGauge,
    /// Such rows that are gone, since newer ones took their place.
    pub set_aside_replaced: IntCounter,
    /// Requests that were acknowledged and are gone from the spool; how many rows they had is not known.
    pub requests_lost: IntCounter,
    /// The batch that the store does not take, which all others wait behind.
    pub head: Head,
    /// Rows that wait for the store.
    pub rows_queued: IntGauge,
    /// Requests that wait for the store.
    pub spool_records: IntGauge,
    /// Bytes that the spool takes on disk.
    pub spool_bytes: IntGauge,
    /// Bytes that the spool may take at most.
    pub spool_limit_bytes: IntGauge,
    /// Age in seconds of the oldest request that waits.
    pub spool_oldest_seconds: Gauge,
    /// Seconds that one wait for the disk takes.
    pub spool_fsync_seconds: Histogram,
    /// Seconds from a request's last byte to the end of its acknowledgement's making.
    pub acknowledgement_seconds: Histogram,
    /// Requests that found the spool or its disk full.
    pub spool_full: IntCounter,
    /// 1 while requests can be stored; 0 once the spool or its disk is full, or has failed.
    pub spool_writable: IntGauge,
    /// Segments of the spool that were damaged.
    pub corrupt_segments: IntCounter,
    /// Rows of each batch.
    pub batch_rows: Histogram,
    /// Unix time of the start of the newest call that the store has confirmed.
    pub newest_call: Gauge,
    /// Memory: 0 is enough, 1 little, 2 so little that requests are refused.
    pub memory_state: IntGauge,
    /// Bytes of memory that are watched, by what has so many (`of`); none where there is nothing to watch.
    pub memory_limit: IntGaugeVec,
    /// Unix time of the last sign of life, by `worker`.
    pub worker_last_tick: GaugeVec,
    /// Seconds from sending a batch to the store's answer.
    pub insert_seconds: Histogram,
    /// Batches that were sent once more.
    pub insert_retries: IntCounter,
    /// Calls whose client was found by their session.
    pub clients_resolved: IntCounter,
    /// Calls of a session whose client nobody knew in time; they are stored without.
    pub clients_unresolved: IntCounter,
    /// 1 while the store answers, else 0.
    pub store_up: IntGauge,
    /// Unix time of the last confirmed insert.
    pub last_insert: Gauge,
    /// Calls of a tool in the health window that count, by `server` and `tool`.
    pub tool_window_sample: IntGaugeVec,
    /// Those of them that failed and were not the caller's fault.
    pub tool_window_failures: IntGaugeVec,
    /// Successes right after a failure in the same window.
    pub tool_window_recoveries: IntGaugeVec,
    /// 1 for the tool's present `state`, else 0.
    pub tool_state: IntGaugeVec,
    /// Unix time of the last look at the health of tools.
    pub tool_health_last_look: Gauge,
    /// Tools beyond the limit of series.
    pub tool_series_omitted: IntGauge,
}

impl Metrics {
    /// Registers all metrics in a new registry.
    ///
    /// # Errors
    /// Only if two metrics had the same name.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(Some("toolsight".to_owned()), None)?;
        let tool = &["server", "tool"];
        let rows_lost = counters(&registry, "rows_lost_total", "rows that will never be stored", "reason")?;
        // An alert on the increase of a series needs its zero.
        for reason in ["rejected", "unreadable"] {
            rows_lost.with_label_values(&[reason]);
        }
        Ok(Self {
            spans_received: counters(&registry, "spans_received_total", "spans that arrived", "protocol")?,
            spans_refused: counters(
                &registry,
                "spans_refused_total",
                "spans refused; the sender still has them",
                "reason",
            )?,
            spans_ignored: counters(&registry, "spans_ignored_total", "spans taken, not stored", "reason")?,
            telemetry_ignored: counters(
                &registry,
                "telemetry_ignored_total",
                "points of metrics and log records accepted and not stored",
                "signal",
            )?,
            layers: register(&registry, Layers::new()?)?,
            requests_refused: counters(
                &registry,
                "requests_refused_total",
                "requests answered with an error",
                "reason",
            )?,
            connections_refused: counters(
                &registry,
                "connections_refused_total",
                "connections closed before their first request",
                "reason",
            )?,
            reload_failures: counters(
                &registry,
                "reload_failures_total",
                "changed files that could not be used",
                "setting",
            )?,
            values_corrected: counters(
                &registry,
                "values_corrected_total",
                "values of stored spans that had to be corrected",
                "reason",
            )?,
            spans_duplicate: counter(
                &registry,
                "spans_duplicate_total",
                "spans of requests that were known already",
            )?,
            spans_spooled: counter(
                &registry,
                "spans_spooled_total",
                "spans whose requests were stored in the spool",
            )?,
            rows_recovered: counter(
                &registry,
                "rows_recovered_total",
                "rows that lay in the spool at the start",
            )?,
            rows_inserted: counter(&registry, "rows_inserted_total", "rows that the store has confirmed")?,
            rows_lost,
            requests_lost: counter(&registry, "requests_lost_total", "requests gone from the spool")?,
            set_aside_bytes: gauge(&registry, "set_aside_bytes", "bytes of refused rows on disk")?,
            set_aside_replaced: counter(&registry, "set_aside_replaced_total", "refused rows replaced")?,
            head: Head::default(),
            rows_queued: gauge(&registry, "rows_queued", "rows that wait for the store")?,
            spool_records: gauge(&registry, "spool_records", "requests that wait for the store")?,
            spool_bytes: gauge(&registry, "spool_bytes", "bytes of the spool on disk")?,
            spool_limit_bytes: gauge(&registry, "spool_limit_bytes", "bytes that the spool may take at most")?,
            spool_oldest_seconds: register(
                &registry,
                Gauge::new("spool_oldest_seconds", "age of the oldest request that waits")?,
            )?,
            spool_fsync_seconds: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new("spool_fsync_seconds", "one wait for the spool's disk")
                        .buckets(exponential_buckets(0.000_1, 2.0, 16)?),
                )?,
            )?,
            acknowledgement_seconds: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "acknowledgement_seconds",
                        "from a request's last byte to its acknowledgement",
                    )
                    .buckets(exponential_buckets(0.000_1, 2.0, 16)?),
                )?,
            )?,
            spool_full: counter(
                &registry,
                "spool_full_total",
                "requests that found the spool or its disk full",
            )?,
            spool_writable: gauge(&registry, "spool_writable", "1 while requests can be stored")?,
            corrupt_segments: counter(&registry, "corrupt_segments_total", "damaged segments of the spool")?,
            batch_rows: register(
                &registry,
                Histogram::with_opts(
                    HistogramOpts::new("batch_rows", "rows of a batch").buckets(exponential_buckets(1.0, 4.0, 11)?),
                )?,
            )?,
            newest_call: register(
                &registry,
                Gauge::new(
                    "newest_call_timestamp_seconds",
                    "unix time of the newest call that the store has confirmed",
                )?,
            )?,
            memory_state: gauge(
                &registry,
                "memory_state",
                "0: enough, 1: little, 2: requests are refused",
            )?,
            memory_limit: gauges(&registry, "memory_limit_bytes", "memory that is watched", &["of"])?,
            worker_last_tick: register(
                &registry,
                GaugeVec::new(
                    Opts::new(
                        "worker_last_tick_timestamp_seconds",
                        "unix time of the last sign of life",
                    ),
                    &["worker"],
                )?,
            )?,
            insert_seconds: register(
                &registry,
                Histogram::with_opts(HistogramOpts::new(
                    "insert_seconds",
                    "from sending a batch to the store's answer",
                ))?,
            )?,
            clients_resolved: counter(
                &registry,
                "clients_resolved_total",
                "calls whose client was found by their session",
            )?,
            clients_unresolved: counter(
                &registry,
                "clients_unresolved_total",
                "calls of a session whose client nobody knew in time",
            )?,
            insert_retries: counter(&registry, "insert_retries_total", "batches that were sent once more")?,
            store_up: gauge(&registry, "store_up", "1 while the store answers")?,
            last_insert: register(
                &registry,
                Gauge::new(
                    "last_insert_timestamp_seconds",
                    "unix time of the last confirmed insert",
                )?,
            )?,
            tool_window_sample: gauges(
                &registry,
                "tool_window_sample",
                "calls of a tool in the health window that count",
                tool,
            )?,
            tool_window_failures: gauges(
                &registry,
                "tool_window_failures",
                "failures among them that are the server's",
                tool,
            )?,
            tool_window_recoveries: gauges(
                &registry,
                "tool_window_recoveries",
                "successes right after a failure",
                tool,
            )?,
            tool_state: gauges(
                &registry,
                "tool_state",
                "1 for the present state",
                &["server", "tool", "state"],
            )?,
            tool_health_last_look: register(
                &registry,
                Gauge::new(
                    "tool_health_last_look_timestamp_seconds",
                    "unix time of the last look at the health of tools",
                )?,
            )?,
            tool_series_omitted: gauge(&registry, "tool_series_omitted", "tools beyond the limit of series")?,
            registry,
        })
    }

    /// Notes a worker's sign of life each time it is called, beginning now.
    pub(crate) fn worker_tick(&self, worker: &str) -> impl Fn() + use<> {
        let last = self.worker_last_tick.with_label_values(&[worker]);
        let tick = move || last.set(unix_now());
        tick();
        tick
    }

    /// Each worker, and the unix time of its last sign of life.
    pub(crate) fn worker_ticks(&self) -> Vec<(String, f64)> {
        let families = self.worker_last_tick.collect();
        let ticks = families.iter().flat_map(|family| family.get_metric());
        let worker = |metric: &prometheus::proto::Metric| {
            let name = metric.get_label().first().map_or("", |label| label.value());
            (name.to_owned(), metric.get_gauge().get_value())
        };
        ticks.map(worker).collect()
    }
}

/// Seconds since the Unix epoch.
pub fn unix_now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// Writes the log to standard error from now on.
///
/// # Errors
/// When the filter cannot be read.
pub fn log_to_stderr(log: &Log) -> Result<(), ParseError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&log.filter)?)
        .with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}

fn register<C: prometheus::core::Collector + Clone + 'static>(registry: &Registry, metric: C) -> prometheus::Result<C> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    register(registry, IntCounter::new(name, help)?)
}

fn counters(registry: &Registry, name: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
    register(registry, IntCounterVec::new(Opts::new(name, help), &[label])?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    register(registry, IntGauge::new(name, help)?)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntGaugeVec> {
    register(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn losses_are_shown_as_zero_before_the_first() {
        let families = Metrics::new().unwrap().registry.gather();
        let lost = families
            .iter()
            .find(|family| family.name() == "toolsight_rows_lost_total");
        let series: Vec<_> = lost
            .map_or(&[][..], |family| family.get_metric())
            .iter()
            .map(|metric| (metric.get_label()[0].value(), metric.get_counter().get_value()))
            .collect();
        assert_eq!(series, [("rejected", 0.0), ("unreadable", 0.0)]);
    }
}
