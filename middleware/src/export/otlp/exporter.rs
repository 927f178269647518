//! The exporters of `opentelemetry-otlp`, set up so that they try again for as long as they are waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderMap, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    Compression, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter as _;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use prost::Message as _;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tower::util::MapRequest;

use super::settings::{OtlpConfig, Signal, Target, USER_AGENT};
use super::tls::TlsFiles;
use super::{BuildError, Protocol};

const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MOST: Duration = Duration::from_secs(5);
const RETRY_JITTER: Duration = Duration::from_millis(100);
/// Pause after a connection has broken during a request.
const RETRY_BROKEN: Duration = Duration::from_secs(1);
/// Whoever waits for an export decides how long, so that an exporter returns an error only where trying again is of no
/// use.
const FOREVER: Duration = Duration::MAX;

/// Sends both signals to the collector. Connections are made when there is something to send, and kept.
#[derive(Debug)]
pub(crate) struct Exporter {
    spans: SpanExporter,
    metrics: MetricExporter,
    rejected: Arc<AtomicU64>,
}

impl Exporter {
    /// Must be used within a tokio runtime, which then drives the connections.
    pub(crate) fn new(config: &OtlpConfig, resource: &Resource) -> Result<Self, BuildError> {
        let rejected = Arc::<AtomicU64>::default();
        let traces = config.target(Signal::Traces)?;
        let mut spans = match traces.protocol {
            Protocol::Grpc => grpc(SpanExporter::builder().with_tonic(), traces)?.build(),
            Protocol::HttpProtobuf => http(SpanExporter::builder().with_http(), traces, rejected.clone())?.build(),
        }?;
        spans.set_resource(resource);
        let metrics = config.target(Signal::Metrics)?;
        let metrics = match metrics.protocol {
            Protocol::Grpc => grpc(MetricExporter::builder().with_tonic(), metrics)?.build(),
            Protocol::HttpProtobuf => http(MetricExporter::builder().with_http(), metrics, Arc::default())?.build(),
        }?;
        Ok(Self {
            spans,
            metrics,
            rejected,
        })
    }

    /// Sends spans until the collector takes or refuses them. Returns how many of them it has rejected while it took the
    /// others, as far as it says so over HTTP: over gRPC only the exporter's own log tells.
    pub(crate) async fn spans(&self, spans: Vec<SpanData>) -> Result<u64, String> {
        self.rejected.store(0, Relaxed);
        let exported = until_answered(|| self.spans.export(spans.clone())).await;
        exported.map_err(|error| error.to_string())?;
        Ok(self.rejected.load(Relaxed))
    }

    /// Sends metrics until the collector takes or refuses them.
    pub(crate) async fn metrics(&self, metrics: &ResourceMetrics) -> Result<(), String> {
        let exported = until_answered(|| self.metrics.export(metrics)).await;
        exported.map_err(|error| error.to_string())
    }
}

async fn until_answered<F: Future<Output = OTelSdkResult>>(export: impl Fn() -> F) -> OTelSdkResult {
    loop {
        match export().await {
            Err(error) if is_from_nobody(&error) => tokio::time::sleep(RETRY_BROKEN).await,
            answered => return answered,
        }
    }
}

/// Whether the error tells of a broken connection, which over gRPC may have any code and is not tried again by the
/// exporter: only then its text goes on after the code, with what has broken it. What the collector says is not in it.
fn is_from_nobody(error: &OTelSdkError) -> bool {
    let text = error.to_string();
    let code = text.split_once("gRPC code: ");
    code.is_some_and(|(_, code)| code.contains(": "))
}

fn retries() -> RetryPolicy {
    RetryPolicy::default()
        .with_max_retries(usize::MAX)
        .with_initial_delay(RETRY_FIRST)
        .with_max_delay(RETRY_MOST)
        .with_max_jitter(RETRY_JITTER)
}

fn grpc<B: WithExportConfig + WithTonicConfig>(builder: B, target: Target) -> Result<B, BuildError> {
    let builder = builder
        .with_channel(channel(&target)?)
        .with_retry_policy(retries())
        .with_timeout(FOREVER);
    let metadata = MetadataMap::from_headers(target.headers);
    let builder = builder.with_interceptor(move |mut request: tonic::Request<()>| {
        // These are all: the exporter's own would put the environment before the builder.
        request.metadata_mut().clone_from(&metadata);
        Ok(request)
    });
    Ok(if target.gzip {
        builder.with_compression(Compression::Gzip)
    } else {
        builder
    })
}

/// TLS is made by the connector, which knows the real address, and not by the channel.
fn channel(target: &Target) -> Result<Channel, BuildError> {
    let connector = connector(target)?.enable_http2().build();
    let address = target.address.clone();
    let endpoint = Endpoint::from(Uri::from_static("http://collector"))
        .origin(target.address.clone())
        .timeout(target.timeout);
    let endpoint = endpoint
        .user_agent(USER_AGENT)
        .map_err(|error| BuildError::Exporter(error.into()))?;
    Ok(endpoint.connect_with_connector_lazy(MapRequest::new(connector, move |_: Uri| address.clone())))
}

fn http<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    target: Target,
    rejected: Arc<AtomicU64>,
) -> Result<B, BuildError> {
    let connector = connector(&target)?.enable_http1().build();
    let builder = builder
        .with_endpoint(target.address.to_string())
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_retry_policy(retries())
        .with_timeout(FOREVER)
        .with_http_client(Client {
            client: HyperClient::new(connector, target.timeout, None),
            headers: target.headers,
            rejected,
        });
    Ok(if target.gzip {
        builder.with_compression(Compression::Gzip)
    } else {
        builder
    })
}

fn connector(
    target: &Target,
) -> Result<HttpsConnectorBuilder<hyper_rustls::builderstates::WantsProtocols1>, BuildError> {
    let config = if target.address.scheme() == Some(&Scheme::HTTPS) {
        target.tls.config()?
    } else {
        TlsFiles::unused()?
    };
    Ok(HttpsConnectorBuilder::new().with_tls_config(config).https_or_http())
}

/// Adds the headers, and notes how many spans an answer rejects.
#[derive(Debug)]
struct Client {
    client: HyperClient<HttpsConnector<HttpConnector>>,
    headers: HeaderMap,
    rejected: Arc<AtomicU64>,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        request.headers_mut().extend(self.headers.clone());
        let response = self.client.send_bytes(request).await?;
        if response.status().is_success() {
            // It has been taken; an answer that cannot be read changes nothing.
            let answer = ExportTraceServiceResponse::decode(response.body().clone()).unwrap_or_default();
            let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
            self.rejected.store(rejected.try_into().unwrap_or(0), Relaxed);
        }
        Ok(response)
    }
}
