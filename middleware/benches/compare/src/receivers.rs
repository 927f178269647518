//! Receivers of both exporters, which throw everything away.

use std::sync::mpsc::sync_channel;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;

/// The name of their thread.
pub(crate) const THREAD: &str = "receiver";

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

/// Starts them on a thread of their own; the addresses for OTLP over gRPC and for plain HTTP.
pub(crate) fn start() -> (String, String) {
    let (addresses, are_bound) = sync_channel(1);
    let serve = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let bind = async || TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let (otlp, http) = (bind().await, bind().await);
            let address = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("an address"));
            addresses
                .send((address(&otlp), address(&http)))
                .expect("somebody waits");
            let server = tonic::transport::Server::builder().add_service(TraceServiceServer::new(Null));
            let any = axum::Router::new().fallback(async |_body: axum::body::Bytes| "{}");
            let (otlp, http) = tokio::join!(server.serve_with_incoming(TcpListenerStream::new(otlp)), async {
                axum::serve(http, any).await
            },);
            otlp.and(http.map_err(|_| unreachable!("it never ends")))
                .expect("it serves");
        });
    };
    std::thread::Builder::new()
        .name(THREAD.to_owned())
        .spawn(serve)
        .expect("a thread");
    are_bound.recv().expect("the receivers have started")
}
