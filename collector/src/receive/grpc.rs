//! OTLP over gRPC.
//!
//! The services are served on their raw message bytes: a message decoded by the generated code would be lost as a whole
//! for one string in it that is not UTF-8.

use std::pin::Pin;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::post;
use bytes::{Buf as _, BufMut as _, Bytes};
use http_body_util::Full;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EnabledCompressionEncodings, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};
use tonic::{Response, Status};

use super::door::Door;
use super::intake::{Body, Intake, Signal};
use super::{Encoding, body};
use crate::auth::Principal;

/// Bytes in front of a message: compressed or not, and its length.
const FRAME_HEAD: usize = 5;

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

async fn export(door: Door, signal: Signal, request: Request) -> axum::http::Response<tonic::body::Body> {
    let (parts, body) = request.into_parts();
    let intake = door.intake.clone();
    let read = async {
        let sender = door.sender(&parts.headers)?;
        let turn = intake.turn().await?;
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
