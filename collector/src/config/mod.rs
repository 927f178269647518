//! What the collector can be told, one struct per concern.
//!
//! Every setting has one name: `spool_bytes` in the file is `TOOLSIGHT_SPOOL_BYTES` in the environment and
//! `--spool-bytes` on the command line; flags win over the environment, the environment over the file. All names, texts
//! and ranges stand in [`settings`], all defaults in the structs here.

mod load;
pub mod settings;
mod values;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use load::{ConfigError, ConfigErrors, Loaded, Source, load, misspelt_variables};

use crate::store::{Location, Retention};

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where the collector listens.
    pub listen: Listen,
    /// Limits of a request.
    pub receive: Receive,
    /// Requests on disk that wait for the store.
    pub spool: Spool,
    /// The way from the spool to the store.
    pub batch: Batch,
    /// Where rows are kept.
    pub store: Store,
    /// Who may see the page.
    pub page: Page,
    /// Who may connect, and how.
    pub security: Security,
    /// Who goes first where processors are short.
    pub priority: Priority,
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
    /// Requests that are at work at the same time, three quarters of them over one protocol. Bodies on their way over a
    /// protocol have half as many largest ones' memory.
    pub max_concurrent_requests: usize,
    /// Connections that each address has open at a time; further ones wait.
    pub max_connections: usize,
    /// Time for a body to arrive.
    pub body_timeout: Duration,
    /// Memory in bytes near which requests are refused; 0 for the limit of the control groups, else the
    /// machine's.
    pub memory_limit_bytes: u64,
}

/// Requests on disk that wait for the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Spool {
    /// Its folder; `None` for one beside the store's data, or in the user's own data folder.
    pub folder: Option<PathBuf>,
    /// Bytes on disk at most; beyond it senders are asked to come again.
    pub bytes: u64,
    /// How long requests stay after the store has confirmed them, since it does not wait for its own disk.
    pub linger: Duration,
    /// What an acknowledgement waits for.
    pub durability: Durability,
    /// Name of this collector in the tokens of its batches.
    pub instance: String,
}

/// What an acknowledgement waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The disk has the request: it survives a power failure.
    #[default]
    Fsync,
    /// The operating system has the request: it survives the end of the collector, but not a power failure.
    Os,
}

/// The way from the spool to the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Rows that are inserted together at most.
    pub rows: usize,
    /// Bytes in memory that these rows may take, about.
    pub bytes: usize,
    /// How long the first row of a batch waits for others.
    pub linger: Duration,
    /// Time to bring what waits to the store at shutdown.
    pub drain_time: Duration,
}

/// Where rows are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// Which ClickHouse; `None` for the embedded one in the user's own data folder.
    pub location: Option<Location>,
    /// The cluster that the tables of a remote store spread over; `None` for one server.
    pub cluster: Option<String>,
    /// The embedded engine's shared library; searched for and fetched where not set.
    pub engine_library: Option<PathBuf>,
    /// Port on 127.0.0.1 at which the embedded engine speaks HTTP; 0 for any that is free.
    pub engine_port: u16,
    /// Bytes of memory that the embedded engine may use; a question may use half of them.
    pub engine_memory_bytes: u64,
    /// How long rows are kept.
    pub retention: Retention,
}

/// Who may see the page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Names by which a page that listens on this machine only may be called, besides the machine's own; for a proxy in
    /// front of it.
    pub allowed_hosts: Vec<String>,
}

/// Who may connect, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// The file of tokens; without one everybody may do everything.
    pub tokens_file: Option<PathBuf>,
    /// The certificates of this server in PEM, its own first; without them connections are not encrypted.
    pub tls_certificate: Option<PathBuf>,
    /// The key of the first certificate, in PEM.
    pub tls_key: Option<PathBuf>,
    /// Certificates in PEM, one of which has to have signed that of each client; without them clients need none.
    pub tls_client_ca: Option<PathBuf>,
}

/// Who goes first where processors are short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// All programs of the machine share them.
    #[default]
    Shared,
    /// Requests go before all that has no real-time priority, the collector's own other work included.
    RealTime,
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
            max_connections: 1024,
            body_timeout: Duration::from_secs(10),
            memory_limit_bytes: 0,
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            location: None,
            cluster: None,
            engine_library: None,
            engine_port: 0,
            engine_memory_bytes: 1 << 30,
            retention: Retention::default(),
        }
    }
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            folder: None,
            bytes: 10 << 30,
            linger: Duration::from_secs(60),
            durability: Durability::Fsync,
            instance: "collector".to_owned(),
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            rows: 50_000,
            bytes: 64 << 20,
            linger: Duration::from_secs(1),
            drain_time: Duration::from_secs(10),
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
