//! A server over HTTP behind this process, and its clients in front.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io::{self, Write as _};
use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_TYPE, COOKIE, EXPECT, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use toolsight::http::RequestBody;
use toolsight::{ClientAddress, Toolsight};
use tower::{Layer as _, Service, ServiceExt as _};

use crate::args::{Between, Host};
use crate::lent::{Lent, lend, read_out};
use crate::signals::Signals;
use crate::tls;

/// Connections of clients at a time; further ones wait until the system's own queue for them is full.
const CONNECTIONS: usize = 10_000;
/// How long the server may take to take a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection to the server is kept for the next request: less than servers do, which would else close it as
/// the request is on its way.
const IDLE: Duration = Duration::from_secs(2);
/// How long a client may take for the head of a request, and before it to agree on TLS.
pub(crate) const HEAD: Duration = Duration::from_secs(30);
/// How long a client may take for the rest of a request whose server is away.
const UNSENT: Duration = Duration::from_secs(1);
/// How long answers may go on after the signal to end.
const DRAIN: Duration = Duration::from_secs(10);
/// What is only of one connection, besides what `Connection` names (RFC 9110, section 7.6.1).
const OF_THE_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    scheme: Scheme,
    authority: Authority,
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri = Uri::from_str(text).map_err(|error| error.to_string())?.into_parts();
        match (uri.scheme, uri.authority, uri.path_and_query) {
            (Some(_), Some(_), Some(path)) if path != "/" => Err(format!(
                "{path} is too much: requests keep their paths, so name the server only"
            )),
            (Some(scheme), Some(authority), _) if scheme == Scheme::HTTP || scheme == Scheme::HTTPS => {
                Ok(Self { scheme, authority })
            }
            _ => Err("it has to begin with http:// or https://".to_owned()),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.authority)
    }
}

/// Serves until a signal asks for the end, and then until all answers are given, or too long.
///
/// # Errors
/// If it cannot listen, or not with that certificate.
pub(crate) async fn run(between: Between, toolsight: &Toolsight) -> anyhow::Result<()> {
    let Between {
        listen,
        certificate,
        key,
        host,
        client_address,
        server,
    } = between;
    let files = certificate.as_deref().zip(key.as_deref());
    let tls = files
        .map(|(certificate, key)| tls::acceptor(certificate, key))
        .transpose()?;
    let mut signals = Signals::new().context("listen to signals")?;
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listen on {listen}, which --listen names"))?;
    let _ = writeln!(
        io::stderr(),
        "toolsight: observing {server} at {}://{}",
        if tls.is_some() { "https" } else { "http" },
        listener.local_addr()?
    );
    let service = toolsight.layer().layer(Forward::new(server, host)?);

    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let (end_greetings, ending) = watch::channel(());
    let mut end = pin!(signals.next());
    loop {
        let accept = async {
            let place = connections.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream, client) = tokio::select! {
            _ = &mut end => break,
            (place, Ok((stream, client))) = accept => (place, stream, client),
            // Such as too many open files: connections that end make room.
            else => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Events are small, and go out when they come.
        let _ = stream.set_nodelay(true);
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .preserve_header_case(true)
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD);
        builder.http2().timer(TokioTimer::new());
        let client = client_address.then(|| ClientAddress::from(client));
        let service = service.clone().map_request(move |mut request: Request<Incoming>| {
            client.map(|client| request.extensions_mut().insert(client));
            request
        });
        let service = TowerToHyperService::new(service);
        let (tls, watcher, mut ending) = (tls.clone(), graceful.watcher(), ending.clone());
        tokio::spawn(async move {
            let greeted = tokio::select! {
                biased;
                stream = tls::greet(stream, tls) => stream,
                _ = ending.changed() => None,
            };
            if let Some(stream) = greeted {
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                // A client that breaks off is what its call tells.
                let _ = watcher.watch(connection.into_owned()).await;
            }
            drop(place);
        });
    }
    drop(listener);
    // Who has not agreed on TLS yet has asked for nothing.
    drop(end_greetings);
    let _ = timeout(DRAIN, graceful.shutdown()).await;
    toolsight.shutdown().await;
    Ok(())
}

type Asked = Client<HttpsConnector<HttpConnector>, Lent<RequestBody<Incoming>>>;
type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// Asks the server what it is asked.
#[derive(Clone, Debug)]
struct Forward {
    client: Asked,
    server: Arc<Server>,
    host: Host,
}

impl Forward {
    fn new(server: Server, host: Host) -> anyhow::Result<Self> {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        let tls = HttpsConnectorBuilder::new();
        let provider = || rustls::crypto::ring::default_provider();
        // Those of the system, else those that browsers trust.
        let tls = tls
            .with_provider_and_native_roots(provider())
            .or_else(|_| HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider()))
            .context("make ready for TLS")?;
        Ok(Self {
            client: Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .http1_preserve_header_case(true)
                .build(tls.https_or_http().enable_http1().wrap_connector(connector)),
            server: Arc::new(server),
            host,
        })
    }

    /// The request as the server gets it.
    fn forwarded<B>(&self, request: Request<B>) -> Result<Request<B>, http::Error> {
        let (mut head, body) = request.into_parts();
        let asked = std::mem::take(&mut head.uri).into_parts();
        let name = match self.host {
            Host::Client => asked.authority.as_ref(),
            Host::Server => Some(&self.server.authority),
        };
        strip(&mut head.headers);
        join_cookies(&mut head.headers);
        // The connection to the client has said it already.
        head.headers.remove(EXPECT);
        if let Some(name) = name {
            // HTTP/2 has it in the address.
            head.headers.insert(HOST, HeaderValue::from_str(name.as_str())?);
        }
        head.uri = Uri::builder()
            .scheme(self.server.scheme.clone())
            .authority(self.server.authority.clone())
            .path_and_query(asked.path_and_query.unwrap_or(PathAndQuery::from_static("/")))
            .build()?;
        head.version = Version::HTTP_11;
        Ok(Request::from_parts(head, body))
    }
}

impl Service<Request<RequestBody<Incoming>>> for Forward {
    type Response = Answer;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<Incoming>>) -> Self::Future {
        let server = self.server.clone();
        let client = self.client.clone();
        let (head, body) = request.into_parts();
        let (body, returned) = lend(body);
        let forwarded = self.forwarded(Request::from_parts(head, body));
        Box::pin(async move {
            let request = match forwarded {
                Ok(request) => request,
                Err(error) => return Ok(refusal(StatusCode::BAD_REQUEST, &format!("{error}"))),
            };
            match client.request(request).await {
                Ok(answer) => {
                    let (mut head, body) = answer.into_parts();
                    strip(&mut head.headers);
                    head.version = Version::default();
                    Ok(Response::from_parts(head, Either::Left(body)))
                }
                Err(error) => {
                    // What was not sent tells which call it was.
                    let _ = timeout(UNSENT, read_out(returned)).await;
                    let why = why(&error);
                    tracing::warn!(target: "toolsight", %server, "the server gave no answer: {why}");
                    Ok(refusal(
                        StatusCode::BAD_GATEWAY,
                        &format!("{server} gave no answer: {why}"),
                    ))
                }
            }
        })
    }
}

/// Takes away what is of one connection only.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_str(name.trim()).ok())
        .collect();
    for name in named.iter().chain(&OF_THE_CONNECTION) {
        headers.remove(name);
    }
}

/// In HTTP/2 each cookie may be a field of its own, which HTTP/1.1 does not know (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() > 1
        && let Ok(mut joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..]))
    {
        joined.set_sensitive(true);
        headers.insert(COOKIE, joined);
    }
}

fn refusal(status: StatusCode, why: &str) -> Answer {
    let mut answer = Response::new(Either::Right(Full::from(format!("toolsight proxy: {why}\n"))));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

/// All causes, as the first one says nothing.
fn why(error: &legacy::Error) -> String {
    let mut causes = Vec::new();
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        causes.push(error.to_string());
        next = error.source();
    }
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_scheme_and_name_only() {
        for (text, told) in [
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("https://mcp.example.com/", "https://mcp.example.com"),
            ("http://127.0.0.1:3000/mcp", "/mcp is too much"),
            ("127.0.0.1:3000", "it has to begin with http:// or https://"),
            ("ftp://files", "it has to begin with http:// or https://"),
        ] {
            let read = Server::from_str(text).map_or_else(|error| error, |server| server.to_string());
            assert!(read.starts_with(told), "{text}: {read}");
        }
    }

    #[test]
    fn cookies_of_http_2_are_one_header() {
        for (fields, joined) in [(&["a=1"][..], "a=1"), (&["a=1; b=2", "c=3"], "a=1; b=2; c=3")] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(COOKIE, HeaderValue::from_static(field));
            }
            join_cookies(&mut headers);
            let told: Vec<_> = headers.get_all(COOKIE).iter().collect();
            assert_eq!(told, [joined]);
        }
        let mut headers = HeaderMap::new();
        join_cookies(&mut headers);
        assert!(headers.is_empty());
    }

    #[test]
    fn what_is_of_one_connection_is_not_passed_on() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, x-hop"),
            ("keep-alive", "timeout=5"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("mcp-session-id", "abc"),
            ("authorization", "Bearer t"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "mcp-session-id"]);
    }
}
