//! The real database for tests: an embedded engine with an empty database of its own.

use clickhouse::Client;
use tempfile::TempDir;
use toolsight_collector::store::{Location, Store, StoreConfig};
use toolsight_collector::telemetry::Metrics;

/// An empty database with all tables; the engine ends with it.
pub(crate) struct TestEngine {
    /// Where the engine listens.
    pub(crate) url: String,
    /// Reads and writes the database.
    pub(crate) client: Client,
    _store: Store,
    _folder: TempDir,
}

/// Starts an engine.
pub(crate) async fn start() -> TestEngine {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        engine_program: Some(env!("CARGO_BIN_EXE_toolsight-collector").into()),
        ..StoreConfig::new(Location::Embedded(folder.path().join("store")))
    };
    let store = Store::open(config, Metrics::new().unwrap(), |_| {}).await.unwrap();
    store.ready().await;
    TestEngine {
        url: format!("http://{}", store.engine_address().unwrap()),
        client: store.writer().clone(),
        _store: store,
        _folder: folder,
    }
}
