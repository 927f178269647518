//! Whether the collector that runs with some settings can take requests, asked on its own machine: for those who watch a
//! container or a service.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use rustls::AlertDescription::CertificateRequired;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use crate::config::{Config, Security};
use crate::tls;

/// For all of it; what watches asks again anyway.
const PATIENCE: Duration = Duration::from_secs(3);
/// Until a collector that wants a certificate has said so.
const UNTIL_ASKED: Duration = Duration::from_secs(2);
/// Many times an answer.
const MAX_ANSWER: u64 = 64 << 10;
const REQUEST: &[u8] = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// What `/readyz` answers.
#[derive(Deserialize)]
struct Told {
    state: String,
    reasons: Vec<String>,
}

/// Asks the page's address of these settings, and prints the state that the collector is in.
///
/// # Errors
/// When the collector is not ready, or what answers is another one, or nothing does within three seconds.
pub async fn check_health(config: &Config) -> anyhow::Result<()> {
    let address = nearby(config.listen.page)?;
    let Ok(state) = timeout(PATIENCE, ask(address, &config.security)).await else {
        bail!(
            "no answer from {address} within {} s: the collector there is stuck, see its log",
            PATIENCE.as_secs()
        );
    };
    writeln!(io::stdout(), "{}", state?).context("print the state")
}

/// Where this machine reaches what listens on an address.
fn nearby(mut listens: SocketAddr) -> anyhow::Result<SocketAddr> {
    ensure!(
        listens.port() != 0,
        "page_listen is {listens}, which stands for any free port: give it one that can be asked"
    );
    match listens.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => listens.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => listens.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(listens)
}

async fn ask(address: SocketAddr, security: &Security) -> anyhow::Result<String> {
    let stream = TcpStream::connect(address).await.map_err(|cause| {
        anyhow!("nobody answers on {address} ({cause}): start the collector, or name the page_listen that it was started with")
    })?;
    let answer = match &security.tls_certificate {
        None => exchange(stream).await,
        Some(certificate) => {
            let stream = encrypted(stream, address, certificate).await?;
            if security.tls_client_ca.is_some() {
                return asked_for_certificate(stream, address).await;
            }
            exchange(stream).await
        }
    };
    state(&answer.unwrap_or_default(), address)
}

/// Shakes hands with what shows exactly the certificate of the settings. Its names and dates do not matter: it is asked on
/// this machine, by an address that it may not be for.
async fn encrypted(stream: TcpStream, address: SocketAddr, certificate: &Path) -> anyhow::Result<TlsStream<TcpStream>> {
    let connector = tls::connector(certificate).map_err(|message| anyhow!("{}: {message}", certificate.display()))?;
    let shaken = connector.connect(ServerName::from(address.ip()), stream).await;
    shaken.map_err(|cause| match tls_error(&cause) {
        Some(rustls::Error::InvalidCertificate(_)) => anyhow!(
            "what answers on {address} shows another certificate than {}: start it with that one, or look whether its log \
             says why it could not be read again",
            certificate.display()
        ),
        _ => anyhow!("what answers on {address} does not speak TLS ({cause}): start it with the same settings"),
    })
}

/// Where clients need certificates, this has none to show. That the collector has shown its own and then asks for one tells
/// that it is alive, and nobody without one is told more.
async fn asked_for_certificate(mut stream: TlsStream<TcpStream>, address: SocketAddr) -> anyhow::Result<String> {
    match timeout(UNTIL_ASKED, stream.read_u8()).await {
        Ok(Err(cause))
            if matches!(
                tls_error(&cause),
                Some(rustls::Error::AlertReceived(CertificateRequired))
            ) =>
        {
            Ok("alive: whether it is ready is told to those only who have a client certificate".to_owned())
        }
        _ => bail!("what answers on {address} asks for no client certificate: start it with the same tls_client_ca"),
    }
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<Vec<u8>> {
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// The state that an answer tells of, in a line.
fn state(answer: &[u8], address: SocketAddr) -> anyhow::Result<String> {
    let answer = String::from_utf8_lossy(answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).unwrap_or_default();
    let Ok(Told { state, reasons }) = serde_json::from_str(body) else {
        bail!("what answers on {address} is no collector with these settings: name those that it was started with");
    };
    let line = match &reasons[..] {
        [] => state,
        reasons => format!("{state}: {}", reasons.join("; ")),
    };
    ensure!(status == "200", "the collector on {address} is {line}");
    Ok(line)
}
