//! `/api/v1/collector`: whether all is well with the collector itself, what to do if not, and the numbers behind that.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::{Extension, Json, extract::State};
use prometheus::core::Collector as _;
use prometheus::{Histogram, IntCounterVec, IntGaugeVec};
use serde::Serialize;
use tokio::time::sleep;
use utoipa::ToSchema;

use super::problems::{Problem, problems};
use super::status::{StoreStatus, sum};
use super::{ApiState, error::ErrorAnswer};
use crate::auth::Principal;
use crate::layers::LayersAnswer;
use crate::telemetry::{Metrics, unix_now};

/// Looks at the ledger while a request is between two of its counters.
const LOOKS: usize = 10;
/// Time between two of them.
const BETWEEN: Duration = Duration::from_millis(5);

/// Whether all is well with the collector itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct CollectorAnswer {
    version: &'static str,
    uptime_seconds: u64,
    store: StoreStatus,
    /// What is wrong, the worst first; empty while all is well. `null` for somebody who may see one tenant only, as
    /// `numbers`.
    problems: Option<Vec<Problem>>,
    numbers: Option<Numbers>,
}

/// What the collector has counted since it started, of all tenants together.
#[derive(Serialize, ToSchema)]
pub(crate) struct Numbers {
    pub(super) lag: Lag,
    pub(super) spool: SpoolNumbers,
    pub(super) inserts: Inserts,
    pub(super) ledger: Ledger,
    /// What never reached the collector stands here and not in the ledger.
    pub(super) layers: LayersAnswer,
    /// Requests answered with an error, by reason.
    pub(super) requests_refused: BTreeMap<String, u64>,
    /// Connections closed before their first request, by reason.
    pub(super) connections_refused: BTreeMap<String, u64>,
    /// Values of stored calls that had to be corrected, by reason.
    pub(super) values_corrected: BTreeMap<String, u64>,
    /// Changed files that could not be used, by the setting that names them.
    pub(super) reload_failures: BTreeMap<String, u64>,
    pub(super) workers: Vec<Worker>,
    /// `enough`, `little`, or `scarce`: then requests are refused.
    pub(super) memory: &'static str,
    memory_limit: MemoryLimit,
    /// Seconds since the health of tools was looked at; `null` before the first time.
    pub(super) tool_health_age_seconds: Option<f64>,
}

/// What memory is measured against.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemoryLimit {
    /// What has this limit: `setting`, `control group`, or `machine`; `unwatched` where the system tells of none.
    of: String,
    /// Of a machine at most the last 8 GiB; `null` where none is watched.
    bytes: Option<u64>,
}

/// How far what can be asked is behind what happens.
#[derive(Serialize, ToSchema)]
pub(crate) struct Lag {
    /// Age of the oldest request that waits for the store; 0 while none does.
    pub(super) oldest_waiting_seconds: f64,
    /// Unix time of the start of the newest call that is stored; `null` before the first since the start.
    newest_call: Option<f64>,
    /// Seconds from then until now: large also where nobody calls.
    freshness_seconds: Option<f64>,
    /// Unix time of the last insert; `null` before the first since the start.
    last_insert: Option<f64>,
}

/// Requests on disk, until the store has them.
#[derive(Serialize, ToSchema)]
pub(crate) struct SpoolNumbers {
    pub(super) bytes: i64,
    /// Bytes that it may take at most.
    pub(super) limit_bytes: i64,
    /// Requests that wait for the store.
    records: i64,
    /// Whether requests can be stored.
    pub(super) writable: bool,
    /// Requests that found it or its disk full.
    pub(super) full: u64,
    /// Segments that were damaged and put into quarantine.
    pub(super) quarantined_segments: u64,
    /// Bytes of rows that were set aside.
    pub(super) set_aside_bytes: i64,
    /// Rows that were set aside and are gone, since newer ones took their place.
    pub(super) set_aside_replaced: u64,
    /// Requests that were acknowledged and are gone from it.
    pub(super) requests_lost: u64,
    /// Waits for the disk, estimated from a histogram as all percentiles here; `null` before the first.
    fsyncs: u64,
    fsync_p50_ms: Option<f64>,
    pub(super) fsync_p99_ms: Option<f64>,
}

/// The way from the spool to the store.
#[derive(Serialize, ToSchema)]
pub(crate) struct Inserts {
    /// Batches that were sent, each time that they were.
    sent: u64,
    /// Batches that were sent once more.
    retries: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    /// Rows of a batch, on average.
    mean_batch_rows: Option<f64>,
    /// The batch that the store has not taken at the last attempt, which all others wait behind.
    pub(super) refused: Option<RefusedBatch>,
}

/// A batch that the store does not take.
#[derive(Serialize, ToSchema)]
pub(crate) struct RefusedBatch {
    /// By which `toolsight-collector set-aside` knows it.
    pub(super) batch: String,
    rows: usize,
    /// Since the first attempt.
    pub(super) seconds: u64,
    /// What was wrong at the last one.
    pub(super) reason: String,
}

/// Where every span went: received = refused + ignored + duplicate + spooled, and
/// spooled + recovered = inserted + set_aside + unreadable + queued.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Ledger {
    received: u64,
    /// By reason; the sender still has them.
    refused: BTreeMap<String, u64>,
    /// Accepted and not stored, by reason.
    ignored: BTreeMap<String, u64>,
    /// Of requests that were known already.
    duplicate: u64,
    /// Of requests that the disk has.
    spooled: u64,
    /// Rows that lay in the spool at the start.
    recovered: u64,
    /// Rows that the store has confirmed.
    inserted: u64,
    /// Rows that the store would not take, which are in a file.
    pub(super) set_aside: u64,
    /// Rows that were damaged on disk.
    pub(super) unreadable: u64,
    /// Rows that wait for the store.
    queued: i64,
    /// Whether both sums are right; `null` while requests come so fast that some are between two counters at each look.
    pub(super) holds: Option<bool>,
}

/// A part of the collector that has to move.
#[derive(Serialize, ToSchema)]
pub(crate) struct Worker {
    pub(super) worker: String,
    /// Seconds since its last sign of life; it gives one each second.
    pub(super) silent_seconds: f64,
}

/// Answers with what is wrong and all numbers, whether the store answers or not.
#[utoipa::path(
    get,
    path = "/collector",
    responses(
        (status = OK, description = "How the collector itself is doing", body = CollectorAnswer),
        (status = "default", body = ErrorAnswer),
    )
)]
pub(crate) async fn collector(
    State(state): State<ApiState>,
    Extension(principal): Extension<Principal>,
) -> Json<CollectorAnswer> {
    let sees_all = principal.tenant().is_empty();
    let store = StoreStatus::of(&state, sees_all);
    let (mut found, mut numbers) = (None, None);
    if sees_all {
        let read = Numbers::read(&state.metrics).await;
        found = Some(problems(&read, &store, &state.warnings));
        numbers = Some(read);
    }
    Json(CollectorAnswer {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: state.started.elapsed().as_secs(),
        store,
        problems: found,
        numbers,
    })
}

impl Numbers {
    async fn read(metrics: &Metrics) -> Self {
        let now = unix_now();
        let since = |moment: f64| (moment > 0.0).then(|| (now - moment).max(0.0));
        let moment = |moment: f64| (moment > 0.0).then_some(moment);
        let batches = metrics.batch_rows.get_sample_count();
        Self {
            lag: Lag {
                oldest_waiting_seconds: metrics.spool_oldest_seconds.get(),
                newest_call: moment(metrics.newest_call.get()),
                freshness_seconds: since(metrics.newest_call.get()),
                last_insert: moment(metrics.last_insert.get()),
            },
            spool: SpoolNumbers {
                bytes: metrics.spool_bytes.get(),
                limit_bytes: metrics.spool_limit_bytes.get(),
                records: metrics.spool_records.get(),
                writable: metrics.spool_writable.get() == 1,
                full: metrics.spool_full.get(),
                quarantined_segments: metrics.corrupt_segments.get(),
                set_aside_bytes: metrics.set_aside_bytes.get(),
                set_aside_replaced: metrics.set_aside_replaced.get(),
                requests_lost: metrics.requests_lost.get(),
                fsyncs: metrics.spool_fsync_seconds.get_sample_count(),
                fsync_p50_ms: quantile_ms(&metrics.spool_fsync_seconds, 0.5),
                fsync_p99_ms: quantile_ms(&metrics.spool_fsync_seconds, 0.99),
            },
            inserts: Inserts {
                sent: metrics.insert_seconds.get_sample_count(),
                retries: metrics.insert_retries.get(),
                p50_ms: quantile_ms(&metrics.insert_seconds, 0.5),
                p99_ms: quantile_ms(&metrics.insert_seconds, 0.99),
                mean_batch_rows: (batches > 0).then(|| metrics.batch_rows.get_sample_sum() / batches as f64),
                refused: metrics.head.get().map(|refused| RefusedBatch {
                    batch: refused.batch,
                    rows: refused.rows,
                    seconds: refused.since.elapsed().as_secs(),
                    reason: refused.reason,
                }),
            },
            ledger: Ledger::settled(metrics).await,
            layers: metrics.layers.answer(),
            requests_refused: by_label(&metrics.requests_refused),
            connections_refused: by_label(&metrics.connections_refused),
            values_corrected: by_label(&metrics.values_corrected),
            reload_failures: by_label(&metrics.reload_failures),
            workers: metrics
                .worker_ticks()
                .into_iter()
                .map(|(worker, tick)| Worker {
                    worker,
                    silent_seconds: (now - tick).max(0.0),
                })
                .collect(),
            memory: match metrics.memory_state.get() {
                ..=0 => "enough",
                1 => "little",
                2.. => "scarce",
            },
            memory_limit: MemoryLimit::of(&metrics.memory_limit),
            tool_health_age_seconds: since(metrics.tool_health_last_look.get()),
        }
    }
}

impl MemoryLimit {
    fn of(limit: &IntGaugeVec) -> Self {
        let families = limit.collect();
        let watched = families.iter().flat_map(|family| family.get_metric()).next();
        let of = watched.and_then(|watched| watched.get_label().first());
        Self {
            of: of.map_or("unwatched", |label| label.value()).to_owned(),
            bytes: watched.map(|watched| watched.get_gauge().get_value() as u64),
        }
    }
}

impl Ledger {
    /// The counters at a moment when they agree, if there is one soon.
    async fn settled(metrics: &Metrics) -> Self {
        let first = Self::read(metrics);
        let mut last = first.clone();
        for _ in 1..LOOKS {
            if last.agrees() {
                break;
            }
            sleep(BETWEEN).await;
            last = Self::read(metrics);
        }
        let stands_still = last == first;
        last.holds = match last.agrees() {
            true => Some(true),
            false => stands_still.then_some(false),
        };
        last
    }

    fn read(metrics: &Metrics) -> Self {
        let lost = |reason| metrics.rows_lost.with_label_values(&[reason]).get();
        Self {
            received: sum(&metrics.spans_received),
            refused: by_label(&metrics.spans_refused),
            ignored: by_label(&metrics.spans_ignored),
            duplicate: metrics.spans_duplicate.get(),
            spooled: metrics.spans_spooled.get(),
            recovered: metrics.rows_recovered.get(),
            inserted: metrics.rows_inserted.get(),
            set_aside: lost("rejected"),
            unreadable: lost("unreadable"),
            queued: metrics.rows_queued.get(),
            holds: None,
        }
    }

    fn agrees(&self) -> bool {
        let of = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        let taken = of(&self.refused) + of(&self.ignored) + self.duplicate + self.spooled;
        let decided = self.inserted + self.set_aside + self.unreadable + self.queued.max(0) as u64;
        self.received == taken && self.spooled + self.recovered == decided
    }
}

/// Counts by the value of their only label.
fn by_label(counters: &IntCounterVec) -> BTreeMap<String, u64> {
    let families = counters.collect();
    let metrics = families.iter().flat_map(|family| family.get_metric());
    let count = |metric: &prometheus::proto::Metric| {
        let label = metric.get_label().first().map_or("", |label| label.value());
        (label.to_owned(), metric.get_counter().get_value() as u64)
    };
    metrics.map(count).collect()
}

/// A quantile of a histogram of seconds, in milliseconds, as Prometheus estimates it: even within a bucket, and the last
/// bound where it lies beyond that.
fn quantile_ms(histogram: &Histogram, quantile: f64) -> Option<f64> {
    let families = histogram.collect();
    let metric = families.first()?.get_metric().first()?;
    let (histogram, mut below, mut lower) = (metric.get_histogram(), 0, 0.0);
    let rank = quantile * histogram.get_sample_count() as f64;
    if histogram.get_sample_count() == 0 {
        return None;
    }
    for bucket in histogram
        .get_bucket()
        .iter()
        .filter(|bucket| bucket.upper_bound().is_finite())
    {
        let (count, upper) = (bucket.cumulative_count(), bucket.upper_bound());
        if count as f64 >= rank && count > below {
            let share = (rank - below as f64) / (count - below) as f64;
            return Some((lower + (upper - lower) * share) * 1000.0);
        }
        (below, lower) = (count, upper);
    }
    Some(lower * 1000.0)
}

#[cfg(test)]
mod tests {
    use prometheus::{Histogram, HistogramOpts};

    use super::quantile_ms;

    #[test]
    fn quantiles_lie_where_prometheus_estimates_them() {
        for (case, seconds, quantile, expected) in [
            ("nothing was measured", &[][..], 0.5, None),
            ("half of the first bucket", &[0.5, 0.5], 0.5, Some(500.0)),
            ("within the second bucket", &[0.5, 1.5, 1.5, 1.5], 0.5, Some(1333.3)),
            ("an empty bucket between", &[0.5, 3.0], 0.99, Some(3960.0)),
            ("beyond the last bound", &[0.5, 9.0, 9.0], 0.99, Some(4000.0)),
        ] {
            let options = HistogramOpts::new("seconds", "seconds").buckets(vec![1.0, 2.0, 4.0]);
            let histogram = Histogram::with_opts(options).unwrap();
            for value in seconds {
                histogram.observe(*value);
            }
            let shown = quantile_ms(&histogram, quantile).map(|value| (value * 10.0).round() / 10.0);
            assert_eq!(shown, expected, "{case}");
        }
    }
}
