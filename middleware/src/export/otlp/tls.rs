//! Certificates, for addresses that begin with `https`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::BuildError;

/// Files of certificates, in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TlsFiles {
    /// Authorities that are trusted, instead of those of the system.
    pub(super) authority: Option<PathBuf>,
    /// The client's own certificate and its key.
    pub(super) client: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// For addresses without TLS: trusts nobody, and reads no file.
    pub(super) fn unused() -> Result<ClientConfig, BuildError> {
        Ok(builder()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth())
    }

    /// Trusts the given authority, else those of the system, else, on a system that has none, those that browsers trust.
    pub(super) fn config(&self) -> Result<ClientConfig, BuildError> {
        let trusting = match &self.authority {
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| unusable(path, &error))?;
                }
                builder()?.with_root_certificates(roots)
            }
            None => match builder()?.with_native_roots() {
                Ok(trusting) => trusting,
                Err(_none) => builder()?.with_webpki_roots(),
            },
        };
        match &self.client {
            None => Ok(trusting.with_no_client_auth()),
            Some((certificate, key)) => {
                let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
                trusting
                    .with_client_auth_cert(certificates(certificate)?, secret)
                    .map_err(|error| unusable(certificate, &error))
            }
        }
    }
}

fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(Path::new("the TLS library"), &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| unusable(path, &error))?
        .collect();
    match found {
        Ok(found) if found.is_empty() => Err(unusable(path, &"there is no certificate in it")),
        found => found.map_err(|error| unusable(path, &error)),
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> BuildError {
    BuildError::Certificate {
        path: path.display().to_string(),
        why: why.to_string(),
    }
}
