//! Where each signal goes, from the builder's options and the `OTEL_EXPORTER_OTLP_*` variables.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::environment::{BOOLEAN, Environment, MILLISECONDS, boolean, timeout};
use super::tls::TlsFiles;
use super::{BuildError, Protocol};

/// What the builder was told; what it was not told is looked up in the environment.
#[derive(Clone, Default)]
pub(crate) struct OtlpConfig {
    pub(crate) endpoint: Option<String>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) gzip: bool,
    pub(crate) ca_certificate: Option<PathBuf>,
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) environment: Environment,
}

impl fmt::Debug for OtlpConfig {
    /// Headers carry credentials: only their names are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("OtlpConfig")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .field("ca_certificate", &self.ca_certificate)
            .field("client_certificate", &self.client_certificate)
            .finish_non_exhaustive()
    }
}

/// One of the two signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    const fn variable(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
        }
    }
}

/// Where one signal goes and how.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) protocol: Protocol,
    /// Of the service with gRPC, of the very request with HTTP.
    pub(super) address: Uri,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) gzip: bool,
    pub(super) tls: TlsFiles,
}

const TIMEOUT: Duration = Duration::from_secs(10);
pub(super) const USER_AGENT: &str = concat!("toolsight/", env!("CARGO_PKG_VERSION"));

impl OtlpConfig {
    /// `None` where the environment says that nothing of it is to be sent.
    ///
    /// # Errors
    /// Where the address or the files for TLS cannot be used, whoever named them: instead of these, nothing can be taken that
    /// would not send what is recorded to somewhere else, or trust somebody else.
    pub(super) fn target(&self, signal: Signal) -> Result<Option<Target>, BuildError> {
        if self.environment.is_off(signal.variable()) {
            return Ok(None);
        }
        let protocol = self.protocol(signal);
        Ok(Some(Target {
            protocol,
            address: self.address(signal, protocol)?,
            headers: self.headers(signal)?,
            timeout: self.timeout(signal),
            gzip: self.gzip(signal),
            tls: self.tls(signal)?,
        }))
    }

    fn told(&self, signal: Signal, option: &str) -> Option<(String, String)> {
        self.environment.of_signal(signal.variable(), option)
    }

    /// See [`Environment::meaning_of_signal`].
    fn meaning<T>(&self, signal: Signal, option: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.environment
            .meaning_of_signal(signal.variable(), option, expected, read)
    }

    fn protocol(&self, signal: Signal) -> Protocol {
        let read = |value: &str| match &*value.to_ascii_lowercase() {
            "grpc" => Some(Protocol::Grpc),
            "http/protobuf" => Some(Protocol::HttpProtobuf),
            "http/json" => {
                // It is a good value for other exporters of the process, and the address is the same.
                tracing::warn!(target: "toolsight", "the protocol http/json is not spoken, http/protobuf is used instead");
                Some(Protocol::HttpProtobuf)
            }
            _ => None,
        };
        let told = || self.meaning(signal, "PROTOCOL", "grpc or http/protobuf", read);
        self.protocol.or_else(told).unwrap_or(Protocol::Grpc)
    }

    /// A path is appended for HTTP, except where the variable names the address of this very signal.
    fn address(&self, signal: Signal, protocol: Protocol) -> Result<Uri, BuildError> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.variable());
        let (endpoint, from) = match (&self.endpoint, self.told(signal, "ENDPOINT")) {
            (Some(endpoint), _) => (endpoint.clone(), "the endpoint".to_owned()),
            (None, Some(told)) => told,
            (None, None) if protocol == Protocol::Grpc => ("http://127.0.0.1:4317".to_owned(), String::new()),
            (None, None) => ("http://127.0.0.1:4318".to_owned(), String::new()),
        };
        let refused = |why: String| BuildError::Endpoint {
            endpoint: endpoint.clone(),
            from: from.clone(),
            why,
        };
        let mut address = endpoint.clone();
        if protocol == Protocol::Grpc && !address.contains("://") {
            let scheme = if self.insecure(signal) { "http" } else { "https" };
            address = format!("{scheme}://{address}");
        }
        if protocol == Protocol::HttpProtobuf && from != own {
            address = format!("{}{}", address.trim_end_matches('/'), signal.path());
        }
        let mut parts = address
            .parse::<Uri>()
            .map_err(|error| refused(error.to_string()))?
            .into_parts();
        if !matches!(
            parts.scheme.as_ref().map(http::uri::Scheme::as_str),
            Some("http" | "https")
        ) {
            return Err(refused("it does not begin with http:// or https://".to_owned()));
        }
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        Uri::from_parts(parts).map_err(|error| refused(error.to_string()))
    }

    fn insecure(&self, signal: Signal) -> bool {
        self.meaning(signal, "INSECURE", BOOLEAN, boolean).unwrap_or(false)
    }

    fn headers(&self, signal: Signal) -> Result<HeaderMap, BuildError> {
        let mut fields = HeaderMap::new();
        fields.insert(http::header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        let (told, variable) = self.told(signal, "HEADERS").unwrap_or_default();
        for header in told.split(',').filter(|header| !header.trim().is_empty()) {
            let (name, value) = header.split_once('=').unwrap_or_default();
            let value = percent_decode_str(value.trim()).decode_utf8_lossy();
            if let Some((name, value)) = field(name.trim(), &value) {
                fields.insert(name, value);
            } else if self.environment.is_news(&variable) {
                // The value may be a secret, and be part of what looks like the name.
                let name = name.trim().parse::<HeaderName>().ok().map(tracing::field::display);
                tracing::warn!(target: "toolsight", variable, name, "what is no header of HTTP is not sent");
            }
        }
        for (name, value) in &self.headers {
            let (name, value) = field(name, value).ok_or_else(|| BuildError::Header(name.clone()))?;
            fields.insert(name, value);
        }
        Ok(fields)
    }

    fn timeout(&self, signal: Signal) -> Duration {
        let told = || self.meaning(signal, "TIMEOUT", MILLISECONDS, timeout);
        self.timeout.or_else(told).unwrap_or(TIMEOUT)
    }

    fn gzip(&self, signal: Signal) -> bool {
        let read = |value: &str| match &*value.to_ascii_lowercase() {
            "gzip" => Some(true),
            "none" => Some(false),
            _ => None,
        };
        let told = || self.meaning(signal, "COMPRESSION", "gzip or none", read);
        self.gzip || told().unwrap_or(false)
    }

    fn tls(&self, signal: Signal) -> Result<TlsFiles, BuildError> {
        let path = |option| self.told(signal, option).map(|(path, _)| PathBuf::from(path));
        let client = match &self.client_certificate {
            Some(client) => Some(client.clone()),
            None => match (path("CLIENT_CERTIFICATE"), path("CLIENT_KEY")) {
                (Some(certificate), Some(key)) => Some((certificate, key)),
                (None, None) => None,
                _ => return Err(BuildError::HalfOfClientCertificate),
            },
        };
        Ok(TlsFiles {
            authority: self.ca_certificate.clone().or_else(|| path("CERTIFICATE")),
            client,
        })
    }
}

fn field(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let mut value = value.parse::<HeaderValue>().ok()?;
    value.set_sensitive(true);
    Some((name.parse().ok()?, value))
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
