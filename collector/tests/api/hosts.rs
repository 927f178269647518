//! Requests over a socket that name one host or another.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{app::App, engine};

#[tokio::test]
async fn only_requests_that_name_this_machine_are_answered() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, app.router.clone()).into_future());
    let cases = [
        ("localhost", "GET /healthz HTTP/1.1", "Host: localhost:4319\r\n", "200"),
        (
            "a loopback address",
            "GET /healthz HTTP/1.1",
            "Host: 127.0.0.1\r\n",
            "200",
        ),
        (
            "a loopback address of version 6",
            "GET /healthz HTTP/1.1",
            "Host: [::1]:4319\r\n",
            "200",
        ),
        (
            "a name that was pointed here",
            "GET /healthz HTTP/1.1",
            "Host: evil.example\r\n",
            "403",
        ),
        (
            "the same for data",
            "GET /api/v1/calls HTTP/1.1",
            "Host: evil.example:4319\r\n",
            "403",
        ),
        (
            "the same for the page",
            "GET / HTTP/1.1",
            "Host: evil.example\r\n",
            "403",
        ),
        ("no host", "GET /healthz HTTP/1.0", "", "403"),
        (
            "two hosts",
            "GET /healthz HTTP/1.1",
            "Host: localhost\r\nHost: evil.example\r\n",
            "4",
        ),
        (
            "another host in the target",
            "GET http://evil.example/healthz HTTP/1.1",
            "Host: localhost\r\n",
            "403",
        ),
    ];
    for (name, line, host, status) in cases {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{line}\r\n{host}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let got = answer.split(' ').nth(1).unwrap_or_default();
        assert!(got.starts_with(status), "{name}: {answer}");
        if status == "403" {
            assert!(answer.contains("\"code\":\"forbidden_host\""), "{name}: {answer}");
        }
    }
    server.abort();
}
