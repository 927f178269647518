//! Serves HTTP on one address, with a bound on connections and on the time that each has to say what it wants.

use std::io::{self, Cursor};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use prometheus::IntCounterVec;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::tls::Tls;

/// Time to shake hands, then for the first bytes that tell the protocol, then for the head of each HTTP/1 request, idle
/// time before it included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls that one HTTP/2 connection may have open.
const STREAMS_PER_CONNECTION: u32 = 128;
/// The most that comes in one HTTP/2 frame: most requests of 500 spans, which then need not be put together.
const FRAME_BYTES: u32 = 256 * 1024;
/// Time between two signs of life that an HTTP/2 connection is asked for, and for each of them to come.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a peer may leave what was sent to it unread or unacknowledged; the system breaks off its connection then.
const UNREAD: Duration = Duration::from_secs(30);
/// Header lines of a request, and bytes of them.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// What each HTTP/2 connection begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/2 only, as gRPC needs it.
    Http2,
    /// HTTP/1.1 or HTTP/2, whichever a connection begins with.
    Any,
}

/// How one address is served.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    pub(crate) protocol: Protocol,
    /// Connections that are open at a time; further ones wait until the system's own queue for them is full.
    pub(crate) max_connections: usize,
    /// Encrypts all connections, if there.
    pub(crate) tls: Option<Tls>,
    /// Connections that were closed before their first request, by reason.
    pub(crate) refused: IntCounterVec,
}

/// Answers with `router` until `stop`; then takes no more connections and returns when all requests are answered.
/// Dropping the future breaks them off.
pub(crate) async fn serve(mut listener: TcpListener, serving: Serving, router: Router, stop: CancellationToken) {
    let builder = builder();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (stream, _) = Listener::accept(&mut listener), if connections.len() < serving.max_connections => {
                connections.spawn(connection(stream, serving.clone(), builder.clone(), router.clone(), stop.clone()));
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEADER_BYTES)
        .header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_frame_size(FRAME_BYTES);
    builder
}

async fn connection(
    stream: TcpStream,
    serving: Serving,
    builder: Builder<TokioExecutor>,
    router: Router,
    stop: CancellationToken,
) {
    // Answers are small and whole; without it some wait for the acknowledgement of the packet before.
    let _ = stream.set_nodelay(true);
    // Without it a peer that reads nothing keeps its connection for ever.
    let _ = sockopt::set_tcp_user_timeout(&stream, UNREAD.as_millis() as u32);
    let Some(tls) = &serving.tls else {
        return answer(stream, &serving, builder, router, stop).await;
    };
    let handshake = tls.acceptor(serving.protocol).accept(stream);
    tokio::select! {
        () = stop.cancelled() => {}
        shaken = timeout(HEAD_TIMEOUT, handshake) => match shaken {
            Ok(Ok(stream)) => answer(stream, &serving, builder, router, stop.clone()).await,
            Ok(Err(cause)) => {
                serving.refused.with_label_values(&["handshake"]).inc();
                debug!(%cause, "a handshake failed");
            }
            Err(_) => serving.refused.with_label_values(&["slow"]).inc(),
        }
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    mut stream: S,
    serving: &Serving,
    builder: Builder<TokioExecutor>,
    router: Router,
    stop: CancellationToken,
) {
    let opening = tokio::select! {
        () = stop.cancelled() => return,
        opening = timeout(HEAD_TIMEOUT, opening(&mut stream)) => opening,
    };
    let first = match opening {
        Ok(Ok(first)) => first,
        Ok(Err(_)) => return,
        Err(_) => {
            serving.refused.with_label_values(&["slow"]).inc();
            return;
        }
    };
    let builder = if serving.protocol == Protocol::Http2 || first == PREFACE {
        builder.http2_only()
    } else {
        builder.http1_only()
    };
    let (reader, writer) = tokio::io::split(stream);
    let stream = tokio::io::join(Cursor::new(first).chain(reader), writer);
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(cause) = ended {
        debug!(%cause, "a connection broke off");
    }
}

/// The first bytes of a connection: HTTP/2's preface, or as much as shows that it is something else. Read here, since
/// the server would wait for them without a limit in time.
async fn opening(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(PREFACE.len());
    loop {
        if (&mut *stream)
            .take((PREFACE.len() - first.len()) as u64)
            .read_buf(&mut first)
            .await?
            == 0
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if first.len() == PREFACE.len() || !PREFACE.starts_with(&first) {
            return Ok(first);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;
    use crate::telemetry::Metrics;

    fn serving(protocol: Protocol, max_connections: usize) -> Serving {
        Serving {
            protocol,
            max_connections,
            tls: None,
            refused: Metrics::new().unwrap().connections_refused,
        }
    }

    async fn start(protocol: Protocol, max_connections: usize) -> (std::net::SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = Router::new().fallback(async || "here");
        let serving = serving(protocol, max_connections);
        tokio::spawn(serve(listener, serving, router, stop.clone()));
        (address, stop)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_not_say_what_it_wants_is_closed() {
        for (protocol, sent) in [
            (Protocol::Any, ""),
            (Protocol::Any, "P"),
            (Protocol::Any, "GET / HTTP/1.1\r\nhost: here\r\n"),
            (Protocol::Any, "GET / HTTP/1.1\r\nhost: here\r\n\r\nGET"),
            (Protocol::Any, "PRI * HTTP/2.0\r\n"),
            (Protocol::Http2, ""),
            (Protocol::Http2, "PRI * HTTP/2.0\r\n"),
        ] {
            let (address, _stop) = start(protocol, 8).await;
            let mut stream = TcpStream::connect(address).await.unwrap();
            let connected = Instant::now();
            stream.write_all(sent.as_bytes()).await.unwrap();
            let closed = timeout(Duration::from_secs(60), stream.read_to_end(&mut Vec::new())).await;
            assert!(closed.is_ok(), "{protocol:?} {sent:?}");
            assert!(connected.elapsed() <= HEAD_TIMEOUT * 2, "{protocol:?} {sent:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_comes_byte_by_byte_has_no_more_time_than_another() {
        let (address, _stop) = start(Protocol::Any, 8).await;
        let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        let began = Instant::now();
        let trickle = async {
            for byte in b"GET / HTTP/1.1\r\nhost: here\r\nx: "
                .iter()
                .chain(std::iter::repeat(&b'x'))
            {
                if writer.write_all(&[*byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let mut rest = Vec::new();
        tokio::select! {
            () = trickle => {}
            _ = reader.read_to_end(&mut rest) => {}
        }
        assert!(began.elapsed() <= HEAD_TIMEOUT * 2, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_http2_connection_that_gives_no_sign_of_life_is_closed() {
        let (address, _stop) = start(Protocol::Http2, 8).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let began = Instant::now();
        // The preface and empty settings, and then nothing: neither requests nor answers to pings.
        stream.write_all(PREFACE).await.unwrap();
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        assert!(
            began.elapsed() <= (KEEP_ALIVE + KEEP_ALIVE_TIMEOUT) * 2,
            "{:?}",
            began.elapsed()
        );
    }

    #[tokio::test]
    async fn a_request_with_too_many_or_too_long_headers_is_refused() {
        let (address, _stop) = start(Protocol::Any, 8).await;
        for (case, headers, status) in [
            ("few headers", "x: y\r\n".repeat(20), "200"),
            ("too many", "x: y\r\n".repeat(MAX_HEADERS + 1), "431"),
            (
                "one that is too long",
                format!("x: {}\r\n", "y".repeat(MAX_HEADER_BYTES)),
                "431",
            ),
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = format!("GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{headers}\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut buffer = [0; 64];
            let count = stream.read(&mut buffer).await.unwrap();
            let answer = String::from_utf8_lossy(&buffer[..count]);
            assert_eq!(answer.split(' ').nth(1), Some(status), "{case}: {answer}");
        }
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_wait_until_one_has_gone() {
        let (address, stop) = start(Protocol::Any, 2).await;
        let mut streams = Vec::new();
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
            streams.push(stream);
        }
        let mut buffer = [0; 1024];
        for stream in &mut streams[..2] {
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
        }
        let third = timeout(Duration::from_millis(200), streams[2].read(&mut buffer)).await;
        assert!(third.is_err(), "{third:?}");
        streams.remove(0);
        let answered = timeout(HEAD_TIMEOUT / 2, streams[1].read(&mut buffer)).await;
        assert!(answered.unwrap().unwrap() > 0);

        stop.cancel();
        for mut stream in streams {
            stream.read_to_end(&mut Vec::new()).await.unwrap();
        }
    }
}
