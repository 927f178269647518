//! TLS at the address where clients connect.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::ServerConfig;
use rustls::pki_types::pem::{Error, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::proxy::HEAD;

/// A connection of a client, with TLS or without.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What greets clients by the certificate in one PEM file, with those between it and its authority behind it, and the key in
/// another. They are read once.
///
/// # Errors
/// If one of them cannot be used; says which and why.
pub(crate) fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, Error>>);
    let chain = chain.with_context(|| format!("read {}, which --certificate names", certificate.display()))?;
    ensure!(
        !chain.is_empty(),
        "{}, which --certificate names, has no certificate in it; a PEM file is expected",
        certificate.display()
    );
    let secret = PrivateKeyDer::from_pem_file(key);
    let secret =
        secret.with_context(|| format!("read {}, which --key names, as a PEM file with a key", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("make ready for TLS")?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .with_context(|| format!("use {} with the key in {}", certificate.display(), key.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

/// Greets a client where there is TLS. `None` if it does not speak it, or not in time.
pub(crate) async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Box<dyn Stream>> {
    let Some(acceptor) = tls else {
        return Some(Box::new(stream));
    };
    match timeout(HEAD, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(error)) => {
            tracing::debug!(target: "toolsight", %error, "a client has not come through TLS");
            None
        }
        Err(_) => None,
    }
}
