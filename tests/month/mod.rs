//! A month of calls through the real tables: whether every question is answered as the calls themselves say, what a call
//! takes on disk, and how long each question takes.
//!
//! A million calls as a test. `README.md` has the results of a whole month, and how to repeat them:
//!
//! - `TOOLSIGHT_MONTH_CALLS`: another number of calls.
//! - `TOOLSIGHT_MONTH_MOVED`: only the last day's go through the views, the other days are that one moved.
//! - `TOOLSIGHT_MONTH_STORE`: a folder to keep the store in; one with calls is used as it is.
//! - `TOOLSIGHT_MONTH_TABLE`: a file for the table of sizes and times.

mod measure;
mod questions;

use std::{env, fs, path::PathBuf};

use clickhouse::Client;
use toolsight_collector::{
    store::{Location, Store, StoreConfig},
    telemetry::Metrics,
};

use self::questions::{CHECKS, Range, SUMS};
use crate::support::program;

const GENERATE: &str = include_str!("generate.sql");
const MOVE: &str = include_str!("move.sql");
const DAY: u64 = 86_400;
/// Days before today: rows that are older than the table keeps would be gone at once.
const DAYS: u64 = 29;
/// Calls that are inserted together.
const BLOCK: u64 = 800_000;
/// So many calls are compared one by one with the answers; of more, the sums are.
const COMPARED: u64 = 20_000_000;
/// Tenants with more than 20,000 of the 9.6 million calls of a day, whose calls are summed up apart.
const LARGE_TENANTS: u64 = 56;
/// Whose part of the month is compared: of all, of a large tenant, of one that is not, and of a client.
const PARTS: [&[(&str, &str)]; 4] = [
    &[],
    &[("tenant", "tenant-1")],
    &[("tenant", "tenant-100")],
    &[("client", "client-0"), ("slice", "client")],
];

/// Makes `calls` calls, evenly over the range.
async fn generate(client: &Client, calls: u64, range: Range<'_>) {
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

/// The calls of the last day once more, `days` days earlier.
async fn moved(client: &Client, days: u64, to: u64) {
    let partition = format!("SELECT toString(toDate(toDateTime({}, 'UTC')))", to - (days + 1) * DAY);
    let partition: String = client.query(&partition).fetch_one().await.unwrap();
    let lines = MOVE.lines().filter(|line| !line.starts_with("--"));
    let script = lines.collect::<Vec<_>>().join("\n");
    for statement in script
        .split(";\n")
        .map(str::trim)
        .filter(|statement| !statement.is_empty())
    {
        let statement = statement
            .trim_end_matches(';')
            .replace("PARTITION_MOVED", &format!("'{partition}'"));
        let query = client.query_raw(&statement).param("days", days).param("to", to);
        query
            .execute()
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// Fills the store as the environment says.
async fn fill(client: &Client, calls: u64, range: Range<'_>) {
    let large =
        "INSERT INTO large_tenants SELECT concat('tenant-', toString(number + 1)), toDateTime(0) FROM numbers(?)";
    client.query(large).bind(LARGE_TENANTS).execute().await.unwrap();
    if env::var_os("TOOLSIGHT_MONTH_MOVED").is_none() {
        return generate(client, calls, range).await;
    }
    let day = Range {
        from: range.to - DAY,
        ..range
    };
    generate(client, calls / DAYS, day).await;
    for days in 1..DAYS {
        moved(client, days, range.to).await;
    }
}

/// Compares what the rollups say with what the calls say.
async fn compare(client: &Client, range: Range<'_>, calls: u64) {
    for (name, of_rollup, of_calls) in SUMS {
        let of_rollup = range.ask(client, name, of_rollup).await;
        assert!(!of_rollup.is_empty(), "{name} has rows");
        assert_eq!(of_rollup, range.ask(client, name, of_calls).await, "{name}");
    }
    if calls > COMPARED {
        return;
    }
    for narrowed in PARTS {
        let range = Range { narrowed, ..range };
        let is_of_client = narrowed.iter().any(|(filter, _)| *filter == "client");
        for (name, answer, of_calls) in CHECKS {
            if is_of_client && !name.starts_with("overview") {
                continue;
            }
            let question = answer.replace("QUESTION", questions::text(name));
            let answer = range.ask(client, name, &question).await;
            let of_calls = range.ask(client, name, of_calls).await;
            assert!(!answer.is_empty(), "{name} of {narrowed:?} has an answer");
            assert_eq!(answer, of_calls, "{name} of {narrowed:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_calls_is_summed_up_as_the_calls_themselves_say() {
    let calls = env::var("TOOLSIGHT_MONTH_CALLS").map_or(1_000_000, |calls| calls.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let kept = env::var_os("TOOLSIGHT_MONTH_STORE").map(PathBuf::from);
    let config = StoreConfig {
        engine_program: Some(program("toolsight-collector")),
        engine_memory_bytes: if calls > COMPARED { 10 << 30 } else { 4 << 30 },
        ..StoreConfig::new(Location::Embedded(kept.unwrap_or_else(|| folder.path().join("store"))))
    };
    let store = Store::open(config, Metrics::new().unwrap(), |_| {}).await.unwrap();
    store.ready().await;
    let known = "SELECT count(), toUnixTimestamp(toStartOfDay(max(calls.time) + INTERVAL 1 HOUR)), toUnixTimestamp(now()) FROM calls";
    let (stored, end, now): (u64, u32, u32) = store.reader().query(known).fetch_one().await.unwrap();
    let to = u64::from(if stored > 0 { end } else { now - now % DAY as u32 });
    let range = Range {
        from: to - DAYS * DAY,
        to,
        narrowed: &[],
    };
    if stored == 0 {
        fill(store.writer(), calls, range).await;
        compare(store.writer(), range, calls).await;
    }
    if let Ok(file) = env::var("TOOLSIGHT_MONTH_TABLE") {
        let mut table = String::new();
        measure::sizes(store.writer(), &mut table).await;
        measure::times(store.reader(), range, &mut table).await;
        fs::write(file, table).unwrap();
    }
    store.shutdown().await;
}
