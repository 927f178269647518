//! What happens to records that the collector does not take at once.

use axum::http::StatusCode;
use rmcp::model::ProtocolVersion;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use toolsight::{Dropped, Protocol, Sampling, Toolsight};

use crate::receiver::{Answer, Received, attributes};
use crate::server::{call, connect, start};

/// Makes one call, which is two records with `server/discover`, and flushes. Returns how often the collector was asked
/// for them, how many spans it has, and what was lost.
pub(crate) async fn send(protocol: Protocol, gzip: bool, answers: Vec<Answer>) -> (Received, usize, Dropped) {
    let received = Received::answering(answers);
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let toolsight = Toolsight::builder()
        .endpoint(format!("http://{address}"))
        .protocol(protocol)
        .header("authorization", "Bearer collector")
        .gzip(gzip)
        .build()
        .unwrap();
    let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
    client.call_tool(call("add", 1, 2)).await.unwrap();
    toolsight.flush().await;
    (received.clone(), received.spans().len(), toolsight.dropped())
}

#[tokio::test]
async fn a_refusal_is_not_tried_again_and_counted_as_one() {
    let unauthenticated = Answer::Status(Status::new(Code::Unauthenticated, "who are you"));
    let too_large = Answer::Status(Status::new(Code::ResourceExhausted, "message too large"));
    for (protocol, answer) in [
        (Protocol::Grpc, unauthenticated),
        (
            Protocol::Grpc,
            Answer::Status(Status::new(Code::InvalidArgument, "what is this")),
        ),
        (Protocol::Grpc, too_large),
        (Protocol::HttpProtobuf, Answer::Http(StatusCode::UNAUTHORIZED, &[])),
        (
            Protocol::HttpProtobuf,
            Answer::Http(StatusCode::BAD_REQUEST, &[("retry-after", "1")]),
        ),
    ] {
        let (received, spans, dropped) = send(protocol, false, vec![answer]).await;
        assert_eq!((received.asked(), spans), (1, 0), "{protocol:?}");
        assert_eq!((dropped.refused, dropped.total()), (2, 2), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_collector_that_is_busy_gets_the_records_when_it_is_no_longer() {
    let details = ErrorDetails::with_retry_info(Some(std::time::Duration::from_secs(1)));
    let busy = Status::with_error_details(Code::ResourceExhausted, "busy", details);
    for (protocol, answer) in [
        (Protocol::Grpc, Answer::Status(busy)),
        (Protocol::Grpc, Answer::Status(Status::unavailable("restarting"))),
        (
            Protocol::HttpProtobuf,
            Answer::Http(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "1")]),
        ),
        (Protocol::HttpProtobuf, Answer::Http(StatusCode::BAD_GATEWAY, &[])),
    ] {
        let (received, spans, dropped) = send(protocol, false, vec![answer]).await;
        assert_eq!((received.asked(), spans, dropped.total()), (2, 2, 0), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_collector_that_goes_away_during_a_request_gets_the_records_when_it_is_back() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let toolsight = Toolsight::builder()
            .endpoint(format!("http://{address}"))
            .protocol(protocol)
            .build()
            .unwrap();
        let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
        client.call_tool(call("add", 1, 2)).await.unwrap();
        let (mut connection, _) = listener.accept().await.unwrap();
        if protocol == Protocol::Grpc {
            // The settings that make an HTTP/2 connection ready for requests.
            connection.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        }
        let mut read = Vec::new();
        while !read.windows(4).any(|bytes| bytes == b"call") {
            connection.read_buf(&mut read).await.unwrap();
        }
        drop((connection, listener));
        let received = Received::default();
        let (_, _collector) = received.start(address).await;
        received.wait(2).await;
        assert_eq!(toolsight.dropped().total(), 0, "{protocol:?}");
    }
}

#[tokio::test]
async fn spans_that_the_collector_rejects_among_others_are_counted() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let (_, spans, dropped) = send(protocol, false, vec![Answer::Reject(1)]).await;
        assert_eq!((spans, dropped.refused), (2, 1), "{protocol:?}");
    }
}

#[tokio::test]
async fn both_protocols_carry_headers_and_compress() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let (received, spans, dropped) = send(protocol, true, Vec::new()).await;
        assert_eq!((spans, dropped.total()), (2, 0), "{protocol:?}");
        assert_eq!(received.header("authorization").unwrap(), "Bearer collector");
        assert!(received.header("user-agent").unwrap().starts_with("toolsight/"));
        let encoding = received.header("content-encoding").or(received.header("grpc-encoding"));
        assert_eq!(encoding.unwrap(), "gzip", "{protocol:?}");
        assert!(
            received
                .metrics()
                .iter()
                .any(|name| name == "mcp.server.operation.duration")
        );
    }
}

#[tokio::test]
async fn sampling_keeps_every_failure_and_the_weights_of_the_rest_add_up() {
    let received = Received::default();
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let toolsight = Toolsight::builder()
        .endpoint(format!("http://{address}"))
        .sampling(Sampling::one_in(10).but_all_slower_than(std::time::Duration::from_secs(60)))
        .build()
        .unwrap();
    let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
    for index in 0..100 {
        let failing = index % 5 == 0;
        client.call_tool(call("divide", 1, i64::from(!failing))).await.unwrap();
    }
    toolsight.flush().await;
    let spans = received.spans();
    let weights = |outcome: &str| -> Vec<u64> {
        let spans = spans.iter().map(attributes);
        let of_outcome =
            spans.filter(|span| span["mcp.method.name"] == "tools/call" && span["toolsight.outcome"] == outcome);
        of_outcome
            .map(|span| span.get("toolsight.weight").map_or(1, |weight| weight.parse().unwrap()))
            .collect()
    };
    assert_eq!(weights("tool_error"), [1; 20]);
    assert_eq!(weights("ok"), [10; 8]);
}
