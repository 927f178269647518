//! Requests that are wrong, too large, or too slow.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::codec::CompressionEncoding;

use crate::support::{Answer, GZIP, JSON, PROTOBUF, Running, attribute, call, gzip, request, targets};

/// Case, method, path, headers, body, and the status and a part of the message in the answer.
type Wrong<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a [(&'a str, &'a str)],
    &'a [u8],
    u16,
    &'a str,
);

#[tokio::test]
async fn a_wrong_request_is_answered_with_what_is_wrong_and_nothing_of_it_is_taken() {
    let running = Running::start(|_| ()).await;
    let good = request(vec![call("add")]).encode_to_vec();
    let cut = &good[..good.len() - 1];
    let cut_gzip = &gzip(&good)[..30];
    let wrong: &[Wrong<'_>] = &[
        (
            "a cut body",
            "POST",
            "/v1/traces",
            &[PROTOBUF],
            cut,
            400,
            "ExportTraceServiceRequest: a field is cut off",
        ),
        (
            "text as protobuf",
            "POST",
            "/v1/traces",
            &[PROTOBUF],
            b"hello",
            400,
            "invalid protobuf",
        ),
        (
            "no JSON",
            "POST",
            "/v1/traces",
            &[JSON],
            b"{\"resourceSpans\":",
            400,
            "EOF while parsing a value at line 1 column 17",
        ),
        (
            "JSON of another kind",
            "POST",
            "/v1/traces",
            &[JSON],
            b"{\"resourceSpans\":7}",
            400,
            "expected a sequence",
        ),
        (
            "JSON too deep",
            "POST",
            "/v1/traces",
            &[JSON],
            &[b'['; 100_000],
            400,
            "invalid JSON",
        ),
        (
            "no gzip",
            "POST",
            "/v1/traces",
            &[PROTOBUF, GZIP],
            &good,
            400,
            "invalid gzip",
        ),
        (
            "a cut gzip",
            "POST",
            "/v1/traces",
            &[PROTOBUF, GZIP],
            cut_gzip,
            400,
            "invalid gzip",
        ),
        (
            "no content type",
            "POST",
            "/v1/traces",
            &[],
            &good,
            415,
            "application/x-protobuf or application/json",
        ),
        (
            "another content type",
            "POST",
            "/v1/traces",
            &[("content-type", "text/plain")],
            &good,
            415,
            "content type",
        ),
        (
            "another compression",
            "POST",
            "/v1/traces",
            &[PROTOBUF, ("content-encoding", "zstd")],
            &good,
            415,
            "gzip or none",
        ),
        (
            "another method",
            "GET",
            "/v1/traces",
            &[JSON],
            b"",
            405,
            "send telemetry with POST",
        ),
        (
            "another path",
            "POST",
            "/v1/trace",
            &[JSON],
            b"",
            404,
            "/v1/traces, /v1/metrics and /v1/logs",
        ),
    ];
    for (case, method, path, headers, body, status, message) in wrong {
        let answer = running.send(method, path, headers, body).await;
        assert_eq!(answer.status, *status, "{case}: {answer:?}");
        let said = if headers.contains(&PROTOBUF) {
            assert!(
                answer.head.contains("content-type: application/x-protobuf"),
                "{case}: {}",
                answer.head
            );
            tonic_types::Status::decode(&answer.body[..]).unwrap().message
        } else {
            let status: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
            status["message"].as_str().unwrap().to_owned()
        };
        assert!(said.contains(message), "{case}: {said}");
    }
    let sink = running.sink.clone();
    running.collector.shutdown().await;
    assert_eq!(sink.rows(), []);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_by_its_size_as_sent_and_as_inflated() {
    let running = Running::start(|config| config.receive.max_body_bytes = 100_000).await;
    let zeros = vec![0; 2_000_000];
    let small_bomb = gzip(&zeros);
    let many_small_bombs = [&small_bomb[..], &small_bomb, &small_bomb].concat();
    for (case, headers, body) in [
        ("a large body", &[PROTOBUF][..], &zeros[..100_001]),
        ("a small body that inflates to 2 MB", &[PROTOBUF, GZIP], &small_bomb),
        ("several such bodies in a row", &[JSON, GZIP], &many_small_bombs),
    ] {
        let answer = running.post("/v1/traces", headers, body).await;
        assert_eq!(answer.status, 413, "{case}: {answer:?}");
        assert!(
            !answer.head.contains("retry-after"),
            "{case}: it would not succeed later either"
        );
    }

    // A body without a length is cut off by what is read.
    let mut stream = TcpStream::connect(running.collector.addresses().http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: c\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..11 {
        let _ = stream
            .write_all(&[b"2710\r\n", &[b' '; 10_000][..], b"\r\n"].concat())
            .await;
    }
    assert_eq!(Answer::read(&mut stream).await.status, 413);

    let address = format!("http://{}", running.collector.addresses().grpc);
    let plain = TraceServiceClient::connect(address).await.unwrap();
    for mut client in [plain.clone(), plain.send_compressed(CompressionEncoding::Gzip)] {
        let status = client
            .export(request(vec![call(&"x".repeat(200_000))]))
            .await
            .unwrap_err();
        assert!(
            matches!(status.code(), tonic::Code::ResourceExhausted | tonic::Code::OutOfRange),
            "{status:?}"
        );
        assert!(
            status.details().is_empty(),
            "no RetryInfo: it would not succeed later either"
        );
    }
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_given_up_and_its_turn_goes_to_another() {
    let running = Running::start(|config| {
        config.receive.body_timeout = Duration::from_millis(50);
        config.receive.max_concurrent_requests = 1;
    })
    .await;
    let mut slow = TcpStream::connect(running.collector.addresses().http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: c\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let answer = Answer::read(&mut slow).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(running.post("/v1/traces", &[JSON], b"{}").await.status, 200);
    assert_eq!(running.count("requests_refused", "slow"), 1);
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_span_with_ten_thousand_attributes_and_megabytes_of_text_is_one_row_among_others() {
    let running = Running::start(|_| ()).await;
    let mut large = call("large");
    for index in 0..10_000 {
        large
            .attributes
            .push(attribute(&format!("app.key.{index}"), Value::IntValue(index)));
    }
    large
        .attributes
        .push(attribute("mcp.client.name", Value::StringValue("c".repeat(5_000_000))));
    let body = request(vec![call("before"), large, call("after")]).encode_to_vec();
    assert_eq!(running.post("/v1/traces", &[PROTOBUF], &body).await.status, 200);
    let rows = running.sink.wait_for(3).await;
    assert_eq!(targets(&rows), ["before", "large", "after"]);
    assert_eq!(rows[1].client.len(), 256);
    assert_eq!(running.count("values_corrected", "too_long"), 1);
    running.collector.shutdown().await;
}
