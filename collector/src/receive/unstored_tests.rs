//! What is found in requests of metrics and logs, of any form.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message as _;

use super::layer::Found;
use super::unstored::{logs, metrics};
use super::{Encoding, layer};
use crate::layers::{Count, Counter, Point, Report};

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

fn number(value: Value) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![text("unrelated", "x"), text("toolsight.drop.reason", "queue_full")],
        start_time_unix_nano: 1,
        time_unix_nano: 2,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn metric(name: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn sum(value: Value, temporality: i32) -> Data {
    Data::Sum(Sum {
        data_points: vec![number(value)],
        aggregation_temporality: temporality,
        is_monotonic: true,
    })
}

fn gauge(value: Value) -> Data {
    Data::Gauge(Gauge {
        data_points: vec![number(value)],
    })
}

fn of_server(server: &str, instance: &str, metrics: Vec<Metric>) -> ResourceMetrics {
    let resource = Resource {
        attributes: vec![text("service.name", server), text("service.instance.id", instance)],
        ..Resource::default()
    };
    ResourceMetrics {
        resource: Some(resource),
        scope_metrics: vec![ScopeMetrics {
            metrics,
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    }
}

fn request(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: vec![of_server("shop", "a", metrics)],
    }
}

fn lost(value: u64) -> Point {
    Point::Count(Count {
        counter: Counter::Dropped,
        label: "queue_full".to_owned(),
        value,
        is_delta: false,
        start: 1,
        time: 2,
    })
}

const DROPPED: &str = "toolsight.records.dropped";
const IN_FLIGHT: &str = "toolsight.calls.in_flight";

#[test]
fn points_of_layers_are_read_the_same_in_both_encodings_and_all_others_are_counted() {
    let histogram = Data::Histogram(Histogram {
        data_points: vec![HistogramDataPoint::default(); 3],
        aggregation_temporality: 2,
    });
    let delta = Point::Count(Count {
        counter: Counter::Dropped,
        label: "queue_full".to_owned(),
        value: 4,
        is_delta: true,
        start: 1,
        time: 2,
    });
    for (case, metric, points, ignored) in [
        ("an integer", metric(DROPPED, sum(Value::AsInt(4), 2)), vec![lost(4)], 0),
        (
            "a double",
            metric(DROPPED, sum(Value::AsDouble(4.0), 2)),
            vec![lost(4)],
            0,
        ),
        ("a delta", metric(DROPPED, sum(Value::AsInt(4), 1)), vec![delta], 0),
        (
            "a gauge of integers",
            metric(IN_FLIGHT, gauge(Value::AsInt(4))),
            vec![Point::InFlight(4.0)],
            0,
        ),
        (
            "a gauge of doubles",
            metric("toolsight.calls.oldest", gauge(Value::AsDouble(0.5))),
            vec![Point::Oldest(0.5)],
            0,
        ),
        (
            "a sum of neither kind",
            metric(DROPPED, sum(Value::AsInt(4), 0)),
            vec![],
            1,
        ),
        (
            "a counter below 0",
            metric(DROPPED, sum(Value::AsInt(-4), 2)),
            vec![],
            1,
        ),
        (
            "a counter as a gauge",
            metric(DROPPED, gauge(Value::AsInt(4))),
            vec![],
            1,
        ),
        (
            "a gauge as a counter",
            metric(IN_FLIGHT, sum(Value::AsInt(4), 2)),
            vec![],
            1,
        ),
        (
            "a metric of somebody else",
            metric("http.server.requests", sum(Value::AsInt(4), 2)),
            vec![],
            1,
        ),
        (
            "a histogram of the layer",
            metric("mcp.server.operation.duration", histogram),
            vec![],
            3,
        ),
        ("a metric without data", Metric::default(), vec![], 0),
    ] {
        let request = request(vec![metric]);
        let report = Report {
            server: "shop".to_owned(),
            instance: "a".to_owned(),
            points,
        };
        let reports = Some(report).filter(|report| !report.points.is_empty());
        let expected = Ok(Found {
            reports: reports.into_iter().collect(),
            ignored,
        });
        let protobuf = request.encode_to_vec();
        assert_eq!(metrics(&protobuf, Encoding::Protobuf), expected, "{case}");
        let json = serde_json::to_vec(&request).unwrap();
        assert_eq!(metrics(&json, Encoding::Json), expected, "{case} in JSON");
    }
}

#[test]
fn values_that_are_none_are_counted_and_names_are_cut() {
    let long = "x".repeat(1000);
    let mut point = number(Value::AsInt(1));
    point.attributes = vec![text("toolsight.drop.reason", &long)];
    let points = [f64::NAN, f64::INFINITY, -1.0].map(|value| number(Value::AsDouble(value)));
    let dropped = Sum {
        data_points: points.into_iter().chain([point]).collect(),
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![of_server(&long, &long, vec![metric(DROPPED, Data::Sum(dropped))])],
    };
    let found = layer::find(&request.encode_to_vec());
    assert_eq!(found.ignored, 3);
    let report = &found.reports[0];
    assert_eq!((report.server.len(), report.instance.len()), (256, 256));
    let [Point::Count(count)] = &report.points[..] else {
        panic!("{report:?}")
    };
    assert_eq!(count.label, "x".repeat(64));
}

#[test]
fn a_point_that_names_its_server_is_of_that_one() {
    let named = |name: &str, count: i64| {
        let mut point = number(Value::AsInt(count));
        point.attributes.push(text("mcp.server.name", name));
        point
    };
    let dropped = Sum {
        data_points: vec![named("ledger", 4), number(Value::AsInt(1)), named(&"x".repeat(1000), 2)],
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let running = Gauge {
        data_points: vec![named("ledger", 3)],
    };
    let found = layer::find(
        &request(vec![
            metric(DROPPED, Data::Sum(dropped)),
            metric(IN_FLIGHT, Data::Gauge(running)),
        ])
        .encode_to_vec(),
    );
    let told: Vec<_> = found
        .reports
        .iter()
        .map(|report| (&*report.server, &*report.instance, &*report.points))
        .collect();
    let expected: [(&str, &str, &[Point]); 3] = [
        ("shop", "a", &[lost(1)]),
        ("ledger", "a", &[lost(4), Point::InFlight(3.0)]),
        (&"x".repeat(256), "a", &[lost(2)]),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_request_has_a_bounded_number_of_points() {
    let many = Gauge {
        data_points: vec![number(Value::AsInt(1)); 3000],
    };
    let server = || of_server("shop", "a", vec![metric(IN_FLIGHT, Data::Gauge(many.clone()))]);
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![server(), server()],
    };
    let found = layer::find(&request.encode_to_vec());
    let taken: Vec<_> = found.reports.iter().map(|report| report.points.len()).collect();
    assert_eq!((taken, found.ignored), (vec![3000, 1096], 1904));
}

#[test]
fn what_is_broken_leaves_the_rest_alone() {
    let good = || metric(DROPPED, sum(Value::AsInt(4), 2));
    let expected = |ignored| {
        let report = Report {
            server: "shop".to_owned(),
            instance: "a".to_owned(),
            points: vec![lost(4)],
        };
        Ok(Found {
            reports: vec![report],
            ignored,
        })
    };
    let whole = request(vec![good()]).encode_to_vec();
    for (case, broken) in [
        ("a resource that breaks off", &b"\x0a\x02\x12\x7f"[..]),
        ("a scope that breaks off", b"\x0a\x04\x12\x02\x12\x7f"),
        ("a metric that breaks off", b"\x0a\x06\x12\x04\x12\x02\x0a\x7f"),
        (
            "a point that breaks off",
            b"\x0a\x0a\x12\x08\x12\x06\x2a\x04\x0a\x02\x22\x00",
        ),
    ] {
        let both = [broken, &whole].concat();
        assert_eq!(metrics(&both, Encoding::Protobuf), expected(1), "{case} before it");
        let both = [&whole, broken].concat();
        assert_eq!(metrics(&both, Encoding::Protobuf), expected(1), "{case} behind it");
    }
    let good = serde_json::to_string(&of_server("shop", "a", vec![good()])).unwrap();
    let metric = r#"{"name": "toolsight.records.dropped", "sum": {"dataPoints": [{"asInt": "none"}]}}"#;
    for (case, broken) in [
        ("a number for a resource", "5"),
        ("a number for a scope", r#"{"scopeMetrics": [7]}"#),
        (
            "a text for a resource's attributes",
            r#"{"resource": {"attributes": "x"}}"#,
        ),
        (
            "a value that is none",
            format!(r#"{{"scopeMetrics": [{{"metrics": [{metric}]}}]}}"#).leak(),
        ),
    ] {
        let text = format!(r#"{{"resourceMetrics": [{broken}, {good}]}}"#);
        assert_eq!(metrics(text.as_bytes(), Encoding::Json), expected(1), "{case}");
    }
}

#[test]
fn only_what_is_no_request_at_all_is_refused() {
    for (body, encoding, refused) in [
        (&b""[..], Encoding::Protobuf, false),
        (b"{}", Encoding::Json, false),
        (b"[5]", Encoding::Json, false),
        (b"{\"resourceMetrics\": 5, \"resourceLogs\": 5}", Encoding::Json, false),
        (b"{\"resourceMetrics\": null, \"unknown\": []}", Encoding::Json, false),
        (b"\x0a\xff", Encoding::Protobuf, true),
        (b"\x08\x01", Encoding::Protobuf, true),
        (b"{", Encoding::Json, true),
        (b"{\"resourceMetrics\": [}", Encoding::Json, true),
        (b"", Encoding::Json, true),
    ] {
        let case = body.escape_ascii();
        assert_eq!(metrics(body, encoding).is_err(), refused, "metrics {case}");
        assert_eq!(logs(body, encoding).is_err(), refused, "logs {case}");
    }
}

#[test]
fn log_records_are_counted_in_both_encodings() {
    let scope = |records| ScopeLogs {
        log_records: vec![LogRecord::default(); records],
        ..ScopeLogs::default()
    };
    let group = |scopes| ResourceLogs {
        scope_logs: scopes,
        ..ResourceLogs::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![group(vec![scope(2), scope(0)]), group(vec![scope(3)]), group(vec![])],
    };
    assert_eq!(logs(&request.encode_to_vec(), Encoding::Protobuf), Ok(5));
    assert_eq!(logs(&serde_json::to_vec(&request).unwrap(), Encoding::Json), Ok(5));
    assert_eq!(
        logs(b"\x0a\x04\x12\x02\x12\x7f", Encoding::Protobuf),
        Ok(1),
        "broken off"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(body: Vec<u8>, at in 0..200_usize, byte: u8) {
        let _ = metrics(&body, Encoding::Protobuf);
        let _ = logs(&body, Encoding::Json);
        let mut request = request(vec![metric(DROPPED, sum(Value::AsInt(4), 2))]).encode_to_vec();
        let at = at % request.len();
        request[at] = byte;
        let _ = metrics(&request, Encoding::Protobuf);
    }
}
