//! The price of the layer: the same exchange bare and layered, in one run.
//!
//! The service answers at once, so what is measured is the layer and what passes through it. Layered services export to
//! a receiver in this process that throws everything away. See README.md beside this file.

use std::convert::Infallible;
use std::sync::OnceLock;

use bytes::Bytes;
use divan::{Bencher, counter::BytesCount};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use toolsight::Toolsight;
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

fn main() {
    divan::main();
}

const REQUEST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"post_entry","arguments":{"account":"4711","amount":12,"text":"coffee and cake"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"desk-agent","version":"4.2.0"},"io.modelcontextprotocol/clientCapabilities":{},"traceparent":"00-5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13-01"}}}"#;

/// Sizes of the result's text: a word, a page, a dump.
const SIZES: [usize; 3] = [16, 100_000, 1_000_000];

/// An answer whose text is prose with an escaped line end every 80 bytes, or JSON within JSON.
fn answer(bytes: usize, nested: bool, stream: bool) -> Bytes {
    let piece = if nested {
        r#"{\"name\":\"value\",\"n\":12},"#
    } else {
        "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor\\n"
    };
    let mut text = piece.repeat(bytes / piece.len() + 1);
    text.truncate(bytes - bytes % piece.len());
    let json = format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"resultType":"complete","content":[{{"type":"text","text":"{text}"}}],"isError":false}}}}"#
    );
    Bytes::from(if stream {
        format!("event: message\ndata: {json}\n\n")
    } else {
        json
    })
}

#[derive(Clone, Copy)]
struct Null;

#[tonic::async_trait]
impl TraceService for Null {
    async fn export(
        &self,
        _request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        Ok(tonic::Response::new(ExportTraceServiceResponse::default()))
    }
}

/// One exporter for all benches, to a receiver on a thread of its own.
fn toolsight() -> &'static Toolsight {
    static TOOLSIGHT: OnceLock<Toolsight> = OnceLock::new();
    TOOLSIGHT.get_or_init(|| {
        let (address, is_bound) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || {
            Runtime::new().expect("a runtime").block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                address
                    .send(listener.local_addr().expect("an address"))
                    .expect("somebody waits");
                let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(Null));
                server.serve_with_incoming(TcpListenerStream::new(listener)).await
            })
        });
        let address = is_bound.recv().expect("the receiver has started");
        Toolsight::builder()
            .endpoint(format!("http://{address}"))
            .build()
            .expect("a valid address")
    })
}

fn inner(
    body: Bytes,
    stream: bool,
) -> impl Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    service_fn(move |request| serve(request, body.clone(), stream))
}

async fn serve<B: http_body::Body>(
    request: Request<B>,
    body: Bytes,
    stream: bool,
) -> Result<Response<Full<Bytes>>, Infallible>
where
    B::Error: std::fmt::Debug,
{
    divan::black_box(request.into_body().collect().await.expect("a whole body"));
    let content = if stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    Ok(Response::builder()
        .header("content-type", content)
        .body(Full::new(body))
        .expect("a response"))
}

fn request() -> Request<Full<Bytes>> {
    Request::post("/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2026-07-28")
        .body(Full::new(Bytes::from_static(REQUEST.as_bytes())))
        .expect("a request")
}

/// Runs one exchange after the other on this thread.
fn run<S, R>(bencher: Bencher<'_, '_>, bytes: usize, service: &S)
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>, Error = Infallible> + Clone + Sync,
    R: http_body::Body,
    R::Error: std::fmt::Debug,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(request)
        .bench_local_values(|request| {
            runtime.block_on(async {
                let response = service.clone().oneshot(request).await.expect("a response");
                response.into_body().collect().await.expect("a whole body")
            })
        });
}

macro_rules! pair {
    ($name:ident, nested: $nested:expr, stream: $stream:expr) => {
        mod $name {
            use super::*;

            #[divan::bench(args = SIZES)]
            fn bare(bencher: Bencher<'_, '_>, bytes: usize) {
                run(bencher, bytes, &inner(answer(bytes, $nested, $stream), $stream));
            }

            #[divan::bench(args = SIZES)]
            fn layered(bencher: Bencher<'_, '_>, bytes: usize) {
                let body = answer(bytes, $nested, $stream);
                let service = service_fn(move |request| serve(request, body.clone(), $stream));
                run(bencher, bytes, &toolsight().layer().layer(service));
            }
        }
    };
}

pair!(prose_json, nested: false, stream: false);
pair!(prose_event_stream, nested: false, stream: true);
pair!(nested_json, nested: true, stream: false);
