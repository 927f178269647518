//! Collector and engine are killed at random moments under load; every acknowledged call has to be there exactly once.
//!
//! Seed 20261123, 120 rounds on two busy cores: 79,417 calls acknowledged, 39,133 of them over gRPC, and 19,771 sent
//! again, of which the collector knew 1,250; the engine was killed 32 times, the collector 50, both 38; each call was in
//! every table once.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::support::collector::Collector;
use crate::support::sender::{Sender, TENANT, channel};
use crate::support::{counts, number};

/// Rounds, unless `TOOLSIGHT_CRASH_ROUNDS` says otherwise.
const ROUNDS: u64 = 50;
/// Senders at the same time.
const SENDERS: u64 = 3;
/// One round in so many waits until rows go to the store, so that not only starts are interrupted.
const STORING: u32 = 4;
/// What happened, for the one who reads the output.
#[derive(Debug, Default)]
struct Ledger {
    /// Calls that were acknowledged.
    acknowledged: u64,
    /// Those of them that came over gRPC, the others over HTTP.
    by_grpc: u64,
    /// Those of them that failed.
    failures: u64,
    /// Calls that were sent once more, as nobody had acknowledged them.
    sent_again: u64,
    /// Those of them that the collector knew already, as far as it could tell before it was killed.
    known_already: u64,
    /// Rounds in which this was killed.
    engine: u64,
    collector: u64,
    both: u64,
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

/// A collector in this folder that receives at these addresses, with a spool of small segments and batches that go at once.
async fn start(folder: &Path, [grpc, http]: &[String; 2]) -> Collector {
    let arguments = [
        "--grpc-listen",
        grpc,
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
    let addresses = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let mut collector = start(folder.path(), &addresses).await;
    collector.ready().await;
    let large = format!("INSERT INTO toolsight.large_tenants VALUES ('{TENANT}', 0)");
    collector.write(folder.path(), large).await;

    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let (stop, http, grpc) = (Arc::clone(&stop), collector.http.clone(), collector.grpc.clone());
            let mut random = StdRng::seed_from_u64(seed ^ (number + 1));
            tokio::spawn(async move {
                let mut sender = Sender::new(&format!("sender{number}"));
                let (grpc, mut by_grpc) = (channel(&grpc), 0);
                while !stop.load(Ordering::Relaxed) {
                    let calls = random.random_range(1..40);
                    if random.random() {
                        sender.send_by_grpc(&grpc, calls).await;
                        by_grpc += calls;
                    } else {
                        sender.send(&http, calls).await;
                    }
                    // Else more gathers than a small machine stores meanwhile, and most of the time goes into the rest.
                    tokio::time::sleep(Duration::from_millis(random.random_range(0..60))).await;
                }
                (sender, by_grpc)
            })
        })
        .collect();
    let mut ledger = Ledger::default();
    for round in 0..rounds {
        if random.random_ratio(1, STORING) {
            collector.stores_more().await;
        }
        // When something happens is what the test is about: there is nothing to wait for.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..200))).await;
        let engines = collector.engines();
        match random.random_range(0..3) {
            0 => {
                engines.into_iter().for_each(kill);
                ledger.engine += 1;
            }
            1 => {
                ledger.known_already += known_already(&collector).await;
                collector.kill().await;
                collector = start(folder.path(), &addresses).await;
                ledger.collector += 1;
            }
            _ => {
                ledger.known_already += known_already(&collector).await;
                engines.into_iter().for_each(kill);
                tokio::time::sleep(Duration::from_millis(random.random_range(0..20))).await;
                collector.kill().await;
                collector = start(folder.path(), &addresses).await;
                ledger.both += 1;
            }
        }
        if round % 100 == 99 {
            println!("round {}: {ledger:?}", round + 1);
        }
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        let (sender, by_grpc) = sender.await.unwrap();
        ledger.acknowledged += sender.calls;
        ledger.by_grpc += by_grpc;
        ledger.failures += sender.failures();
        ledger.sent_again += sender.sent_again;
    }
    ledger.known_already += known_already(&collector).await;
    println!("seed {seed}, {rounds} rounds: {ledger:#?}");
    assert!(ledger.acknowledged - ledger.by_grpc > rounds, "{ledger:?}");
    assert!(ledger.by_grpc > rounds, "{ledger:?}");
    collector.ready().await;
    collector.drained().await;
    let expected = counts::expected(ledger.acknowledged, ledger.failures);
    let of_tenant = counts::expected_of_a_large_tenant(ledger.acknowledged);
    for (table, query, expected) in expected.chain(of_tenant) {
        let count = collector.ask(folder.path(), query).await;
        assert_eq!(count, expected, "{table}, seed {seed}:\n{}", collector.log());
    }
}

/// Calls of repeated requests that this process has counted.
async fn known_already(collector: &Collector) -> u64 {
    let counted = collector.metric("toolsight_spans_duplicate_total").await;
    counted.unwrap() as u64
}
