//! `toolsight-collector serve`: listeners, store and collector together, until a signal.

use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use tracing::info;

use crate::collector::{Collector, Listeners};
use crate::config::Config;
use crate::pipeline::{InsertError, Sink};
use crate::row::Row;
use crate::shutdown::signals;
use crate::store::{self, Location, Progress, Store, StoreConfig};
use crate::telemetry::Metrics;

/// Runs a collector until SIGINT or SIGTERM.
///
/// # Errors
/// When an address is taken or the embedded engine cannot be had; nothing is left running then. A store that is down is
/// no error: calls wait for it.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    let metrics = Metrics::new().context("register metrics")?;
    let stop = signals().context("listen to signals")?;
    tokio::pin!(stop);
    // Addresses first: an engine that was started for nothing would have to be stopped again.
    let listeners = Listeners::bind(&config.listen).await?;
    let store = tokio::select! {
        store = Store::open(store_config(config)?, metrics.clone(), log_progress) => Arc::new(store?),
        signal = &mut stop => {
            info!(signal, "stopped before the store was open");
            return Ok(());
        }
    };
    let collector = Collector::start(config, listeners, Arc::clone(&store), Router::new(), &metrics)?;
    let signal = stop.await;
    info!(signal, "shutting down");
    collector.shutdown().await;
    store.shutdown().await;
    Ok(())
}

fn store_config(config: &Config) -> anyhow::Result<StoreConfig> {
    let location = match &config.store.location {
        Some(location) => location.clone(),
        None => "embedded".parse::<Location>()?,
    };
    Ok(StoreConfig {
        engine_library: config.store.engine_library.clone(),
        ..StoreConfig::new(location)
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the store calls it with the value")]
fn log_progress(progress: Progress) {
    match progress {
        Progress::EngineAwaited => info!("waiting for another process that fetches the embedded clickhouse"),
        Progress::EngineDownload(0, bytes) => info!(bytes, "fetching the embedded clickhouse"),
        Progress::EngineUnpack => info!("unpacking the embedded clickhouse"),
        Progress::EngineStart => info!("starting the embedded clickhouse"),
        _ => {}
    }
}

impl Sink for Arc<Store> {
    async fn insert(&self, rows: &[Row], token: &str) -> Result<(), InsertError> {
        Store::insert(self, rows, token).await.map_err(|error| match error {
            store::InsertError::Retryable(reason) => InsertError::Retryable(reason),
            store::InsertError::Permanent(reason) => InsertError::Permanent(reason),
        })
    }
}
