//! What it costs to bring rows into the embedded store, and to start and stop it.
//!
//! Fetches the engine where it is missing; rates are rows per second, the engine's own work included.

#![expect(clippy::unwrap_used, reason = "a bench ends where something is wrong")]

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use divan::Bencher;
use divan::counter::ItemsCount;
use tokio::runtime::Runtime;
use toolsight_collector::row::Row;
use toolsight_collector::store::{Location, Store, StoreConfig};
use toolsight_collector::telemetry::Metrics;

fn main() {
    divan::main();
}

/// A store in this folder that answers.
async fn open(folder: &std::path::Path) -> Store {
    let config = StoreConfig {
        engine_program: Some(env!("CARGO_BIN_EXE_toolsight-collector").into()),
        ..StoreConfig::new(Location::Embedded(folder.to_owned()))
    };
    let store = Store::open(config, Metrics::new().unwrap(), |_| {}).await.unwrap();
    store.ready().await;
    store
}

#[divan::bench(args = [1_000, 10_000, 100_000], sample_count = 10, sample_size = 1)]
fn insert(bencher: Bencher<'_, '_>, count: u64) {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    let block = typical_rows(count).iter().collect();
    let store = runtime.block_on(open(folder.path()));
    let mut batch = 0;
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        batch += 1;
        runtime.block_on(store.insert(&block, &batch.to_string())).unwrap();
    });
    runtime.block_on(store.shutdown());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn start_and_stop(bencher: Bencher<'_, '_>) {
    let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
    bencher.bench_local(|| runtime.block_on(async { open(folder.path()).await.shutdown().await }));
}

/// Rows as a handful of servers would send them within two minutes, with random ids.
fn typical_rows(count: u64) -> Vec<Row<'static>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
    let row = |n: u64| {
        let any = rand::random::<u64>();
        let failed = any.is_multiple_of(50);
        Row {
            time: now - (any % 120_000_000) as i64,
            server: format!("server-{}", any % 4).into(),
            server_version: "1.4.2".into(),
            instance: format!("pod-{}", any % 8).into(),
            method: "tools/call".into(),
            kind: "tool".into(),
            target: format!("tool-{}", (any >> 8) % 40).into(),
            outcome: if failed { "tool_error" } else { "ok" }.into(),
            fault: if failed { "server" } else { "none" }.into(),
            message: if failed {
                format!("upstream said {}", any % 7).into()
            } else {
                Cow::default()
            },
            duration_us: 1000 + (any >> 20) % 100_000,
            request_bytes: 200 + (any >> 30) % 500,
            response_bytes: 300 + (any >> 40) % 20_000,
            client: format!("client-{}", (any >> 16) % 5).into(),
            client_version: format!("1.{}", (any >> 24) % 3).into(),
            protocol_version: "2026-07-28".into(),
            transport: "streamable_http".into(),
            user_id: format!("user-{}", any % 500).into(),
            request_id: n.to_string().into(),
            weight: 1,
            trace_id: rand::random(),
            span_id: rand::random(),
            parent_span_id: rand::random(),
            ..Row::default()
        }
    };
    (0..count).map(row).collect()
}
