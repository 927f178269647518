//! One connection that sends a request as soon as the one before was answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::body::Template;

/// How long a request may take before it counts as failed.
const LONGEST: Duration = Duration::from_secs(30);
/// How long a sender waits that was told to come again.
const PAUSE: Duration = Duration::from_millis(100);

/// What became of the calls of one stream, and how long acknowledgements took.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    /// Answered with a refusal.
    pub(crate) refused: u64,
    /// Not answered, or not with one that OTLP knows.
    pub(crate) failed: u64,
    pub(crate) delays: Vec<Duration>,
}

impl Ledger {
    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.failed += other.failed;
        self.delays.extend(other.delays);
    }
}

/// How long to send, and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// When the first request goes.
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    /// Calls that this stream sends at most.
    pub(crate) calls: u64,
    /// Time between two requests, zero for as fast as they are answered.
    pub(crate) interval: Duration,
}

enum Connection {
    Grpc(http2::SendRequest<Full<Bytes>>),
    Http(http1::SendRequest<Full<Bytes>>),
}

impl Connection {
    async fn open(address: SocketAddr, grpc: bool) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        let io = TokioIo::new(stream);
        if grpc {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            Ok(Self::Grpc(sender))
        } else {
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            Ok(Self::Http(sender))
        }
    }

    /// Whether the request was acknowledged.
    async fn send(&mut self, address: SocketAddr, body: Bytes) -> anyhow::Result<bool> {
        let request = Request::builder().method(Method::POST);
        let (status, trailers) = match self {
            Self::Grpc(sender) => {
                let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
                let request = request
                    .uri(format!("http://{address}{path}"))
                    .header(CONTENT_TYPE, "application/grpc")
                    .header("te", "trailers");
                sender.ready().await?;
                answer(sender.send_request(request.body(Full::new(body))?).await?).await?
            }
            Self::Http(sender) => {
                let request = request
                    .uri("/v1/traces")
                    .header("host", address.to_string())
                    .header(CONTENT_TYPE, "application/x-protobuf");
                sender.ready().await?;
                answer(sender.send_request(request.body(Full::new(body))?).await?).await?
            }
        };
        let grpc_status = trailers.get("grpc-status").is_none_or(|status| status == "0");
        Ok(status == StatusCode::OK && grpc_status)
    }
}

/// Status and trailers; a refused gRPC call has what would be trailers among its headers.
async fn answer(response: http::Response<Incoming>) -> anyhow::Result<(StatusCode, HeaderMap)> {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned().unwrap_or(parts.headers);
    Ok((parts.status, trailers))
}

/// Sends until the plan is fulfilled.
pub(crate) async fn stream(address: SocketAddr, grpc: bool, mut template: Template, plan: Plan) -> Ledger {
    let mut ledger = Ledger::default();
    let mut connection = None;
    let mut due = plan.start;
    let calls = template.spans() as u64;
    while Instant::now() < plan.end && ledger.sent + calls <= plan.calls {
        tokio::time::sleep_until(due.into()).await;
        due += plan.interval;
        let body = template.fresh();
        ledger.sent += calls;
        let started = Instant::now();
        let sent = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => Connection::open(address, grpc).await?,
            };
            let acknowledged = open.send(address, body).await?;
            connection = Some(open);
            anyhow::Ok(acknowledged)
        };
        match timeout(LONGEST, sent).await {
            Ok(Ok(true)) => {
                ledger.acknowledged += calls;
                ledger.delays.push(started.elapsed());
            }
            Ok(Ok(false)) => {
                ledger.refused += calls;
                due = Instant::now() + PAUSE;
            }
            Ok(Err(_)) | Err(_) => {
                ledger.failed += calls;
                due = Instant::now() + PAUSE;
            }
        }
    }
    ledger
}
