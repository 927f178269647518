//! Encrypted connections: certificates that are read again when they change, and clients that have to show their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::Security;
use crate::listener::Protocol;
use crate::reload::{ReloadError, Reloaded};
use crate::telemetry::Metrics;

const HTTP_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";

/// The certificates of all listeners; cloning shares them.
#[derive(Clone, Debug)]
pub struct Tls(Reloaded<Configs>);

/// The same certificates, once for each set of protocols that a listener speaks.
#[derive(Debug)]
struct Configs {
    http2: Arc<ServerConfig>,
    any: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the certificates and keeps up with them; `None` where there are none.
    ///
    /// # Errors
    /// When a file cannot be read or is no PEM of its kind, or the key is not the certificate's.
    pub async fn open(security: &Security, metrics: &Metrics) -> Result<Option<Self>, ReloadError> {
        let (Some(certificate), Some(key)) = (&security.tls_certificate, &security.tls_key) else {
            return Ok(None);
        };
        let mut files = vec![certificate.clone(), key.clone()];
        files.extend(security.tls_client_ca.clone());
        let paths = files.clone();
        let configs = Reloaded::open("tls_certificate", files, metrics, move |contents| {
            configs(&paths, contents)
        });
        Ok(Some(Self(configs.await?)))
    }

    /// Waits until changes of the certificates are not noticed any more, as they have to be.
    pub(crate) async fn ended(&self) {
        self.0.ended().await;
    }

    /// What shakes hands with a new connection.
    pub(crate) fn acceptor(&self, protocol: Protocol) -> TlsAcceptor {
        let configs = self.0.get();
        let config = match protocol {
            Protocol::Http2 => &configs.http2,
            Protocol::Any => &configs.any,
        };
        TlsAcceptor::from(Arc::clone(config))
    }
}

fn configs(paths: &[PathBuf], contents: &[Vec<u8>]) -> Result<Configs, String> {
    let [certificate, key, rest @ ..] = contents else {
        return Err("there are fewer files than settings".to_owned());
    };
    let place = |index: usize, message: String| format!("{}: {message}", paths[index].display());
    let chain = certificates(certificate).map_err(|message| place(0, message))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| place(1, format!("no private key: {error}")))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match rest.first() {
        None => builder.with_no_client_auth(),
        Some(authorities) => {
            let verifier = verifier(authorities, provider).map_err(|message| place(2, message))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder
        .with_single_cert(chain, key)
        .map_err(|error| place(1, format!("not the key of {}: {error}", paths[0].display())))?;
    let speaking = |protocols: &[&[u8]]| {
        let mut config = config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    };
    Ok(Configs {
        http2: speaking(&[HTTP_2]),
        any: speaking(&[HTTP_2, HTTP_1]),
    })
}

/// What connects to a server that shows exactly the first certificate of this file, whatever its names and dates.
pub(crate) fn connector(certificate: &Path) -> Result<TlsConnector, String> {
    let pem = fs::read(certificate).map_err(|cause| format!("cannot be read: {cause}"))?;
    let provider = Arc::new(ring::default_provider());
    let only = Only {
        certificate: certificates(&pem)?.swap_remove(0),
        algorithms: provider.signature_verification_algorithms,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(only));
    Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
}

/// Trusts one certificate, once its owner has shown to have the key.
#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *shown == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = read.map_err(|error| format!("no certificate in PEM: {error}"))?;
    if found.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(found)
}

fn verifier(
    pem: &[u8],
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())
}
