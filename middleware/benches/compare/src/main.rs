//! What a call of an `rmcp` server costs more with the layer, and with the crate `mcpspan`, in CPU time of one run.
//!
//! Client and server are connected by a pair of pipes in this process. All CPU time of the process counts, so that of the
//! threads which export is in it; only the receivers, which throw away what they get, have threads that do not count.
//! Both see the same calls with their defaults; the layer reads bytes, `mcpspan` wraps the server's handler.

#[path = "../../support/dump.rs"]
mod dump;
mod receivers;

use std::fs;

use dump::Dump;
use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::RunningService;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _, RoleClient, ServiceExt as _};
use toolsight::Toolsight;

type Client = RunningService<RoleClient, ClientConfig>;

/// Who watches the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watcher {
    Nobody,
    Toolsight,
    Mcpspan,
}

impl Watcher {
    const ALL: [Self; 3] = [Self::Nobody, Self::Toolsight, Self::Mcpspan];
}

/// Bytes that a pipe holds, as Linux has it.
const PIPE: usize = 64 * 1024;

async fn connect(watcher: Watcher, toolsight: &Toolsight) -> Client {
    let (near, far) = tokio::io::duplex(PIPE);
    let (read, write) = tokio::io::split(far);
    let toolsight = toolsight.clone();
    tokio::spawn(async move {
        match watcher {
            Watcher::Nobody => drop(
                Dump::new()
                    .serve((read, write))
                    .await
                    .expect("a session")
                    .waiting()
                    .await,
            ),
            Watcher::Toolsight => {
                let server = Dump::new().serve(toolsight.pipe(read, write)).await;
                drop(server.expect("a session").waiting().await);
            }
            Watcher::Mcpspan => {
                let server = mcpspan::instrument(Dump::new()).serve((read, write)).await;
                drop(server.expect("a session").waiting().await);
            }
        }
    });
    let client = ClientConfig::new(ClientCapabilities::default(), Implementation::new("bench", "1.0"));
    let lifecycle = ClientLifecycleMode::Discover {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
    };
    client.serve_with_lifecycle(near, lifecycle).await.expect("a session")
}

/// Nanoseconds of CPU time of all threads but the receivers'.
fn cpu_time() -> u64 {
    let threads = fs::read_dir("/proc/self/task").expect("Linux tells of threads");
    threads
        .filter_map(|thread| {
            let thread = thread.ok()?.path();
            let name = fs::read_to_string(thread.join("comm")).ok()?;
            let time = fs::read_to_string(thread.join("schedstat")).ok()?;
            (name.trim() != receivers::THREAD).then(|| time.split(' ').next()?.parse::<u64>().ok())?
        })
        .sum()
}

/// Microseconds of CPU time of one of `calls` calls.
async fn cost(client: &Client, bytes: usize, calls: usize) -> f64 {
    let arguments = serde_json::json!({ "bytes": bytes })
        .as_object()
        .cloned()
        .unwrap_or_default();
    let before = cpu_time();
    for _ in 0..calls {
        let call = CallToolRequestParams::new("dump").with_arguments(arguments.clone());
        client.peer().call_tool(call).await.expect("a result");
    }
    (cpu_time() - before) as f64 / 1e3 / calls as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

const ROUNDS: usize = 21;

fn main() {
    // One thread, so that no part of a call's cost is that of waking another.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (otlp, http) = receivers::start();
    let toolsight = Toolsight::builder().endpoint(otlp).build().expect("a valid address");
    let _mcpspan = mcpspan::configure(mcpspan::Options::default().api_key("bench").endpoint(http));
    runtime.block_on(compare(&toolsight));
}

async fn compare(toolsight: &Toolsight) {
    println!("{:>9} {:>12} {:>14} {:>14}", "bytes", "bare", "Toolsight", "mcpspan");
    for (bytes, calls) in [(16, 2048), (100_000, 128), (1_000_000, 24)] {
        let mut costs = [const { Vec::new() }; 3];
        for round in 0..ROUNDS {
            // Who is first changes, since the first has the colder caches.
            for turn in 0..Watcher::ALL.len() {
                let which = (round + turn) % Watcher::ALL.len();
                let client = connect(Watcher::ALL[which], toolsight).await;
                costs[which].push(cost(&client, bytes, calls).await);
                client.cancel().await.expect("the client ends");
            }
        }
        let more = |which: usize| {
            let mut more: Vec<_> = costs[which]
                .iter()
                .zip(&costs[0])
                .map(|(with, without)| with - without)
                .collect();
            median(&mut more)
        };
        let (toolsight, mcpspan) = (more(1), more(2));
        println!(
            "{bytes:>9} {:>9.1} µs {toolsight:>+11.1} µs {mcpspan:>+11.1} µs",
            median(&mut costs[0])
        );
    }
}
