//! Senders that stop in the middle of a request, and connections that vanish: for the collector both are silence.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Answer, PROTOBUF, Running, call, request};

/// Senders of each kind, more than may be at work at a time.
const SENDERS: usize = 40;

/// Some bytes, and then nothing for ever.
fn begun(bytes: &'static [u8]) -> Body {
    let first = stream::iter([Ok::<_, io::Error>(Bytes::from_static(bytes))]);
    Body::from_stream(first.chain(stream::pending()))
}

#[tokio::test]
async fn senders_that_fall_silent_are_given_up_and_counted_while_others_are_served() {
    let running = Running::start(|config| config.receive.body_timeout = Duration::from_secs(4)).await;
    let addresses = running.collector.addresses();
    let h2 = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http::<Body>();
    let mut calls = Vec::new();
    // The head of a message of 256 bytes, and the first of them.
    for (address, path, content_type, bytes) in [
        (
            addresses.grpc,
            "opentelemetry.proto.collector.trace.v1.TraceService/Export",
            "application/grpc",
            &[0, 0, 0, 1, 0, 0x0a][..],
        ),
        (addresses.http, "v1/traces", "application/x-protobuf", &[0x0a][..]),
    ] {
        for _ in 0..SENDERS {
            let request = Request::post(format!("http://{address}/{path}"))
                .header("content-type", content_type)
                .header("te", "trailers");
            calls.push(tokio::spawn(h2.request(request.body(begun(bytes)).unwrap())));
        }
    }
    let mut streams = Vec::new();
    for _ in 0..SENDERS {
        let mut stream = TcpStream::connect(addresses.http).await.unwrap();
        let head =
            "POST /v1/traces HTTP/1.1\r\nhost: c\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    // Others come and go meanwhile, and some of them hang up in the middle.
    for number in 0..5 {
        let mut gone = TcpStream::connect(addresses.http).await.unwrap();
        let head =
            "POST /v1/traces HTTP/1.1\r\nhost: c\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{";
        gone.write_all(head.as_bytes()).await.unwrap();
        drop(gone);
        let body = request(vec![call(&format!("other{number}"))]).encode_to_vec();
        let answer = running.post("/v1/traces", &[PROTOBUF], &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert_eq!(running.sink.wait_for(5).await.len(), 5);
    assert_eq!(
        running.count("requests_refused", "slow"),
        0,
        "nobody had to wait for the silent ones"
    );

    for (number, call) in calls.into_iter().enumerate() {
        let response = call.await.unwrap().unwrap();
        let status = response
            .headers()
            .get("grpc-status")
            .map(|status| status.to_str().unwrap());
        match number < SENDERS {
            // DEADLINE_EXCEEDED
            true => assert_eq!(status, Some("4"), "{response:?}"),
            false => assert_eq!(response.status(), 503, "{response:?}"),
        }
    }
    for mut stream in streams {
        assert_eq!(Answer::read(&mut stream).await.status, 503);
    }
    assert_eq!(running.count("requests_refused", "slow"), 3 * SENDERS as u64);
    running.check_ledger().await;
    let sink = running.sink.clone();
    running.collector.shutdown().await;
    assert_eq!(sink.rows().len(), 5);
}
