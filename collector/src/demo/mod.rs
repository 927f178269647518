//! `toolsight-collector demo`: the collector with real MCP servers and clients that show every page.

mod clients;
mod progress;
mod servers;
mod traffic;

use std::future::pending;
use std::io::{self, Write as _};

use anyhow::Context as _;

use crate::config::{Config, Log};
use crate::serve::{Running, failure};
use crate::shutdown::signals;
use crate::store::Location;

pub use progress::show_progress;
pub use traffic::Traffic;

/// Runs until SIGINT or SIGTERM: a collector of its own and the traffic, or with `attach` only the traffic, for the
/// collector that receives OTLP over gRPC there.
///
/// The demo's store is a folder of its own, unless the configuration names one.
///
/// # Errors
/// When a port is taken or the embedded engine cannot be had, or a part of the collector ends before the signal.
pub async fn run(config: &Config, attach: Option<&str>) -> anyhow::Result<()> {
    let stop = signals().context("listen to signals")?;
    tokio::pin!(stop);
    let (mut running, traffic) = tokio::select! {
        started = start(config, attach) => started?,
        _ = &mut stop => return Ok(()),
    };
    let servers: Vec<_> = traffic.servers().collect();
    match &running {
        Some(running) => say(&welcome(&format!("http://{}", running.addresses().page), &servers))?,
        None => say(&format!("MCP servers with clients: {}", servers.join("  ")))?,
    }
    let failed = async {
        match &mut running {
            Some(running) => running.failed().await,
            None => pending().await,
        }
    };
    let ended = tokio::select! {
        _ = stop => Ok(()),
        task = failed => Err(failure(task)),
    };
    say("stopping")?;
    traffic.stop().await;
    if let Some(running) = running {
        running.shutdown().await;
    }
    ended
}

/// The demo's own log level: it speaks to a person, so only what goes wrong is logged where nothing else was asked for.
#[must_use]
pub fn log_filter(log: &Log) -> String {
    if *log == Log::default() {
        "warn,rmcp=off".to_owned()
    } else {
        log.filter.clone()
    }
}

async fn start(config: &Config, attach: Option<&str>) -> anyhow::Result<(Option<Running>, Traffic)> {
    if let Some(otlp) = attach {
        return Ok((None, Traffic::start(otlp).await?));
    }
    let mut config = config.clone();
    if config.store.location.is_none() {
        config.store.location = Some(Location::in_data_folder("demo")?);
    }
    let running = Running::start(&config, show_progress).await?;
    let traffic = Traffic::start(&format!("http://{}", running.addresses().grpc)).await?;
    running.ready().await;
    Ok((Some(running), traffic))
}

fn welcome(page: &str, servers: &[&str]) -> String {
    format!(
        "
Toolsight is running: {page}/#/?range=15m

Two MCP servers are wrapped with the layer, and eight users call them through six versions of four clients.
Look for, after a minute or two:
  - the tool place_order of the server \"shop\": it fails now and then, and is marked flaky
  - the tool convert_temperature of \"weather\": it breaks only for desk-agent 2.1.0 ({page}/#/clients?range=15m)
  - callers' own mistakes, unknown tools and wrong arguments, which are counted apart and alarm nobody

Call the servers with a client of your own: {}
Stop with Ctrl-C.
",
        servers.join("  ")
    )
}

fn say(text: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{text}").context("write to standard output")
}
