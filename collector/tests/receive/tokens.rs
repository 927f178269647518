//! Who may send, and to whose calls it is added.

use std::fs;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::Code;

use crate::support::{Answer, PROTOBUF, Running, call, request, text};
use crate::token_file::TokensFile;

async fn start(file: &TokensFile) -> Running {
    let path = file.path();
    Running::start(|config| config.security.tokens_file = Some(path)).await
}

/// Sends one call that says it is `globex`'s, over both protocols.
async fn send(running: &Running, token: &str) -> (u16, Code) {
    // Other identifiers each time: the same request twice would be taken for one that is sent again.
    let sent = || {
        let mut span = call("add");
        span.span_id = rand::random::<[u8; 8]>().to_vec();
        span.attributes.push(text("toolsight.tenant", "globex"));
        request(vec![span])
    };
    let bearer = format!("Bearer {token}");
    let authorized = [PROTOBUF, ("authorization", bearer.as_str())];
    let headers = if token.is_empty() {
        &authorized[..1]
    } else {
        &authorized
    };
    let answer = running.post("/v1/traces", headers, &sent().encode_to_vec()).await;
    let challenge = answer.head.contains("www-authenticate: bearer");
    assert_eq!(challenge, answer.status == 401, "{}", answer.head);

    let address = format!("http://{}", running.collector.addresses().grpc);
    let mut client = TraceServiceClient::connect(address).await.unwrap();
    let mut message = tonic::Request::new(sent());
    if !token.is_empty() {
        message.metadata_mut().insert("authorization", bearer.parse().unwrap());
    }
    let code = client
        .export(message)
        .await
        .map_or_else(|status| status.code(), |_| Code::Ok);
    (answer.status, code)
}

#[tokio::test]
async fn a_sender_needs_a_token_for_sending_and_its_calls_are_the_tokens_tenants() {
    let file = TokensFile::new();
    let (acme, read, admin) = (
        file.add("acme", "ingest"),
        file.add("acme", "read"),
        file.add("", "admin"),
    );
    let running = start(&file).await;
    for (case, token, answers) in [
        ("no token", "", (401, Code::Unauthenticated)),
        ("a wrong token", "toolsight_ingest_AAAA", (401, Code::Unauthenticated)),
        ("a token's hash", "blake3", (401, Code::Unauthenticated)),
        ("a token for reading", read.as_str(), (403, Code::PermissionDenied)),
        ("a token for sending", acme.as_str(), (200, Code::Ok)),
    ] {
        assert_eq!(send(&running, token).await, answers, "{case}");
    }
    let rows = running.sink.wait_for(2).await;
    let tenants = |rows: &[toolsight_collector::row::Row<'_>]| {
        let mut tenants: Vec<_> = rows.iter().map(|row| row.tenant.to_string()).collect();
        tenants.sort();
        tenants
    };
    assert_eq!(tenants(&rows), ["acme", "acme"], "not what the calls say");
    assert_eq!(send(&running, &admin).await, (200, Code::Ok));
    let rows = running.sink.wait_for(4).await;
    assert_eq!(
        tenants(&rows),
        ["acme", "acme", "globex", "globex"],
        "admins are believed"
    );
    assert_eq!(running.count("requests_refused", "unauthenticated"), 6);
    assert_eq!(running.count("requests_refused", "forbidden"), 2);
    running.collector.shutdown().await;
}

#[tokio::test]
async fn a_sender_without_a_token_is_answered_before_its_body() {
    let running = start(&TokensFile::new()).await;
    let mut stream = TcpStream::connect(running.collector.addresses().http).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: c\r\ncontent-type: application/x-protobuf\r\nconnection: close\r\n";
    stream
        .write_all(format!("{head}content-length: 16000000\r\n\r\n").as_bytes())
        .await
        .unwrap();
    assert_eq!(Answer::read(&mut stream).await.status, 401);
    running.collector.shutdown().await;
}

#[tokio::test]
async fn the_file_is_read_again_when_it_changes_and_a_broken_one_changes_nothing() {
    let file = TokensFile::new();
    let first = file.add("acme", "ingest");
    let running = start(&file).await;
    assert_eq!(send(&running, &first).await, (200, Code::Ok));

    let second = file.add("acme", "ingest");
    becomes(&running, &second, (200, Code::Ok)).await;
    assert_eq!(
        send(&running, &first).await,
        (200, Code::Ok),
        "both are good while senders change over"
    );

    let good = fs::read_to_string(file.path()).unwrap();
    fs::write(file.path(), format!("{good}\n[[token]]\nname =")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while running.count("reload_failures", "tokens_file") == 0 {
        assert!(Instant::now() < deadline, "the broken file was not noticed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(send(&running, &first).await, (200, Code::Ok));

    let kept = good.split("[[token]]").nth(2).unwrap();
    fs::write(file.path(), format!("[[token]]{kept}")).unwrap();
    becomes(&running, &first, (401, Code::Unauthenticated)).await;
    assert_eq!(send(&running, &second).await, (200, Code::Ok), "only one was withdrawn");
    running.collector.shutdown().await;
}

async fn becomes(running: &Running, token: &str, wanted: (u16, Code)) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while send(running, token).await != wanted {
        assert!(Instant::now() < deadline, "the changed file was not noticed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
