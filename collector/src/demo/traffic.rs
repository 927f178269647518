//! The demo's traffic: wrapped servers, and clients that keep calling them.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clients;
use super::servers::{self, Running, Shop, Weather};

/// How long the demo's own tasks get to end.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Two wrapped MCP servers and the clients that keep calling them.
#[derive(Debug)]
pub struct Traffic {
    servers: [Running; 2],
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Traffic {
    /// Starts servers and clients; their records go to the OTLP gRPC endpoint `otlp`.
    ///
    /// # Errors
    /// If no port can be opened or `otlp` is not a URL.
    pub async fn start(otlp: &str) -> anyhow::Result<Self> {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let shop = servers::start(Shop::new, otlp, &stop, &tasks).await?;
        let weather = servers::start(Weather::new, otlp, &stop, &tasks).await?;
        for profile in clients::PROFILES {
            for user in profile.users() {
                let urls = [shop.url.clone(), weather.url.clone()];
                tasks.spawn(profile.run(user, urls, stop.clone()));
            }
        }
        tasks.close();
        Ok(Self {
            servers: [shop, weather],
            stop,
            tasks,
        })
    }

    /// Addresses of the servers, for anyone who wants to call them as well.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.servers.iter().map(|server| &*server.url)
    }

    /// Stops clients and servers and sends the last records.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = tokio::time::timeout(STOP_WITHIN, self.tasks.wait()).await;
        for server in &self.servers {
            server.flush().await;
        }
    }
}
