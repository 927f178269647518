//! What every request goes through once its bytes are here, whichever protocol brought them.

use std::fmt;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task;
use tokio::time::timeout;

use super::layer::Found;
use super::{Encoding, Tally, survey, unstored};
use crate::auth::Denied;
use crate::config;
use crate::memory::Memory;
use crate::spool::{AppendError, Appended, MAX_TENANT, Spool};
use crate::telemetry::Metrics;

/// How long a sender shall wait before it comes again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a request waits for its turn before it is refused.
pub(crate) const TURN: Duration = Duration::from_secs(5);
/// Bytes of protobuf that are read in a tenth of a millisecond, and of JSON in a millisecond. Larger bodies are read on a
/// thread that may block, so that they do not hold up other requests.
const QUICK: (usize, usize) = (256 * 1024, 64 * 1024);

/// The door to the spool; cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    spool: Spool,
    memory: Memory,
    // Every request clones the intake, and these are some dozen counters.
    metrics: Arc<Metrics>,
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

impl Body {
    fn is_quick_to_read(&self) -> bool {
        let (protobuf, json) = QUICK;
        let most = match self.encoding {
            Encoding::Protobuf => protobuf,
            Encoding::Json => json,
        };
        !self.gzip && self.bytes.len() <= most
    }
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
    /// The spool is full; come again.
    QueueFull,
    /// The file system is full; come again.
    DiskFull,
    /// Too many files are open; come again.
    OpenFiles,
    /// There is too little memory; come again.
    Memory,
    /// Too many requests at once; come again.
    Busy,
    /// The collector is shutting down; come again.
    ShuttingDown,
    /// The sender did not finish its body in time.
    Slow,
    /// The body is larger than the limit in bytes, as sent or inflated.
    TooLarge(usize),
    /// The request is larger than the whole spool in bytes.
    TooMany(u64),
    /// The body cannot be read.
    Invalid(String),
    /// The content type or encoding is none that OTLP knows.
    Unsupported(String),
    /// Messages of a gRPC call are compressed in another way than gzip.
    Compression(String),
    /// The sender has no token, or one that is not for sending.
    Denied(Denied),
}

impl Refusal {
    /// Its name in `toolsight_requests_refused_total`.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::DiskFull => "disk_full",
            Self::OpenFiles => "open_files",
            Self::Memory => "memory",
            Self::Busy => "busy",
            Self::ShuttingDown => "shutdown",
            Self::Slow => "slow",
            Self::TooLarge(_) => "too_large",
            Self::TooMany(_) => "too_many",
            Self::Invalid(_) => "invalid",
            Self::Unsupported(_) | Self::Compression(_) => "unsupported",
            Self::Denied(Denied::Role(_)) => "forbidden",
            Self::Denied(_) => "unauthenticated",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => formatter.write_str("the collector's spool is full, send again later"),
            Self::DiskFull => formatter.write_str("the collector's disk is full, send again later"),
            Self::OpenFiles => formatter.write_str("the collector has too many files open, send again later"),
            Self::Memory => formatter.write_str("the collector has too little memory, send again later"),
            Self::Busy => formatter.write_str("the collector has too many requests at once, send again later"),
            Self::ShuttingDown => formatter.write_str("the collector is shutting down, send again later"),
            Self::Slow => formatter.write_str("the request body did not arrive in time"),
            Self::TooLarge(limit) => {
                write!(
                    formatter,
                    "the request body is larger than {limit} bytes, send smaller batches"
                )
            }
            Self::TooMany(limit) => {
                write!(
                    formatter,
                    "the request does not fit into the whole spool of {limit} bytes, send smaller batches"
                )
            }
            Self::Compression(encoding) => {
                write!(
                    formatter,
                    "messages compressed as {encoding:?} are not read here, send gzip or plain ones"
                )
            }
            Self::Invalid(why) | Self::Unsupported(why) => formatter.write_str(why),
            Self::Denied(denied) => denied.fmt(formatter),
        }
    }
}

impl Intake {
    pub(crate) fn new(config: &config::Receive, spool: Spool, memory: Memory, metrics: Metrics) -> Self {
        Self {
            spool,
            memory,
            metrics: Arc::new(metrics),
            turns: Arc::new(Semaphore::new(config.max_concurrent_requests)),
            max_body_bytes: config.max_body_bytes,
            body_timeout: config.body_timeout,
        }
    }

    /// Whether no further request shall be read.
    pub(crate) fn is_short_of_memory(&self) -> bool {
        self.memory.is_scarce()
    }

    /// Waits until few enough requests are at work; the request is in while the permit lives.
    pub(crate) async fn turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        match timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }

    /// Takes the whole request or nothing of it, and returns once it is on disk. A `tenant` that is not empty is the
    /// tenant of all its calls, whatever the request says.
    pub(crate) async fn take(
        &self,
        protocol: &'static str,
        signal: Signal,
        body: Body,
        tenant: &str,
    ) -> Result<Accepted, Refusal> {
        let (limit, arrived) = (self.max_body_bytes, Instant::now());
        let read = if body.is_quick_to_read() {
            read(signal, body, limit)
        } else {
            let read = task::spawn_blocking(move || read(signal, body, limit)).await;
            read.unwrap_or_else(|error| Err(Refusal::Invalid(format!("the request could not be read: {error}"))))
        };
        let request = match read? {
            Content::Traces(request) => request,
            Content::Metrics(found) => {
                self.metrics.layers.note(tenant, &found.reports);
                return Ok(self.ignore("metrics", found.ignored));
            }
            Content::Logs(records) => return Ok(self.ignore("logs", records)),
        };
        if tenant.len() > MAX_TENANT {
            return Err(Refusal::Invalid(format!("a tenant has at most {MAX_TENANT} bytes")));
        }
        // What is stored is counted, also if the sender goes away before it hears of it.
        let (intake, tenant) = (self.clone(), tenant.to_owned());
        let store = async move {
            let stored = intake.store(protocol, request, &tenant).await;
            let seconds = arrived.elapsed().as_secs_f64();
            intake.metrics.acknowledgement_seconds.observe(seconds);
            stored
        };
        tokio::spawn(store).await.unwrap_or(Err(Refusal::ShuttingDown))
    }

    /// Counts a request that was answered with an error.
    pub(crate) fn count_refusal(&self, refusal: &Refusal) {
        self.metrics
            .requests_refused
            .with_label_values(&[refusal.reason()])
            .inc();
    }

    /// Counts what is answered with success and not stored.
    fn ignore(&self, signal: &str, count: u64) -> Accepted {
        self.metrics
            .telemetry_ignored
            .with_label_values(&[signal])
            .inc_by(count);
        Accepted::default()
    }

    /// Stores a request, and counts its spans: received are those that were refused, ignored, known or stored.
    async fn store(&self, protocol: &'static str, request: Traces, tenant: &str) -> Result<Accepted, Refusal> {
        let Traces { body, tally } = request;
        let appended = match tally.rows() {
            // Nothing in it is a call.
            0 => Ok(Appended::Stored),
            _ => {
                self.spool
                    .append(tenant, body, u32::try_from(tally.rows()).unwrap_or(u32::MAX))
                    .await
            }
        };
        let received = self.metrics.spans_received.with_label_values(&[protocol]);
        received.inc_by(tally.spans);
        match appended {
            Ok(Appended::Stored) => tally.record_spans(&self.metrics),
            Ok(Appended::Duplicate) => self.metrics.spans_duplicate.inc_by(tally.spans),
            Err(error) => {
                let refusal = Refusal::from(error);
                let refused = self.metrics.spans_refused.with_label_values(&[refusal.reason()]);
                refused.inc_by(tally.spans);
                return Err(refusal);
            }
        }
        Ok(Accepted {
            rejected_spans: tally.rejected,
            message: tally.first_rejection.unwrap_or_default(),
        })
    }
}

/// What a request turned out to be.
#[derive(Debug)]
enum Content {
    Traces(Traces),
    Metrics(Found),
    /// So many records, which are not stored.
    Logs(u64),
}

/// A request that can be stored.
#[derive(Debug)]
struct Traces {
    /// In protobuf.
    body: Bytes,
    tally: Tally,
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::QueueFull,
            AppendError::DiskFull => Self::DiskFull,
            AppendError::OpenFiles => Self::OpenFiles,
            AppendError::TooLarge { limit } => Self::TooMany(limit),
            AppendError::Busy => Self::Busy,
            AppendError::Closed => Self::ShuttingDown,
        }
    }
}

/// Inflates and checks a request.
fn read(signal: Signal, body: Body, limit: usize) -> Result<Content, Refusal> {
    let Body {
        mut bytes,
        gzip,
        encoding,
    } = body;
    if gzip {
        bytes = inflate(&bytes, limit)?;
    }
    let read = match signal {
        Signal::Traces => survey(bytes, encoding).map(|(body, tally)| Content::Traces(Traces { body, tally })),
        Signal::Metrics => unstored::metrics(&bytes, encoding).map(Content::Metrics),
        Signal::Logs => unstored::logs(&bytes, encoding).map(Content::Logs),
    };
    read.map_err(Refusal::Invalid)
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
