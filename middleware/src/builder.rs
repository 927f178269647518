//! Setting Toolsight up.

use std::sync::Arc;
use std::time::Duration;

use crate::export::{BuildError, Dropped, OtlpConfig, Protocol, Queue, Worker, WorkerConfig};
use crate::http::ToolsightLayer;
use crate::identity::Users;
use crate::observe::{Forgotten, Observer};
use crate::record::Peer;

/// Upper bound of what a queue or memory may be told to hold.
const MOST: usize = 1 << 20;

/// A running observer: makes layers, and sends what they record.
///
/// Cloning is cheap. Call [`shutdown`](Self::shutdown) before the process ends, or the records of the last half second
/// are lost.
#[derive(Clone, Debug)]
pub struct Toolsight {
    pub(crate) layer: ToolsightLayer,
    pub(crate) worker: Arc<Worker>,
    shutdown_timeout: Duration,
}

/// Options of [`Toolsight`], each with its default.
#[derive(Clone, Debug)]
pub struct Builder {
    server: Option<Peer>,
    users: Users,
    otlp: OtlpConfig,
    queue_records: usize,
    sessions: usize,
    metric_interval: Duration,
    shutdown_timeout: Duration,
}

impl Toolsight {
    /// Begins with the defaults, which record everything and send it to the collector on this machine.
    pub fn builder() -> Builder {
        Builder {
            server: None,
            users: Users::default(),
            otlp: OtlpConfig::default(),
            queue_records: 16_384,
            sessions: 10_000,
            metric_interval: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(5),
        }
    }

    /// The layer to put in front of an MCP server. All layers of one `Toolsight` share what they learn of it, so use
    /// one `Toolsight` per MCP server.
    pub fn layer(&self) -> ToolsightLayer {
        self.layer.clone()
    }

    /// Sends what has been recorded by now and returns when that is done, or the time limit of the shutdown has passed;
    /// sending goes on then. Needs a tokio runtime with time.
    pub async fn flush(&self) {
        self.worker.flush(self.shutdown_timeout).await;
    }

    /// Sends what has been recorded and ends the export thread; later calls pass unrecorded.
    pub async fn shutdown(&self) {
        self.worker.shutdown(self.shutdown_timeout).await;
    }

    /// Records that were not exported, by reason.
    pub fn dropped(&self) -> Dropped {
        self.layer.queue.counts().read()
    }

    /// What was forgotten of sessions, calls and names because there were too many of them.
    pub fn forgotten(&self) -> Forgotten {
        self.layer.observer.counters.read()
    }
}

impl Builder {
    /// Name and version of the server. Default: what it says of itself.
    #[must_use]
    pub fn server(mut self, name: impl Into<Box<str>>, version: impl Into<Box<str>>) -> Self {
        self.server = Some(Peer {
            name: name.into(),
            version: version.into(),
        });
        self
    }

    /// Where users are read from. Default: only the [`UserId`](crate::UserId) that the application provides.
    #[must_use]
    pub fn users(mut self, users: Users) -> Self {
        self.users = users;
        self
    }

    /// Address of the collector, such as `http://127.0.0.1:4317`. Default: `OTEL_EXPORTER_OTLP_ENDPOINT`, else this
    /// machine.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.otlp.endpoint = Some(endpoint.into());
        self
    }

    /// How OTLP is spoken. Default: `OTEL_EXPORTER_OTLP_PROTOCOL`, else gRPC.
    #[must_use]
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.otlp.protocol = Some(protocol);
        self
    }

    /// Adds a header to every export, such as `authorization`. Default: `OTEL_EXPORTER_OTLP_HEADERS`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.otlp.headers.insert(name.into(), value.into());
        self
    }

    /// Time limit of one export. Default: `OTEL_EXPORTER_OTLP_TIMEOUT`, else 10 s.
    #[must_use]
    pub const fn export_timeout(mut self, timeout: Duration) -> Self {
        self.otlp.timeout = Some(timeout);
        self
    }

    /// Records that wait for the export at most; further ones are dropped and counted. At most 1,048,576; default:
    /// 16,384, which is some 16 MB.
    #[must_use]
    pub const fn queue_records(mut self, records: usize) -> Self {
        self.queue_records = if records > MOST { MOST } else { records };
        self
    }

    /// Sessions of legacy protocol versions that are remembered at most, the least used making room. At most
    /// 1,048,576; default: 10,000.
    #[must_use]
    pub const fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = if sessions > MOST { MOST } else { sessions };
        self
    }

    /// Time between two exports of metrics. Default: 60 s.
    #[must_use]
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metric_interval = interval.max(Duration::from_millis(100));
        self
    }

    /// Time limit of [`Toolsight::shutdown`] and [`Toolsight::flush`]. Default: 5 s.
    #[must_use]
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Starts the export thread. It connects when there is something to send, so a collector that is away is no error.
    ///
    /// # Errors
    /// If the endpoint, a header or an `OTEL_*` variable cannot be used, or the thread cannot be started.
    pub fn build(self) -> Result<Toolsight, BuildError> {
        let observer = Arc::new(Observer::new(self.server.clone(), self.users, self.sessions));
        let (queue, receiver) = Queue::new(self.queue_records);
        let config = WorkerConfig {
            otlp: self.otlp,
            server: self.server,
            metric_interval: self.metric_interval,
            observer: observer.clone(),
            counts: queue.counts(),
            pressure: queue.pressure(),
        };
        let worker = Arc::new(Worker::start(config, receiver)?);
        let layer = ToolsightLayer { observer, queue };
        Ok(Toolsight {
            layer,
            worker,
            shutdown_timeout: self.shutdown_timeout,
        })
    }
}
