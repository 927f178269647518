//! Serves HTTP on one address, with a bound on connections and on the time that each has to say what it wants.

use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// Connections that one listener has open; further ones wait until the system's own queue for them is full.
pub(crate) const MAX_CONNECTIONS: usize = 1024;
/// Time for the first byte of a connection, and for the head of each HTTP/1 request, idle time before it included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls that one HTTP/2 connection may have open.
const STREAMS_PER_CONNECTION: u32 = 128;
/// Time between two signs of life that an HTTP/2 connection is asked for.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What a listener speaks. One for all would have to wait for the first bytes of a connection without a limit in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Answers with `router` until `stop`; then takes no more connections and returns when all requests are answered.
/// Dropping the future breaks them off.
pub(crate) async fn serve(
    mut listener: TcpListener,
    protocol: Protocol,
    router: Router,
    max_connections: usize,
    stop: CancellationToken,
) {
    let builder = builder(protocol);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            (stream, _) = Listener::accept(&mut listener), if connections.len() < max_connections => {
                connections.spawn(connection(stream, builder.clone(), router.clone(), stop.clone()));
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn builder(protocol: Protocol) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(STREAMS_PER_CONNECTION);
    match protocol {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_only(),
    }
}

async fn connection(stream: TcpStream, builder: Builder<TokioExecutor>, router: Router, stop: CancellationToken) {
    let mut first = [0];
    tokio::select! {
        () = stop.cancelled() => return,
        came = timeout(HEAD_TIMEOUT, stream.peek(&mut first)) => {
            if !matches!(came, Ok(Ok(1))) {
                return;
            }
        }
    }
    // Answers are small and whole; without it some wait for the acknowledgement of the packet before.
    let _ = stream.set_nodelay(true);
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    async fn start(protocol: Protocol, max_connections: usize) -> (std::net::SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = Router::new().fallback(async || "here");
        tokio::spawn(serve(listener, protocol, router, max_connections, stop.clone()));
        (address, stop)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_not_say_what_it_wants_is_closed() {
        for (protocol, sent) in [
            (Protocol::Http1, ""),
            (Protocol::Http1, "P"),
            (Protocol::Http1, "GET / HTTP/1.1\r\nhost: here\r\n"),
            (Protocol::Http1, "GET / HTTP/1.1\r\nhost: here\r\n\r\nGET"),
            (Protocol::Http2, ""),
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

    #[tokio::test]
    async fn connections_beyond_the_bound_wait_until_one_has_gone() {
        let (address, stop) = start(Protocol::Http1, 2).await;
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
