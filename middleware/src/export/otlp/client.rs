//! Requests to the collector.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use prost::Message;
use tokio::time::timeout;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::{Response, Status};

use super::failure::with_sources;
use super::settings::{OtlpConfig, Signal, Target};
use super::tls::TlsFiles;
use super::{BuildError, Failure, Protocol};

/// Bytes of an answer that are read; it tells little more than how many were rejected.
const ANSWER_BYTES: usize = 64 * 1024;

type GrpcClient = Client<HttpsConnector<HttpConnector>, tonic::body::Body>;
type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Sends both signals to the collector. Connections are made when there is something to send, and kept.
#[derive(Debug)]
pub(crate) struct Exporter {
    traces: Channel,
    metrics: Channel,
}

/// Where one signal goes.
#[derive(Debug)]
struct Channel {
    sender: Sender,
    address: Uri,
    headers: HeaderMap,
    timeout: Duration,
    gzip: bool,
}

#[derive(Debug)]
enum Sender {
    Grpc(GrpcClient),
    Http(HttpClient),
}

impl Exporter {
    /// Must be used within a tokio runtime, which then drives the connections.
    pub(crate) fn new(config: &OtlpConfig) -> Result<Self, BuildError> {
        Ok(Self {
            traces: Channel::new(config.target(Signal::Traces)?)?,
            metrics: Channel::new(config.target(Signal::Metrics)?)?,
        })
    }

    /// Sends spans; returns how many of them the collector has rejected while it took the others.
    pub(crate) async fn spans(&self, spans: &ExportTraceServiceRequest) -> Result<u64, Failure> {
        let channel = &self.traces;
        let answer: ExportTraceServiceResponse = match &channel.sender {
            Sender::Http(client) => channel.post(client, spans).await?,
            Sender::Grpc(client) => {
                let mut client = TraceServiceClient::with_origin(client.clone(), channel.address.clone());
                if channel.gzip {
                    client = client.send_compressed(CompressionEncoding::Gzip);
                }
                channel.answer(client.export(channel.request(spans.clone()))).await?
            }
        };
        let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or(0))
    }

    /// Sends metrics.
    pub(crate) async fn metrics(&self, metrics: &ExportMetricsServiceRequest) -> Result<(), Failure> {
        let channel = &self.metrics;
        match &channel.sender {
            Sender::Http(client) => drop(channel.post::<ExportMetricsServiceResponse>(client, metrics).await?),
            Sender::Grpc(client) => {
                let mut client = MetricsServiceClient::with_origin(client.clone(), channel.address.clone());
                if channel.gzip {
                    client = client.send_compressed(CompressionEncoding::Gzip);
                }
                channel.answer(client.export(channel.request(metrics.clone()))).await?;
            }
        }
        Ok(())
    }
}

impl Channel {
    fn new(target: Target) -> Result<Self, BuildError> {
        let config = if target.address.scheme() == Some(&http::uri::Scheme::HTTPS) {
            target.tls.config()?
        } else {
            TlsFiles::unused()?
        };
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
        let sender = match target.protocol {
            Protocol::Grpc => {
                let connector = connector.enable_http2().build();
                Sender::Grpc(Client::builder(TokioExecutor::new()).http2_only(true).build(connector))
            }
            Protocol::HttpProtobuf => {
                let connector = connector.enable_http1().build();
                Sender::Http(Client::builder(TokioExecutor::new()).build(connector))
            }
        };
        Ok(Self {
            sender,
            address: target.address,
            headers: target.headers,
            timeout: target.timeout,
            gzip: target.gzip,
        })
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        *request.metadata_mut() = MetadataMap::from_headers(self.headers.clone());
        request
    }

    async fn answer<T>(&self, answer: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Failure> {
        match timeout(self.timeout, answer).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(Failure::of_grpc(&status)),
            Err(_) => Err(self.silence()),
        }
    }

    fn silence(&self) -> Failure {
        Failure::later(format!("no answer from {} within {:?}", self.address, self.timeout))
    }

    async fn post<T: Message + Default>(&self, client: &HttpClient, message: &impl Message) -> Result<T, Failure> {
        let request = self
            .http_request(message)
            .map_err(|error| Failure::never(error.to_string()))?;
        let answered = async {
            let response = client
                .request(request)
                .await
                .map_err(|error| Failure::later(with_sources(&error)))?;
            if !response.status().is_success() {
                let now = SystemTime::now();
                return Err(Failure::of_http(response.status(), response.headers(), now));
            }
            // It has been taken; an answer that cannot be read changes nothing.
            let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
            let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            Ok(T::decode(body).unwrap_or_default())
        };
        timeout(self.timeout, answered)
            .await
            .unwrap_or_else(|_| Err(self.silence()))
    }

    fn http_request(&self, message: &impl Message) -> Result<Request<Full<Bytes>>, Box<dyn std::error::Error>> {
        let mut body = message.encode_to_vec();
        let mut request = Request::post(self.address.clone());
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
            if self.gzip {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
        }
        if self.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&body)?;
            body = encoder.finish()?;
        }
        Ok(request.body(Full::from(body))?)
    }
}
