//! The export thread and its handle; what it does is [`Work`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::expiry::expire;
use super::otlp::{BuildError, OtlpConfig, Pace};
use super::queue::Queued;
use super::sampling::Sampling;
use super::work::Work;
use crate::record::Peer;
use crate::recorder::Recorder;

pub(crate) struct WorkerConfig {
    pub(crate) otlp: OtlpConfig,
    pub(crate) server: Option<Peer>,
    pub(crate) sampling: Sampling,
    pub(crate) pace: Pace,
    /// What is to be read.
    pub(crate) recorder: Arc<Recorder>,
}

/// A handle of the export thread.
#[derive(Debug)]
pub(crate) struct Worker {
    orders: mpsc::Sender<Order>,
    /// The deadline of a shutdown, for work that is under way.
    deadline: watch::Sender<Option<Instant>>,
}

#[derive(Debug)]
pub(super) enum Order {
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
                    let expiry = expire(Arc::downgrade(&config.recorder));
                    match Work::new(config, queue, deadline_receiver) {
                        Ok(mut work) => {
                            let _ = built.send(Ok(()));
                            tokio::spawn(expiry);
                            work.run(order_receiver).await;
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
