//! OTLP over gRPC.
//!
//! The services are served on their raw message bytes: a message decoded by the generated code would be lost as a whole
//! for one string in it that is not UTF-8.

use std::pin::Pin;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::routing::post;
use bytes::{Buf as _, BufMut as _, Bytes};
use http_body_util::Full;
use tokio::time::timeout;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EnabledCompressionEncodings, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Response, Status};

use super::door::Door;
use super::intake::{Body, Intake, Refusal, Signal};
use super::{Encoding, body};
use crate::auth::Principal;

/// Bytes in front of a message: compressed or not, and its length.
const FRAME_HEAD: usize = 5;
/// How long the caller waits.
const GRPC_TIMEOUT: &str = "grpc-timeout";

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
    let intake = door.intake.clone();
    let read = async {
        let sender = door.sender(&parts.headers)?;
        let turn = door.turn().await?;
        let bytes = body::read(&intake, body, intake.max_body_bytes + FRAME_HEAD).await?;
        Ok((sender, turn, bytes))
    };
    let (sender, _turn, bytes) = match read.await {
        Ok(read) => read,
        Err(refusal) => {
            intake.count_refusal(&refusal);
            return refusal.to_grpc().into_http();
        }
    };
    let mut gzip = EnabledCompressionEncodings::default();
    gzip.enable(CompressionEncoding::Gzip);
    let mut grpc = Grpc::new(RawCodec)
        .apply_compression_config(gzip, EnabledCompressionEncodings::default())
        .apply_max_message_size_config(Some(intake.max_body_bytes), None);
    let call = Export { intake, signal, sender };
    grpc.unary(call, Request::from_parts(parts, Full::new(bytes))).await
}

/// One call of an `Export` method.
struct Export {
    intake: Intake,
    signal: Signal,
    sender: Principal,
}

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (intake, signal, sender) = (self.intake.clone(), self.signal, self.sender.clone());
        let body = Body {
            bytes: request.into_inner(),
            gzip: false,
            encoding: Encoding::Protobuf,
        };
        Box::pin(async move {
            match intake.take("grpc", signal, body, sender.tenant()).await {
                Ok(accepted) => Ok(Response::new(accepted.to_body(Encoding::Protobuf).into())),
                Err(refusal) => {
                    intake.count_refusal(&refusal);
                    Err(refusal.to_grpc())
                }
            }
        })
    }
}

/// Hands messages through as they are on the wire.
#[derive(Clone, Copy, Debug, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
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
