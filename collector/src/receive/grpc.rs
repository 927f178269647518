//! OTLP over gRPC.
//!
//! The services are served on their raw message bytes: a message decoded by the generated code would be lost as a whole
//! for one string in it that is not UTF-8. A call has one message each way, so its head is read here, and nothing copied.

use std::future::ready;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::post;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use tokio::time::timeout;
use tonic::Status;

use super::Encoding;
use super::door::Door;
use super::intake::{Accepted, Body, Refusal, Signal};

/// Bytes in front of a message: compressed or not, and its length.
const FRAME_HEAD: usize = 5;
/// How long the caller waits.
const GRPC_TIMEOUT: &str = "grpc-timeout";
/// How its compressed messages are compressed.
const GRPC_ENCODING: &str = "grpc-encoding";

/// The three OTLP services.
pub(crate) fn routes(door: Door) -> Router {
    let export = |signal| {
        post(move |State(door): State<Door>, request: Request| async move { export(door, signal, request).await })
    };
    Router::new()
        .route(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            export(Signal::Traces),
        )
        .route(
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            export(Signal::Metrics),
        )
        .route(
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            export(Signal::Logs),
        )
        .fallback(async || {
            Status::unimplemented("only the Export methods of OTLP are served here").into_http::<axum::body::Body>()
        })
        .with_state(door)
}

/// Answers within the time that the caller waits, if it says how long.
async fn export(door: Door, signal: Signal, request: Request) -> axum::http::Response<tonic::body::Body> {
    let Some(wait) = request.headers().get(GRPC_TIMEOUT).and_then(wait) else {
        return answer(door, signal, request).await;
    };
    let intake = door.intake.clone();
    match timeout(wait, answer(door, signal, request)).await {
        Ok(response) => response,
        Err(_) => {
            intake.count_refusal(&Refusal::Slow);
            Status::deadline_exceeded("the call's own time was over before it was taken").into_http()
        }
    }
}

/// A time as gRPC writes it: at most eight digits and a unit.
fn wait(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    let number: u64 = str::from_utf8(digits)
        .ok()
        .filter(|digits| digits.len() <= 8)?
        .parse()
        .ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(number * 3600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

async fn answer(door: Door, signal: Signal, request: Request) -> axum::http::Response<tonic::body::Body> {
    let (parts, body) = request.into_parts();
    let intake = &door.intake;
    let taken = async {
        let sender = door.sender(&parts.headers)?;
        let compressed = compression(&parts.headers)?;
        let (bytes, _room) = door.read(body, intake.max_body_bytes + FRAME_HEAD).await?;
        let _turn = door.turn().await?;
        let message = message(bytes, compressed)?;
        intake.take("grpc", signal, message, sender.tenant()).await
    };
    match taken.await {
        Ok(accepted) => success(&accepted),
        Err(refusal) => {
            intake.count_refusal(&refusal);
            refusal.to_grpc().into_http()
        }
    }
}

/// Whether compressed messages are gzip; without the header no message may be compressed.
fn compression(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get(GRPC_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(other) => Err(Refusal::Compression(String::from_utf8_lossy(other).into_owned())),
    }
}

/// The only message of a call, without its head.
fn message(mut bytes: Bytes, gzip: bool) -> Result<Body, Refusal> {
    let invalid = |why: &str| Err(Refusal::Invalid(format!("invalid gRPC message: {why}")));
    if bytes.len() < FRAME_HEAD {
        return invalid("it is cut off");
    }
    let (compressed, length) = (bytes.get_u8(), bytes.get_u32() as usize);
    match bytes.len() {
        present if present < length => return invalid("it is cut off"),
        present if present > length => return invalid("there is more than one in a call"),
        _ => {}
    }
    match (compressed, gzip) {
        (0, _) | (1, true) => Ok(Body {
            bytes,
            gzip: compressed == 1,
            encoding: Encoding::Protobuf,
        }),
        (1, false) => invalid("it is compressed, and no grpc-encoding says how"),
        _ => invalid("its first byte is neither 0 nor 1"),
    }
}

/// The export response as the only message, and success as the trailing status.
fn success(accepted: &Accepted) -> axum::http::Response<tonic::body::Body> {
    let message = accepted.to_body(Encoding::Protobuf);
    let mut framed = BytesMut::with_capacity(FRAME_HEAD + message.len());
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(&message);
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let body = Full::new(framed.freeze()).with_trailers(ready(Some(Ok(trailers))));
    let mut response = axum::http::Response::new(tonic::body::Body::new(body));
    let content_type = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_a_caller_waits_is_read_as_grpc_writes_it() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3600))),
            ("2M", Some(Duration::from_secs(120))),
            ("3S", Some(Duration::from_secs(3))),
            ("4m", Some(Duration::from_millis(4))),
            ("5u", Some(Duration::from_micros(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("999999999n", None),
            ("5", None),
            ("S", None),
            ("-1S", None),
            ("", None),
        ] {
            assert_eq!(wait(&HeaderValue::from_static(text)), expected, "{text:?}");
        }
    }
}
