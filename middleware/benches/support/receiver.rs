//! An exporter to a receiver in this process that throws everything away.

use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::ListenerExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use tokio::net::TcpListener;
use toolsight::Toolsight;

/// Takes every request of gRPC and HTTP without looking at it: reading spans is not the exporter's work, but would be done
/// on the same cores.
async fn take(request: Request) -> Response {
    let (head, mut body) = request.into_parts();
    while body.frame().await.is_some() {}
    match head.headers.get(CONTENT_TYPE) {
        Some(kind) if kind == "application/grpc" => {
            let trailers = HeaderMap::from_iter([("grpc-status".parse().expect("a name"), HeaderValue::from(0))]);
            let empty_message = Full::from(&[0_u8; 5][..]).with_trailers(async { Some(Ok(trailers)) });
            let mut response = Response::new(Body::new(empty_message));
            response.headers_mut().insert(CONTENT_TYPE, kind.clone());
            response
        }
        _ => Response::new(Body::empty()),
    }
}

/// The collector at `TOOLSIGHT_BENCH_COLLECTOR`, such as `http://127.0.0.1:4317`, else a receiver on a thread of its own.
pub(crate) fn endpoint() -> String {
    std::env::var("TOOLSIGHT_BENCH_COLLECTOR").unwrap_or_else(|_| null())
}

/// One exporter for all benches.
pub(crate) fn toolsight() -> &'static Toolsight {
    static TOOLSIGHT: OnceLock<Toolsight> = OnceLock::new();
    TOOLSIGHT.get_or_init(|| {
        Toolsight::builder()
            .endpoint(endpoint())
            .build()
            .expect("a valid address")
    })
}

/// The name of its threads.
pub(crate) const THREAD: &str = "receiver";

/// Starts a receiver that throws everything away, and returns its address.
pub(crate) fn null() -> String {
    let (address, is_bound) = std::sync::mpsc::sync_channel(1);
    let receive = move || {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.enable_all().thread_name(THREAD).build();
        runtime.expect("a runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            address
                .send(listener.local_addr().expect("an address"))
                .expect("somebody waits");
            // As the collector does: an answer is not held back until the exporter's system has acknowledged the one before.
            let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a connection"));
            axum::serve(listener, Router::new().fallback(take)).await
        })
    };
    let thread = std::thread::Builder::new().name(THREAD.to_owned());
    thread.spawn(receive).expect("a thread");
    let address = is_bound.recv().expect("the receiver has started");
    format!("http://{address}")
}
