//! A store that is away for long costs neither a call nor memory, and is caught up with while calls go on.
//!
//! `TOOLSIGHT_OUTAGE_SECONDS` and `TOOLSIGHT_OUTAGE_RATE` (calls per second) make it as long and as hard as one likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::support::collector::Collector;
use crate::support::remote::Remote;
use crate::support::sender::Sender;
use crate::support::{counts, number, resident, within};

/// Seconds without a store, unless the environment says otherwise.
const SECONDS: u64 = 10;
/// Calls per second, unless the environment says otherwise.
const RATE: u64 = 1_000;
/// Calls of each request.
const BATCH: u64 = 50;
/// Senders at the same time.
const SENDERS: u64 = 2;
/// Most bytes of memory that the collector may have at any time.
const MEMORY: u64 = 150 << 20;
/// Bytes on disk of a call, at most.
const CALL: u64 = 1_000;
/// Bytes of the spool that are left when the outage is over, to be filled in the end.
const LEFT: u64 = 64 << 20;

/// Keeps asking for the memory of a process, and remembers the most.
fn watch_memory(process: u32) -> Arc<AtomicU64> {
    let most = Arc::new(AtomicU64::new(0));
    let seen = Arc::downgrade(&most);
    tokio::spawn(async move {
        while let Some(most) = seen.upgrade() {
            most.fetch_max(resident(process), Ordering::Relaxed);
            drop(most);
            sleep(Duration::from_millis(50)).await;
        }
    });
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_for_long_is_caught_up_with_and_no_call_is_missing() {
    let seconds = number("TOOLSIGHT_OUTAGE_SECONDS").unwrap_or(SECONDS);
    let rate = number("TOOLSIGHT_OUTAGE_RATE").unwrap_or(RATE);
    let (folder, mut store) = (tempfile::tempdir().unwrap(), Remote::new());
    store.start().await;
    let bytes = (seconds * rate * CALL + LEFT).to_string();
    let arguments = ["--store", &store.location(), "--spool-bytes", &bytes];
    let collector = Collector::start_in(folder.path(), &arguments).await;
    collector.ready().await;
    let memory = watch_memory(collector.id());

    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let (stop, sent, url) = (Arc::clone(&stop), Arc::clone(&sent), collector.http.clone());
            let mut pace = interval(Duration::from_secs(1) * (BATCH * SENDERS) as u32 / rate as u32);
            // A sender that was held up has the rest of its calls still to send.
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            tokio::spawn(async move {
                let mut sender = Sender::new(&format!("sender{number}"));
                while !stop.load(Ordering::Relaxed) {
                    pace.tick().await;
                    sender.send(&url, BATCH).await;
                    sent.fetch_add(BATCH, Ordering::Relaxed);
                }
                sender
            })
        })
        .collect();
    collector.stores_more().await;
    let metric = |name: &'static str| {
        let collector = &collector;
        async move { collector.metric(name).await.unwrap() as u64 }
    };

    store.kill().await;
    let (before, inserted) = (
        sent.load(Ordering::Relaxed),
        metric("toolsight_rows_inserted_total").await,
    );
    let (mut waiting, mut bytes) = (0, 0);
    for second in 1..=seconds {
        sleep(Duration::from_secs(1)).await;
        // Whoever watches these sees the outage. One batch may have arrived just before.
        let now = (
            metric("toolsight_rows_queued").await,
            metric("toolsight_spool_bytes").await,
        );
        assert!(
            now.0 >= waiting && now.1 >= bytes,
            "second {second}: {now:?} after {waiting}, {bytes}"
        );
        (waiting, bytes) = now;
    }
    let acknowledged = sent.load(Ordering::Relaxed) - before;
    println!("away for {seconds} s: {acknowledged} calls acknowledged, {waiting} wait in {bytes} bytes");
    assert!(waiting >= acknowledged, "{waiting} of {acknowledged} calls wait");
    assert!(metric("toolsight_spool_oldest_seconds").await >= seconds / 2);
    assert_eq!(metric("toolsight_store_up").await, 0);

    // Up to its bound, and then senders are told to come again.
    let mut filler = Sender::new("filler");
    filler.padding = 1 << 20;
    let refused = loop {
        let request = filler.request(10);
        let answer = filler.answer(&collector.http, &request).await.unwrap();
        if answer.status() != StatusCode::OK {
            break answer;
        }
        filler.calls += 10;
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "1");
    let limit = metric("toolsight_spool_limit_bytes").await;
    let full = metric("toolsight_spool_bytes").await;
    assert!(full <= limit && full > limit - LEFT, "{full} of {limit} bytes");

    store.start().await;
    within(Duration::from_secs(90), "the store is used again", || async {
        (metric("toolsight_rows_inserted_total").await > inserted).then_some(())
    })
    .await;
    let (begin, waiting) = (Instant::now(), metric("toolsight_rows_queued").await);
    let (sent_before, mut left) = (sent.load(Ordering::Relaxed), waiting);
    // Calls go on to come at the same rate: it is only caught up with if the way to the store is faster than they are.
    while left > rate * 2 {
        left = within(
            Duration::from_secs(90),
            &format!("fewer than {left} calls wait"),
            || async {
                let now = metric("toolsight_rows_queued").await;
                (now < left).then_some(now)
            },
        )
        .await;
    }
    let (time, sent_meanwhile) = (
        begin.elapsed().as_secs_f64(),
        sent.load(Ordering::Relaxed) - sent_before,
    );
    println!(
        "caught up with {waiting} calls in {time:.1} s: {:.0} calls/s stored while {:.0} calls/s came",
        ((waiting + sent_meanwhile).saturating_sub(left)) as f64 / time,
        sent_meanwhile as f64 / time,
    );
    stop.store(true, Ordering::Relaxed);
    let (mut calls, mut failures) = (filler.calls, filler.failures());
    for sender in senders {
        let sender = sender.await.unwrap();
        calls += sender.calls;
        failures += sender.failures();
    }
    collector.drained().await;
    for (table, query, expected) in counts::expected(calls, failures) {
        assert_eq!(store.ask(query).await, expected, "{table}: {}", collector.log());
    }
    let most = memory.load(Ordering::Relaxed);
    println!("{calls} calls, each once; {} MiB of memory at most", most >> 20);
    assert!(most <= MEMORY, "{most} bytes of memory");
    store.kill().await;
}
