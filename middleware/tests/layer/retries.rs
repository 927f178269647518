//! Which answers of a collector have spans sent again: those for which `opentelemetry-otlp` sends its own again.

use std::time::Duration;

use axum::http::StatusCode;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::trace::SpanExporter as _;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use toolsight::Protocol;

use crate::receiver::{Answer, Received};
use crate::refusals::send;

/// How often a collector that answers like this is asked by the exporter of `opentelemetry-otlp`.
async fn asked_by_opentelemetry(protocol: Protocol, answer: Answer) -> usize {
    let received = Received::answering([answer]);
    let (address, _) = received.start(([127, 0, 0, 1], 0).into()).await;
    let once = RetryPolicy::default()
        .with_max_retries(1)
        .with_initial_delay(Duration::ZERO);
    let exporter = if protocol == Protocol::Grpc {
        let builder = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(format!("http://{address}"));
        builder.with_retry_policy(once).build()
    } else {
        let builder = SpanExporter::builder().with_http().with_retry_policy(once);
        let client = HyperClient::with_default_connector(Duration::from_secs(10), None);
        let builder = builder
            .with_http_client(client)
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary);
        builder.with_endpoint(format!("http://{address}/v1/traces")).build()
    };
    let _ = exporter.unwrap().export(Vec::new()).await;
    received.asked()
}

fn answers() -> Vec<(Protocol, Answer)> {
    let mut answers = Vec::new();
    for code in (1..=16).map(Code::from_i32) {
        answers.push(Status::new(code, "why"));
        for pause in [Duration::ZERO, Duration::from_millis(300)] {
            let details = ErrorDetails::with_retry_info(Some(pause));
            answers.push(Status::with_error_details(code, "why", details));
        }
    }
    let mut answers: Vec<_> = answers
        .into_iter()
        .map(|status| (Protocol::Grpc, Answer::Status(status)))
        .collect();
    for status in [
        301, 400, 401, 403, 404, 408, 413, 425, 429, 499, 500, 501, 502, 503, 504, 505, 599,
    ] {
        let headers: [&[_]; 4] = [
            &[],
            &[("retry-after", "1")],
            &[("retry-after", "soon")],
            &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")],
        ];
        let answer = |headers| Answer::Http(StatusCode::from_u16(status).unwrap(), headers);
        answers.extend(headers.map(|headers| (Protocol::HttpProtobuf, answer(headers))));
    }
    answers
}

#[tokio::test]
async fn each_answer_has_spans_sent_again_if_opentelemetry_sends_them_again() {
    let mut cases = JoinSet::new();
    for (protocol, answer) in answers() {
        cases.spawn(async move {
            let asked = asked_by_opentelemetry(protocol, answer.clone()).await;
            let (_, spans, dropped) = send(protocol, false, vec![answer.clone()]).await;
            assert_eq!(dropped.refused == 0, asked == 2, "{answer:?}");
            assert_eq!(spans as u64 + dropped.refused, 2, "{answer:?}");
            asked
        });
    }
    let asked = cases.join_all().await;
    let again = asked.iter().filter(|asked| **asked == 2).count();
    assert!(again > 20 && asked.len() - again > 20, "{again} of {}", asked.len());
}
