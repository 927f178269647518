//! A ClickHouse behind TLS, with a certificate of the operator's own authority.

use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::collector::{Collector, command};
use crate::support::remote::Remote;
use crate::support::sender::Sender;
use crate::support::{eventually, within};

/// Speaks TLS in front of `server`, and returns where.
async fn tls_in_front_of(server: String, certified: &rcgen::CertifiedKey<rcgen::KeyPair>) -> u16 {
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                // Who does not trust the certificate breaks off.
                let Ok(mut client) = acceptor.accept(stream).await else {
                    return;
                };
                let mut server = TcpStream::connect(server).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

async fn collector(folder: &Path, location: &str, authority: &Path) -> Collector {
    let mut command = command();
    command.env("SSL_CERT_FILE", authority);
    Collector::start_as(command, folder, &["--store", location]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_stored_over_tls_where_the_certificate_is_trusted_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let certified = |name: &str| {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, certified.cert.pem()).unwrap();
        (certified, path)
    };
    let ((own, trusted), (_, another)) = (certified("own.pem"), certified("another.pem"));
    let mut remote = Remote::new();
    remote.start().await;
    let port = tls_in_front_of(remote.address(), &own).await;
    let location = format!("https://admin:secret@localhost:{port}/toolsight");

    let stranger = collector(&folder.path().join("stranger"), &location, &another).await;
    within(std::time::Duration::from_secs(60), "the reason is logged", || async {
        let log = stranger.log();
        (log.contains("certificate") && log.contains("localhost")).then_some(())
    })
    .await;
    stranger.kill().await;

    let collector = collector(&folder.path().join("own"), &location, &trusted).await;
    collector.ready().await;
    let mut sender = Sender::new("private");
    sender.send(&collector.http, 200).await;
    collector.drained().await;
    eventually("all calls are stored", || async {
        (remote.ask("SELECT count() FROM toolsight.calls").await == 200).then_some(())
    })
    .await;
    assert_eq!(collector.api("overview?range=1h").await["totals"]["calls"], 200);
}
