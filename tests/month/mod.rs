//! A month of calls through the real tables: whether every question is answered as the calls themselves say, what a call
//! takes on disk, and how long each question takes.
//!
//! A million calls as a test; `TOOLSIGHT_MONTH_CALLS` makes it another number, and `TOOLSIGHT_MONTH_TABLE` names a file for
//! the table of sizes and times. The results of a whole month stand in `README.md`.

mod questions;

use std::{env, fmt::Write as _, fs, time::Instant};

use clickhouse::Client;
use toolsight_collector::{
    store::{Location, Store, StoreConfig},
    telemetry::Metrics,
};

use self::questions::{CHECKS, QUESTIONS, Range};
use crate::support::program;

const GENERATE: &str = include_str!("generate.sql");
const DAY: u64 = 86_400;
/// Days before today: rows that are older than the table keeps would be gone at once.
const DAYS: u64 = 29;
/// Calls that are inserted together.
const BLOCK: u64 = 1_000_000;
/// The tenant with the most calls, and one with few.
const LARGE_TENANT: &str = "tenant-1";
const SMALL_TENANT: &str = "tenant-30";
/// How often each question is asked for the table.
const RUNS: usize = 5;

/// Makes `calls` calls, evenly over the days up to this midnight.
async fn generate(client: &Client, calls: u64, range: Range) {
    let spacing = (range.to - range.from) as f64 * 1e6 / calls as f64;
    for first in (0..calls).step_by(BLOCK as usize) {
        let from = range.from as f64 * 1e6 + first as f64 * spacing;
        let insert = client
            .query_raw(GENERATE)
            .param("from", from as i64)
            .param("first", first)
            .param("count", BLOCK.min(calls - first))
            .param("spacing", spacing)
            .with_setting("max_partitions_per_insert_block", "0");
        insert.execute().await.unwrap();
    }
}

/// What a call takes on disk: in all, and by column.
async fn sizes(client: &Client, table: &mut String) {
    let parts = "SELECT table, sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts \
        WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC";
    let parts: Vec<(String, u64, u64)> = client.query(parts).fetch_all().await.unwrap();
    let (_, calls, _) = parts.iter().find(|(table, ..)| table == "calls").unwrap();
    table.push_str("| table | rows | bytes per call |\n|---|--:|--:|\n");
    for (name, rows, bytes) in &parts {
        writeln!(table, "| `{name}` | {rows} | {:.2} |", *bytes as f64 / *calls as f64).unwrap();
    }
    let columns = "SELECT column, sum(column_data_compressed_bytes) AS bytes FROM system.parts_columns \
        WHERE active AND database = currentDatabase() AND table = 'calls' GROUP BY column ORDER BY bytes DESC";
    let columns: Vec<(String, u64)> = client.query(columns).fetch_all().await.unwrap();
    table.push_str("\n| column of `calls` | bytes per call |\n|---|--:|\n");
    for (name, bytes) in columns {
        let bytes = bytes as f64 / *calls as f64;
        if bytes >= 0.05 {
            writeln!(table, "| `{name}` | {bytes:.2} |").unwrap();
        }
    }
}

/// How long each question takes over all days: the median of some runs.
async fn times(client: &Client, range: Range, table: &mut String) {
    table.push_str("\n| question | milliseconds | of the largest tenant |\n|---|--:|--:|\n");
    for (name, question) in QUESTIONS {
        write!(table, "| `{name}` |").unwrap();
        for tenant in ["", LARGE_TENANT] {
            let range = Range { tenant, ..range };
            let mut runs = Vec::new();
            for _ in 0..RUNS {
                let started = Instant::now();
                range.ask(client, name, question).await;
                runs.push(started.elapsed());
            }
            runs.sort();
            write!(table, " {} |", runs[RUNS / 2].as_millis()).unwrap();
        }
        table.push('\n');
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_calls_is_summed_up_as_the_calls_themselves_say() {
    let calls = env::var("TOOLSIGHT_MONTH_CALLS").map_or(1_000_000, |calls| calls.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        engine_program: Some(program("toolsight-collector")),
        engine_memory_bytes: 4 << 30,
        ..StoreConfig::new(Location::Embedded(folder.path().join("store")))
    };
    let store = Store::open(config, Metrics::new().unwrap(), |_| {}).await.unwrap();
    store.ready().await;
    let now: u64 = store
        .reader()
        .query("SELECT toUnixTimestamp(now())")
        .fetch_one::<u32>()
        .await
        .unwrap()
        .into();
    let midnight = now - now % DAY;
    let range = Range {
        from: midnight - DAYS * DAY,
        to: midnight,
        tenant: "",
    };
    // The rollup of one tenant is answered from as well.
    let large = store.writer().query("INSERT INTO large_tenants VALUES (?, 0)");
    large.bind(LARGE_TENANT).execute().await.unwrap();
    generate(store.writer(), calls, range).await;

    for tenant in ["", LARGE_TENANT, SMALL_TENANT] {
        let range = Range { tenant, ..range };
        for (name, answer, of_calls) in CHECKS {
            let question = answer.replace("QUESTION", questions::text(name));
            let answer = range.ask(store.reader(), name, &question).await;
            let of_calls = range.ask(store.reader(), name, of_calls).await;
            assert!(!answer.is_empty(), "{name} of \"{tenant}\" has an answer");
            assert_eq!(answer, of_calls, "{name} of \"{tenant}\"");
        }
    }
    if let Ok(file) = env::var("TOOLSIGHT_MONTH_TABLE") {
        let mut table = String::new();
        sizes(store.writer(), &mut table).await;
        times(store.reader(), range, &mut table).await;
        fs::write(file, table).unwrap();
    }
    store.shutdown().await;
}
