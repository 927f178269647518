//! Requests with spans, which are bytes already, over gRPC or HTTP.

use std::io::Write as _;
use std::time::SystemTime;

use bytes::{Buf as _, BufMut as _, Bytes};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Request as HttpRequest, Uri};
use opentelemetry_http::{HttpClient as _, ResponseBodyTooLarge};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Extensions, Status};

use super::exporter::Client;
use super::retry::{Answer, Pauses};
use crate::export::spans::Request;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Where spans are sent.
#[derive(Debug)]
pub(super) enum Traces {
    Grpc {
        client: Grpc<Channel>,
        metadata: MetadataMap,
    },
    Http {
        client: Box<Client>,
        address: Uri,
        gzip: bool,
    },
}

impl Traces {
    pub(super) fn grpc(channel: Channel, headers: HeaderMap, gzip: bool) -> Self {
        let client = Grpc::new(channel);
        Self::Grpc {
            client: if gzip {
                client
                    .send_compressed(CompressionEncoding::Gzip)
                    .accept_compressed(CompressionEncoding::Gzip)
            } else {
                client
            },
            metadata: MetadataMap::from_headers(headers),
        }
    }

    /// Sends until the collector takes or refuses what is sent. Returns how many spans it has rejected while it took the
    /// others, or why it refuses all.
    pub(super) async fn send(&self, request: Request) -> Result<u64, String> {
        match self {
            Self::Grpc { client, metadata } => until_answered(|| grpc(client.clone(), metadata, &request)).await,
            Self::Http { client, address, gzip } => {
                let body = Bytes::from(body(&request, *gzip));
                until_answered(|| http(client, address, *gzip, body.clone())).await
            }
        }
    }
}

async fn until_answered<F: Future<Output = Answer>>(ask: impl Fn() -> F) -> Result<u64, String> {
    let mut pauses = Pauses::default();
    loop {
        match ask().await {
            Answer::Taken(rejected) => return Ok(rejected),
            Answer::Refused(why) => return Err(why),
            Answer::Later(asked) => tokio::time::sleep(pauses.next(asked)).await,
        }
    }
}

async fn grpc(mut client: Grpc<Channel>, metadata: &MetadataMap, request: &Request) -> Answer {
    if client.ready().await.is_err() {
        return Answer::Later(None);
    }
    let request = tonic::Request::from_parts(metadata.clone(), Extensions::default(), request.clone());
    let answer = client.unary(request, PathAndQuery::from_static(EXPORT), Spans).await;
    match answer {
        Ok(answer) => Answer::Taken(rejected(answer.into_inner())),
        Err(status) => {
            tracing::debug!(target: "toolsight", code = ?status.code(), message = status.message(), "spans not taken");
            Answer::of_grpc(&status)
        }
    }
}

async fn http(client: &Client, address: &Uri, gzip: bool, body: Bytes) -> Answer {
    let mut request = HttpRequest::new(body);
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = address.clone();
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    match client.send_bytes(request).await {
        Ok(answer) if answer.status().is_success() => {
            // It has been taken; an answer that cannot be read changes nothing.
            Answer::Taken(rejected(
                ExportTraceServiceResponse::decode(answer.into_body()).unwrap_or_default(),
            ))
        }
        Ok(answer) => {
            tracing::debug!(target: "toolsight", status = %answer.status(), body = ?answer.body(), "spans not taken");
            Answer::of_http(answer.status(), answer.headers(), SystemTime::now())
        }
        Err(error) if error.is::<ResponseBodyTooLarge>() => Answer::Refused(error.to_string()),
        Err(error) => {
            tracing::debug!(target: "toolsight", %error, "nobody has answered");
            Answer::Later(None)
        }
    }
}

/// How many spans it rejects. Whatever it says of the others is a warning.
fn rejected(answer: ExportTraceServiceResponse) -> u64 {
    let partial = answer.partial_success.unwrap_or_default();
    if !partial.error_message.is_empty() {
        tracing::debug!(target: "toolsight", spans = partial.rejected_spans, why = partial.error_message, "spans rejected");
    }
    partial.rejected_spans.try_into().unwrap_or(0)
}

fn body(request: &Request, gzip: bool) -> Vec<u8> {
    if !gzip {
        return request.parts().concat();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // What is written to memory cannot fail.
    for part in request.parts() {
        let _ = encoder.write_all(part);
    }
    encoder.finish().unwrap_or_default()
}

/// Requests as they are; answers read by `prost`.
#[derive(Debug, Default)]
struct Spans;

impl Codec for Spans {
    type Encode = Request;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Spans {
    type Item = Request;
    type Error = Status;

    fn encode(&mut self, request: Request, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(request.len());
        request.parts().into_iter().for_each(|part| out.put_slice(part));
        Ok(())
    }
}

impl Decoder for Spans {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn decode(&mut self, answer: &mut DecodeBuf<'_>) -> Result<Option<ExportTraceServiceResponse>, Status> {
        let answer = answer.copy_to_bytes(answer.remaining());
        // It has been taken; an answer that cannot be read changes nothing.
        Ok(Some(ExportTraceServiceResponse::decode(answer).unwrap_or_default()))
    }
}
