//! The same call over every protocol, encoding and compression.

use std::time::{Duration, SystemTime};

use axum::http::{Request, Version};
use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::codec::CompressionEncoding;
use toolsight_collector::receive::{Corrected, Encoding, rows};

use crate::support::{GZIP, JSON, PROTOBUF, Running, call, gzip, request, targets, text};

#[tokio::test]
async fn a_call_becomes_the_same_row_whichever_way_it_comes() {
    let running = Running::start(|_| ()).await;
    let sent = request(vec![call("add")]);
    // The same request is not taken twice, so each has something that makes no difference to the row.
    let named = |case: &str| {
        let mut sent = sent.clone();
        let call = &mut sent.resource_spans[0].scope_spans[0].spans[0];
        call.attributes.push(text("app.case", case));
        sent
    };
    let protobuf = |case| named(case).encode_to_vec();
    let json = |case| serde_json::to_vec(&named(case)).unwrap();
    for (case, headers, body) in [
        ("protobuf", &[PROTOBUF][..], protobuf("1")),
        ("protobuf in gzip", &[PROTOBUF, GZIP], gzip(&protobuf("2"))),
        ("JSON", &[JSON], json("3")),
        ("JSON in gzip", &[JSON, GZIP], gzip(&json("4"))),
        (
            "JSON with parameters",
            &[("content-type", "Application/JSON; charset=utf-8")],
            json("5"),
        ),
    ] {
        let answer = running.post("/v1/traces", headers, &body).await;
        assert_eq!(answer.status, 200, "{case}: {answer:?}");
        let encoding = if case.starts_with("JSON") {
            "application/json"
        } else {
            "application/x-protobuf"
        };
        assert!(
            answer.head.contains(&format!("content-type: {encoding}")),
            "{case}: {}",
            answer.head
        );
        let expected: &[u8] = if case.starts_with("JSON") { b"{}" } else { b"" };
        assert_eq!(answer.body, expected, "{case}: full success is an empty response");
    }
    let address = format!("http://{}", running.collector.addresses().grpc);
    let plain = TraceServiceClient::connect(address).await.unwrap();
    let compressed = plain.clone().send_compressed(CompressionEncoding::Gzip);
    for (mut client, case) in [(plain, "6"), (compressed, "7")] {
        let answer = client.export(named(case)).await.unwrap().into_inner();
        assert_eq!(answer.partial_success, None);
    }

    let rows = running.sink.wait_for(7).await;
    assert_eq!(rows.len(), 7);
    assert!(rows.iter().all(|row| *row == rows[0]), "{rows:#?}");
    let row = &rows[0];
    assert_eq!((&*row.server, &*row.kind, &*row.target), ("ledger", "tool", "add"));
    assert_eq!((row.trace_id, row.span_id, row.weight), ([0xab; 16], [0xcd; 8], 1));
    assert_eq!((&*row.outcome, &*row.fault), ("ok", "none"));
    assert!((1_500..10_000).contains(&row.duration_us), "{}", row.duration_us);
    assert_eq!(running.count("spans_received", "http"), 5);
    assert_eq!(running.count("spans_received", "grpc"), 2);
    running.collector.shutdown().await;
}

#[tokio::test]
async fn metrics_and_logs_are_accepted_and_make_no_rows() {
    let running = Running::start(|_| ()).await;
    let address = format!("http://{}", running.collector.addresses().grpc);
    let mut metrics = MetricsServiceClient::connect(address.clone()).await.unwrap();
    metrics.export(ExportMetricsServiceRequest::default()).await.unwrap();
    let mut logs = LogsServiceClient::connect(address).await.unwrap();
    logs.export(ExportLogsServiceRequest::default()).await.unwrap();
    for path in ["/v1/metrics", "/v1/logs"] {
        assert_eq!(running.post(path, &[PROTOBUF], b"").await.status, 200, "{path}");
        assert_eq!(running.post(path, &[JSON], b"{}").await.status, 200, "{path}");
        assert_eq!(running.post(path, &[PROTOBUF], b"\x0a\xff").await.status, 400, "{path}");
        assert_eq!(running.post(path, &[JSON], b"{").await.status, 400, "{path}");
    }
    let sink = running.sink.clone();
    running.collector.shutdown().await;
    assert_eq!(sink.rows(), []);
}

#[tokio::test]
async fn a_span_that_cannot_be_read_is_rejected_alone_and_the_answer_says_so() {
    let running = Running::start(|_| ()).await;
    let spans = vec![call("before"), call("broken"), call("after")];
    let json = serde_json::to_string(&request(spans.clone())).unwrap();
    // The second of the three identifiers is not hexadecimal any more.
    let mut parts: Vec<_> = json.split("\"traceId\":\"ab").collect();
    let last = parts.pop().unwrap();
    let json = format!(
        "{}\"traceId\":\"ab{}\"traceId\":\"zz{}\"traceId\":\"ab{last}",
        parts[0], parts[1], parts[2]
    );
    let answer = running.post("/v1/traces", &[JSON], json.as_bytes()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let partial: serde_json::Value = serde_json::from_str(answer.text()).unwrap();
    assert_eq!(partial["partialSuccess"]["rejectedSpans"], "1");
    let message = partial["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("invalid JSON in a span: "), "{message}");

    let mut protobuf = request(spans).encode_to_vec();
    // The span's own bytes end within a field: the length of its name reaches beyond them.
    let name = protobuf
        .windows(17)
        .position(|window| window == b"tools/call broken")
        .unwrap();
    protobuf[name - 1] = 0x7f;
    let answer = running.post("/v1/traces", &[PROTOBUF], &protobuf).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let response =
        opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse::decode(&answer.body[..]);
    let partial = response.unwrap().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert_eq!(partial.error_message, "invalid protobuf in a span: a field is cut off");

    let rows = running.sink.wait_for(4).await;
    assert_eq!(targets(&rows), ["before", "after", "before", "after"]);
    assert_eq!(running.count("spans_refused", "malformed"), 2);
    running.collector.shutdown().await;
}

#[test]
fn what_is_broken_in_json_costs_as_little_as_it_can() {
    let whole = serde_json::to_value(request(vec![call("add"), call("sum")])).unwrap();
    let spans = "/resourceSpans/0/scopeSpans/0/spans";
    let broken = json!({"key": "user.id", "value": {"intValue": "a"}});
    for (what, path, value, told) in [
        (
            "an attribute of a span",
            format!("{spans}/0/attributes/-"),
            &broken,
            (2, 0, 1),
        ),
        (
            "one of the resource",
            "/resourceSpans/0/resource/attributes/-".to_owned(),
            &broken,
            (2, 0, 1),
        ),
        ("an id of a span", format!("{spans}/0/traceId"), &json!("zz"), (1, 1, 0)),
        (
            "the resource",
            "/resourceSpans/0/resource/attributes".to_owned(),
            &json!(7),
            (0, 2, 0),
        ),
        (
            "the scope",
            "/resourceSpans/0/scopeSpans/0/scope".to_owned(),
            &json!(7),
            (0, 2, 0),
        ),
    ] {
        let mut request = whole.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        match request.pointer_mut(parent).unwrap() {
            Value::Array(values) => values.push(value.clone()),
            parent => parent[name] = value.clone(),
        }
        let (rows, tally) = rows(request.to_string().as_bytes(), Encoding::Json, SystemTime::now()).unwrap();
        let corrected = tally.corrected(Corrected::Malformed);
        assert_eq!(
            (rows.len(), tally.rejected, corrected),
            told,
            "{what}: {:?}",
            tally.first_rejection
        );
        assert_eq!(tally.spans, 2, "{what}");
    }
}

#[tokio::test]
async fn a_string_that_is_not_utf_8_loses_nothing_over_grpc_either() {
    let running = Running::start(|_| ()).await;
    let mut bytes = request(vec![call("caf\u{e9}"), call("tea")]).encode_to_vec();
    for index in 0..bytes.len() - 1 {
        if bytes[index..index + 2] == [0xc3, 0xa9] {
            bytes[index] = 0xff;
        }
    }
    let broken = ExportTraceServiceRequest::decode(&bytes[..]);
    assert!(broken.is_err(), "the generated code refuses such a message as a whole");
    let frame = [&[0][..], &(bytes.len() as u32).to_be_bytes(), &bytes].concat();
    let status = grpc_status(&running, None, frame).await;
    assert_eq!(status, Some(tonic::Code::Ok));
    let rows = running.sink.wait_for(2).await;
    assert_eq!(targets(&rows), ["caf\u{fffd}\u{fffd}", "tea"]);
    assert!(running.count("values_corrected", "invalid_utf8") > 0);
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_message_is_read_by_its_head_and_a_wrong_head_is_refused() {
    let running = Running::start(|_| ()).await;
    let plain = request(vec![call("add")]).encode_to_vec();
    let framed =
        |flag: u8, length: usize, message: &[u8]| [&[flag][..], &(length as u32).to_be_bytes(), message].concat();
    let whole = framed(0, plain.len(), &plain);
    let zipped = gzip(&plain);
    for (case, encoding, frame, expected) in [
        ("a plain message", None, whole.clone(), tonic::Code::Ok),
        (
            "a plain message where gzip may be",
            Some("gzip"),
            framed(0, plain.len(), &plain),
            tonic::Code::Ok,
        ),
        (
            "a gzip message",
            Some("gzip"),
            framed(1, zipped.len(), &zipped),
            tonic::Code::Ok,
        ),
        ("a message without content", None, framed(0, 0, &[]), tonic::Code::Ok),
        ("no message", None, vec![], tonic::Code::InvalidArgument),
        ("half a head", None, vec![0, 0, 0], tonic::Code::InvalidArgument),
        (
            "a message cut off",
            None,
            framed(0, plain.len() + 1, &plain),
            tonic::Code::InvalidArgument,
        ),
        (
            "two messages",
            None,
            [&whole[..], &whole].concat(),
            tonic::Code::InvalidArgument,
        ),
        (
            "gzip that nobody announced",
            None,
            framed(1, zipped.len(), &zipped),
            tonic::Code::InvalidArgument,
        ),
        (
            "a flag that there is not",
            None,
            framed(2, plain.len(), &plain),
            tonic::Code::InvalidArgument,
        ),
        (
            "gzip that is none",
            Some("gzip"),
            framed(1, plain.len(), &plain),
            tonic::Code::InvalidArgument,
        ),
        (
            "another compression",
            Some("zstd"),
            framed(1, 4, b"zstd"),
            tonic::Code::Unimplemented,
        ),
    ] {
        assert_eq!(grpc_status(&running, encoding, frame).await, Some(expected), "{case}");
    }
    // The same call was sent three times, in the same bytes after inflating.
    assert_eq!(targets(&running.sink.wait_for(1).await), ["add"]);
    assert_eq!(running.count("requests_refused", "invalid"), 7);
    assert_eq!(running.count("requests_refused", "unsupported"), 1);
    running.collector.shutdown().await;
}

/// Sends framed messages as they are and returns the status of the call.
async fn grpc_status(running: &Running, encoding: Option<&str>, frame: Vec<u8>) -> Option<tonic::Code> {
    use http_body_util::{BodyExt as _, Full};
    use tower::{Service as _, ServiceExt as _};
    let address = format!("http://{}", running.collector.addresses().grpc);
    let mut channel = tonic::transport::Endpoint::new(address.clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let uri = format!("{address}/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    let mut request = axum::http::Request::post(uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    if let Some(encoding) = encoding {
        request = request.header("grpc-encoding", encoding);
    }
    let body = tonic::body::Body::new(Full::from(frame));
    let response = channel
        .ready()
        .await
        .unwrap()
        .call(request.body(body).unwrap())
        .await
        .unwrap();
    let code = |status: &axum::http::HeaderValue| tonic::Code::from_bytes(status.as_bytes());
    if let Some(status) = response.headers().get("grpc-status") {
        let unimplemented = code(status) == tonic::Code::Unimplemented;
        assert_eq!(response.headers().contains_key("grpc-accept-encoding"), unimplemented);
        return Some(code(status));
    }
    let body = response.into_body().collect().await.unwrap();
    body.trailers()?.get("grpc-status").map(code)
}

#[tokio::test]
async fn http_is_answered_in_version_2_too_and_a_callers_own_time_is_kept() {
    let running = Running::start(|config| config.receive.body_timeout = Duration::from_secs(600)).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let post = |url: String, content_type: &str| Request::post(url).header("content-type", content_type);
    let body = Bytes::from(request(vec![call("add")]).encode_to_vec());
    let whole = Full::new(body).map_err(|never| match never {}).boxed();
    let url = format!("http://{}/v1/traces", running.collector.addresses().http);
    let answer = client
        .request(post(url, PROTOBUF.1).body(whole).unwrap())
        .await
        .unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    assert_eq!(targets(&running.sink.wait_for(1).await), ["add"]);

    // A body that never comes: only the caller's own time can end the call.
    let endless = StreamBody::new(stream::pending::<Result<Frame<Bytes>, std::io::Error>>()).boxed();
    let path = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let url = format!("http://{}/{path}", running.collector.addresses().grpc);
    let call = post(url, "application/grpc").header("grpc-timeout", "50m");
    let answer = client.request(call.body(endless).unwrap()).await.unwrap();
    let deadline_exceeded = (tonic::Code::DeadlineExceeded as i32).to_string();
    assert_eq!(answer.headers()["grpc-status"], deadline_exceeded);
    running.collector.shutdown().await;
}
