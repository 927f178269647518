//! An exporter to a receiver in this process that throws everything away.

use std::sync::OnceLock;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use toolsight::Toolsight;

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

/// One exporter for all benches: to the collector at `TOOLSIGHT_BENCH_COLLECTOR`, such as `http://127.0.0.1:4317`, else
/// to a receiver on a thread of its own.
pub(crate) fn toolsight() -> &'static Toolsight {
    static TOOLSIGHT: OnceLock<Toolsight> = OnceLock::new();
    TOOLSIGHT.get_or_init(|| {
        let endpoint = std::env::var("TOOLSIGHT_BENCH_COLLECTOR").unwrap_or_else(|_| null());
        Toolsight::builder()
            .endpoint(endpoint)
            .build()
            .expect("a valid address")
    })
}

/// Starts a receiver that throws everything away, and returns its address.
fn null() -> String {
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
    format!("http://{address}")
}
