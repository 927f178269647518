//! What every request goes through once its bytes are here, whichever protocol brought them.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;
use tokio::time::timeout;

use super::{Encoding, decode, each_row};
use crate::auth::Denied;
use crate::config;
use crate::pipeline::{PushError, Queue};
use crate::row::Row;
use crate::telemetry::Metrics;

/// How long a sender shall wait before it comes again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a request waits for its turn before it is refused.
pub(crate) const TURN: Duration = Duration::from_secs(5);
/// Bodies beyond this size are read on a thread that may block, so that they do not hold up other requests.
const LARGE: usize = 64 * 1024;

/// The door to the pipeline; cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    queue: Queue,
    metrics: Metrics,
    turns: Arc<Semaphore>,
    pub(crate) max_body_bytes: usize,
    pub(crate) body_timeout: Duration,
}

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// A request's content as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) gzip: bool,
    pub(crate) encoding: Encoding,
}

/// The answer to a request that was taken, as far as it is not plain success.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) rejected_spans: u64,
    pub(crate) message: String,
}

/// Why nothing of a request was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The queue is full; come again.
    QueueFull,
    /// Too many requests at once; come again.
    Busy,
    /// The collector is shutting down; come again.
    ShuttingDown,
    /// The sender did not finish its body in time.
    Slow,
    /// The body is larger than the limit in bytes, as sent or inflated.
    TooLarge(usize),
    /// The request has more rows, or more bytes of them, than the whole queue.
    TooMany { rows: usize, bytes: usize },
    /// The body cannot be read.
    Invalid(String),
    /// The content type or encoding is none that OTLP knows.
    Unsupported(String),
    /// The sender has no token, or one that is not for sending.
    Denied(Denied),
}

impl Refusal {
    /// Its name in `toolsight_requests_refused_total`.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::Busy => "busy",
            Self::ShuttingDown => "shutdown",
            Self::Slow => "slow",
            Self::TooLarge(_) => "too_large",
            Self::TooMany { .. } => "too_many",
            Self::Invalid(_) => "invalid",
            Self::Unsupported(_) => "unsupported",
            Self::Denied(Denied::Role(_)) => "forbidden",
            Self::Denied(_) => "unauthenticated",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => formatter.write_str("the collector's queue is full, send again later"),
            Self::Busy => formatter.write_str("the collector has too many requests at once, send again later"),
            Self::ShuttingDown => formatter.write_str("the collector is shutting down, send again later"),
            Self::Slow => formatter.write_str("the request body did not arrive in time"),
            Self::TooLarge(limit) => {
                write!(
                    formatter,
                    "the request body is larger than {limit} bytes, send smaller batches"
                )
            }
            Self::TooMany { rows, bytes } => {
                write!(
                    formatter,
                    "the request does not fit into the whole queue of {rows} rows and {bytes} bytes, send smaller batches"
                )
            }
            Self::Invalid(why) | Self::Unsupported(why) => formatter.write_str(why),
            Self::Denied(denied) => denied.fmt(formatter),
        }
    }
}

impl Intake {
    pub(crate) fn new(config: &config::Receive, queue: Queue, metrics: Metrics) -> Self {
        Self {
            queue,
            metrics,
            turns: Arc::new(Semaphore::new(config.max_concurrent_requests)),
            max_body_bytes: config.max_body_bytes,
            body_timeout: config.body_timeout,
        }
    }

    /// Waits until few enough requests are being read; the request is in while the permit lives.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        match timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }

    /// Takes the whole request or nothing of it. A `tenant` that is not empty is the tenant of all its calls, whatever
    /// the request says.
    pub(crate) async fn take(
        &self,
        protocol: &'static str,
        signal: Signal,
        body: Body,
        tenant: &str,
    ) -> Result<Accepted, Refusal> {
        if body.bytes.len() <= LARGE && !body.gzip {
            return self.read(protocol, signal, body, tenant);
        }
        let (intake, tenant) = (self.clone(), tenant.to_owned());
        let read = task::spawn_blocking(move || intake.read(protocol, signal, body, &tenant)).await;
        read.unwrap_or_else(|error| Err(Refusal::Invalid(format!("the request could not be read: {error}"))))
    }

    /// Counts a request that was answered with an error.
    pub(crate) fn count_refusal(&self, refusal: &Refusal) {
        self.metrics
            .requests_refused
            .with_label_values(&[refusal.reason()])
            .inc();
    }

    fn read(&self, protocol: &'static str, signal: Signal, body: Body, tenant: &str) -> Result<Accepted, Refusal> {
        let Body {
            mut bytes,
            gzip,
            encoding,
        } = body;
        if gzip {
            bytes = inflate(&bytes, self.max_body_bytes)?;
        }
        match signal {
            Signal::Traces => self.take_traces(protocol, &bytes, encoding, tenant),
            Signal::Metrics => check(&bytes, encoding, "ExportMetricsServiceRequest"),
            Signal::Logs => check(&bytes, encoding, "ExportLogsServiceRequest"),
        }
    }

    fn take_traces(
        &self,
        protocol: &'static str,
        body: &[u8],
        encoding: Encoding,
        tenant: &str,
    ) -> Result<Accepted, Refusal> {
        let mut draft = self.queue.draft();
        let add = |mut row: Row| {
            if !tenant.is_empty() {
                tenant.clone_into(&mut row.tenant);
            }
            draft.add(row)
        };
        let tally = each_row(body, encoding, SystemTime::now(), add).map_err(Refusal::Invalid)?;
        let received = self.metrics.spans_received.with_label_values(&[protocol]);
        received.inc_by(tally.spans);
        if let Err(error) = draft.send() {
            let refusal = match error {
                PushError::Full => Refusal::QueueFull,
                PushError::TooMany { rows, bytes } => Refusal::TooMany { rows, bytes },
                PushError::Closed => Refusal::ShuttingDown,
            };
            self.metrics
                .spans_refused
                .with_label_values(&[refusal.reason()])
                .inc_by(tally.spans);
            return Err(refusal);
        }
        tally.record(&self.metrics);
        Ok(Accepted {
            rejected_spans: tally.rejected,
            message: tally.first_rejection.unwrap_or_default(),
        })
    }
}

fn inflate(bytes: &[u8], limit: usize) -> Result<Bytes, Refusal> {
    let mut inflated = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(limit as u64 + 1);
    decoder
        .read_to_end(&mut inflated)
        .map_err(|error| Refusal::Invalid(format!("invalid gzip: {error}")))?;
    if inflated.len() > limit {
        Err(Refusal::TooLarge(limit))
    } else {
        Ok(inflated.into())
    }
}

/// Metrics and logs are not stored, but a sender shall hear that what it sends is none.
fn check(body: &[u8], encoding: Encoding, message: &'static str) -> Result<Accepted, Refusal> {
    let checked = match encoding {
        Encoding::Protobuf => decode::check(body, message).map_err(|broken| broken.to_string()),
        Encoding::Json => serde_json::from_slice::<IgnoredAny>(body)
            .map(drop)
            .map_err(|error| format!("invalid JSON: {error}")),
    };
    checked.map(|()| Accepted::default()).map_err(Refusal::Invalid)
}
