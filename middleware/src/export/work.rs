//! What the export thread does: takes records from the queue, makes metrics and batches of spans of them, sends both, and
//! flushes at the end.
//!
//! The two signals may have targets of their own, so neither waits for the other: while a batch is tried again, records are
//! still taken, counted in the metrics and kept, and metrics go out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use rand::Rng as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::complaints::Complaints;
use super::metrics::Metrics;
use super::otlp::{BuildError, Exporter, Pace};
use super::pressure::Pressure;
use super::queue::{Counts, Queued};
use super::reading::Reading;
use super::resource::resource;
use super::sampling::Sampler;
use super::spans::{Name, Requests};
use super::under_way::{self, Limit, MetricsEnd, SpansEnd, UnderWay};
use super::worker::{Order, WorkerConfig};
use crate::observe::{Observation, Observer};
use crate::record::Record;
use crate::semconv;

const SEE_LOG: &str = "see the collector's log for what is wrong with them";
const REFUSED: &str = "check the credentials (Builder::header, OTEL_EXPORTER_OTLP_HEADERS, the client certificate), \
    address and protocol (gRPC is usually at port 4317, HTTP at port 4318), and the collector's log and limits";
const AWAY: &str = "see whether the collector runs and can be reached";

/// See the [module](self).
pub(super) struct Work {
    queue: mpsc::Receiver<Queued>,
    /// What was taken from the queue while spans were under way, with its name and weight.
    kept: VecDeque<(Record, Name, u32)>,
    /// As many records as the queue holds.
    most_kept: usize,
    deadline: watch::Receiver<Option<Instant>>,
    exporter: Arc<Exporter>,
    sampler: Sampler,
    complaints: Complaints,
    metrics: Metrics,
    temporality: Temporality,
    /// Metrics that the collector has not taken and that are not in the next ones.
    unsent: Option<ResourceMetrics>,
    pace: Pace,
    counts: Arc<Counts>,
    observer: Arc<Observer>,
    reading: Reading,
    pressure: Arc<Pressure>,
    batch: Requests,
    /// When the batch is sent although it is not full.
    send_at: Instant,
    spans_under_way: UnderWay<SpansEnd>,
    metrics_under_way: UnderWay<MetricsEnd>,
    /// Spans that were taken for the export, and how often metrics were begun.
    begun: Mark,
    /// How much of that is over.
    ended: Mark,
    /// What is to be sent without waiting for more.
    wanted: Mark,
    /// Who waits for a flush, and how far it goes.
    flushes: Vec<(Mark, oneshot::Sender<()>)>,
}

/// A place in what is sent.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    spans: u64,
    metrics: u64,
}

impl Mark {
    const fn is_reached(self, ended: Self) -> bool {
        self.spans <= ended.spans && self.metrics <= ended.metrics
    }
}

impl Work {
    pub(super) fn new(
        config: WorkerConfig,
        queue: mpsc::Receiver<Queued>,
        deadline: watch::Receiver<Option<Instant>>,
    ) -> Result<Self, BuildError> {
        // Nothing of this thread keeps the recorder: its end is the end of the thread.
        let WorkerConfig {
            otlp,
            server,
            sampling,
            pace,
            recorder,
        } = config;
        let resource = resource(server.as_ref());
        let scope = InstrumentationScope::builder(semconv::SCOPE)
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let temporality = otlp.environment.temporality();
        let counts = recorder.queue.counts();
        Ok(Self {
            kept: VecDeque::new(),
            most_kept: queue.max_capacity(),
            queue,
            deadline,
            exporter: Exporter::new(&otlp)?.into(),
            sampler: Sampler::new(sampling),
            complaints: Complaints::default(),
            batch: Requests::new(&resource, &scope),
            metrics: Metrics::new(resource, &recorder.observer, counts.clone(), temporality),
            temporality,
            unsent: None,
            pace,
            counts,
            observer: recorder.observer.clone(),
            reading: Reading::of(&recorder),
            pressure: recorder.queue.pressure(),
            send_at: Instant::now(),
            spans_under_way: UnderWay::default(),
            metrics_under_way: UnderWay::default(),
            begun: Mark::default(),
            ended: Mark::default(),
            wanted: Mark::default(),
            flushes: Vec::new(),
        })
    }

    pub(super) async fn run(&mut self, mut orders: mpsc::Receiver<Order>) {
        let mut tick = interval(self.pace.metric_interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let mut orders_open = true;
        loop {
            let is_free = !self.spans_under_way.is_some();
            tokio::select! {
                biased;
                order = orders.recv(), if orders_open => match order {
                    Some(Order::Flush(done)) => self.flush(done),
                    Some(Order::Shutdown(done)) => {
                        self.finish().await;
                        let _ = done.send(());
                        return;
                    }
                    None => orders_open = false,
                },
                end = self.spans_under_way.end() => self.spans_ended(end),
                end = self.metrics_under_way.end() => self.metrics_ended(end),
                () = sleep_until(self.send_at), if is_free && self.batch.count() > 0 => {
                    self.fill();
                    self.send();
                }
                _ = tick.tick() => {
                    self.fill();
                    self.send_metrics();
                }
                // Waiting for the queue itself has every record wake this thread, at the expense of the thread that
                // pushes it: so only the first is waited for, and then for time or pressure.
                first = self.queue.recv(), if is_free && self.batch.count() == 0 => {
                    let Some(first) = first else {
                        // Every layer and handle is gone.
                        return self.finish().await;
                    };
                    self.take(first);
                    self.fill();
                }
                () = self.pressure.risen() => self.fill(),
                () = self.reading.due() => self.fill(),
            }
        }
    }

    /// Sends what there is by now without waiting for more, and then says that it is `done`.
    fn flush(&mut self, done: oneshot::Sender<()>) {
        self.fill();
        let mark = self.want_all();
        // Who no longer waits is not kept, so that there are no more of them than of those who do.
        self.flushes.retain(|(_, done)| !done.is_closed());
        self.flushes.push((mark, done));
        self.go_on();
    }

    fn want_all(&mut self) -> Mark {
        // Metrics that are under way may have been collected before.
        let metrics = self.begun.metrics + 1;
        self.wanted = Mark { metrics, ..self.begun };
        self.wanted
    }

    /// Begins what is wanted and not under way.
    fn go_on(&mut self) {
        if self.ended.spans < self.wanted.spans {
            self.send();
        }
        if self.begun.metrics < self.wanted.metrics {
            self.send_metrics();
        }
        let ended = self.ended;
        for (_, done) in self.flushes.extract_if(.., |(mark, _)| mark.is_reached(ended)) {
            let _ = done.send(());
        }
    }

    /// Sends everything that there is, with the calls that are still waited for, and the last metrics.
    async fn finish(&mut self) {
        let most_kept = std::mem::replace(&mut self.most_kept, usize::MAX);
        self.drain(most_kept).await;
        // Whoever serves now reads what passes, and what is left by then, of which there is not much.
        self.reading.end();
        self.drain(most_kept).await;
        // What passes from now on comes too late.
        self.queue.close();
        self.drain(most_kept).await;
        // A record that was on its way into the queue while it was closed.
        while let Some(late) = self.queue.recv().await {
            self.take(late);
        }
        for last in self.observer.finish(Instant::now().into_std()) {
            self.take(last.into());
        }
        let lost = self.counts.read();
        self.send_all().await;
        if self.counts.read() != lost {
            // These metrics are the last to tell of it.
            self.send_all().await;
        }
    }

    /// Takes what has passed by now; what there is no room for waits until some is sent.
    async fn drain(&mut self, most_kept: usize) {
        let mut steps = self.begin();
        while self.fill_some(&mut steps) {
            while self.kept.len() >= most_kept && self.spans_under_way.is_some() {
                let end = self.spans_under_way.end().await;
                self.spans_ended(end);
            }
        }
    }

    async fn send_all(&mut self) {
        let mark = self.want_all();
        self.go_on();
        while !mark.is_reached(self.ended) {
            tokio::select! {
                biased;
                end = self.spans_under_way.end() => self.spans_ended(end),
                end = self.metrics_under_way.end() => self.metrics_ended(end),
            }
        }
    }

    /// Takes what has passed by now.
    fn fill(&mut self) {
        let mut steps = self.begin();
        while self.fill_some(&mut steps) {}
    }

    fn begin(&mut self) -> usize {
        self.pressure.fall();
        self.reading.begin()
    }

    /// The same of so many steps, as long as there is room for it in the queue, since one may become many records; tells whether
    /// there are more, and counts them down.
    fn fill_some(&mut self, steps: &mut usize) -> bool {
        // Others may have left it full.
        self.take_queued();
        let queue = &self.queue;
        let is_more = self.reading.go_on(steps, || 2 * queue.len() >= queue.max_capacity());
        self.take_queued();
        is_more
    }

    fn take_queued(&mut self) {
        for _ in 0..self.queue.len() {
            let Ok(observation) = self.queue.try_recv() else {
                break;
            };
            self.take(observation);
        }
    }

    fn take(&mut self, observation: Queued) {
        match observation {
            Observation::Call(record) => {
                let name = self.metrics.record(&record);
                let random = |below| rand::rng().random_range(0..below);
                let Some(weight) = self.sampler.weigh(&record, || self.metrics.name(&record), random) else {
                    return;
                };
                if !self.spans_under_way.is_some() {
                    self.begun.spans += 1;
                    self.push(&record, name, weight);
                } else if self.kept.len() < self.most_kept {
                    self.begun.spans += 1;
                    self.kept.push_back((record, name, weight));
                } else {
                    self.counts.queue_full.fetch_add(1, Relaxed);
                }
            }
            Observation::Session(session) => self.metrics.record_session(&session),
            Observation::Unread(body, why) => self.metrics.record_unread(body, why),
            Observation::Omitted(_) => {}
        }
    }

    /// Puts a record into the batch, and sends that when it is full.
    fn push(&mut self, record: &Record, name: Name, weight: u32) {
        if self.batch.count() == 0 {
            self.send_at = Instant::now() + self.pace.linger;
        }
        self.batch.push(record, name, weight);
        if self.batch.count() == self.pace.batch {
            self.send();
        }
    }

    /// Begins to send the batch, unless another is under way.
    fn send(&mut self) {
        if !self.spans_under_way.is_some()
            && let Some(request) = self.batch.pop()
        {
            let limit = self.limit(Instant::now() + self.pace.retry_for);
            let export = under_way::spans(self.exporter.clone(), request, limit);
            self.spans_under_way.begin(export);
        }
    }

    /// The spans are taken, or given up and counted.
    fn spans_ended(&mut self, SpansEnd { count, answer }: SpansEnd) {
        self.ended.spans += count;
        match answer {
            Some(Ok(0)) => {}
            Some(Ok(rejected)) => self.refused(rejected, "the collector rejected some of a batch", SEE_LOG),
            Some(Err(why)) => self.refused(count, &why, REFUSED),
            None => {
                let reason = match *self.deadline.borrow() {
                    Some(_) => &self.counts.shutdown,
                    None => &self.counts.export_failed,
                };
                reason.fetch_add(count, Relaxed);
                self.complaints
                    .complain(count, "no answer in time, or that it is busy", AWAY, Instant::now());
            }
        }
        // A batch of many bytes is more than one request.
        self.send();
        while !self.spans_under_way.is_some()
            && let Some((record, name, weight)) = self.kept.pop_front()
        {
            self.push(&record, name, weight);
        }
        if self.kept.is_empty() {
            self.kept.shrink_to(self.pace.batch);
        }
        self.go_on();
    }

    fn refused(&mut self, count: u64, why: &str, advice: &str) {
        self.counts.refused.fetch_add(count, Relaxed);
        self.complaints.complain(count, why, advice, Instant::now());
    }

    /// Begins to send metrics, unless some are under way.
    fn send_metrics(&mut self) {
        if self.metrics_under_way.is_some() {
            return;
        }
        self.begun.metrics += 1;
        let limit = self.limit(Instant::now() + self.pace.metrics_within);
        let (exporter, collector) = (self.exporter.clone(), self.metrics.collector());
        let export = under_way::metrics(exporter, collector, self.unsent.take(), limit);
        self.metrics_under_way.begin(export);
    }

    fn metrics_ended(&mut self, MetricsEnd { refused, unsent }: MetricsEnd) {
        self.ended.metrics = self.begun.metrics;
        if let Some(why) = refused {
            self.complaints.complain(0, &why, REFUSED, Instant::now());
        }
        // Cumulative metrics are in the next export.
        self.unsent = unsent.filter(|_| self.temporality != Temporality::Cumulative);
        self.go_on();
    }

    fn limit(&self, give_up: Instant) -> Limit {
        let deadline = self.deadline.clone();
        Limit { give_up, deadline }
    }
}
