//! Both signals, each to its collector: tried again for as long as they are waited for.

use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderMap, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Response};
use opentelemetry_otlp::{Compression, MetricExporter, RetryPolicy, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter as _;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tower::util::MapRequest;

use super::settings::{OtlpConfig, Signal, Target, USER_AGENT};
use super::tls::TlsFiles;
use super::traces::Traces;
use super::{BuildError, Protocol, retry};
use crate::export::spans::Request;

/// Pause after a connection has broken during a request.
const RETRY_BROKEN: Duration = Duration::from_secs(1);
/// Whoever waits for an export decides how long, so that an exporter returns an error only where trying again is of no
/// use.
const FOREVER: Duration = Duration::MAX;

/// Sends both signals to the collector. Connections are made when there is something to send, and kept.
#[derive(Debug)]
pub(crate) struct Exporter {
    /// None of a signal that is not to be sent.
    traces: Option<Traces>,
    metrics: Option<MetricExporter>,
}

impl Exporter {
    /// Must be used within a tokio runtime, which then drives the connections.
    pub(crate) fn new(config: &OtlpConfig) -> Result<Self, BuildError> {
        let traces = config.target(Signal::Traces)?;
        let metrics = config.target(Signal::Metrics)?;
        Ok(Self {
            traces: traces.map(traces_to).transpose()?,
            metrics: metrics.map(metrics_to).transpose()?,
        })
    }

    /// Sends spans until the collector takes or refuses them. Returns how many of them it has rejected while it took the
    /// others.
    pub(crate) async fn spans(&self, request: Request) -> Result<u64, String> {
        match &self.traces {
            Some(traces) => traces.send(request).await,
            None => Ok(0),
        }
    }

    /// Sends metrics until the collector takes or refuses them.
    pub(crate) async fn metrics(&self, metrics: &ResourceMetrics) -> Result<(), String> {
        let Some(exporter) = &self.metrics else {
            return Ok(());
        };
        loop {
            match exporter.export(metrics).await {
                Err(error) if is_from_nobody(&error) => tokio::time::sleep(RETRY_BROKEN).await,
                answered => return answered.map_err(|error| error.to_string()),
            }
        }
    }
}

fn traces_to(target: Target) -> Result<Traces, BuildError> {
    Ok(match target.protocol {
        Protocol::Grpc => Traces::grpc(channel(&target)?, target.headers, target.gzip),
        Protocol::HttpProtobuf => Traces::Http {
            client: Client::new(&target)?.into(),
            address: target.address,
            gzip: target.gzip,
        },
    })
}

fn metrics_to(target: Target) -> Result<MetricExporter, BuildError> {
    Ok(match target.protocol {
        Protocol::Grpc => grpc(MetricExporter::builder().with_tonic(), target)?.build(),
        Protocol::HttpProtobuf => http(MetricExporter::builder().with_http(), &target)?.build(),
    }?)
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
        .with_initial_delay(retry::FIRST)
        .with_max_delay(retry::MOST)
        .with_max_jitter(retry::JITTER)
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
    let connector = connector(target)?.enable_http2().wrap_connector(tcp());
    let address = target.address.clone();
    let endpoint = Endpoint::from(Uri::from_static("http://collector"))
        .origin(target.address.clone())
        .timeout(target.timeout);
    let endpoint = endpoint
        .user_agent(USER_AGENT)
        .map_err(|error| BuildError::Exporter(error.into()))?;
    Ok(endpoint.connect_with_connector_lazy(MapRequest::new(connector, move |_: Uri| address.clone())))
}

fn http<B: WithExportConfig + WithHttpConfig>(builder: B, target: &Target) -> Result<B, BuildError> {
    let builder = builder
        .with_endpoint(target.address.to_string())
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_retry_policy(retries())
        .with_timeout(FOREVER)
        .with_http_client(Client::new(target)?);
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

/// Sends the end of a request at once: it would wait for the receiver's system to acknowledge what came before, which
/// takes 40 ms on Linux.
fn tcp() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

/// Adds the headers.
#[derive(Debug)]
pub(super) struct Client {
    client: HyperClient<HttpsConnector<HttpConnector>>,
    headers: HeaderMap,
}

impl Client {
    fn new(target: &Target) -> Result<Self, BuildError> {
        let connector = connector(target)?.enable_http1().wrap_connector(tcp());
        Ok(Self {
            client: HyperClient::new(connector, target.timeout, None),
            headers: target.headers.clone(),
        })
    }
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, mut request: http::Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        request.headers_mut().extend(self.headers.clone());
        self.client.send_bytes(request).await
    }
}
