//! Encrypted connections, with exporters as applications have them, and certificates made here.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::support::Running;

/// Who signs certificates.
pub(crate) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Signed {
    certificate: String,
    key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            pem: params.self_signed(&key).unwrap().pem(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn sign(&self) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        Signed {
            certificate: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// The files that the settings name.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn new(server: &Signed) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.write(server);
        files
    }

    fn write(&self, server: &Signed) {
        fs::write(self.path("server.pem"), &server.certificate).unwrap();
        fs::write(self.path("server.key"), &server.key).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) async fn start(&self, client_authority: Option<&Authority>) -> Running {
        let ca = client_authority.map(|authority| {
            fs::write(self.path("clients.pem"), &authority.pem).unwrap();
            self.path("clients.pem")
        });
        Running::start(|config| {
            config.security.tls_certificate = Some(self.path("server.pem"));
            config.security.tls_key = Some(self.path("server.key"));
            config.security.tls_client_ca = ca;
        })
        .await
    }
}

/// Sends a call over gRPC and one over HTTP and asks the page's address; tells which of them worked.
async fn works(running: &Running, authority: &Authority, identity: Option<&Signed>) -> [bool; 3] {
    let addresses = running.collector.addresses();
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&authority.pem));
    if let Some(Signed { certificate, key }) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let connector = connector(authority, identity);
    let grpc = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(format!("https://{}", addresses.grpc))
        .with_tls_config(tls)
        .build()
        .unwrap();
    let http = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("https://{}/v1/traces", addresses.http))
        .with_http_client(HyperClient::new(connector.clone(), Duration::from_secs(10), None))
        .build()
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    let page = client
        .get(format!("https://{}/healthz", addresses.page).parse().unwrap())
        .await;
    if let Ok(answer) = &page {
        assert_eq!(
            answer.version(),
            axum::http::Version::HTTP_2,
            "the two agree on the better protocol"
        );
    }
    [
        grpc.export(vec![span()]).await.is_ok(),
        http.export(vec![span()]).await.is_ok(),
        page.is_ok(),
    ]
}

/// What speaks the better protocol that the two agree on, and trusts one authority only.
fn connector(authority: &Authority, identity: Option<&Signed>) -> HttpsConnector<HttpConnector> {
    let certificates = |pem: &str| -> Vec<_> {
        let read: Result<_, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        read.unwrap()
    };
    let mut roots = RootCertStore::empty();
    roots.add(certificates(&authority.pem).remove(0)).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some(Signed { certificate, key }) => {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(certificates(certificate), key).unwrap()
        }
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config);
    builder.https_only().enable_all_versions().build()
}

fn span() -> SpanData {
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(1),
            SpanId::from(1),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Server,
        name: "tools/call add".into(),
        start_time: SystemTime::now(),
        end_time: SystemTime::now(),
        attributes: vec![
            KeyValue::new("mcp.method.name", "tools/call"),
            KeyValue::new("gen_ai.tool.name", "add"),
        ],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_trust_the_server_by_its_authority_and_are_trusted_by_theirs() {
    let (servers, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let files = Files::new(&servers.sign());
    let open = files.start(None).await;
    assert_eq!(works(&open, &servers, None).await, [true; 3], "the right authority");
    assert_eq!(works(&open, &others, None).await, [false; 3], "another authority");
    assert!(open.count("connections_refused", "handshake") >= 3);
    assert_eq!(open.sink.wait_for(2).await.len(), 2);
    open.collector.shutdown().await;

    let mutual = files.start(Some(&clients)).await;
    for (case, identity, expected) in [
        ("a certificate of the right authority", Some(clients.sign()), [true; 3]),
        ("no certificate", None, [false; 3]),
        ("a certificate of another authority", Some(others.sign()), [false; 3]),
    ] {
        assert_eq!(works(&mutual, &servers, identity.as_ref()).await, expected, "{case}");
    }
    mutual.collector.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renewed_certificates_are_taken_and_broken_ones_change_nothing() {
    let (first, second) = (Authority::new(), Authority::new());
    let files = Files::new(&first.sign());
    let running = files.start(None).await;
    assert_eq!(works(&running, &first, None).await, [true; 3]);

    // The key of another certificate, as when the two files are replaced one after the other.
    fs::write(files.path("server.key"), second.sign().key).unwrap();
    until("the broken files are noticed", async || {
        running.count("reload_failures", "tls_certificate") == 1
    })
    .await;
    assert_eq!(works(&running, &first, None).await, [true; 3]);

    files.write(&second.sign());
    until("the new certificate is used", async || {
        works(&running, &second, None).await == [true; 3]
    })
    .await;
    assert_eq!(works(&running, &first, None).await, [false; 3]);
    running.collector.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_encrypted_is_not_answered() {
    let files = Files::new(&Authority::new().sign());
    let running = files.start(None).await;
    let mut stream = TcpStream::connect(running.collector.addresses().http).await.unwrap();
    stream
        .write_all(b"GET /v1/traces HTTP/1.1\r\nhost: c\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(running.count("connections_refused", "handshake"), 1);
    running.collector.shutdown().await;
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
