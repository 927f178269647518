//! Collector and engine are killed at random moments under load; every acknowledged call has to be there exactly once.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::support::collector::Collector;
use crate::support::sender::Sender;

/// Rounds, unless `TOOLSIGHT_CRASH_ROUNDS` says otherwise.
const ROUNDS: u64 = 50;
/// Senders at the same time.
const SENDERS: u64 = 3;
/// Every table with what has to be as many as there were calls: rows themselves, and what each rollup counts.
const COUNTS: [(&str, &str); 6] = [
    ("calls", "SELECT count() FROM toolsight.calls"),
    ("calls by id", "SELECT uniqExact(request_id) FROM toolsight.calls"),
    (
        "calls_per_minute",
        "SELECT sum(calls) FROM toolsight.calls_per_minute WHERE slice = 'server'",
    ),
    (
        "calls_per_hour",
        "SELECT sum(calls) FROM toolsight.calls_per_hour WHERE slice = 'tool'",
    ),
    (
        "calls_per_day",
        "SELECT sum(calls) FROM toolsight.calls_per_day WHERE slice = 'client'",
    ),
    (
        "client_tools_per_hour",
        "SELECT sum(calls) FROM toolsight.client_tools_per_hour",
    ),
];

fn number(variable: &str) -> Option<u64> {
    Some(std::env::var(variable).ok()?.parse().unwrap())
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn kill(process: u32) {
    // It may have ended meanwhile.
    let killed = Command::new("kill").args(["-9", &process.to_string()]).output();
    killed.unwrap();
}

/// A collector in this folder that receives at `http`, with a spool of small segments and batches that go at once.
async fn start(folder: &Path, http: &str) -> Collector {
    let arguments = [
        "--http-listen",
        http,
        "--spool-bytes",
        "67108864",
        "--spool-linger-seconds",
        "2",
        "--batch-milliseconds",
        "20",
        "--batch-rows",
        "300",
    ];
    Collector::start_in(folder, &arguments).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_call_is_there_exactly_once_whatever_is_killed() {
    let seed = number("TOOLSIGHT_CRASH_SEED").unwrap_or_else(rand::random);
    let rounds = number("TOOLSIGHT_CRASH_ROUNDS").unwrap_or(ROUNDS);
    // Shown where the test fails.
    println!("TOOLSIGHT_CRASH_SEED={seed} TOOLSIGHT_CRASH_ROUNDS={rounds}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().unwrap();
    let http = format!("127.0.0.1:{}", free_port());
    let mut collector = start(folder.path(), &http).await;
    collector.ready().await;

    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let (stop, url) = (Arc::clone(&stop), collector.http.clone());
            let mut random = StdRng::seed_from_u64(seed ^ (number + 1));
            tokio::spawn(async move {
                let mut sender = Sender::new(&format!("sender{number}"));
                while !stop.load(Ordering::Relaxed) {
                    sender.send(&url, random.random_range(1..40)).await;
                    // Else more gathers than a small machine stores meanwhile, and most of the time goes into the rest.
                    tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
                }
                sender.calls
            })
        })
        .collect();
    for _ in 0..rounds {
        // When something happens is what the test is about: there is nothing to wait for.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
        let engines = collector.engines();
        match random.random_range(0..3) {
            0 => engines.into_iter().for_each(kill),
            1 => {
                collector.kill().await;
                collector = start(folder.path(), &http).await;
            }
            _ => {
                engines.into_iter().for_each(kill);
                tokio::time::sleep(Duration::from_millis(random.random_range(0..20))).await;
                collector.kill().await;
                collector = start(folder.path(), &http).await;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    assert!(sent > rounds, "{sent} calls in {rounds} rounds");
    collector.ready().await;
    collector.drained().await;
    for (table, query) in COUNTS {
        let count = collector.ask(folder.path(), query).await;
        assert_eq!(count, sent, "{table}, seed {seed}:\n{}", collector.log());
    }
}
