//! Batches that the sink does not take and an operator sets aside.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::tests::{Script, append, check_ledger, ids, start};
use super::{InsertError, LONG_REFUSED, Pipeline, Sink};
use crate::config::Config;
use crate::spool::ByHand;
use crate::store::Block;
use crate::telemetry::Metrics;

/// The ids of the calls in the file of a batch.
fn set_aside(by_hand: &ByHand, token: &str) -> Vec<String> {
    let file = fs::read_to_string(by_hand.path(token)).unwrap();
    let id = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["token"], &line["reason"]), (&token.into(), &"Code: 395".into()));
        line["row"]["request_id"].as_str().unwrap().to_owned()
    };
    file.lines().map(id).collect()
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.expect("not in time");
}

fn rejected(metrics: &Metrics) -> u64 {
    metrics.rows_lost.with_label_values(&["rejected"]).get()
}

#[tokio::test]
async fn a_batch_is_set_aside_when_it_is_asked_for_and_what_waited_behind_it_is_stored() {
    for (case, tools, in_the_file) in [
        ("a whole batch", ["good", "stuck", "good"], 0..3),
        ("a part of one that was halved", ["bad", "stuck", "good"], 1..3),
    ] {
        let (folder, sink) = (tempfile::tempdir().unwrap(), Script::default());
        let by_hand = ByHand::new(folder.path());
        let (pipeline, metrics) = start(&folder, &sink, 3);
        append(&pipeline, 0, &tools).await;
        append(&pipeline, 3, &["good"; 3]).await;
        until(|| metrics.head.get().is_some()).await;
        let refused = metrics.head.get().unwrap();
        assert_eq!(refused.reason, "Code: 395", "{case}");

        by_hand.ask("another batch").unwrap();
        until(|| !by_hand.is_open()).await;
        assert_eq!(
            (rejected(&metrics) > 0, by_hand.has(&refused.batch)),
            (false, false),
            "{case}"
        );

        by_hand.ask(&refused.batch).unwrap();
        until(|| !by_hand.is_open()).await;
        pipeline.shutdown().await;
        assert!(metrics.head.get().is_none(), "{case}");
        check_ledger(&metrics);
        assert_eq!((metrics.rows_queued.get(), rejected(&metrics)), (0, 3), "{case}");
        assert_eq!(sink.stored(), ids(6)[3..], "{case}");
        assert_eq!(set_aside(&by_hand, &refused.batch), ids(3)[in_the_file], "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn how_long_a_batch_was_refused_is_known_until_it_is_taken() {
    let (folder, sink) = (tempfile::tempdir().unwrap(), Script::failing(12));
    let (pipeline, metrics) = start(&folder, &sink, 3);
    append(&pipeline, 0, &["good"; 2]).await;
    let mut longest = Duration::ZERO;
    while metrics.rows_inserted.get() < 2 {
        let refused = metrics.head.get();
        longest = longest.max(refused.map_or(Duration::ZERO, |refused| refused.since.elapsed()));
        sleep(Duration::from_millis(100)).await;
    }
    assert!(longest > LONG_REFUSED, "{longest:?}");
    assert!(metrics.head.get().is_none());
    pipeline.shutdown().await;
}

/// Cannot be reached for some attempts, and then answers, but does not take the batch. Has since when it was refused, as it
/// was told at each attempt.
#[derive(Clone)]
struct Away(Metrics, Arc<Mutex<Vec<Option<Instant>>>>);

impl Away {
    const ATTEMPTS: usize = 5;

    fn attempts(&self) -> usize {
        self.1.lock().unwrap().len()
    }
}

impl Sink for Away {
    async fn insert(&self, _: &Block, _: &str) -> Result<(), InsertError> {
        let since = self.0.head.get().map(|refused| refused.since);
        self.1.lock().unwrap().push(since);
        Err(InsertError::Retryable("Code: 395".to_owned()))
    }

    fn answers(&self) -> bool {
        self.attempts() > Self::ATTEMPTS
    }

    fn recovered(&self) -> impl Future<Output = ()> + Send {
        let recovers = self.attempts() == Self::ATTEMPTS - 1;
        async move {
            if !recovers {
                std::future::pending::<()>().await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn how_long_the_store_was_away_is_no_refusal_of_the_batch() {
    let (folder, metrics) = (tempfile::tempdir().unwrap(), Metrics::new().unwrap());
    let sink = Away(metrics.clone(), Arc::default());
    let pipeline = Pipeline::start(&Config::default(), folder.path(), sink.clone(), metrics).unwrap();
    append(&pipeline, 0, &["good"; 2]).await;
    while sink.attempts() < Away::ATTEMPTS + 4 {
        sleep(Duration::from_millis(100)).await;
    }
    drop(pipeline);
    let since = sink.1.lock().unwrap().clone();
    let (away, back) = since.split_at(Away::ATTEMPTS);
    assert!(away.is_sorted_by(|former, later| former < later), "{since:?}");
    assert!(
        back[0].is_none() && back[1].is_some() && back[1..4].iter().all(|since| *since == back[1]),
        "{since:?}"
    );
}

/// What the name of the file of a batch has at its end before `store-again` runs, while it does, and later.
const ENDINGS: [&str; 3] = ["", ".taken", ".stored"];

fn rename(file: &Path, ending: &str) {
    fs::rename(file, format!("{}{ending}", file.display())).unwrap();
}

/// The collector may be killed between writing the file and noting that, and `store-again` may have run since.
#[tokio::test]
async fn a_batch_that_stands_in_its_file_is_never_sent_again() {
    for ending in ENDINGS {
        let (folder, sink) = (tempfile::tempdir().unwrap(), Script::default());
        let by_hand = ByHand::new(folder.path());
        let (pipeline, metrics) = start(&folder, &sink, 3);
        append(&pipeline, 0, &["stuck"; 3]).await;
        until(|| metrics.head.get().is_some()).await;
        let token = metrics.head.get().unwrap().batch;
        drop(pipeline);
        by_hand.begin(&token, "Code: 395").unwrap().finish().unwrap();
        rename(&by_hand.path(&token), ending);
        until(|| !crate::spool::is_in_use(folder.path()).unwrap()).await;
        let attempts = sink.tokens().len();
        let (pipeline, metrics) = start(&folder, &sink, 3);
        append(&pipeline, 3, &["good"]).await;
        pipeline.shutdown().await;
        assert!(!sink.tokens()[attempts..].contains(&token), "{ending}");
        assert_eq!(
            (sink.stored(), rejected(&metrics)),
            (ids(4)[3..].to_vec(), 3),
            "{ending}"
        );
        check_ledger(&metrics);
    }
}

/// So may it between the parts of a batch, of which the others wait for the store.
#[tokio::test]
async fn a_part_that_stands_in_its_file_is_never_sent_again_neither_alone_nor_with_others() {
    for ending in ENDINGS {
        let (folder, sink) = (tempfile::tempdir().unwrap(), Script::default());
        let by_hand = ByHand::new(folder.path());
        let (pipeline, metrics) = start(&folder, &sink, 4);
        append(&pipeline, 0, &["stuck", "bad", "stuck", "good"]).await;
        until(|| metrics.head.get().is_some_and(|head| head.batch.ends_with("/0-1"))).await;
        let part = metrics.head.get().unwrap().batch;
        by_hand.ask(&part).unwrap();
        until(|| metrics.head.get().is_some_and(|head| head.batch.ends_with("/2-4"))).await;
        drop(pipeline);
        rename(&by_hand.path(&part), ending);
        until(|| !crate::spool::is_in_use(folder.path()).unwrap()).await;
        // The first part may be sent before anybody looks.
        let attempts = sink.tokens().len();
        let (pipeline, metrics) = start(&folder, &sink, 4);
        until(|| metrics.head.get().is_some()).await;
        by_hand.ask(&metrics.head.get().unwrap().batch).unwrap();
        pipeline.shutdown().await;
        let sent = sink.tokens().split_off(attempts);
        let parts: BTreeSet<_> = sent
            .iter()
            .map(|token| token.split_once('/').map(|(_, part)| part))
            .collect();
        assert_eq!(parts, BTreeSet::from([Some("1-2"), Some("2-4")]), "{ending}");
        assert_eq!((rejected(&metrics), metrics.rows_queued.get()), (4, 0), "{ending}");
        check_ledger(&metrics);
    }
}

#[tokio::test]
async fn a_batch_that_the_disk_has_no_room_for_goes_on_waiting_for_the_store() {
    let (folder, sink) = (tempfile::tempdir().unwrap(), Script::default());
    let by_hand = ByHand::new(folder.path());
    let (pipeline, metrics) = start(&folder, &sink, 3);
    append(&pipeline, 0, &["stuck"; 3]).await;
    until(|| metrics.head.get().is_some()).await;
    let token = metrics.head.get().unwrap().batch;
    let unfinished = by_hand.path(&token).with_extension("new");
    std::os::unix::fs::symlink("/dev/full", &unfinished).unwrap();
    by_hand.ask(&token).unwrap();
    until(|| !by_hand.is_open()).await;
    assert!(!by_hand.has(&token) && unfinished.symlink_metadata().is_err());
    let attempts = sink.tokens().len();
    until(|| sink.tokens().len() > attempts).await;

    by_hand.ask(&token).unwrap();
    until(|| !by_hand.is_open()).await;
    pipeline.shutdown().await;
    assert_eq!(set_aside(&by_hand, &token), ids(3));
    check_ledger(&metrics);
}
