//! The store: ClickHouse, embedded or elsewhere. Only this module talks to it; what others ask goes through
//! [`Store::reader`].

mod backup;
mod client;
mod cluster;
mod command;
mod engine;
mod engine_config;
mod engine_fetch;
mod engine_folder;
mod engine_library;
mod engine_log;
/// The process that is the embedded engine.
pub mod engine_process;
mod error;
mod failure;
mod forget;
mod insert;
mod large_tenants;
mod location;
mod migrate;
mod migration_lock;
mod native;
mod retention;
mod sessions;
mod standstill;
mod version;
mod watch;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use clickhouse::Client;
use tokio::{
    sync::{Mutex, Notify, OnceCell, watch as state},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub use self::{
    backup::restore,
    command::{CommandSession, ReaderAccess},
    error::StoreError,
    forget::Forgotten,
    location::{DEFAULT_DATABASE, Location, LocationError, Remote},
    native::{Block, Frames},
    retention::Retention,
    watch::StoreState,
};
use self::{client::Clients, engine::Engine, engine_folder::EngineFolder};
use crate::pipeline::{Caller, InsertError, Session, Sink};
use crate::telemetry::Metrics;

/// Where the store is, and what the embedded engine may take.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Where the store is.
    pub location: Location,
    /// The cluster that the tables spread over, as a remote store knows it; `None` for one server.
    pub cluster: Option<String>,
    /// The engine's library; `None` for the one in the cache folder, which is fetched where it is missing.
    pub engine_library: Option<PathBuf>,
    /// Bytes that the engine may use, at least 256 MiB.
    pub engine_memory_bytes: u64,
    /// Port of the engine's HTTP interface on 127.0.0.1; 0 for any that is free.
    pub engine_http_port: u16,
    /// Port of the engine's native interface on 127.0.0.1; 0 for any that is free.
    pub engine_tcp_port: u16,
    /// How long the server may take for a batch and its views once it has all of it.
    pub insert_timeout: Duration,
    /// How long rows are kept.
    pub retention: Retention,
    /// The program that knows the subcommand [`engine_process::SUBCOMMAND`]; `None` for the one that runs.
    pub engine_program: Option<PathBuf>,
}

impl StoreConfig {
    /// The defaults for a location: 1 GiB for the engine, any free ports, and 3 minutes for an insert.
    #[must_use]
    pub fn new(location: Location) -> Self {
        Self {
            location,
            cluster: None,
            engine_library: None,
            engine_memory_bytes: 1 << 30,
            engine_http_port: 0,
            engine_tcp_port: 0,
            insert_timeout: Duration::from_secs(180),
            retention: Retention::default(),
            engine_program: None,
        }
    }
}

/// What [`Store::open`] is doing, for a person who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Another process fetches the engine, and this one waits for it.
    EngineAwaited,
    /// The engine is being downloaded: bytes so far, and bytes in all.
    EngineDownload(u64, u64),
    /// The download is checked and unpacked.
    EngineUnpack,
    /// The engine starts.
    EngineStart,
}

/// The store. Dropping it ends an embedded engine without waiting for it; [`Store::shutdown`] waits.
pub struct Store {
    clients: Clients,
    state: state::Receiver<StoreState>,
    /// Set once the tables are those that this program needs.
    prepared: OnceCell<()>,
    wake: Arc<Notify>,
    watcher: JoinHandle<()>,
    large_tenants: JoinHandle<()>,
    engine: Option<(SocketAddr, Mutex<Engine>)>,
    /// Cancelled when nobody looks after the embedded engine any more.
    engine_ended: CancellationToken,
    metrics: Metrics,
    insert_timeout: Duration,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("place", &self.clients.place)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Finds the embedded engine's library, or fetches it into the cache folder; returns where it is.
///
/// # Errors
/// The library is neither there nor to be had.
pub async fn fetch_engine(
    library: Option<&Path>,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<PathBuf, StoreError> {
    engine_fetch::library(library, &progress).await
}

/// The statements that make the database and its tables from nothing, in their order, on one server or on all of a cluster.
#[must_use]
pub fn ddl(database: &str, cluster: Option<&str>) -> Vec<String> {
    migrate::ddl(database, cluster)
}

impl Store {
    /// Opens the store: returns at once for a remote one, whatever its state, and when the engine answers for an embedded
    /// one. Tables are brought up to date in the background, see [`Store::ready`].
    ///
    /// # Errors
    /// The embedded engine's folder, library or process cannot be had. Nothing about a remote store is an error here,
    /// since it may pass.
    pub async fn open(
        config: StoreConfig,
        metrics: Metrics,
        progress: impl Fn(Progress) + Send + Sync,
    ) -> Result<Self, StoreError> {
        let wake = Arc::new(Notify::new());
        let (clients, engine, engine_ended) = match &config.location {
            Location::Remote(remote) => (
                Clients::remote(remote, config.cluster.as_deref()).map_err(StoreError::Tls)?,
                None,
                CancellationToken::new(),
            ),
            Location::Embedded(folder) => {
                let folder = EngineFolder::open(folder)?;
                let library = engine_fetch::library(config.engine_library.as_deref(), &progress).await?;
                progress(Progress::EngineStart);
                let engine = Engine::start(folder, library, &config, Arc::clone(&wake)).await?;
                let (clients, ended) = (engine.clients.clone(), engine.ended.clone());
                (clients, Some((engine.http, Mutex::new(engine))), ended)
            }
        };
        metrics.store_up.set(0);
        let (sender, state) = state::channel(StoreState::Starting);
        let watcher = tokio::spawn(watch::run(
            (clients.clone(), config.retention),
            sender,
            Arc::clone(&wake),
            metrics.clone(),
        ));
        let large_tenants = tokio::spawn(large_tenants::run(clients.clone(), state.clone()));
        Ok(Self {
            clients,
            state,
            prepared: OnceCell::new(),
            wake,
            watcher,
            large_tenants,
            engine,
            engine_ended,
            metrics,
            insert_timeout: config.insert_timeout,
        })
    }

    /// `embedded` or `remote`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.engine.is_some() { "embedded" } else { "remote" }
    }

    /// Where the embedded engine speaks HTTP; the user `reader` with the password in `reader.password` may ask there.
    #[must_use]
    pub fn engine_address(&self) -> Option<SocketAddr> {
        self.engine.as_ref().map(|(address, _)| *address)
    }

    /// The client that may change tables. Its address stays the same over restarts of the engine.
    #[must_use]
    pub fn writer(&self) -> &Client {
        &self.clients.writer
    }

    /// The client for questions: it cannot write, and the server gives up its queries after 30 s.
    #[must_use]
    pub fn reader(&self) -> &Client {
        &self.clients.reader
    }

    /// Whether the store can be used, as it was seen last.
    #[must_use]
    pub fn state(&self) -> StoreState {
        self.state.borrow().clone()
    }

    /// A receiver of every change of the state.
    #[must_use]
    pub fn states(&self) -> state::Receiver<StoreState> {
        self.state.clone()
    }

    /// Waits until the store is ready, for ever if need be.
    pub async fn ready(&self) {
        let mut state = self.state.clone();
        // Fails only when the watcher has ended, which is after `shutdown`: then nothing will ever be ready.
        if state.wait_for(|state| *state == StoreState::Ready).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Inserts a block of at most 1,000,000 rows of at most 100 days.
    ///
    /// Repeating it with the same rows and the same token changes nothing, in `calls` and in what is derived from it; the
    /// token must never go with other rows. Notes when that was in `last_insert`, and how long it took in `insert_seconds`.
    ///
    /// # Errors
    /// See [`InsertError`]. The batch is then stored as a whole or not at all, and repeating it tells which.
    pub async fn insert(&self, block: &Block, token: &str) -> Result<(), InsertError> {
        let started = Instant::now();
        let result = insert::insert(&self.clients, block, token, self.insert_timeout).await;
        self.metrics.insert_seconds.observe(started.elapsed().as_secs_f64());
        match &result {
            Ok(()) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
                self.metrics.last_insert.set(now.as_secs_f64());
            }
            Err(InsertError::Retryable(_)) => self.wake.notify_one(),
            Err(InsertError::Permanent(_)) => {}
        }
        result
    }

    /// Waits until a task ends without which the store would stay as it is for ever, and tells which. None should before
    /// [`Store::shutdown`].
    pub async fn failed(&self) -> &'static str {
        let mut state = self.state.clone();
        let watcher = async { while state.changed().await.is_ok() {} };
        tokio::select! {
            () = watcher => "the watch over the store",
            () = self.engine_ended.cancelled() => "the watch over the embedded engine",
        }
    }

    /// Ends the watching and the embedded engine, and returns when its process has gone.
    pub async fn shutdown(&self) {
        self.watcher.abort();
        self.large_tenants.abort();
        if let Some((_, engine)) = &self.engine {
            engine.lock().await.stop().await;
        }
    }
}

impl Sink for Arc<Store> {
    async fn prepared(&self) {
        self.prepared.get_or_init(|| self.ready()).await;
    }

    async fn insert(&self, block: &Block, token: &str) -> Result<(), InsertError> {
        Store::insert(self, block, token).await
    }

    fn answers(&self) -> bool {
        *self.state.borrow() == StoreState::Ready
    }

    fn recovered(&self) -> impl Future<Output = ()> + Send {
        let mut states = self.states();
        // Else the change from long ago, by which it became ready, would be the first.
        states.mark_unchanged();
        async move {
            // A change to ready comes after one from it.
            while states.changed().await.is_ok() {
                if *states.borrow_and_update() == StoreState::Ready {
                    return;
                }
            }
            std::future::pending::<()>().await;
        }
    }

    async fn clients_of(&self, sessions: &[Session]) -> Vec<(Session, Caller)> {
        sessions::clients_of(&self.clients, sessions).await
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.watcher.abort();
        self.large_tenants.abort();
    }
}
