//! What the collector can be told, one struct per concern.
//!
//! Every setting has one name: `queue_rows` in the file is `TOOLSIGHT_QUEUE_ROWS` in the environment and
//! `--queue-rows` on the command line; flags win over the environment, the environment over the file. All names, texts
//! and ranges stand in [`settings`], all defaults in the structs here.

mod load;
pub mod settings;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use load::{ConfigError, Loaded, Source, load, misspelt_variables};

use crate::store::Location;

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where the collector listens.
    pub listen: Listen,
    /// Limits of a request.
    pub receive: Receive,
    /// The way from rows to the store.
    pub queue: Queue,
    /// Where rows are kept.
    pub store: Store,
    /// Who may see the page.
    pub page: Page,
    /// The collector's own log.
    pub log: Log,
}

/// Where the collector listens; port 0 takes a free one.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen {
    /// OTLP over gRPC.
    pub grpc: SocketAddr,
    /// OTLP over HTTP.
    pub http: SocketAddr,
    /// The page, its API, health and metrics.
    pub page: SocketAddr,
}

/// Limits of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Receive {
    /// Largest body in bytes, as sent and inflated.
    pub max_body_bytes: usize,
    /// Requests that are read at the same time; their bodies are in memory.
    pub max_concurrent_requests: usize,
    /// Time for a body to arrive.
    pub body_timeout: Duration,
}

/// The way from rows to the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Rows in memory, those on their way to the store included.
    pub rows: usize,
    /// Bytes in memory that these rows and those of requests which are being read may take, about.
    pub bytes: usize,
    /// Rows that are inserted together at most.
    pub batch_rows: usize,
    /// How long the first row of a batch waits for others.
    pub batch_linger: Duration,
    /// Time to empty the queue at shutdown.
    pub drain_time: Duration,
    /// Name of this collector in the tokens of its batches.
    pub instance: String,
}

/// Where rows are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Store {
    /// Which ClickHouse; `None` for the embedded one in the user's own data folder.
    pub location: Option<Location>,
    /// The cluster that the tables of a remote store spread over; `None` for one server.
    pub cluster: Option<String>,
    /// The embedded engine's shared library; searched for and fetched where not set.
    pub engine_library: Option<PathBuf>,
}

/// Who may see the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Names by which a page that listens on this machine only may be called, besides the machine's own; for a proxy in
    /// front of it.
    pub allowed_hosts: Vec<String>,
}

/// The collector's own log, on standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// How lines are written.
    pub format: LogFormat,
    /// What is logged, such as `info` or `toolsight_collector=debug`.
    pub filter: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            grpc: local(4317),
            http: local(4318),
            page: local(4319),
        }
    }
}

impl Default for Receive {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 * 1024 * 1024,
            max_concurrent_requests: 32,
            body_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            rows: 200_000,
            bytes: 256 * 1024 * 1024,
            batch_rows: 50_000,
            batch_linger: Duration::from_secs(1),
            drain_time: Duration::from_secs(10),
            instance: "collector".to_owned(),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}
