//! The pipeline with a sink that follows a script.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::PushError::TooMany;
use super::{InsertError, Pipeline, PushError, Sink};
use crate::config;
use crate::row::Row;
use crate::store::Block;
use crate::telemetry::Metrics;

#[path = "../../tests/support/native.rs"]
mod native;

/// Answers by the script first, then rejects what has a bad row, then stores.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<InsertError>>>,
    attempts: Arc<Mutex<Vec<(String, usize)>>>,
    stored: Arc<Mutex<BTreeMap<String, Vec<Row<'static>>>>>,
    /// Stores the rows although the answer is an error, as when the answer gets lost.
    stores_anyway: bool,
}

impl Sink for Script {
    async fn insert(&self, block: &Block, token: &str) -> Result<(), InsertError> {
        let rows = native::rows(block);
        self.attempts.lock().unwrap().push((token.to_owned(), rows.len()));
        let answer = self.answers.lock().unwrap().pop_front();
        if answer.is_none() || self.stores_anyway {
            if rows.iter().any(|row| row.target == "bad") {
                return Err(InsertError::Permanent("a bad row".to_owned()));
            }
            self.stored.lock().unwrap().entry(token.to_owned()).or_insert(rows);
        }
        answer.map_or(Ok(()), Err)
    }
}

impl Script {
    fn stored(&self) -> Vec<String> {
        let stored = self.stored.lock().unwrap();
        let mut ids: Vec<_> = stored
            .values()
            .flatten()
            .map(|row| row.request_id.to_string())
            .collect();
        ids.sort();
        ids
    }
}

fn rows(targets: &[&str]) -> Vec<Row<'static>> {
    let row = |(index, target): (usize, &&str)| Row {
        request_id: format!("{index:04}").into(),
        target: (*target).to_owned().into(),
        ..Row::default()
    };
    targets.iter().enumerate().map(row).collect()
}

fn start(sink: &Script, rows: usize) -> (Pipeline, Metrics) {
    let metrics = Metrics::new().unwrap();
    let config = config::Queue {
        rows,
        ..config::Queue::default()
    };
    (Pipeline::start(&config, sink.clone(), metrics.clone()), metrics)
}

fn retryable() -> InsertError {
    InsertError::Retryable("no route".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_repeated_with_the_same_token_until_the_sink_takes_it() {
    for stores_anyway in [false, true] {
        let sink = Script {
            answers: Arc::new(Mutex::new(vec![retryable(); 12].into())),
            stores_anyway,
            ..Script::default()
        };
        let (pipeline, metrics) = start(&sink, 1000);
        pipeline.queue.push(rows(&["a", "b"])).unwrap();
        while metrics.insert_retries.get() < 12 || sink.stored().len() < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        pipeline.shutdown().await;
        let attempts = sink.attempts.lock().unwrap().clone();
        assert_eq!(attempts.len(), 13);
        assert!(attempts.iter().all(|attempt| *attempt == attempts[0]), "{attempts:?}");
        assert_eq!(sink.stored(), ["0000", "0001"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejected_batch_is_halved_until_only_the_bad_rows_are_lost() {
    let mut targets = vec!["good"; 100];
    targets[0] = "bad";
    targets[57] = "bad";
    targets[58] = "bad";
    let sink = Script::default();
    let (pipeline, metrics) = start(&sink, 1000);
    pipeline.queue.push(rows(&targets)).unwrap();
    pipeline.shutdown().await;
    assert_eq!(sink.stored().len(), 97);
    assert_eq!(metrics.rows_lost.with_label_values(&["rejected"]).get(), 3);
    assert_eq!(metrics.rows_lost.with_label_values(&["shutdown"]).get(), 0);
    let attempts = sink.attempts.lock().unwrap().clone();
    let tokens: std::collections::BTreeSet<_> = attempts.iter().map(|(token, _)| token).collect();
    assert_eq!(tokens.len(), attempts.len(), "other rows have another token");
    assert!(attempts.len() < 50, "{} attempts", attempts.len());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_takes_nothing_of_a_request_and_has_room_again_once_rows_are_stored() {
    let sink = Script {
        answers: Arc::new(Mutex::new(vec![retryable(); 3].into())),
        ..Script::default()
    };
    let (pipeline, metrics) = start(&sink, 1000);
    assert_eq!(
        pipeline.queue.push(rows(&["a"; 1001])),
        Err(PushError::TooMany {
            rows: 1000,
            bytes: config::Queue::default().bytes
        })
    );
    pipeline.queue.push(rows(&["a"; 600])).unwrap();
    assert_eq!(pipeline.queue.push(rows(&["a"; 401])), Err(PushError::Full));
    assert_eq!(metrics.rows_queued.get(), 600);
    pipeline.queue.push(rows(&["a"; 400])).unwrap();
    assert_eq!(pipeline.queue.push(rows(&["a"])), Err(PushError::Full));
    while metrics.rows_queued.get() > 0 {
        assert_eq!(
            pipeline.queue.push(rows(&["a"])),
            Err(PushError::Full),
            "rows count until they are stored"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    pipeline.queue.push(rows(&["a"])).unwrap();
    let queue = pipeline.queue.clone();
    pipeline.shutdown().await;
    assert_eq!(sink.stored().len(), 1001);
    assert_eq!(queue.push(rows(&["a"])), Err(PushError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_brings_the_queue_to_the_sink_without_waiting_for_a_full_batch() {
    let sink = Script::default();
    let (pipeline, metrics) = start(&sink, 1000);
    let started = tokio::time::Instant::now();
    pipeline.queue.push(rows(&["a"; 10])).unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    pipeline.queue.push(rows(&["a"; 10])).unwrap();
    pipeline.shutdown().await;
    assert_eq!(sink.stored().len(), 20);
    assert!(started.elapsed() < Duration::from_millis(500));
    assert_eq!(metrics.rows_queued.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_sink_does_not_take_in_time_at_shutdown_is_counted_as_lost() {
    for (case, pushed) in [
        ("in the inserter's hands", &[30][..]),
        ("there and in the queue", &[800, 100]),
    ] {
        let sink = Script {
            answers: Arc::new(Mutex::new(vec![retryable(); 1000].into())),
            ..Script::default()
        };
        let (pipeline, metrics) = start(&sink, 1000);
        for count in pushed {
            pipeline.queue.push(rows(&vec!["a"; *count])).unwrap();
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        pipeline.shutdown().await;
        let lost = metrics.rows_lost.with_label_values(&["shutdown"]).get();
        assert_eq!(lost as usize, pushed.iter().sum::<usize>(), "{case}");
        assert_eq!(metrics.rows_queued.get(), 0, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn large_rows_fill_the_queue_by_their_bytes_also_while_their_request_is_read() {
    let (sink, metrics) = (Script::default(), Metrics::new().unwrap());
    let config = config::Queue {
        bytes: 1 << 20,
        ..config::Queue::default()
    };
    let pipeline = Pipeline::start(&config, sink.clone(), metrics.clone());
    let queue = &pipeline.queue;
    let large = |count| {
        let row = Row {
            message: "x".repeat(10_000).into(),
            ..Row::default()
        };
        vec![row; count]
    };
    let TooMany { rows, bytes } = queue.push(large(100)).unwrap_err() else {
        panic!("a request of more bytes than the queue never fits");
    };
    assert_eq!((rows, bytes), (config.rows, config.bytes));
    queue.push(large(50)).unwrap();
    assert_eq!(queue.push(large(50)), Err(PushError::Full));
    assert!(
        matches!(queue.push(large(100)), Err(TooMany { .. })),
        "in a full queue as well"
    );

    let mut reading = queue.draft();
    assert!(large(30).into_iter().all(|row| reading.add(row).is_continue()));
    assert_eq!(queue.push(large(30)), Err(PushError::Full));
    drop(reading);
    queue.push(large(30)).unwrap();
    assert_eq!(metrics.rows_queued.get(), 80);
    while metrics.rows_queued.get() > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    queue.push(large(90)).unwrap();
    pipeline.shutdown().await;
    assert_eq!(sink.stored().len(), 170);
}
