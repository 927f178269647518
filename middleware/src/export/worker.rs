//! The export thread: takes records from the queue, builds batches, sends them, retries, and flushes at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{MetricExporter, SpanExporter};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter as _;
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::metrics::Metrics;
use super::otlp::{BuildError, OtlpConfig, resource};
use super::pressure::Pressure;
use super::queue::Counts;
use super::spans;
use crate::observe::{Observation, Observer};
use crate::record::{Peer, Record};
use crate::semconv;

/// Records in one export request.
const BATCH: usize = 512;
/// How long a record waits for others to share its request.
const LINGER: Duration = Duration::from_millis(500);
/// A batch that the collector does not take for this long is dropped, so that a batch it can never take does not stand
/// in the way of all others.
const RETRY_FOR: Duration = Duration::from_secs(300);
/// Metrics that are not taken in this time are sent with the next ones.
const METRICS_WITHIN: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MOST: Duration = Duration::from_secs(5);

pub(crate) struct WorkerConfig {
    pub(crate) otlp: OtlpConfig,
    pub(crate) server: Option<Peer>,
    pub(crate) metric_interval: Duration,
    pub(crate) observer: Arc<Observer>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) pressure: Arc<Pressure>,
}

/// A handle of the export thread.
#[derive(Debug)]
pub(crate) struct Worker {
    orders: mpsc::Sender<Order>,
    /// The deadline of a shutdown, for work that is under way.
    deadline: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
enum Order {
    /// Send what is queued, and say when done.
    Flush(oneshot::Sender<()>),
    /// The same, and end.
    Shutdown(oneshot::Sender<()>),
}

impl Worker {
    /// Starts the thread and waits until its exporters are set up.
    pub(crate) fn start(config: WorkerConfig, queue: mpsc::Receiver<Observation>) -> Result<Self, BuildError> {
        let (orders, order_receiver) = mpsc::channel(8);
        let (deadline, deadline_receiver) = watch::channel(None);
        let (built, is_built) = std::sync::mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("toolsight-export".into())
            .spawn(move || {
                let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => runtime,
                    Err(error) => return drop(built.send(Err(BuildError::Thread(error)))),
                };
                runtime.block_on(async {
                    match Loop::new(config, queue, deadline_receiver) {
                        Ok(mut worker) => {
                            let _ = built.send(Ok(()));
                            worker.run(order_receiver).await;
                        }
                        Err(error) => drop(built.send(Err(error))),
                    }
                });
            })
            .map_err(BuildError::Thread)?;
        is_built.recv().map_err(|_| BuildError::ThreadEnded)??;
        Ok(Self { orders, deadline })
    }

    /// Gives up waiting, not sending, after `within`.
    pub(crate) async fn flush(&self, within: Duration) {
        let (done, is_done) = oneshot::channel();
        let flushed = async {
            if self.orders.send(Order::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        let _ = timeout(within, flushed).await;
    }

    /// Sends what is queued without waiting for it.
    pub(crate) fn flush_soon(&self) {
        // With so many orders waiting, a flush is among them.
        let _ = self.orders.try_send(Order::Flush(oneshot::channel().0));
    }

    pub(crate) async fn shutdown(&self, within: Duration) {
        self.deadline.send_replace(Instant::now().checked_add(within));
        let (done, is_done) = oneshot::channel();
        if self.orders.send(Order::Shutdown(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }
}

struct Loop {
    queue: mpsc::Receiver<Observation>,
    deadline: watch::Receiver<Option<Instant>>,
    spans: SpanExporter,
    metric_exporter: MetricExporter,
    metrics: Metrics,
    metric_interval: Duration,
    scope: InstrumentationScope,
    counts: Arc<Counts>,
    observer: Arc<Observer>,
    pressure: Arc<Pressure>,
    batch: Vec<Record>,
}

impl Loop {
    fn new(
        config: WorkerConfig,
        queue: mpsc::Receiver<Observation>,
        deadline: watch::Receiver<Option<Instant>>,
    ) -> Result<Self, BuildError> {
        let resource = resource(config.server.as_ref());
        let (spans, metric_exporter) = config.otlp.exporters(&resource)?;
        Ok(Self {
            queue,
            deadline,
            spans,
            metric_exporter,
            metrics: Metrics::new(resource, &config.observer, config.counts.clone()),
            metric_interval: config.metric_interval,
            scope: InstrumentationScope::builder(semconv::SCOPE)
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
            counts: config.counts,
            observer: config.observer,
            pressure: config.pressure,
            batch: Vec::with_capacity(BATCH),
        })
    }

    async fn run(&mut self, mut orders: mpsc::Receiver<Order>) {
        let mut tick = interval(self.metric_interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
        let mut received = Vec::with_capacity(BATCH);
        let mut send_at = Instant::now();
        let mut orders_open = true;
        loop {
            tokio::select! {
                biased;
                order = orders.recv(), if orders_open => match order {
                    Some(Order::Flush(done)) => {
                        self.drain().await;
                        self.send_metrics().await;
                        let _ = done.send(());
                    }
                    Some(Order::Shutdown(done)) => {
                        self.queue.close();
                        self.drain().await;
                        // A record that was on its way into the queue while it was closed.
                        while self.queue.recv_many(&mut received, BATCH).await > 0 {
                            self.take(&mut received);
                            self.send().await;
                        }
                        self.finish().await;
                        let _ = done.send(());
                        return;
                    }
                    None => orders_open = false,
                },
                () = sleep_until(send_at), if !self.batch.is_empty() => {
                    self.fill(&mut received);
                    self.send().await;
                }
                _ = tick.tick() => {
                    let mut expired = self.observer.expire(Instant::now().into_std());
                    self.take_in_pieces(&mut expired).await;
                    self.send_metrics().await;
                }
                // Waiting for the queue itself has every record wake this thread, at the expense of the thread that
                // pushes it: so only the first is waited for, and then for time or pressure.
                count = self.queue.recv_many(&mut received, BATCH), if self.batch.is_empty() => {
                    if count == 0 {
                        // Every layer and handle is gone.
                        self.finish().await;
                        return;
                    }
                    send_at = Instant::now() + LINGER;
                    self.take(&mut received);
                    self.send_if_full().await;
                }
                () = self.pressure.risen(), if !self.batch.is_empty() => {
                    self.fill(&mut received);
                    self.send_if_full().await;
                }
            }
        }
    }

    /// Sends the calls that are still waited for, and the last metrics.
    async fn finish(&mut self) {
        let mut finished = self.observer.finish(Instant::now().into_std());
        self.take_in_pieces(&mut finished).await;
        self.send().await;
        self.send_metrics().await;
    }

    /// Takes more observations than may fit into one batch.
    async fn take_in_pieces(&mut self, observations: &mut Vec<Observation>) {
        while !observations.is_empty() {
            if self.batch.len() == BATCH {
                self.send().await;
            }
            let room = (BATCH - self.batch.len()).min(observations.len());
            let mut piece = observations.drain(..room).collect();
            self.take(&mut piece);
        }
    }

    /// Takes what is in the queue by now, as far as the batch has room.
    fn fill(&mut self, received: &mut Vec<Observation>) {
        self.pressure.fall();
        while self.batch.len() < BATCH
            && let Ok(observation) = self.queue.try_recv()
        {
            received.push(observation);
            self.take(received);
        }
    }

    async fn send_if_full(&mut self) {
        if self.batch.len() == BATCH {
            self.send().await;
        }
    }

    fn take(&mut self, received: &mut Vec<Observation>) {
        for observation in received.drain(..) {
            match observation {
                Observation::Call(record) => {
                    self.metrics.record(&record);
                    self.batch.push(*record);
                }
                Observation::Session(session) => self.metrics.record_session(&session),
                Observation::Omitted(_) => {}
            }
        }
    }

    /// Sends everything that is in the queue by now.
    async fn drain(&mut self) {
        let mut waiting = self.queue.len();
        let mut received = Vec::new();
        loop {
            let room = (BATCH - self.batch.len()).min(waiting);
            if room > 0 {
                waiting -= self.queue.recv_many(&mut received, room).await.max(1);
                self.take(&mut received);
            }
            self.send().await;
            if waiting == 0 {
                return;
            }
        }
    }

    async fn send(&mut self) {
        if !self.batch.is_empty() {
            self.export_batch().await;
            self.batch.clear();
        }
    }

    /// Returns when the batch is taken, or given up and counted.
    async fn export_batch(&mut self) {
        // Made anew for each attempt, of which there is mostly one, rather than copied for a second one.
        let spans = || {
            let spans = self.batch.iter().map(|record| spans::span(record, &self.scope));
            spans.collect::<Vec<_>>()
        };
        let count = self.batch.len() as u64;
        let give_up = Instant::now() + RETRY_FOR;
        let mut pause = RETRY_FIRST;
        loop {
            let error = tokio::select! {
                biased;
                exported = self.spans.export(spans()) => match exported {
                    Ok(()) => return,
                    Err(error) => error.to_string(),
                },
                () = past(&mut self.deadline, give_up) => "no answer in time".to_owned(),
            };
            tracing::debug!(target: "toolsight", records = count, error, "export failed");
            let too_late = tokio::select! {
                biased;
                () = past(&mut self.deadline, give_up) => true,
                () = sleep(pause) => false,
            };
            if too_late {
                let reason = match *self.deadline.borrow() {
                    Some(_) => &self.counts.shutdown,
                    None => &self.counts.export_failed,
                };
                reason.fetch_add(count, Relaxed);
                tracing::warn!(target: "toolsight", records = count, error, "records dropped, the collector does not take them");
                return;
            }
            pause = (pause * 2).min(RETRY_MOST);
        }
    }

    async fn send_metrics(&mut self) {
        let mut collected = ResourceMetrics::default();
        if let Err(error) = self.metrics.collect(&mut collected) {
            tracing::debug!(target: "toolsight", %error, "metrics not collected");
            return;
        }
        let give_up = Instant::now() + METRICS_WITHIN;
        let exported = tokio::select! {
            exported = self.metric_exporter.export(&collected) => exported.map_err(|error| error.to_string()),
            () = past(&mut self.deadline, give_up) => Err("no answer in time".to_owned()),
        };
        // Metrics are cumulative: what fails now is in the next export.
        if let Err(error) = exported {
            tracing::debug!(target: "toolsight", error, "metrics not exported");
        }
    }
}

/// Waits for `give_up` or the deadline of a shutdown, whichever comes first.
async fn past(deadline: &mut watch::Receiver<Option<Instant>>, give_up: Instant) {
    loop {
        let until = deadline
            .borrow_and_update()
            .map_or(give_up, |deadline| deadline.min(give_up));
        tokio::select! {
            () = sleep_until(until) => return,
            changed = deadline.changed() => if changed.is_err() {
                return sleep_until(until).await;
            },
        }
    }
}
