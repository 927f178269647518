//! What layers tell of themselves, over every protocol, and what of metrics and logs is not kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use tonic::codec::CompressionEncoding;

use crate::support::{GZIP, JSON, Kept, PROTOBUF, Running, gzip, text};
use crate::token_file::TokensFile;

const DEADLINE: Duration = Duration::from_secs(60);

fn metric(name: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

/// A process that lost records since its start, runs a call, and has a metric of its own.
fn metrics(instance: &str, lost: i64) -> ExportMetricsServiceRequest {
    let point = |value| NumberDataPoint {
        attributes: vec![text("toolsight.drop.reason", "queue_full")],
        start_time_unix_nano: 1,
        value: Some(value),
        ..NumberDataPoint::default()
    };
    let gauge = |value| {
        Data::Gauge(Gauge {
            data_points: vec![point(value)],
        })
    };
    let sum = Data::Sum(Sum {
        data_points: vec![point(Value::AsInt(lost))],
        aggregation_temporality: 2,
        is_monotonic: true,
    });
    let resource = Resource {
        attributes: vec![text("service.name", "shop"), text("service.instance.id", instance)],
        ..Resource::default()
    };
    let scope = ScopeMetrics {
        metrics: vec![
            metric("toolsight.records.dropped", sum),
            metric("toolsight.calls.in_flight", gauge(Value::AsInt(1))),
            metric("toolsight.calls.oldest", gauge(Value::AsDouble(2.5))),
            metric("shop.baskets", gauge(Value::AsInt(9))),
        ],
        ..ScopeMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        }],
    }
}

fn logs(records: usize) -> ExportLogsServiceRequest {
    let scope = ScopeLogs {
        log_records: vec![LogRecord::default(); records],
        ..ScopeLogs::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![scope],
            ..ResourceLogs::default()
        }],
    }
}

/// The values of a metric, by their labels without names.
fn values(running: &Running, name: &str) -> HashMap<String, f64> {
    let families = running.metrics.registry.gather();
    let family = families.iter().find(|family| family.name() == name);
    let metrics = family.map_or(&[][..], |family| family.get_metric()).iter();
    metrics
        .map(|metric| {
            let labels: Vec<_> = metric.get_label().iter().map(|label| label.value()).collect();
            let value = metric.get_counter().get_value() + metric.get_gauge().get_value();
            (labels.join(" "), value)
        })
        .collect()
}

#[tokio::test]
async fn what_a_layer_tells_is_shown_whichever_way_it_comes_and_the_rest_is_counted() {
    let running = Running::start(|_| ()).await;
    let json = |lost| serde_json::to_vec(&metrics("json", lost)).unwrap();
    for (case, headers, body) in [
        ("protobuf", &[PROTOBUF][..], metrics("protobuf", 1).encode_to_vec()),
        ("gzip", &[PROTOBUF, GZIP], gzip(&metrics("gzip", 20).encode_to_vec())),
        ("JSON", &[JSON], json(300)),
        ("JSON again, as after an answer that got lost", &[JSON], json(300)),
        ("JSON in gzip, and more was lost", &[JSON, GZIP], gzip(&json(301))),
    ] {
        let answer = running.post("/v1/metrics", headers, &body).await;
        assert_eq!(answer.status, 200, "{case}: {answer:?}");
    }
    let address = format!("http://{}", running.collector.addresses().grpc);
    let plain = MetricsServiceClient::connect(address.clone()).await.unwrap();
    let compressed = plain.clone().send_compressed(CompressionEncoding::Gzip);
    for (mut client, lost) in [(plain, 4000), (compressed, 4005)] {
        client.export(metrics("grpc", lost)).await.unwrap();
    }
    let shown = |name| values(&running, name);
    let of_shop = |value| HashMap::from([("shop".to_owned(), value)]);
    let dropped = shown("toolsight_layer_records_dropped_total");
    assert_eq!(dropped, HashMap::from([("queue_full shop".to_owned(), 4327.0)]));
    assert_eq!(shown("toolsight_layer_instances"), of_shop(4.0));
    assert_eq!(shown("toolsight_layer_calls_in_flight"), of_shop(4.0));
    assert_eq!(shown("toolsight_layer_oldest_call_seconds"), of_shop(2.5));

    let protobuf = logs(2).encode_to_vec();
    assert_eq!(running.post("/v1/logs", &[PROTOBUF], &protobuf).await.status, 200);
    let json = serde_json::to_vec(&logs(3)).unwrap();
    assert_eq!(running.post("/v1/logs", &[JSON], &json).await.status, 200);
    LogsServiceClient::connect(address)
        .await
        .unwrap()
        .export(logs(4))
        .await
        .unwrap();
    let ignored = HashMap::from([("logs".to_owned(), 9.0), ("metrics".to_owned(), 7.0)]);
    assert_eq!(
        shown("toolsight_telemetry_ignored_total"),
        ignored,
        "one of each request"
    );

    let broken = [&metrics("broken", 9).encode_to_vec()[..], b"\x0a\x7f"].concat();
    assert_eq!(running.post("/v1/metrics", &[PROTOBUF], &broken).await.status, 400);
    assert_eq!(
        shown("toolsight_layer_records_dropped_total"),
        dropped,
        "all or nothing"
    );
    assert_eq!(running.count("requests_refused", "invalid"), 1);
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_tenant_changes_nothing_of_what_another_ones_server_of_the_same_name_has_told() {
    let file = TokensFile::new();
    let (acme, globex, read) = (
        file.add("acme", "ingest"),
        file.add("globex", "ingest"),
        file.add("acme", "read"),
    );
    let path = file.path();
    let running = Running::start(|config| config.security.tokens_file = Some(path)).await;
    for (token, lost, status) in [(&acme, 5, 200), (&globex, 2, 200), (&acme, 6, 200), (&read, 50, 403)] {
        let bearer = format!("Bearer {token}");
        let headers = [PROTOBUF, ("authorization", bearer.as_str())];
        let answer = running
            .post("/v1/metrics", &headers, &metrics("a", lost).encode_to_vec())
            .await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(running.count("layer_records_dropped", "shop"), 8);
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_collector_that_starts_again_counts_what_was_lost_meanwhile_and_nothing_twice() {
    let mut folder = Arc::new(tempfile::tempdir().unwrap());
    for (told, counted) in [([5, 7], 12), ([5, 7], 0), ([8, 9], 5), ([8, 9], 0)] {
        let running = Running::in_folder(folder, Kept::default(), |_| ()).await;
        assert_eq!(values(&running, "toolsight_layer_instances"), HashMap::new());
        for (instance, lost) in ["a", "b"].into_iter().zip(told) {
            let body = metrics(instance, lost).encode_to_vec();
            assert_eq!(running.post("/v1/metrics", &[PROTOBUF], &body).await.status, 200);
        }
        assert_eq!(running.count("layer_records_dropped", "shop"), counted, "{told:?}");
        folder = Arc::clone(&running.folder);
        running.collector.shutdown().await;
    }
}

#[tokio::test]
async fn what_layers_told_is_on_disk_soon_so_that_a_killed_collector_does_not_count_it_twice() {
    let running = Running::start(|_| ()).await;
    let (file, deadline) = (running.folder.path().join("layers.json"), Instant::now() + DEADLINE);
    for lost in [5, 8] {
        let body = metrics("a", lost).encode_to_vec();
        assert_eq!(running.post("/v1/metrics", &[PROTOBUF], &body).await.status, 200);
        let expected = format!("\"value\":{lost}");
        while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains(&expected)) {
            assert!(Instant::now() < deadline, "{lost} is not in {}", file.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    running.collector.shutdown().await;
}
