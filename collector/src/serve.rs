//! A whole collector: store, listeners, page and tool health, started and stopped in the right order.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use crate::api::{self, AllowedHosts, ApiState};
use crate::auth::Access;
use crate::collector::{Addresses, Collector, Listeners};
use crate::config::{Config, Durability};
use crate::descriptors;
use crate::health::ToolHealthTask;
use crate::shutdown::signals;
use crate::store::{Location, Progress, Store, StoreConfig};
use crate::telemetry::Metrics;
use crate::tls::Tls;

/// Time between two looks at which tools are flaky.
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);

/// A running collector with everything that belongs to it.
#[derive(Debug)]
pub struct Running {
    collector: Collector,
    store: Arc<Store>,
    health: JoinHandle<()>,
    access: Access,
    tls: Option<Tls>,
}

impl Running {
    /// Starts everything; `progress` hears of what takes long.
    ///
    /// # Errors
    /// When an address is taken, the spool is in use, or the embedded engine cannot be had; nothing is left running then.
    /// A store that is down is no error: calls wait for it.
    pub async fn start(config: &Config, progress: impl Fn(Progress) + Send + Sync) -> anyhow::Result<Self> {
        let metrics = Metrics::new().context("register metrics")?;
        // Addresses first: an engine that was started for nothing would have to be stopped again.
        let access = Access::open(config.security.tokens_file.as_deref(), &metrics).await?;
        let tls = Tls::open(&config.security, &metrics).await?;
        let is_encrypted = tls.is_some();
        let listeners = Listeners::bind(&config.listen)
            .await?
            .guarded_by(access.clone(), tls.clone());
        let page = listeners.addresses()?.page;
        let mut warnings = warnings(config, &access, is_encrypted, listeners.addresses()?);
        warnings.extend(descriptors::warning(config.receive.max_connections));
        for warning in &warnings {
            warn!(warning, "the configuration is risky");
        }
        let store_config = store_config(config)?;
        let spool = spool_folder(config, &store_config)?;
        let store = Arc::new(Store::open(store_config, metrics.clone(), progress).await?);
        let (health, tool_health) =
            ToolHealthTask::new(store.reader().clone(), store.states(), metrics.clone(), HEALTH_INTERVAL);
        let health = health.noting_changes(store.writer().clone());
        let state = ApiState::new(
            store.reader().clone(),
            store.states(),
            store.kind(),
            tool_health,
            metrics.clone(),
        )
        .guarded_by(access.clone(), is_encrypted)
        .keeping(config.store.retention)
        .warning_of(warnings);
        let router = api::router(state, AllowedHosts::new(page, &config.page.allowed_hosts));
        let collector = Collector::start(config, listeners, Arc::clone(&store), &spool, router, &metrics)?;
        Ok(Self {
            collector,
            store,
            health: tokio::spawn(health.run()),
            access,
            tls,
        })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.collector.addresses()
    }

    /// Waits until the store can be used.
    pub async fn ready(&self) {
        self.store.ready().await;
    }

    /// Waits until a task ends that should go on until [`Running::shutdown`], and tells which.
    pub async fn failed(&mut self) -> &'static str {
        let certificates = async {
            match &self.tls {
                Some(tls) => tls.ended().await,
                None => pending().await,
            }
        };
        tokio::select! {
            // The last one ends with the watch over the store, which is the one to name then.
            biased;
            task = self.collector.failed() => task,
            task = self.store.failed() => task,
            () = self.access.ended() => "the watch over the file of tokens",
            () = certificates => "the watch over the certificates",
            _ = &mut self.health => "tool health",
        }
    }

    /// Stops receiving, brings what waits to the store, and ends the store, each within its time.
    pub async fn shutdown(self) {
        self.health.abort();
        self.collector.shutdown().await;
        self.store.shutdown().await;
    }
}

/// Runs a collector until SIGINT or SIGTERM.
///
/// # Errors
/// See [`Running::start`]; and when a part of it ends before the signal, since nothing would show that it is missing.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    let stop = signals().context("listen to signals")?;
    tokio::pin!(stop);
    let mut running = tokio::select! {
        running = Running::start(config, log_progress) => running?,
        signal = &mut stop => {
            info!(signal, "stopped before the store was open");
            return Ok(());
        }
    };
    let ended = tokio::select! {
        signal = stop => {
            info!(signal, "shutting down");
            Ok(())
        }
        task = running.failed() => Err(failure(task)),
    };
    running.shutdown().await;
    ended
}

/// What is risky about how the collector was set up, with what to do.
fn warnings(config: &Config, access: &Access, is_encrypted: bool, addresses: Addresses) -> Vec<String> {
    let is_reachable = [addresses.grpc, addresses.http, addresses.page]
        .iter()
        .any(|address| !address.ip().is_loopback());
    let is_guarded = access.is_guarded();
    let power = config.spool.durability == Durability::Os;
    let found = [
        (
            is_reachable && !is_guarded,
            "Other machines can connect, and without tokens everybody may send and see everything: set tokens_file.",
        ),
        (
            is_reachable && is_guarded && !is_encrypted,
            "Other machines can connect, and tokens travel unencrypted: set tls_certificate and tls_key, unless a proxy \
            encrypts.",
        ),
        (
            power,
            "The last acknowledged requests are lost when the machine fails: set durability to fsync, unless that is fine.",
        ),
    ];
    let warnings = found.into_iter().filter(|(is_so, _)| *is_so);
    warnings.map(|(_, warning)| warning.to_owned()).collect()
}

/// Logs that a task ended by itself, and gives the error to end with.
pub(crate) fn failure(task: &'static str) -> anyhow::Error {
    error!(task, "a task ended by itself, shutting down");
    anyhow::anyhow!("{task} ended by itself: start the collector again, and report what stands above this line")
}

/// What the settings say of the store.
///
/// # Errors
/// When it is the embedded one in the user's own data folder, and there is none.
pub(crate) fn store_config(config: &Config) -> anyhow::Result<StoreConfig> {
    let location = match &config.store.location {
        Some(location) => location.clone(),
        None => "embedded".parse::<Location>()?,
    };
    anyhow::ensure!(
        config.store.cluster.is_none() || matches!(location, Location::Remote(_)),
        "a cluster needs a remote store: name one with --store, or leave out --cluster"
    );
    Ok(StoreConfig {
        cluster: config.store.cluster.clone(),
        engine_library: config.store.engine_library.clone(),
        engine_http_port: config.store.engine_port,
        engine_memory_bytes: config.store.engine_memory_bytes,
        retention: config.store.retention,
        ..StoreConfig::new(location)
    })
}

/// Where the spool is.
///
/// # Errors
/// When it is in the user's own data folder, and there is none.
pub(crate) fn spool_folder(config: &Config, store: &StoreConfig) -> anyhow::Result<PathBuf> {
    Ok(match &config.spool.folder {
        Some(folder) => folder.clone(),
        None => store.location.spool_folder()?,
    })
}

/// Writes what takes long to the log.
pub fn log_progress(progress: Progress) {
    match progress {
        Progress::EngineAwaited => info!("waiting for another process that fetches the embedded clickhouse"),
        Progress::EngineDownload(0, bytes) => info!(bytes, "fetching the embedded clickhouse"),
        Progress::EngineUnpack => info!("unpacking the embedded clickhouse"),
        Progress::EngineStart => info!("starting the embedded clickhouse"),
        Progress::EngineDownload(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::SocketAddr;

    use tokio::time::timeout;

    use super::*;
    use crate::config::Listen;
    use crate::panicking_log::panics_at;

    #[tokio::test]
    async fn a_part_that_ends_by_a_mistake_is_named_so_that_the_program_can_be_started_again() {
        for (words, part) in [
            ("store cannot be used", "the watch over the store"),
            ("memory runs short", "the watch over the memory"),
            ("took the changed files", "the watch over the file of tokens"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let tokens = folder.path().join("tokens.toml");
            fs::write(&tokens, "").unwrap();
            let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
            let mut config = Config {
                listen: Listen {
                    grpc: anywhere,
                    http: anywhere,
                    page: anywhere,
                },
                ..Config::default()
            };
            // Nobody is there.
            config.store.location = Some("http://127.0.0.1:1/toolsight".parse().unwrap());
            config.spool.folder = Some(folder.path().join("spool"));
            config.receive.memory_limit_bytes = 1;
            config.security.tokens_file = Some(tokens.clone());
            let _log = panics_at(words);
            let mut running = Running::start(&config, |_| {}).await.unwrap();
            fs::write(&tokens, "# changed").unwrap();
            let failed = timeout(Duration::from_secs(30), running.failed()).await;
            assert_eq!(failed, Ok(part));
            running.shutdown().await;
        }
    }
}
