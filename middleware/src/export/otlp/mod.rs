//! OTLP to a collector: where it is, and how it is spoken there.
//!
//! Metrics go through `opentelemetry-otlp`. Spans are written and sent here, by the same rules, since its way to the wire
//! costs more than all else that is done for a record. The settings are read here, so that what the builder is told comes
//! before the environment.

mod environment;
mod exporter;
mod retry;
mod settings;
mod tls;
mod traces;

#[cfg(test)]
pub(crate) use environment::Environment;
pub(crate) use environment::Pace;
pub(crate) use exporter::Exporter;
pub(crate) use settings::OtlpConfig;

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
    /// The collector's address cannot be used.
    #[error(
        "{from} is {endpoint:?}, which is no address of a collector: {why}; check the endpoint, such as http://127.0.0.1:4317"
    )]
    Endpoint {
        /// What the address was.
        endpoint: String,
        /// The option or variable that it comes from.
        from: String,
        /// What is wrong with it.
        why: String,
    },
    /// A client or bridge of [`Clients`](crate::Clients) cannot be used.
    #[error("{from} names {name:?}: {wrong}")]
    Client {
        /// The client or bridge.
        name: String,
        /// `Builder::clients`, or the variable that it comes from.
        from: String,
        /// What is wrong with it.
        wrong: &'static str,
    },
    /// The name or value of a header that the builder was told has a character that HTTP does not allow.
    #[error("the OTLP header {0:?} is not a valid HTTP header")]
    Header(String),
    /// A certificate or key cannot be used.
    #[error("{path} cannot be used for TLS: {why}; a PEM file is expected")]
    Certificate {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A client certificate without its key, or the other way round.
    #[error("a client certificate needs both its file and that of its key")]
    HalfOfClientCertificate,
    /// The exporter cannot be set up from settings that are valid one by one.
    #[error("the OTLP exporter cannot be set up: {0}; check the OTEL_EXPORTER_OTLP_* variables")]
    Exporter(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The export thread could not be started.
    #[error("the export thread cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    /// The export thread ended while it was being set up.
    #[error("the export thread ended while it was being set up")]
    ThreadEnded,
}

impl From<opentelemetry_otlp::ExporterBuildError> for BuildError {
    fn from(error: opentelemetry_otlp::ExporterBuildError) -> Self {
        Self::Exporter(error.into())
    }
}
