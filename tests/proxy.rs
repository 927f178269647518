//! A server in another language behind the proxy.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http::{Request, Version};
use http_body_util::BodyExt as _;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::clients::{self, Caller};
use crate::support::collector::Collector;
use crate::support::{eventually, installed, program, signal};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// The running program, and where it listens.
pub(crate) struct Proxy {
    process: Child,
    address: String,
}

impl Proxy {
    pub(crate) async fn start(endpoint: &str, options: &[&str], server: &str) -> Self {
        let mut command = Command::new(program("toolsight"));
        command.args(["proxy", "--endpoint", endpoint, "--listen", "127.0.0.1:0"]);
        command
            .args(options)
            .arg(server)
            .kill_on_drop(true)
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().unwrap();
        let address = line.rsplit_once("://").unwrap().1.to_owned();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { process, address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server of the Python SDK, by the file that it stands in.
pub(crate) async fn python(file: &str, port: u16) -> Child {
    let mut command = Command::new(installed("tests/peers/python/venv/bin/python"));
    command
        .arg(installed(&format!("tests/peers/python/{file}")))
        .arg(port.to_string())
        .stdout(Stdio::null());
    let server = command.stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    eventually("the server listens", || async {
        TcpStream::connect(("127.0.0.1", port)).await.ok()
    })
    .await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_python_server_are_recorded_in_every_era() {
    let collector = Collector::start().await;
    let port = free_port();
    let mut server = python("server.py", port).await;
    let server_url = format!("http://127.0.0.1:{port}");
    let proxy = Proxy::start(&collector.grpc, &["--user-header", "x-user"], &server_url).await;
    let caller = |user: &'static str| Caller {
        name: "rusty",
        version: "1.0",
        user,
    };
    for (protocol, user) in [("2025-06-18", "ada"), ("2026-07-28", "bob")] {
        let client = clients::rmcp(&proxy.url("/mcp"), caller(user), protocol).await;
        assert_eq!(clients::call(&client, "add", &json!({"a": 1, "b": 2})).await, "ok");
        assert_eq!(clients::call(&client, "fail", &json!({})).await, "tool_error");
    }
    // The answer to a call when the server is away says so, and whose fault it is.
    server.kill().await.unwrap();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{}}}"#;
    let client = reqwest::Client::new();
    let asked = client
        .post(proxy.url("/mcp"))
        .header("content-type", "application/json")
        .body(call);
    let refused = asked.send().await.unwrap();
    assert_eq!(refused.status(), 502);
    let text = refused.text().await.unwrap();
    assert!(text.contains(&server_url) && text.contains("refused"), "{text}");

    let calls = collector.tool_calls(5).await;
    let told: Vec<_> = calls
        .iter()
        .map(|call| ["server", "target", "outcome", "fault", "protocol", "user"].map(|name| call[name].clone()))
        .collect();
    let expected = |target: &str, outcome: &str, fault: &str, protocol: &str, user: &str| {
        ["python-server", target, outcome, fault, protocol, user].map(Value::from)
    };
    assert_eq!(
        told[..4],
        [
            expected("add", "ok", "none", "2025-06-18", "ada"),
            expected("fail", "tool_error", "server", "2025-06-18", "ada"),
            expected("add", "ok", "none", "2026-07-28", "bob"),
            expected("fail", "tool_error", "server", "2026-07-28", "bob"),
        ]
    );
    assert_eq!(told[4][1..4], ["add", "http_error", "server"].map(Value::from));
}

/// Takes one request, answers it with `answer`, and returns what it got.
async fn one_exchange(listener: &tokio::net::TcpListener, answer: &[u8], body: usize) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut got = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&got);
        if text.split_once("\r\n\r\n").is_some_and(|(_, rest)| rest.len() == body) {
            break;
        }
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
    }
    stream.write_all(answer).await.unwrap();
    String::from_utf8(got).unwrap()
}

#[tokio::test]
async fn an_exchange_passes_as_it_is_but_for_what_is_of_one_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    for (options, host) in [(&[][..], "mcp.example.com"), (&["--host", "server"], &server[7..])] {
        let proxy = Proxy::start(NOWHERE, options, &server).await;
        let mut client = TcpStream::connect(&proxy.address).await.unwrap();
        let request = "POST /a/b?c=%20d HTTP/1.1\r\nHost: mcp.example.com\r\nX-Own-Header: One\r\nconnection: x-hop\r\n\
                       x-hop: 1\r\nContent-Length: 4\r\n\r\n\u{e4}{}";
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = "HTTP/1.1 418 Short And Stout\r\nX-Its-Header: Two\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a=1\r\n\
                      set-cookie: b=2\r\nContent-Length: 3\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\n\r\n\u{ff}\0\n";
        let answer: Vec<u8> = answer
            .chars()
            .map(|character| u8::try_from(character).unwrap())
            .collect();
        let got = one_exchange(&listener, &answer, 4).await;
        let mut lines: Vec<_> = got.split("\r\n").collect();
        lines[1..4].sort_unstable();
        let host = format!("Host: {host}");
        let expected = [
            "POST /a/b?c=%20d HTTP/1.1",
            "Content-Length: 4",
            &host,
            "X-Own-Header: One",
            "",
            "\u{e4}{}",
        ];
        assert_eq!(lines, expected);
        let mut back = Vec::new();
        while !back.ends_with(b"\r\n\r\n\xff\0\n") {
            assert_ne!(
                client.read_buf(&mut back).await.unwrap(),
                0,
                "{}",
                String::from_utf8_lossy(&back)
            );
        }
        let head = String::from_utf8_lossy(&back);
        let head = head.split("\r\n\r\n").next().unwrap();
        let mut lines: Vec<_> = head.split("\r\n").collect();
        lines[1..].sort_unstable();
        assert_eq!(
            lines,
            [
                "HTTP/1.1 418 Short And Stout",
                "Content-Length: 3",
                "Date: Sun, 22 Nov 2026 00:00:00 GMT",
                "Set-Cookie: a=1",
                "X-Its-Header: Two",
                "set-cookie: b=2",
            ]
        );
    }
}

#[tokio::test]
async fn an_event_passes_before_the_next_one_comes_and_a_hang_up_reaches_the_server() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(NOWHERE, &[], &format!("http://{}", listener.local_addr().unwrap())).await;
    let mut client = TcpStream::connect(&proxy.address).await.unwrap();
    client
        .write_all(b"GET /mcp HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n")
        .await
        .unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\n") {
        assert_ne!(server.read_buf(&mut got).await.unwrap(), 0);
    }
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    server.write_all(head).await.unwrap();
    let mut back = Vec::new();
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        server
            .write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
            .await
            .unwrap();
        while !String::from_utf8_lossy(&back).contains(event) {
            assert_ne!(client.read_buf(&mut back).await.unwrap(), 0);
        }
    }
    drop(client);
    let ended = timeout(Duration::from_secs(30), server.read_buf(&mut got)).await;
    assert_eq!(ended.expect("the server learns of it").unwrap_or(0), 0);
}

#[tokio::test]
async fn an_answer_is_given_to_its_end_after_the_signal_to_end() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut proxy = Proxy::start(NOWHERE, &[], &format!("http://{}", listener.local_addr().unwrap())).await;
    let asked = tokio::spawn(reqwest::get(proxy.url("/")));
    let (mut server, _) = listener.accept().await.unwrap();
    // An answer to a request that was not sent yet is an error.
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\n") {
        assert_ne!(server.read_buf(&mut got).await.unwrap(), 0);
    }
    signal(proxy.process.id().unwrap(), "-TERM");
    eventually("it takes no more connections", || async {
        TcpStream::connect(&proxy.address).await.err()
    })
    .await;
    server
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone")
        .await
        .unwrap();
    assert_eq!(asked.await.unwrap().unwrap().text().await.unwrap(), "done");
    let ended = timeout(Duration::from_secs(30), proxy.process.wait()).await;
    assert!(ended.unwrap().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_of_a_client_is_recorded_where_that_is_wanted() {
    let (sender, mut requests) = tokio::sync::mpsc::channel(8);
    let take = post(async move |body: Bytes| sender.send(body).await.unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, Router::new().route("/v1/traces", take)).await });
    for (option, expected) in [(None, None), (Some("--client-address"), Some("127.0.0.1"))] {
        let options: Vec<_> = ["--protocol", "http"].into_iter().chain(option).collect();
        let proxy = Proxy::start(&endpoint, &options, NOWHERE).await;
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let answer = reqwest::Client::new().post(proxy.url("/mcp")).json(&call).send().await;
        assert_eq!(answer.unwrap().status(), 502);
        let request = timeout(Duration::from_secs(30), requests.recv()).await.unwrap();
        let request = ExportTraceServiceRequest::decode(request.unwrap()).unwrap();
        let mut attributes = request.resource_spans[0].scope_spans[0].spans[0].attributes.iter();
        let told = attributes.find(|attribute| attribute.key == "client.address");
        let told = told.map(|told| format!("{:?}", told.value));
        assert_eq!(told.is_some(), expected.is_some(), "{option:?}");
        assert!(told.unwrap_or_default().contains(expected.unwrap_or_default()));
    }
}

/// Files of a certificate for `localhost` and its key, by the name that they begin with.
fn certified(folder: &Path, name: &str) -> (rcgen::Certificate, [String; 2]) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = ["pem", "key"].map(|kind| folder.join(format!("{name}.{kind}")));
    std::fs::write(&files[0], certified.cert.pem()).unwrap();
    std::fs::write(&files[1], certified.signing_key.serialize_pem()).unwrap();
    (certified.cert, files.map(|file| file.display().to_string()))
}

#[tokio::test]
async fn clients_that_trust_its_certificate_are_served_over_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, Router::new().fallback(async || "done")).await });
    let folder = tempfile::tempdir().unwrap();
    let (own, [certificate, key]) = certified(folder.path(), "own");
    let (another, _) = certified(folder.path(), "another");
    let options = ["--certificate", &certificate, "--key", &key];
    let proxy = Proxy::start(NOWHERE, &options, &server).await;
    // Who says nothing keeps nobody else waiting.
    let _silent = TcpStream::connect(&proxy.address).await.unwrap();
    let connect = async |trusted: &rcgen::Certificate, protocol: &[u8]| {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.der().clone()).unwrap();
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let stream = TcpStream::connect(&proxy.address).await.unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream);
        Ok::<_, std::io::Error>(TokioIo::new(stream.await?))
    };
    let ask = || Request::get("https://localhost/mcp").body(String::new()).unwrap();
    let (mut client, connection) = http1::handshake(connect(&own, b"http/1.1").await.unwrap())
        .await
        .unwrap();
    tokio::spawn(connection);
    let first = client.send_request(ask()).await.unwrap();
    let h2 = connect(&own, b"h2").await.unwrap();
    let (mut client, connection) = http2::handshake(TokioExecutor::new(), h2).await.unwrap();
    tokio::spawn(connection);
    let second = client.send_request(ask()).await.unwrap();
    for (answer, version) in [(first, Version::HTTP_11), (second, Version::HTTP_2)] {
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "done");
    }
    assert!(
        connect(&another, b"h2").await.is_err(),
        "a certificate that nobody trusts"
    );
    assert!(reqwest::get(proxy.url("/mcp")).await.is_err(), "there is TLS only");
}

#[tokio::test]
async fn what_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (_, [own, key]) = certified(folder.path(), "own");
    let (_, [_, another]) = certified(folder.path(), "another");
    let no_file = folder.path().join("none").display().to_string();
    let tls = |certificate, key| ["--certificate", certificate, "--key", key, "http://127.0.0.1:3000"];
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, told) in [
        (&["127.0.0.1:3000"][..], "it has to begin with http:// or https://"),
        (&["http://127.0.0.1:3000/mcp"], "requests keep their paths"),
        (&["--listen", &taken, "http://127.0.0.1:3000"], "which --listen names"),
        (&tls(&no_file, &key), "none, which --certificate names: "),
        (
            &tls(&key, &key),
            "own.key, which --certificate names, has no certificate in it",
        ),
        (&tls(&own, &own), "own.pem, which --key names"),
        (&tls(&own, &another), "own.pem with the key in"),
        (&tls(&own, &another), "another.key: "),
        (&["--key", &key, "http://127.0.0.1:3000"], "--certificate"),
    ] {
        let mut command = Command::new(program("toolsight"));
        let output = command.arg("proxy").args(arguments).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(told), "{arguments:?}: {said}");
    }
}
