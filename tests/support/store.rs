//! A database of its own for the tests of boards and rules: the real engine with the real tables.

use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use toolsight_collector::store::{Location, Store, StoreConfig};
use toolsight_collector::telemetry::Metrics;

use super::program;

struct Database {
    runtime: Runtime,
    store: Store,
    _folder: TempDir,
}

/// The rows of a query as objects by column name, or what the engine says. Also runs INSERT and DESCRIBE.
pub(crate) fn query(sql: &str) -> Result<Vec<Value>, String> {
    static DATABASE: OnceLock<Database> = OnceLock::new();
    let database = DATABASE.get_or_init(start);
    database.runtime.block_on(async {
        let client = database.store.writer();
        let is_insert = sql
            .trim_start()
            .get(..6)
            .is_some_and(|word| word.eq_ignore_ascii_case("insert"));
        if is_insert {
            client
                .query_raw(sql)
                .execute()
                .await
                .map_err(|error| error.to_string())?;
            return Ok(Vec::new());
        }
        let mut answer = client
            .query_raw(sql)
            .fetch_bytes("JSONEachRow")
            .map_err(|error| error.to_string())?;
        let answer = answer.collect().await.map_err(|error| error.to_string())?;
        let rows = answer.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        rows.map(|row| serde_json::from_slice(row).map_err(|error| error.to_string()))
            .collect()
    })
}

fn start() -> Database {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        engine_program: Some(program("toolsight-collector")),
        ..StoreConfig::new(Location::Embedded(folder.path().join("store")))
    };
    let store = runtime.block_on(async {
        let store = Store::open(config, Metrics::new().unwrap(), |_| {}).await.unwrap();
        store.ready().await;
        store
    });
    Database {
        runtime,
        store,
        _folder: folder,
    }
}
