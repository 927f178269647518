//! The pipeline with a sink that follows a script.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{InsertError, Pipeline, Sink};
use crate::config::Config;
use crate::row::Row;
use crate::store::Block;
use crate::telemetry::Metrics;

#[path = "../../tests/support/native.rs"]
pub(super) mod native;

/// Answers by the script first, then rejects what has a bad row, then stores.
#[derive(Clone, Default)]
pub(super) struct Script {
    pub(super) answers: Arc<Mutex<VecDeque<InsertError>>>,
    attempts: Arc<Mutex<Vec<(String, usize)>>>,
    stored: Arc<Mutex<BTreeMap<String, Vec<Row<'static>>>>>,
    /// Stores the rows although the answer is an error, as when the answer gets lost.
    stores_anyway: bool,
    /// Can be used again as soon as an attempt has failed.
    recovers: bool,
    pub(super) attempted: Arc<Notify>,
    inserted: Arc<Notify>,
}

impl Sink for Script {
    async fn insert(&self, block: &Block, token: &str) -> Result<(), InsertError> {
        let rows = native::rows(block);
        self.attempts.lock().unwrap().push((token.to_owned(), rows.len()));
        self.attempted.notify_one();
        let answer = self.answers.lock().unwrap().pop_front();
        if answer.is_none() || self.stores_anyway {
            let has = |target| rows.iter().any(|row| row.target == target);
            if has("bad") {
                return Err(InsertError::Permanent("a bad row".to_owned()));
            }
            if has("stuck") {
                return Err(InsertError::Retryable("Code: 395".to_owned()));
            }
            let mut stored = self.stored.lock().unwrap();
            let first = stored.entry(token.to_owned()).or_insert_with(|| rows.clone());
            assert_eq!(*first, rows, "a token stands for the same rows for ever");
        }
        if answer.is_none() {
            self.inserted.notify_one();
        }
        answer.map_or(Ok(()), Err)
    }

    async fn recovered(&self) {
        if !self.recovers {
            std::future::pending::<()>().await;
        }
    }
}

impl Script {
    pub(super) fn failing(times: usize) -> Self {
        Self {
            answers: Arc::new(Mutex::new(
                vec![InsertError::Retryable("no route".to_owned()); times].into(),
            )),
            ..Self::default()
        }
    }

    pub(super) fn stored(&self) -> Vec<String> {
        let stored = self.stored.lock().unwrap();
        let mut ids: Vec<_> = stored
            .values()
            .flatten()
            .map(|row| row.request_id.to_string())
            .collect();
        ids.sort();
        ids
    }

    pub(super) fn tokens(&self) -> Vec<String> {
        self.attempts
            .lock()
            .unwrap()
            .iter()
            .map(|(token, _)| token.clone())
            .collect()
    }
}

/// A request with a call of each tool, numbered from `first` on.
fn request(first: usize, tools: &[&str]) -> Bytes {
    let text = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    };
    let span = |(index, tool): (usize, &&str)| Span {
        kind: 2,
        span_id: (index as u64 + 1).to_be_bytes().to_vec(),
        attributes: vec![
            text("mcp.method.name", "tools/call"),
            text("gen_ai.tool.name", tool),
            text("jsonrpc.request.id", &format!("{:04}", first + index)),
            text("toolsight.tenant", "its own"),
        ],
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans {
        spans: tools.iter().enumerate().map(span).collect(),
        ..ScopeSpans::default()
    }];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans,
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec().into()
}

pub(super) fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:04}")).collect()
}

pub(super) fn start(folder: &TempDir, sink: &Script, rows: usize) -> (Pipeline, Metrics) {
    let metrics = Metrics::new().unwrap();
    let mut config = Config::default();
    config.batch.rows = rows;
    let pipeline = Pipeline::start(&config, folder.path(), sink.clone(), metrics.clone()).unwrap();
    (pipeline, metrics)
}

pub(super) async fn append(pipeline: &Pipeline, first: usize, tools: &[&str]) {
    let appended = pipeline
        .spool()
        .append("", request(first, tools), tools.len() as u32)
        .await;
    appended.unwrap();
}

/// Every row that came is in the store, set aside, or waits.
pub(super) fn check_ledger(metrics: &Metrics) {
    let lost = ["rejected", "unreadable"].map(|reason| metrics.rows_lost.with_label_values(&[reason]).get());
    let became = metrics.rows_inserted.get() + lost.iter().sum::<u64>() + metrics.rows_queued.get() as u64;
    assert_eq!(metrics.spans_spooled.get() + metrics.rows_recovered.get(), became);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_repeated_with_the_same_token_until_the_sink_takes_it() {
    for stores_anyway in [false, true] {
        let (folder, sink) = (tempfile::tempdir().unwrap(), Script::failing(12));
        let sink = Script { stores_anyway, ..sink };
        let (pipeline, metrics) = start(&folder, &sink, 1000);
        append(&pipeline, 0, &["a", "b"]).await;
        while metrics.rows_inserted.get() < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(metrics.insert_retries.get(), 12);
        pipeline.shutdown().await;
        let attempts = sink.attempts.lock().unwrap().clone();
        assert_eq!(attempts.len(), 13);
        assert!(attempts.iter().all(|attempt| *attempt == attempts[0]), "{attempts:?}");
        assert_eq!(sink.stored(), ids(2));
        check_ledger(&metrics);
    }
}

/// Never answers the first time.
#[derive(Clone, Default)]
struct Silent(Arc<AtomicUsize>);

impl Sink for Silent {
    async fn insert(&self, _block: &Block, _token: &str) -> Result<(), InsertError> {
        if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_never_answers_is_asked_again() {
    let (folder, metrics) = (tempfile::tempdir().unwrap(), Metrics::new().unwrap());
    let pipeline = Pipeline::start(&Config::default(), folder.path(), Silent::default(), metrics.clone()).unwrap();
    append(&pipeline, 0, &["a", "b"]).await;
    while metrics.rows_inserted.get() < 2 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(metrics.insert_retries.get(), 1);
    pipeline.shutdown().await;
    check_ledger(&metrics);
}

#[tokio::test]
async fn a_sink_that_can_be_used_again_is_not_kept_waiting() {
    let (folder, sink) = (tempfile::tempdir().unwrap(), Script::failing(12));
    let sink = Script { recovers: true, ..sink };
    let (pipeline, metrics) = start(&folder, &sink, 1);
    append(&pipeline, 0, &["a"]).await;
    // The delays between as many attempts make at least 50 s.
    let inserted = timeout(Duration::from_secs(20), sink.inserted.notified()).await;
    inserted.expect("no delay is waited for to its end");
    assert_eq!(metrics.insert_retries.get(), 12);
    pipeline.shutdown().await;
}

#[tokio::test]
async fn a_rejected_batch_is_halved_until_only_the_bad_rows_are_set_aside() {
    let mut tools = vec!["good"; 100];
    (tools[0], tools[57], tools[58]) = ("bad", "bad", "bad");
    let (folder, sink) = (tempfile::tempdir().unwrap(), Script::default());
    let (pipeline, metrics) = start(&folder, &sink, 1000);
    append(&pipeline, 0, &tools).await;
    pipeline.shutdown().await;
    assert_eq!(sink.stored().len(), 97);
    assert_eq!(metrics.rows_lost.with_label_values(&["rejected"]).get(), 3);
    check_ledger(&metrics);
    let tokens = sink.tokens();
    assert_eq!(
        tokens.iter().collect::<BTreeSet<_>>().len(),
        tokens.len(),
        "other rows have another token"
    );
    assert!(tokens.len() < 50, "{} attempts", tokens.len());
    let set_aside = std::fs::read_to_string(folder.path().join("set_aside.ndjson")).unwrap();
    let lines: Vec<serde_json::Value> = set_aside
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (&line["reason"], &line["row"]["request_id"]))
        .collect();
    assert_eq!(
        told,
        [
            (&"a bad row".into(), &"0000".into()),
            (&"a bad row".into(), &"0057".into()),
            (&"a bad row".into(), &"0058".into()),
        ]
    );
}

#[tokio::test]
async fn requests_are_put_together_and_cut_to_the_size_of_a_batch_without_waiting_at_shutdown() {
    let (folder, sink) = (tempfile::tempdir().unwrap(), Script::default());
    let (pipeline, metrics) = start(&folder, &sink, 100);
    append(&pipeline, 0, &["a"; 30]).await;
    append(&pipeline, 30, &["a"; 250]).await;
    append(&pipeline, 280, &["a"; 30]).await;
    pipeline.shutdown().await;
    let sizes: Vec<_> = sink.attempts.lock().unwrap().iter().map(|(_, rows)| *rows).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 310);
    assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
    assert_eq!(sink.stored(), ids(310));
    check_ledger(&metrics);
}

#[tokio::test]
async fn what_the_sink_does_not_take_before_the_end_comes_with_the_same_tokens_after_the_next_start() {
    for (case, rows, stores_anyway) in [
        ("one batch", 1000, false),
        ("one batch whose answer was lost", 1000, true),
        ("a batch that ends within a request", 7, true),
    ] {
        let (folder, sink) = (tempfile::tempdir().unwrap(), Script::failing(1000));
        let sink = Script { stores_anyway, ..sink };
        let (pipeline, metrics) = start(&folder, &sink, rows);
        append(&pipeline, 0, &["a"; 10]).await;
        append(&pipeline, 10, &["a"; 10]).await;
        while sink.tokens().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        check_ledger(&metrics);
        // As if it was killed: nothing is drained.
        drop(pipeline);
        let (first, before) = (sink.tokens()[0].clone(), sink.tokens().len());

        // The lock is free once the threads have ended.
        let (pipeline, metrics) = loop {
            let metrics = Metrics::new().unwrap();
            let mut config = Config::default();
            config.batch.rows = rows + 3;
            match Pipeline::start(&config, folder.path(), sink.clone(), metrics.clone()) {
                Ok(pipeline) => break (pipeline, metrics),
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        sink.answers.lock().unwrap().clear();
        pipeline.shutdown().await;
        assert_eq!(metrics.rows_recovered.get(), 20, "{case}");
        assert_eq!(sink.tokens().get(before), Some(&first), "{case}");
        assert_eq!(sink.stored(), ids(20), "{case}");
        check_ledger(&metrics);
    }
}

#[tokio::test]
async fn the_tenant_of_the_sender_wins_over_that_of_the_rows() {
    let (folder, sink) = (tempfile::tempdir().unwrap(), Script::default());
    let (pipeline, _) = start(&folder, &sink, 1000);
    let body = request(0, &["a"]);
    pipeline.spool().append("", body.clone(), 1).await.unwrap();
    pipeline.spool().append("sender's", body, 1).await.unwrap();
    pipeline.shutdown().await;
    let stored = sink.stored.lock().unwrap();
    let tenants: Vec<_> = stored.values().flatten().map(|row| row.tenant.to_string()).collect();
    assert_eq!(
        tenants,
        ["its own", "sender's"],
        "and the same body of another tenant is another request"
    );
}

#[tokio::test]
async fn rows_that_cannot_be_read_any_more_are_counted_and_hold_nothing_up() {
    let (folder, sink) = (tempfile::tempdir().unwrap(), Script::failing(1000));
    let (pipeline, metrics) = start(&folder, &sink, 5);
    append(&pipeline, 0, &["a"; 5]).await;
    // What is read of the file by now is only the first.
    sink.attempted.notified().await;
    append(&pipeline, 5, &["a"; 5]).await;
    let second = request(5, &["a"; 5]);
    let path = folder.path().join("00000000000000000001.segment");
    let mut segment = std::fs::read(&path).unwrap();
    let at = segment
        .windows(second.len())
        .position(|window| window == second)
        .unwrap();
    segment[at] ^= 1;
    // In place: the reader has the file open.
    std::os::unix::fs::FileExt::write_all_at(
        &std::fs::OpenOptions::new().write(true).open(&path).unwrap(),
        &segment[at..=at],
        at as u64,
    )
    .unwrap();
    append(&pipeline, 10, &["a"; 5]).await;
    sink.answers.lock().unwrap().clear();
    pipeline.shutdown().await;
    assert_eq!(sink.stored(), ids(5));
    assert_eq!(metrics.rows_lost.with_label_values(&["unreadable"]).get(), 10);
    assert_eq!((metrics.corrupt_segments.get(), metrics.rows_queued.get()), (1, 0));
    check_ledger(&metrics);
}

#[tokio::test]
async fn requests_that_are_gone_at_a_start_are_counted_once_and_hold_nothing_up() {
    for (case, file, damage) in [
        ("the first file is gone", 1, None),
        ("its header is damaged", 1, Some(20)),
        ("its first record is damaged", 1, Some(200)),
        ("the first record of the last file is damaged", 5, Some(200)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        // Two of these requests fit into a segment.
        (config.spool.bytes, config.batch.drain_time) = (4 << 20, Duration::from_millis(100));
        let long = "a".repeat(200_000);
        let away = Pipeline::start(&config, folder.path(), Script::failing(1000), Metrics::new().unwrap()).unwrap();
        for number in 0..6 {
            append(&away, number, &[&long]).await;
        }
        away.shutdown().await;
        let path = folder.path().join(format!("{file:020}.segment"));
        if let Some(at) = damage {
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 8], at).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
        let sink = Script::default();
        for (start, lost) in [2, 0].into_iter().enumerate() {
            let metrics = Metrics::new().unwrap();
            let config = Config::default();
            let pipeline = Pipeline::start(&config, folder.path(), sink.clone(), metrics.clone()).unwrap();
            append(&pipeline, 6 + start, &["a"]).await;
            pipeline.shutdown().await;
            assert_eq!(metrics.requests_lost.get(), lost, "{case}, start {start}");
            assert_eq!(sink.stored().len(), 5 + start, "{case}, start {start}");
            check_ledger(&metrics);
        }
    }
}
