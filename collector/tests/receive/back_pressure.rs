//! A store that is down: requests wait on disk, senders are asked to come again when that is full, and every accepted call
//! arrives once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tonic::Code;
use tonic_types::StatusExt as _;
use toolsight_collector::pipeline::{InsertError, Sink};
use toolsight_collector::store::Block;

use crate::support::{GZIP, JSON, Kept, PROTOBUF, Running, call, gzip, request, targets, text};

/// The least that a spool may be told to take.
const SMALL: u64 = 4 << 20;

/// A request with 400 calls, named by `prefix` and a number.
fn calls(prefix: &str) -> Vec<opentelemetry_proto::tonic::trace::v1::Span> {
    (0..400).map(|index| call(&format!("{prefix}-{index}"))).collect()
}

/// The same with so many bytes that nothing is made of.
fn large(prefix: &str, bytes: usize) -> ExportTraceServiceRequest {
    let mut calls = calls(prefix);
    calls[0].attributes.push(text("app.key", &"x".repeat(bytes)));
    request(calls)
}

fn names(prefixes: &[String]) -> BTreeSet<String> {
    let calls = |prefix: &String| (0..400).map(|index| format!("{prefix}-{index}")).collect::<Vec<_>>();
    prefixes.iter().flat_map(calls).collect()
}

#[tokio::test]
async fn senders_come_again_when_the_spool_is_full_and_every_accepted_call_is_stored_once() {
    let running = Running::start(|config| config.spool.bytes = SMALL).await;
    running.sink.set_down(true);
    let mut accepted = Vec::new();
    let refused = loop {
        let name = format!("call{}", accepted.len());
        let sent = large(&name, 300_000);
        let answer = running.post("/v1/traces", &[PROTOBUF], &sent.encode_to_vec()).await;
        if answer.status != 200 {
            assert_eq!(answer.status, 429, "{answer:?}");
            assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
            let status = tonic_types::Status::decode(&answer.body[..]).unwrap();
            let expected = (8, "the collector's spool is full, send again later");
            assert_eq!((status.code, status.message.as_str()), expected);
            break sent;
        }
        accepted.push(name);
        assert!(accepted.len() < 20, "the spool is bounded");
    };
    assert!(accepted.len() > 5);
    running.check_ledger().await;
    assert_eq!(running.metrics.rows_queued.get() as usize, 400 * accepted.len());
    assert!(running.metrics.spool_bytes.get() <= SMALL as i64);
    let answer = running
        .post("/v1/traces", &[JSON], &serde_json::to_vec(&refused).unwrap())
        .await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(
        answer.text(),
        r#"{"code":8,"message":"the collector's spool is full, send again later"}"#
    );

    let address = format!("http://{}", running.collector.addresses().grpc);
    let mut client = TraceServiceClient::connect(address).await.unwrap();
    let status = client.export(refused.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(
        status.get_details_retry_info().unwrap().retry_delay,
        Some(Duration::from_secs(1))
    );
    assert_eq!(running.count("spans_refused", "queue_full"), 1200);

    running.sink.set_down(false);
    while client.export(refused.clone()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    accepted.push(format!("call{}", accepted.len()));
    let rows = running.sink.wait_for(400 * accepted.len()).await;
    assert_eq!(rows.len(), 400 * accepted.len(), "nothing twice");
    assert_eq!(
        targets(&rows).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(),
        names(&accepted)
    );
    running.check_ledger().await;
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_request_that_never_fits_the_spool_is_refused_for_good() {
    let running = Running::start(|config| config.spool.bytes = SMALL).await;
    let sent = large("a", 5 << 20);
    let answer = running.post("/v1/traces", &[PROTOBUF], &sent.encode_to_vec()).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    let address = format!("http://{}", running.collector.addresses().grpc);
    let status = TraceServiceClient::connect(address)
        .await
        .unwrap()
        .export(sent)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.get_details_retry_info().is_none(), "{status:?}");
    assert_eq!(running.count("spans_refused", "too_many"), 800);
    running.check_ledger().await;
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_small_body_that_becomes_large_rows_goes_in_batches_that_fit_the_memory() {
    let running = Running::start(|config| config.batch.bytes = 4 << 20).await;
    let mut sent = request(vec![call("a"); 8_000]);
    let long = "x".repeat(256);
    let resource = sent.resource_spans[0].resource.as_mut().unwrap();
    resource.attributes = [
        "mcp.server.name",
        "service.version",
        "service.instance.id",
        "toolsight.tenant",
        "user.id",
    ]
    .into_iter()
    .chain(["mcp.client.name", "mcp.client.version", "mcp.protocol.version"])
    .map(|name| text(name, &long))
    .collect();
    let body = gzip(&sent.encode_to_vec());
    let answer = running.post("/v1/traces", &[PROTOBUF, GZIP], &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(running.sink.wait_for(8_000).await.len(), 8_000);
    let most = running.sink.batches().into_iter().max();
    // A row of these takes more than 2 KiB.
    assert!(most < Some((4 << 20) / 2048), "{most:?} rows in a batch");
    running.check_ledger().await;
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_stores_what_was_accepted_and_keeps_what_it_cannot_store() {
    for down in [false, true] {
        let running = Running::start(|config| {
            config.batch.linger = Duration::from_secs(60);
            config.batch.drain_time = Duration::from_millis(300);
        })
        .await;
        running.sink.set_down(down);
        let body = request(calls("a")).encode_to_vec();
        assert_eq!(running.post("/v1/traces", &[PROTOBUF], &body).await.status, 200);
        let (sink, folder, metrics) = (
            running.sink.clone(),
            Arc::clone(&running.folder),
            running.metrics.clone(),
        );
        running.collector.shutdown().await;
        let stored = if down { 0 } else { 400 };
        assert_eq!(
            (sink.rows().len(), metrics.rows_queued.get()),
            (stored, 400 - stored as i64)
        );

        sink.set_down(false);
        let again = Running::in_folder(folder, sink.clone(), |_| {}).await;
        assert_eq!(sink.wait_for(400).await.len(), 400, "store down: {down}");
        assert_eq!(again.metrics.rows_recovered.get(), 400 - stored as u64);
        again.check_ledger().await;
        let answer = again.post("/v1/traces", &[PROTOBUF], &body).await;
        assert_eq!(
            answer.status, 200,
            "a request that was stored before the restart is known"
        );
        assert_eq!(again.metrics.spans_duplicate.get(), 400);
        again.check_ledger().await;
        again.collector.shutdown().await;
        assert_eq!(sink.rows().len(), 400);
    }
}

#[tokio::test]
async fn a_request_that_comes_again_is_answered_the_same_and_stored_once() {
    let running = Running::start(|_| {}).await;
    let mut sent = request(vec![call("a"), call("b")]);
    sent.resource_spans[0].scope_spans[0].spans[1].kind = 3;
    let mut body = sent.encode_to_vec();
    // A span that cannot be read, in a group of its own.
    body.extend([0x0a, 5, 0x12, 3, 0x12, 1, 0xff]);
    let headers = [PROTOBUF];
    let (first, second) = tokio::join!(
        running.post("/v1/traces", &headers, &body),
        running.post("/v1/traces", &headers, &body)
    );
    let third = running.post("/v1/traces", &[PROTOBUF], &body).await;
    for answer in [&first, &second, &third] {
        assert_eq!((answer.status, &answer.body), (200, &first.body), "{answer:?}");
        assert!(!answer.body.is_empty(), "one span is rejected");
    }
    assert_eq!(running.sink.wait_for(1).await.len(), 1);
    let metrics = &running.metrics;
    assert_eq!((metrics.spans_duplicate.get(), metrics.spans_spooled.get()), (6, 1));
    running.check_ledger().await;
    let sink = running.sink.clone();
    running.collector.shutdown().await;
    assert_eq!(targets(&sink.rows()), ["a"]);
}

#[tokio::test]
async fn two_collectors_do_not_share_a_spool() {
    let running = Running::start(|_| {}).await;
    let folder = Arc::clone(&running.folder);
    let listeners = toolsight_collector::collector::Listeners::bind(&Running::anywhere().listen)
        .await
        .unwrap();
    let metrics = toolsight_collector::telemetry::Metrics::new().unwrap();
    let second = toolsight_collector::collector::Collector::start(
        &Running::anywhere(),
        listeners,
        Kept::default(),
        folder.path(),
        axum::Router::new(),
        &metrics,
    );
    let error = second.unwrap_err().to_string();
    let expected = format!(
        "another collector uses the spool in {}: stop it",
        folder.path().display()
    );
    assert!(error.starts_with(&expected), "{error}");
    running.collector.shutdown().await;
}

#[tokio::test]
async fn too_little_memory_refuses_requests_at_the_door() {
    let running = Running::start(|config| config.receive.memory_limit_bytes = 1).await;
    while running.metrics.memory_state.get() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let body = request(calls("a")).encode_to_vec();
    let answer = running.post("/v1/traces", &[PROTOBUF], &body).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    assert_eq!(running.count("requests_refused", "memory"), 1);
    running.collector.shutdown().await;
}

/// Panics at every batch.
struct Broken;

impl Sink for Broken {
    async fn insert(&self, _: &Block, _: &str) -> Result<(), InsertError> {
        panic!("as it has to be");
    }
}

#[tokio::test]
async fn an_inserter_that_ends_by_itself_is_told_and_does_not_hold_up_the_shutdown() {
    let mut running = Running::with(Broken, |_| {}).await;
    let idle = tokio::time::timeout(Duration::from_millis(100), running.collector.failed()).await;
    assert!(idle.is_err(), "nothing ends while nothing comes: {idle:?}");
    let body = request(vec![call("a")]).encode_to_vec();
    assert_eq!(running.post("/v1/traces", &[PROTOBUF], &body).await.status, 200);
    let task = tokio::time::timeout(Duration::from_secs(20), running.collector.failed()).await;
    assert_eq!(task, Ok("the inserter"));
    running.collector.shutdown().await;
}
