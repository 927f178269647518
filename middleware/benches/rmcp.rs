//! Calls per second of an `rmcp` server over Streamable HTTP and over a pair of pipes in memory, and the CPU time of each,
//! bare and layered, in turns in one run.
//!
//! Server, clients and exporter share this process and its two worker threads, so what the layer costs is part of what
//! all of them cost. The turns alternate, since other work on the machine changes more than the layer does; it changes
//! CPU time less than calls per second. Records go to a receiver in this process that throws them away, whose CPU time
//! does not count, or to the collector at `TOOLSIGHT_BENCH_COLLECTOR`.
//!
//! Words choose rows of the table, as in `-- json 16`. With `layered json 16 1 400`, or `bare`, it makes so many calls in
//! 5 rounds and tells nothing: that is for callgrind to count.

#[path = "support/cpu_time.rs"]
mod cpu_time;
#[path = "support/dump.rs"]
mod dump;
#[path = "support/receiver.rs"]
mod receiver;

use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use cpu_time::cpu_time;
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

/// What a turn has told.
#[derive(Clone, Copy)]
struct Turn {
    /// Calls per second.
    rate: f64,
    /// Microseconds of CPU time for a call: of all threads, and of the export thread alone.
    cpu: f64,
    export: f64,
}

/// Makes `calls` calls, so many at a time.
async fn turn(client: &Client, bytes: usize, at_a_time: usize, calls: usize) -> Turn {
    let arguments = serde_json::json!({ "bytes": bytes })
        .as_object()
        .cloned()
        .unwrap_or_default();
    let cpu = || {
        [
            cpu_time("self", |name| name != receiver::THREAD),
            cpu_time("self", |name| EXPORT.starts_with(name)),
        ]
    };
    let (start, before) = (Instant::now(), cpu());
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
    let elapsed = start.elapsed();
    // Else the next turn pays for this one's records.
    toolsight().flush().await;
    let after = cpu();
    let microseconds = |which: usize| (after[which] - before[which]) as f64 / 1e3 / calls as f64;
    Turn {
        rate: calls as f64 / elapsed.as_secs_f64(),
        cpu: microseconds(0),
        export: microseconds(1),
    }
}

/// The export thread's name, of which Linux tells the beginning.
const EXPORT: &str = "toolsight-export";

fn median(turns: &[[Turn; 2]], value: impl Fn(&[Turn; 2]) -> f64) -> f64 {
    let mut values: Vec<_> = turns.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const ROUNDS: usize = 15;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let words: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match &words[..] {
        [who @ ("bare" | "layered"), form, bytes, at_a_time, calls] => {
            let number = |word: &str| word.parse().expect("a number");
            let transport = Transport::ALL.into_iter().find(|(_, name)| *name == *form);
            let (transport, _) = transport.expect("json, stream or pair");
            let client = connect(*who == "layered", transport).await;
            for _ in 0..5 {
                turn(&client, number(bytes), number(at_a_time), number(calls)).await;
            }
        }
        words => table(words).await,
    }
}

/// The rows that have all of these words.
#[expect(clippy::print_stdout, reason = "it is what a bench is for")]
async fn table(words: &[&str]) {
    println!(
        "{:>9} {:<7} {:>10} {:>10} {:>10} {:>7} {:>9} {:>11} {:>10}",
        "bytes", "as", "concurrent", "bare/s", "layered/s", "cost", "bare µs", "layered µs", "export µs"
    );
    for (transport, form) in Transport::ALL {
        let is_another = |word: &&str| *word != form && Transport::ALL.iter().any(|(_, form)| form == word);
        if words.iter().any(is_another) {
            continue;
        }
        let (bare, layered) = (connect(false, transport).await, connect(true, transport).await);
        for (bytes, calls) in [(16, 1024), (100_000, 256), (1_000_000, 64)] {
            for at_a_time in [1, 64] {
                let row = [form.to_owned(), bytes.to_string(), at_a_time.to_string()];
                if !words.iter().all(|word| row.iter().any(|name| name == word)) {
                    continue;
                }
                let mut turns = Vec::new();
                for round in 0..ROUNDS {
                    // Who is first changes, since the first of two has the colder caches.
                    turns.push(if round % 2 == 0 {
                        let without = turn(&bare, bytes, at_a_time, calls).await;
                        [without, turn(&layered, bytes, at_a_time, calls).await]
                    } else {
                        let with = turn(&layered, bytes, at_a_time, calls).await;
                        [turn(&bare, bytes, at_a_time, calls).await, with]
                    });
                }
                println!(
                    "{bytes:>9} {form:<7} {at_a_time:>10} {:>10.0} {:>10.0} {:>6.1}% {:>9.1} {:>+11.1} {:>10.1}",
                    median(&turns, |[bare, _]| bare.rate),
                    median(&turns, |[_, layered]| layered.rate),
                    100.0 * median(&turns, |[bare, layered]| bare.rate / layered.rate - 1.0),
                    median(&turns, |[bare, _]| bare.cpu),
                    median(&turns, |[bare, layered]| layered.cpu - bare.cpu),
                    median(&turns, |[_, layered]| layered.export),
                );
            }
        }
    }
}
