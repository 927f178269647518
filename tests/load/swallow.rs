//! Stands in front of a ClickHouse server and throws away what is inserted: what a collector costs is measured beside a
//! store that costs nothing. All other statements reach the server.

#![expect(clippy::print_stdout, reason = "its address goes to standard output")]

use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, Uri};
use axum::serve::ListenerExt as _;
use clap::Parser;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;

/// Throws away what is inserted into the ClickHouse server behind it, and tells its own port.
#[derive(Debug, Parser)]
struct Arguments {
    /// Port of the server's HTTP interface on this machine.
    server: u16,
}

#[derive(Clone)]
struct Swallow {
    client: Client<HttpConnector, Body>,
    server: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { server } = Arguments::parse();
    // Else small answers wait 40 ms for acknowledgements that wait as well, which ClickHouse's do not.
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let router = Router::new().fallback(answer).with_state(Swallow { client, server });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?.port());
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    Ok(axum::serve(listener, router).await?)
}

async fn answer(State(swallow): State<Swallow>, mut request: Request) -> Response<Body> {
    if is_insert(request.uri()) {
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return failed(StatusCode::BAD_REQUEST);
            }
        }
        return Response::default();
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let Ok(uri) = format!("http://127.0.0.1:{}{path}", swallow.server).parse() else {
        return failed(StatusCode::BAD_REQUEST);
    };
    *request.uri_mut() = uri;
    match swallow.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(_) => failed(StatusCode::BAD_GATEWAY),
    }
}

/// Whether rows follow in the body: then the statement is in the address.
fn is_insert(uri: &Uri) -> bool {
    uri.query()
        .is_some_and(|query| query.contains("query=INSERT+INTO") || query.contains("query=INSERT%20INTO"))
}

fn failed(status: StatusCode) -> Response<Body> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}
