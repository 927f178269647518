//! Calls per second of an `rmcp` server over Streamable HTTP and over a pair of pipes in memory, bare and layered, in
//! turns in one run.
//!
//! Server, clients and exporter share this process and its two worker threads, so what the layer costs is part of what
//! all of them cost. The turns alternate, since other work on the machine changes more than the layer does. Records go
//! to a receiver in this process that throws them away, or to the collector at `TOOLSIGHT_BENCH_COLLECTOR`.

#[path = "support/dump.rs"]
mod dump;
#[path = "support/receiver.rs"]
mod receiver;

use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use dump::Dump;
use receiver::toolsight;
use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::RunningService;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::transport::streamable_http_server::StreamableHttpServerConfig;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{IntoTransport, StreamableHttpClientTransport, StreamableHttpService};
use rmcp::{ClientLifecycleMode, ClientServiceExt as _, RoleClient, ServiceExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Client = RunningService<RoleClient, ClientConfig>;

/// How client and server are connected.
#[derive(Clone, Copy)]
enum Transport {
    /// HTTP, answered by a JSON body.
    Json,
    /// HTTP, answered by an event stream.
    Stream,
    /// What a server on standard input and output has, without a process of its own.
    Pair,
}

impl Transport {
    const ALL: [(Self, &str); 3] = [(Self::Json, "json"), (Self::Stream, "stream"), (Self::Pair, "pair")];
}

async fn connect(layered: bool, transport: Transport) -> Client {
    match transport {
        Transport::Json => connect_http(layered, true).await,
        Transport::Stream => connect_http(layered, false).await,
        Transport::Pair => connect_pair(layered).await,
    }
}

/// Bytes that a pipe holds, as Linux has it.
const PIPE: usize = 64 * 1024;

async fn connect_pair(layered: bool) -> Client {
    let (near, far) = tokio::io::duplex(PIPE);
    tokio::spawn(async move {
        let (read, write) = tokio::io::split(far);
        let server = if layered {
            Dump::new().serve(toolsight().pipe(read, write)).await
        } else {
            Dump::new().serve((read, write)).await
        };
        server.expect("a session").waiting().await
    });
    serve(near).await
}

async fn connect_http(layered: bool, json: bool) -> Client {
    let new = || Ok(Dump::new());
    let config = StreamableHttpServerConfig::default().with_json_response(json);
    let mcp = StreamableHttpService::new(new, LocalSessionManager::default().into(), config);
    let mut app = Router::new().nest_service("/mcp", mcp);
    if layered {
        app = app.layer(toolsight().layer());
    }
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .expect("a port");
    let url = format!("http://{}/mcp", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let config = StreamableHttpClientTransportConfig::with_uri(url);
    serve(StreamableHttpClientTransport::from_config(config)).await
}

/// The client at the other end of `transport`.
async fn serve<T, E, A>(transport: T) -> Client
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let client = ClientConfig::new(ClientCapabilities::default(), Implementation::new("bench", "1.0"));
    let lifecycle = ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    };
    client
        .serve_with_lifecycle(transport, lifecycle)
        .await
        .expect("a session")
}

/// Calls per second of `calls` calls, so many at a time.
async fn rate(client: &Client, bytes: usize, at_a_time: usize, calls: usize) -> f64 {
    let arguments = serde_json::json!({ "bytes": bytes })
        .as_object()
        .cloned()
        .unwrap_or_default();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..at_a_time {
        let (peer, arguments) = (client.peer().clone(), arguments.clone());
        tasks.spawn(async move {
            for _ in 0..calls / at_a_time {
                let call = CallToolRequestParams::new("dump").with_arguments(arguments.clone());
                peer.call_tool(call).await.expect("a result");
            }
        });
    }
    tasks.join_all().await;
    calls as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const ROUNDS: usize = 15;

#[tokio::main(worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it is what a bench is for")]
async fn main() {
    println!(
        "{:>9} {:<7} {:>10} {:>10} {:>10} {:>7}",
        "bytes", "as", "concurrent", "bare/s", "layered/s", "cost"
    );
    for (transport, form) in Transport::ALL {
        let (bare, layered) = (connect(false, transport).await, connect(true, transport).await);
        for (bytes, calls) in [(16, 1024), (100_000, 256), (1_000_000, 64)] {
            for at_a_time in [1, 64] {
                let (mut rates, mut costs) = ((Vec::new(), Vec::new()), Vec::new());
                for round in 0..ROUNDS {
                    // Who is first changes, since the first of two has the colder caches.
                    let (with, without) = if round % 2 == 0 {
                        let without = rate(&bare, bytes, at_a_time, calls).await;
                        (rate(&layered, bytes, at_a_time, calls).await, without)
                    } else {
                        let with = rate(&layered, bytes, at_a_time, calls).await;
                        (with, rate(&bare, bytes, at_a_time, calls).await)
                    };
                    rates.0.push(without);
                    rates.1.push(with);
                    costs.push(without / with - 1.0);
                }
                println!(
                    "{bytes:>9} {form:<7} {at_a_time:>10} {:>10.0} {:>10.0} {:>6.1}%",
                    median(rates.0),
                    median(rates.1),
                    100.0 * median(costs)
                );
            }
        }
    }
}
