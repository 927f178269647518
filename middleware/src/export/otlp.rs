//! Where records go: exporters of `opentelemetry-otlp`, and the resource they describe themselves by.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;

use crate::record::Peer;
use crate::semconv;

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// gRPC, usually on port 4317.
    Grpc,
    /// Protobuf over HTTP, usually on port 4318.
    HttpProtobuf,
}

/// Why [`Builder::build`](crate::Builder::build) failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The exporter refuses the endpoint, a header or an `OTEL_*` variable.
    #[error(
        "the OTLP exporter cannot be set up: {0}; check the endpoint, the headers and the OTEL_EXPORTER_OTLP_* variables"
    )]
    Exporter(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A header's name or value has a character that HTTP does not allow.
    #[error("the OTLP header {0:?} is not a valid HTTP header")]
    Header(String),
    /// The export thread could not be started.
    #[error("the export thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    /// The export thread ended while it was being set up.
    #[error("the export thread ended while it was being set up")]
    ThreadEnded,
}

#[derive(Clone, Default)]
pub(crate) struct OtlpConfig {
    pub(crate) endpoint: Option<String>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) timeout: Option<Duration>,
}

impl From<ExporterBuildError> for BuildError {
    fn from(error: ExporterBuildError) -> Self {
        Self::Exporter(error.into())
    }
}

impl fmt::Debug for OtlpConfig {
    /// Headers carry credentials: only their names are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OtlpConfig")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .field("headers", &self.headers.keys())
            .field("timeout", &self.timeout)
            .finish()
    }
}

impl OtlpConfig {
    fn protocol(&self) -> Protocol {
        let from_env = || match std::env::var("OTEL_EXPORTER_OTLP_PROTOCOL").ok()?.as_str() {
            "http/protobuf" => Some(Protocol::HttpProtobuf),
            _ => None,
        };
        self.protocol.or_else(from_env).unwrap_or(Protocol::Grpc)
    }

    /// Must be called within a tokio runtime, which then drives the connections.
    pub(super) fn exporters(&self, resource: &Resource) -> Result<(SpanExporter, MetricExporter), BuildError> {
        let metadata = self.metadata()?;
        let (mut spans, metrics) = match self.protocol() {
            Protocol::Grpc => {
                let spans = self
                    .common(SpanExporter::builder().with_tonic(), "")
                    .with_metadata(metadata.clone());
                let metrics = self
                    .common(MetricExporter::builder().with_tonic(), "")
                    .with_metadata(metadata);
                (spans.build()?, metrics.build()?)
            }
            Protocol::HttpProtobuf => {
                let spans = self.common(SpanExporter::builder().with_http(), "/v1/traces");
                let metrics = self.common(MetricExporter::builder().with_http(), "/v1/metrics");
                let headers = || self.headers.clone();
                (
                    spans.with_headers(headers()).build()?,
                    metrics.with_headers(headers()).build()?,
                )
            }
        };
        spans.set_resource(resource);
        Ok((spans, metrics))
    }

    fn common<B: WithExportConfig>(&self, mut builder: B, path: &str) -> B {
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(format!("{}{path}", endpoint.trim_end_matches('/')));
        }
        if let Some(timeout) = self.timeout {
            builder = builder.with_timeout(timeout);
        }
        builder
    }

    fn metadata(&self) -> Result<MetadataMap, BuildError> {
        let mut fields = http::HeaderMap::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            let invalid = || BuildError::Header(name.clone());
            let field = name.parse::<http::HeaderName>().map_err(|_| invalid())?;
            fields.insert(field, value.parse().map_err(|_| invalid())?);
        }
        Ok(MetadataMap::from_headers(fields))
    }
}

/// Describes the server; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` come first.
pub(super) fn resource(server: Option<&Peer>) -> Resource {
    let mut own = vec![KeyValue::new(
        semconv::SERVICE_INSTANCE_ID,
        format!("{:016x}", rand::random::<u64>()),
    )];
    if let Some(server) = server {
        own.push(KeyValue::new(semconv::SERVICE_NAME, server.name.to_string()));
        own.push(KeyValue::new(semconv::SERVICE_VERSION, server.version.to_string()));
    }
    let told = Resource::builder().build();
    own.retain(|attribute| {
        let value = told.get(&attribute.key);
        value.is_none_or(|value| value.as_str().starts_with("unknown_service"))
    });
    own.retain(|attribute| !attribute.value.as_str().is_empty());
    Resource::builder().with_attributes(own).build()
}
