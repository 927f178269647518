//! What arrives at a collector, as the variables of OpenTelemetry say.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Histogram;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;

use super::Environment;
use crate::observe::Observation;
use crate::record::tests::record;
use crate::{Toolsight, semconv};

/// Takes all requests, but no metrics while it is `away`.
#[derive(Clone, Default)]
struct Collector {
    away: Arc<AtomicBool>,
    traces: Arc<AtomicU64>,
    metrics: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    async fn listen(&self) -> String {
        let this = self.clone();
        let metrics = post(async move |body: Bytes| {
            if this.away.load(Relaxed) {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
            this.metrics.lock().unwrap().push(body);
            StatusCode::OK
        });
        let requests = self.traces.clone();
        let traces = post(async move || {
            requests.fetch_add(1, Relaxed);
        });
        let app = Router::new().route("/v1/metrics", metrics).route("/v1/traces", traces);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async { axum::serve(listener, app).await });
        address
    }

    /// Sends to it as these variables say.
    async fn observer(&self, variables: &[(&str, &str)]) -> Toolsight {
        let address = self.listen().await;
        let own = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &*address),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ];
        let mut builder = Toolsight::builder();
        builder.otlp.environment = Environment::of(&[&own, variables].concat());
        builder.build().unwrap()
    }

    /// Temporality and number of calls of each histogram that was taken.
    fn histograms(&self) -> Vec<(i32, u64)> {
        let taken = self.metrics.lock().unwrap();
        let requests = taken
            .iter()
            .map(|body| ExportMetricsServiceRequest::decode(body.clone()).unwrap());
        let metrics = requests
            .flat_map(|request| request.resource_metrics)
            .flat_map(|resource| resource.scope_metrics)
            .flat_map(|scope| scope.metrics)
            .filter(|metric| metric.name == semconv::MCP_SERVER_OPERATION_DURATION);
        let count = |histogram: Histogram| histogram.data_points.iter().map(|point| point.count).sum();
        metrics
            .filter_map(|metric| match metric.data? {
                Data::Histogram(histogram) => Some((histogram.aggregation_temporality, count(histogram))),
                _ => None,
            })
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn calls_are_counted_once_whatever_the_temporality_and_although_the_collector_was_away() {
    const DELTA: i32 = 1;
    const CUMULATIVE: i32 = 2;
    for (preference, expected) in [
        ("", [(CUMULATIVE, 2), (CUMULATIVE, 3)].as_slice()),
        ("cumulative", &[(CUMULATIVE, 2), (CUMULATIVE, 3)]),
        ("delta", &[(DELTA, 1), (DELTA, 1), (DELTA, 1)]),
        ("LowMemory", &[(DELTA, 1), (DELTA, 1), (DELTA, 1)]),
    ] {
        let collector = Collector::default();
        let variables = [
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference),
            ("OTEL_METRIC_EXPORT_TIMEOUT", "300"),
        ];
        let toolsight = collector.observer(&variables).await;
        for away in [true, false, false] {
            collector.away.store(away, Relaxed);
            toolsight.layer.recorder.queue.push(Observation::Call(record().into()));
            toolsight.flush().await;
        }
        assert_eq!(collector.histograms(), expected, "{preference}");
        toolsight.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_signal_arrives_unless_it_is_turned_off() {
    for (case, variables, expected) in [
        ("nothing told", [].as_slice(), (true, true)),
        ("all is off", &[("OTEL_SDK_DISABLED", "True")], (false, false)),
        ("no word for off", &[("OTEL_SDK_DISABLED", "1")], (true, true)),
        ("no traces", &[("OTEL_TRACES_EXPORTER", "none")], (false, true)),
        ("no metrics", &[("OTEL_METRICS_EXPORTER", "none")], (true, false)),
        ("another exporter", &[("OTEL_TRACES_EXPORTER", "console")], (true, true)),
        ("an empty value", &[("OTEL_METRICS_EXPORTER", "")], (true, true)),
    ] {
        let collector = Collector::default();
        let toolsight = collector.observer(variables).await;
        toolsight.layer.recorder.queue.push(Observation::Call(record().into()));
        toolsight.shutdown().await;
        let seen = (collector.traces.load(Relaxed) > 0, !collector.histograms().is_empty());
        assert_eq!(seen, expected, "{case}");
        assert_eq!(toolsight.dropped().total(), 0, "{case}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn metrics_are_sent_at_the_interval_of_the_environment() {
    let collector = Collector::default();
    let toolsight = collector.observer(&[("OTEL_METRIC_EXPORT_INTERVAL", "100")]).await;
    toolsight.layer.recorder.queue.push(Observation::Call(record().into()));
    let arrived = async {
        while collector.histograms().len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), arrived).await;
    assert!(in_time.is_ok(), "nobody has asked for a flush");
    toolsight.shutdown().await;
}
