//! `check-health`, which tells those who watch a container whether the collector in it can take requests.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::program::program;
use crate::support::Running;
use crate::tls::{Authority, Files};

/// What it ended with, and what it said: on standard output where all is well, else on standard error.
async fn check(page: impl ToString, more: &[&str]) -> (i32, String) {
    let page = page.to_string();
    let arguments = [&["check-health", "--page-listen", &page], more].concat();
    let output = tokio::process::Command::from(program(&arguments))
        .output()
        .await
        .unwrap();
    let code = output.status.code().unwrap();
    let (said, silent) = match code {
        0 => (output.stdout, output.stderr),
        _ => (output.stderr, output.stdout),
    };
    assert!(silent.is_empty(), "{}", String::from_utf8_lossy(&silent));
    let said = String::from_utf8(said).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    (code, said.trim_end().to_owned())
}

/// The flags of encryption.
fn flags(files: &Files, names: &[&str]) -> Vec<String> {
    let settings = [
        ("--tls-certificate", "server.pem"),
        ("--tls-key", "server.key"),
        ("--tls-client-ca", "clients.pem"),
    ];
    let wanted = settings.into_iter().filter(|(flag, _)| names.contains(flag));
    let flags = wanted.flat_map(|(flag, file)| [flag.to_owned(), files.path(file).display().to_string()]);
    flags.collect()
}

async fn check_with(page: SocketAddr, flags: &[String]) -> (i32, String) {
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    check(page, &flags).await
}

/// Answers each connection with this text.
async fn impostor(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_can_take_requests_is_healthy_though_its_store_is_away() {
    let running = Running::start(|_| {}).await;
    let page = running.collector.addresses().page;
    let healthy = (0, "degraded: the store cannot be asked: it is starting".to_owned());
    assert_eq!(check(page, &[]).await, healthy);
    let everywhere = SocketAddr::from(([0, 0, 0, 0], page.port()));
    assert_eq!(check(everywhere, &[]).await, healthy, "asked as 127.0.0.1");
    running.collector.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_cannot_take_requests_is_unhealthy_for_the_reason_that_it_tells() {
    let running = Running::start(|_| {}).await;
    let page = running.collector.addresses().page;
    running
        .metrics
        .worker_last_tick
        .with_label_values(&["of a test"])
        .set(0.0);
    let (code, said) = check(page, &[]).await;
    let begin =
        format!("toolsight-collector: the collector on {page} is unready: the worker \"of a test\" has not moved");
    assert!(code == 1 && said.starts_with(&begin), "{code} {said}");
    running.collector.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_exactly_the_certificate_of_the_settings_is_trusted() {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    let running = files.start(None).await;
    let page = running.collector.addresses().page;
    let own = flags(&files, &["--tls-certificate", "--tls-key"]);
    let (code, said) = check_with(page, &own).await;
    assert!(code == 0 && said.starts_with("degraded: "), "{code} {said}");

    let others = Files::new(&authority.sign());
    let (code, said) = check_with(page, &flags(&others, &["--tls-certificate", "--tls-key"])).await;
    assert!(
        code == 1 && said.contains("shows another certificate than"),
        "{code} {said}"
    );
    let (code, said) = check(page, &[]).await;
    assert!(
        code == 1 && said.contains("is no collector with these settings"),
        "{code} {said}"
    );
    running.collector.shutdown().await;

    let plain = Running::start(|_| {}).await;
    let (code, said) = check_with(plain.collector.addresses().page, &own).await;
    assert!(code == 1 && said.contains("does not speak TLS"), "{code} {said}");
    plain.collector.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_clients_need_certificates_being_asked_for_one_is_health() {
    let authority = Authority::new();
    let files = Files::new(&authority.sign());
    let running = files.start(Some(&authority)).await;
    let page = running.collector.addresses().page;
    let all = flags(&files, &["--tls-certificate", "--tls-key", "--tls-client-ca"]);
    let (code, said) = check_with(page, &all).await;
    assert!(code == 0 && said.starts_with("alive: "), "{code} {said}");
    running.collector.shutdown().await;

    let open = files.start(None).await;
    let (code, said) = check_with(open.collector.addresses().page, &all).await;
    assert!(
        code == 1 && said.contains("asks for no client certificate"),
        "{code} {said}"
    );
    open.collector.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_somebody_else_and_silence_are_unhealthy_within_seconds() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (case, page, expected) in [
        ("nobody", free, format!("nobody answers on {free} (Connection refused")),
        (
            "nothing is said",
            silent.local_addr().unwrap(),
            "within 3 s: the collector there is stuck".to_owned(),
        ),
        (
            "no HTTP",
            impostor("220 mail\r\n").await,
            "is no collector with these settings".to_owned(),
        ),
        (
            "another server",
            impostor("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await,
            "is no collector with these settings".to_owned(),
        ),
        (
            "no known port",
            ([127, 0, 0, 1], 0).into(),
            "give it one that can be asked".to_owned(),
        ),
    ] {
        let began = Instant::now();
        let (code, said) = check(page, &[]).await;
        assert!(code == 1 && said.contains(&expected), "{case}: {code} {said}");
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "{case}: {:?}",
            began.elapsed()
        );
    }
}
