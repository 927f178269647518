//! Exports that go on while their thread does other things, one of each signal at a time.

use std::pin::Pin;
use std::sync::Arc;

use opentelemetry_sdk::metrics::data::ResourceMetrics;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::metrics::Collector;
use super::otlp::Exporter;
use super::spans::Request;

/// See the [module](self).
pub(super) struct UnderWay<T>(Option<Pin<Box<dyn Future<Output = T>>>>);

impl<T> Default for UnderWay<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> UnderWay<T> {
    pub(super) const fn is_some(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn begin(&mut self, export: impl Future<Output = T> + 'static) {
        self.0 = Some(Box::pin(export));
    }

    /// Goes on until its end; for ever where nothing is under way.
    pub(super) async fn end(&mut self) -> T {
        let Some(export) = &mut self.0 else {
            return std::future::pending().await;
        };
        let ended = export.await;
        self.0 = None;
        ended
    }
}

/// How far an export may go.
#[derive(Clone)]
pub(super) struct Limit {
    pub(super) give_up: Instant,
    /// The deadline of a shutdown.
    pub(super) deadline: watch::Receiver<Option<Instant>>,
}

impl Limit {
    /// Waits for it, or for the deadline of a shutdown, whichever comes first.
    async fn passed(&mut self) {
        let Self { give_up, deadline } = self;
        loop {
            let until = deadline
                .borrow_and_update()
                .map_or(*give_up, |deadline| deadline.min(*give_up));
            tokio::select! {
                () = sleep_until(until) => return,
                changed = deadline.changed() => if changed.is_err() {
                    return sleep_until(until).await;
                },
            }
        }
    }
}

/// How many spans were sent, and what the collector said: how many of them it has rejected, or why it refuses all.
pub(super) struct SpansEnd {
    pub(super) count: u64,
    /// None where it has said nothing in time.
    pub(super) answer: Option<Result<u64, String>>,
}

pub(super) async fn spans(exporter: Arc<Exporter>, request: Request, mut limit: Limit) -> SpansEnd {
    let count = request.count;
    let answer = tokio::select! {
        biased;
        answer = exporter.spans(request) => Some(answer),
        () = limit.passed() => None,
    };
    SpansEnd { count, answer }
}

/// What became of metrics.
#[derive(Default)]
pub(super) struct MetricsEnd {
    /// Why the collector refuses them.
    pub(super) refused: Option<String>,
    /// What it has not taken in time.
    pub(super) unsent: Option<ResourceMetrics>,
}

/// Sends what is `unsent` from before, and then the metrics of now.
pub(super) async fn metrics(
    exporter: Arc<Exporter>,
    collector: Collector,
    mut unsent: Option<ResourceMetrics>,
    mut limit: Limit,
) -> MetricsEnd {
    let mut end = MetricsEnd::default();
    loop {
        let is_last = unsent.is_none();
        let metrics = match unsent.take().map_or_else(|| collector.collect(), Ok) {
            Ok(metrics) => metrics,
            Err(error) => {
                tracing::debug!(target: "toolsight", %error, "metrics not collected");
                return end;
            }
        };
        tokio::select! {
            biased;
            answer = exporter.metrics(&metrics) => end.refused = answer.err().or(end.refused),
            () = limit.passed() => {
                tracing::debug!(target: "toolsight", "metrics not exported in time");
                end.unsent = Some(metrics);
                return end;
            }
        }
        if is_last {
            return end;
        }
    }
}
