//! Exports with TLS: a certificate authority of one's own, client certificates, both protocols.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rmcp::model::ProtocolVersion;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use toolsight::{Builder, Protocol, Toolsight};

use crate::receiver::Received;
use crate::server::{call, connect, start};

/// An authority, and certificates that it has signed for the collector and a client.
struct Certificates {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let this = Self {
            authority: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(this.path("ca.pem"), this.authority.pem()).unwrap();
        let (client, key) = this.sign("client");
        std::fs::write(this.path("client.pem"), client.pem()).unwrap();
        std::fs::write(this.path("client.key"), key.serialize_pem()).unwrap();
        this
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.authority).unwrap(), key)
    }

    /// A server that, if `mutual`, wants a certificate of the client.
    fn server(&self, mutual: bool) -> rustls::ServerConfig {
        let (certificate, key) = self.sign("127.0.0.1");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

/// Makes a call and returns how many of its two records arrived, and how many were lost.
async fn arrived(received: &Received, builder: Builder) -> (usize, u64) {
    let toolsight = builder.build().unwrap();
    let client = connect(&start(&toolsight).await, ProtocolVersion::V_2026_07_28).await;
    client.call_tool(call("add", 1, 2)).await.unwrap();
    toolsight.shutdown().await;
    (received.spans().len(), toolsight.dropped().total())
}

fn builder(address: std::net::SocketAddr, protocol: Protocol) -> Builder {
    Toolsight::builder()
        .endpoint(format!("https://{address}"))
        .protocol(protocol)
        .shutdown_timeout(std::time::Duration::from_millis(1500))
}

#[tokio::test]
async fn a_collector_with_a_certificate_of_one_s_own_authority_is_reached_by_those_who_trust_it() {
    let certificates = Certificates::new();
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let received = Received::default();
        let address = received.start_tls(certificates.server(false)).await;
        let trusting = builder(address, protocol).ca_certificate(certificates.path("ca.pem"));
        assert_eq!(arrived(&received, trusting).await, (2, 0), "{protocol:?}");
        let received = Received::default();
        let address = received.start_tls(certificates.server(false)).await;
        assert_eq!(
            arrived(&received, builder(address, protocol)).await,
            (0, 2),
            "{protocol:?}: not trusted"
        );
    }
}

#[tokio::test]
async fn a_collector_that_wants_a_certificate_is_shown_one() {
    let certificates = Certificates::new();
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let received = Received::default();
        let address = received.start_tls(certificates.server(true)).await;
        let known = builder(address, protocol)
            .ca_certificate(certificates.path("ca.pem"))
            .client_certificate(certificates.path("client.pem"), certificates.path("client.key"));
        assert_eq!(arrived(&received, known).await, (2, 0), "{protocol:?}");
        let received = Received::default();
        let address = received.start_tls(certificates.server(true)).await;
        let unknown = builder(address, protocol).ca_certificate(certificates.path("ca.pem"));
        assert_eq!(arrived(&received, unknown).await, (0, 2), "{protocol:?}: a stranger");
    }
}

#[test]
fn files_that_hold_no_certificate_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    for path in [Path::new("/nonexistent/ca.pem"), &empty] {
        let error = Toolsight::builder()
            .endpoint("https://127.0.0.1:1")
            .ca_certificate(path)
            .build()
            .unwrap_err()
            .to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}
