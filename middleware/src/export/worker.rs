//! The export thread: takes records from the queue, builds batches, sends them, retries, and flushes at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use rand::Rng as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::complaints::Complaints;
use super::expiry::expire;
use super::metrics::Metrics;
use super::otlp::{BuildError, Exporter, OtlpConfig, Pace};
use super::pressure::Pressure;
use super::queue::{Counts, Queued};
use super::resource::resource;
use super::sampling::{Sampler, Sampling};
use super::spans::{Request, Requests};
use crate::observe::{Observation, Observer};
use crate::record::Peer;
use crate::semconv;

const SEE_LOG: &str = "see the collector's log for what is wrong with them";
const REFUSED: &str = "check the credentials (Builder::header, OTEL_EXPORTER_OTLP_HEADERS, the client certificate), \
    address and protocol (gRPC is usually at port 4317, HTTP at port 4318), and the collector's log and limits";
const AWAY: &str = "see whether the collector runs and can be reached";

pub(crate) struct WorkerConfig {
    pub(crate) otlp: OtlpConfig,
    pub(crate) server: Option<Peer>,
    pub(crate) sampling: Sampling,
    pub(crate) pace: Pace,
    pub(crate) observer: Arc<Observer>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) pressure: Arc<Pressure>,
    /// Where what expires is put.
    pub(crate) queue: Option<mpsc::WeakSender<Queued>>,
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
    pub(crate) fn start(config: WorkerConfig, queue: mpsc::Receiver<Queued>) -> Result<Self, BuildError> {
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
                    let expiry = config
                        .queue
                        .clone()
                        .map(|queue| expire(config.observer.clone(), queue, config.counts.clone()));
                    match Loop::new(config, queue, deadline_receiver) {
                        Ok(mut worker) => {
                            let _ = built.send(Ok(()));
                            expiry.map(tokio::spawn);
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
    queue: mpsc::Receiver<Queued>,
    deadline: watch::Receiver<Option<Instant>>,
    exporter: Exporter,
    sampler: Sampler,
    complaints: Complaints,
    metrics: Metrics,
    temporality: Temporality,
    /// Metrics that the collector has not taken and that are not in the next ones.
    unsent: Option<ResourceMetrics>,
    pace: Pace,
    counts: Arc<Counts>,
    observer: Arc<Observer>,
    pressure: Arc<Pressure>,
    batch: Requests,
}

impl Loop {
    fn new(
        config: WorkerConfig,
        queue: mpsc::Receiver<Queued>,
        deadline: watch::Receiver<Option<Instant>>,
    ) -> Result<Self, BuildError> {
        let resource = resource(config.server.as_ref());
        let scope = InstrumentationScope::builder(semconv::SCOPE)
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let temporality = config.otlp.environment.temporality();
        Ok(Self {
            queue,
            deadline,
            exporter: Exporter::new(&config.otlp)?,
            sampler: Sampler::new(config.sampling),
            complaints: Complaints::default(),
            batch: Requests::new(&resource, &scope),
            metrics: Metrics::new(resource, &config.observer, config.counts.clone(), temporality),
            temporality,
            unsent: None,
            pace: config.pace,
            counts: config.counts,
            observer: config.observer,
            pressure: config.pressure,
        })
    }

    async fn run(&mut self, mut orders: mpsc::Receiver<Order>) {
        let mut tick = interval(self.pace.metric_interval);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick.reset();
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
                        while let Some(late) = self.queue.recv().await {
                            self.take(late);
                            self.fill();
                            self.send().await;
                        }
                        self.finish().await;
                        let _ = done.send(());
                        return;
                    }
                    None => orders_open = false,
                },
                () = sleep_until(send_at), if self.batch.count() > 0 => {
                    self.fill();
                    self.send().await;
                }
                _ = tick.tick() => self.send_metrics().await,
                // Waiting for the queue itself has every record wake this thread, at the expense of the thread that
                // pushes it: so only the first is waited for, and then for time or pressure.
                first = self.queue.recv(), if self.batch.count() == 0 => {
                    let Some(first) = first else {
                        // Every layer and handle is gone.
                        self.finish().await;
                        return;
                    };
                    send_at = Instant::now() + self.pace.linger;
                    self.take(first);
                    self.fill();
                    self.send_if_full().await;
                }
                () = self.pressure.risen(), if self.batch.count() > 0 => {
                    self.fill();
                    self.send_if_full().await;
                }
            }
        }
    }

    /// Sends the calls that are still waited for, and the last metrics.
    async fn finish(&mut self) {
        for last in self.observer.finish(Instant::now().into_std()) {
            self.take(last.into());
            self.send_if_full().await;
        }
        self.send().await;
        self.send_metrics().await;
    }

    /// Takes what is in the queue by now, as far as the batch has room.
    fn fill(&mut self) {
        self.pressure.fall();
        while self.batch.count() < self.pace.batch
            && let Ok(observation) = self.queue.try_recv()
        {
            self.take(observation);
        }
    }

    async fn send_if_full(&mut self) {
        if self.batch.count() == self.pace.batch {
            self.send().await;
        }
    }

    fn take(&mut self, observation: Queued) {
        match observation {
            Observation::Call(record) => {
                self.metrics.record(&record);
                let random = |below| rand::rng().random_range(0..below);
                if let Some(weight) = self.sampler.weigh(&record, || self.metrics.name(&record), random) {
                    self.batch.push(&record, weight);
                }
            }
            Observation::Session(session) => self.metrics.record_session(&session),
            Observation::Unread(body) => self.metrics.record_unread(body),
            Observation::Omitted(_) => {}
        }
    }

    /// Sends everything that is in the queue by now.
    async fn drain(&mut self) {
        for _ in 0..self.queue.len() {
            let Ok(observation) = self.queue.try_recv() else {
                break;
            };
            self.take(observation);
            self.send_if_full().await;
        }
        self.send().await;
    }

    async fn send(&mut self) {
        while let Some(request) = self.batch.pop() {
            self.export(request).await;
        }
    }

    /// Returns when the spans are taken, or given up and counted.
    async fn export(&mut self, request: Request) {
        let count = request.count;
        let give_up = Instant::now() + self.pace.retry_for;
        let exported = tokio::select! {
            biased;
            exported = self.exporter.spans(request) => Some(exported),
            () = past(&mut self.deadline, give_up) => None,
        };
        match exported {
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
    }

    fn refused(&mut self, count: u64, why: &str, advice: &str) {
        self.counts.refused.fetch_add(count, Relaxed);
        self.complaints.complain(count, why, advice, Instant::now());
    }

    async fn send_metrics(&mut self) {
        let give_up = Instant::now() + self.pace.metrics_within;
        if let Some(unsent) = self.unsent.take() {
            self.export_metrics(unsent, give_up).await;
        }
        if self.unsent.is_some() {
            return;
        }
        let mut collected = ResourceMetrics::default();
        if let Err(error) = self.metrics.collect(&mut collected) {
            tracing::debug!(target: "toolsight", %error, "metrics not collected");
            return;
        }
        self.export_metrics(collected, give_up).await;
    }

    async fn export_metrics(&mut self, metrics: ResourceMetrics, give_up: Instant) {
        tokio::select! {
            exported = self.exporter.metrics(&metrics) => if let Err(why) = exported {
                self.complaints.complain(0, &why, REFUSED, Instant::now());
            },
            () = past(&mut self.deadline, give_up) => {
                tracing::debug!(target: "toolsight", "metrics not exported in time");
                // Cumulative metrics are in the next export.
                self.unsent = (self.temporality != Temporality::Cumulative).then_some(metrics);
            }
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
