//! A store that is down: senders are asked to come again, and every accepted call arrives once.

use std::collections::BTreeSet;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tonic::Code;
use tonic_types::StatusExt as _;
use toolsight_collector::pipeline::{InsertError, Sink};
use toolsight_collector::store::Block;

use crate::support::{GZIP, JSON, PROTOBUF, Running, call, gzip, request, targets, text};

/// A request with 400 calls, named by `prefix` and a number.
fn calls(prefix: &str) -> Vec<opentelemetry_proto::tonic::trace::v1::Span> {
    (0..400).map(|index| call(&format!("{prefix}-{index}"))).collect()
}

#[tokio::test]
async fn senders_come_again_while_the_store_is_down_and_every_accepted_call_is_stored_once() {
    let running = Running::start(|config| config.queue.rows = 1000).await;
    running.sink.set_down(true);
    let mut accepted = Vec::new();
    for name in ["a", "b"] {
        let answer = running
            .post("/v1/traces", &[PROTOBUF], &request(calls(name)).encode_to_vec())
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        accepted.push(name);
    }

    let refused = request(calls("c"));
    let answer = running.post("/v1/traces", &[PROTOBUF], &refused.encode_to_vec()).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert!(answer.head.contains("retry-after: 1"), "{}", answer.head);
    let status = tonic_types::Status::decode(&answer.body[..]).unwrap();
    assert_eq!(
        (status.code, status.message.as_str()),
        (8, "the collector's queue is full, send again later")
    );
    let answer = running
        .post("/v1/traces", &[JSON], &serde_json::to_vec(&refused).unwrap())
        .await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(
        answer.text(),
        r#"{"code":8,"message":"the collector's queue is full, send again later"}"#
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
    accepted.push("c");
    let rows = running.sink.wait_for(1200).await;
    let expected: BTreeSet<_> = accepted
        .iter()
        .flat_map(|name| (0..400).map(move |index| format!("{name}-{index}")))
        .collect();
    assert_eq!(rows.len(), expected.len(), "nothing twice");
    assert_eq!(
        targets(&rows).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(),
        expected
    );
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_request_that_never_fits_the_queue_is_refused_for_good() {
    let running = Running::start(|config| config.queue.rows = 300).await;
    let sent = request(calls("a"));
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
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_small_body_that_becomes_large_rows_is_refused_before_it_takes_the_memory() {
    let running = Running::start(|_| {}).await;
    let mut sent = request(vec![call("a"); 100_000]);
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
    assert_eq!(answer.status, 413, "{answer:?}");
    assert!(
        String::from_utf8_lossy(&answer.body).ends_with(
            "the request does not fit into the whole queue of 200000 rows and 268435456 bytes, send smaller batches"
        ),
        "{answer:?}"
    );
    assert_eq!(running.count("spans_refused", "too_many"), 100_000);
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_shutdown_stores_what_was_accepted_and_counts_what_it_cannot_store() {
    for down in [false, true] {
        let running = Running::start(|config| {
            config.queue.batch_linger = Duration::from_secs(60);
            config.queue.drain_time = Duration::from_millis(300);
        })
        .await;
        running.sink.set_down(down);
        let answer = running
            .post("/v1/traces", &[PROTOBUF], &request(calls("a")).encode_to_vec())
            .await;
        assert_eq!(answer.status, 200);
        let (sink, lost) = (
            running.sink.clone(),
            running.metrics.rows_lost.with_label_values(&["shutdown"]),
        );
        running.collector.shutdown().await;
        let (stored, lost) = (sink.rows().len() as u64, lost.get());
        assert_eq!(
            (stored, lost),
            if down { (0, 400) } else { (400, 0) },
            "store down: {down}"
        );
    }
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
