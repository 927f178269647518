//! Setting Toolsight up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::capture::Capture;
use crate::export::{BuildError, Dropped, OtlpConfig, Pace, Protocol, Queue, Sampling, Worker, WorkerConfig};
use crate::http::ToolsightLayer;
use crate::identity::{Clients, Identity, Tenants, Users};
use crate::observe::{DetailConfig, Forgotten, Observer};
use crate::record::Peer;
use crate::recorder::Recorder;

/// Upper bound of what a queue or memory may be told to hold.
const MOST: usize = 1 << 20;

/// A running observer: makes layers, and sends what they record.
///
/// Cloning is cheap. Call [`shutdown`](Self::shutdown) before the process ends, or the records of the last half second
/// are lost.
#[derive(Clone, Debug)]
pub struct Toolsight {
    pub(crate) layer: ToolsightLayer,
    /// None where `OTEL_SDK_DISABLED` turns everything off.
    pub(crate) worker: Option<Arc<Worker>>,
    shutdown_timeout: Duration,
}

/// Options of [`Toolsight`], each with its default.
#[derive(Clone, Debug)]
pub struct Builder {
    server: Option<Peer>,
    identity: Identity,
    clients: Clients,
    pub(crate) otlp: OtlpConfig,
    queue_records: Option<usize>,
    sessions: usize,
    metric_interval: Option<Duration>,
    sampling: Sampling,
    detail: DetailConfig,
    shutdown_timeout: Duration,
}

impl Toolsight {
    /// Begins with the defaults, which record everything and send it to the collector on this machine.
    pub fn builder() -> Builder {
        Builder {
            server: None,
            identity: Identity::default(),
            clients: Clients::default(),
            otlp: OtlpConfig::default(),
            queue_records: None,
            sessions: 10_000,
            metric_interval: None,
            sampling: Sampling::default(),
            detail: DetailConfig::default(),
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
        if let Some(worker) = &self.worker {
            worker.flush(self.shutdown_timeout).await;
        }
    }

    /// Sends what has been recorded and ends the export thread; later calls pass unrecorded.
    pub async fn shutdown(&self) {
        if let Some(worker) = &self.worker {
            worker.shutdown(self.shutdown_timeout).await;
        }
    }

    /// Records that were not exported, by reason. Has what has passed read first, which may take some milliseconds.
    pub fn dropped(&self) -> Dropped {
        self.layer.recorder.catch_up();
        self.layer.recorder.queue.counts().read()
    }

    /// What was forgotten of sessions, calls and names because there were too many of them. Has what has passed read first, as
    /// [`dropped`](Self::dropped).
    pub fn forgotten(&self) -> Forgotten {
        self.layer.recorder.catch_up();
        self.layer.recorder.observer.counters.read()
    }
}

impl Builder {
    /// Name and version of the server, recorded as they are. Default: what it says of itself, cut to 256 bytes each; that is
    /// its version also where `version` is empty.
    #[must_use]
    pub fn server(mut self, name: impl Into<Box<str>>, version: impl Into<Box<str>>) -> Self {
        self.server = Some(Peer {
            name: name.into().into(),
            version: version.into().into(),
        });
        self
    }

    /// Where users are read from. Default: only the [`UserId`](crate::UserId) that the application provides.
    #[must_use]
    pub fn users(mut self, users: Users) -> Self {
        self.identity.users = users;
        self
    }

    /// Where tenants are read from. Default: only the [`Tenant`](crate::Tenant) that the application provides.
    #[must_use]
    pub fn tenants(mut self, tenants: Tenants) -> Self {
        self.identity.tenants = tenants;
        self
    }

    /// Clients and bridges that are known beyond the table of this crate, at most 256. Default: none.
    #[must_use]
    pub fn clients(mut self, clients: Clients) -> Self {
        self.clients = clients;
        self
    }

    /// Address of the collector, such as `http://127.0.0.1:4317`. With HTTP, `/v1/traces` and `/v1/metrics` are appended.
    /// Default: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, else
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`, else this machine at port 4317, or 4318 with HTTP.
    ///
    /// Every `OTEL_EXPORTER_OTLP_*` variable named here has a form for one signal, like these; what the builder is told
    /// comes before all of them.
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

    /// Adds a header to every export, such as `authorization`, in place of one of the same name in
    /// `OTEL_EXPORTER_OTLP_HEADERS`. Default: those of the variable.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.otlp.headers.push((name.into(), value.into()));
        self
    }

    /// Whether exports are compressed with gzip even if `OTEL_EXPORTER_OTLP_COMPRESSION` does not say so. Default: no.
    #[must_use]
    pub const fn gzip(mut self, gzip: bool) -> Self {
        self.otlp.gzip = gzip;
        self
    }

    /// PEM file of the authorities that are trusted, for an address that begins with `https`. Default:
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`, else the authorities of the system.
    #[must_use]
    pub fn ca_certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.otlp.ca_certificate = Some(path.into());
        self
    }

    /// PEM files of the certificate and key by which the collector knows this client. Default:
    /// `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE` and `OTEL_EXPORTER_OTLP_CLIENT_KEY`, else none.
    #[must_use]
    pub fn client_certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.otlp.client_certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Captures arguments and results of tool calls, and addresses of resources. Default: none, and no byte of them is exported. A
    /// message of an error may still say what was asked for, see [`error_messages`](Self::error_messages).
    #[must_use]
    pub fn capture(mut self, capture: Capture) -> Self {
        self.detail.capture = capture;
        self
    }

    /// Whether the messages of JSON-RPC errors are recorded, cut to 256 bytes. Default: yes. They are the server's words, and
    /// may repeat arguments: with `false`, and without capture, nothing of arguments and results leaves.
    #[must_use]
    pub const fn error_messages(mut self, recorded: bool) -> Self {
        self.detail.messages = recorded;
        self
    }

    /// The key under which arguments are hashed, and chains of calls where nothing else names them. It must be the same on
    /// all replicas of a server and over its restarts, or the same call is another to each of them. Keep it secret, as it
    /// is what hides short arguments. Default: another in each process.
    #[must_use]
    pub const fn hash_key(mut self, key: [u8; 32]) -> Self {
        self.detail.key = key;
        self
    }

    /// The longest pause between two calls of a user that belong together where neither a session nor anything else says
    /// so; any time, and with 0 each call is for itself. Default: 10 minutes.
    #[must_use]
    pub const fn idle_gap(mut self, gap: Duration) -> Self {
        self.detail.idle_gap = gap;
        self
    }

    /// Which calls become spans; the metrics are made of all. Default: all.
    #[must_use]
    pub const fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// Time limit of one attempt to export, at least 1 ms. Default: `OTEL_EXPORTER_OTLP_TIMEOUT`, else 10 s.
    #[must_use]
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.otlp.timeout = Some(timeout.max(Duration::from_millis(1)));
        self
    }

    /// Records that wait for the export at most; further ones are dropped and counted. From 1 to 1,048,576. Default:
    /// `OTEL_BSP_MAX_QUEUE_SIZE`, else 16,384, which is some 16 MB.
    #[must_use]
    pub const fn queue_records(mut self, records: usize) -> Self {
        self.queue_records = Some(records);
        self
    }

    /// Sessions of legacy protocol versions that are remembered at most, and as many event streams of HTTP+SSE; the one not
    /// used for longest makes room. From 1 to 1,048,576. Default: 10,000.
    #[must_use]
    pub const fn sessions(mut self, sessions: usize) -> Self {
        self.sessions = if sessions > MOST { MOST } else { sessions };
        self
    }

    /// Time between two exports of metrics, at least 100 ms. Default: `OTEL_METRIC_EXPORT_INTERVAL`, else 60 s.
    #[must_use]
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metric_interval = Some(interval.max(Pace::LEAST_INTERVAL));
        self
    }

    /// Time limit of [`Toolsight::shutdown`] and [`Toolsight::flush`]; any time. What a shutdown cannot send until then is
    /// dropped and counted. Default: 5 s.
    #[must_use]
    pub const fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Starts the export thread. It connects when there is something to send, so a collector that is away is no error.
    /// Where `OTEL_SDK_DISABLED` is `true`, nothing is started, and every request passes unrecorded and uncounted.
    ///
    /// # Errors
    /// If the endpoint, a certificate or its key, a header that the builder was told, or a known client cannot be used, or the
    /// thread cannot be started. Any other `OTEL_*` variable that means nothing is warned of and ignored.
    pub fn build(self) -> Result<Toolsight, BuildError> {
        let environment = self.otlp.environment.clone();
        let disabled = environment.disabled();
        let mut identity = self.identity;
        if !disabled {
            identity.clients = self.clients.read(|variable| environment.get(variable))?;
        }
        let observer = Observer::new(self.server.clone(), identity, self.sessions);
        let observer = Arc::new(observer.telling(self.detail));
        if disabled {
            let queue = Queue::off();
            let recorder = Recorder::new(observer, queue).into();
            return Ok(Toolsight {
                layer: ToolsightLayer { recorder },
                worker: None,
                shutdown_timeout: self.shutdown_timeout,
            });
        }
        let mut pace = environment.pace();
        pace.metric_interval = self.metric_interval.unwrap_or(pace.metric_interval);
        let records = self.queue_records.unwrap_or(pace.queue_records);
        let (queue, receiver) = Queue::new(records.min(MOST));
        let recorder = Arc::new(Recorder::new(observer, queue));
        let config = WorkerConfig {
            otlp: self.otlp,
            sampling: self.sampling,
            server: self.server,
            pace,
            recorder: recorder.clone(),
        };
        let worker = Some(Arc::new(Worker::start(config, receiver)?));
        let layer = ToolsightLayer { recorder };
        Ok(Toolsight {
            layer,
            worker,
            shutdown_timeout: self.shutdown_timeout,
        })
    }
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
