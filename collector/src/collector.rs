//! The running collector: listeners in front, the pipeline behind.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::{self, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::auth::Access;
use crate::config::{Config, Listen};
use crate::descriptors;
use crate::listener::{Protocol, Serving, serve};
use crate::memory::Memory;
use crate::pipeline::{Pipeline, Sink};
use crate::receive::door::Door;
use crate::receive::intake::Intake;
use crate::receive::{grpc, http};
use crate::telemetry::Metrics;
use crate::tls::Tls;

/// How long requests that are being answered may take at shutdown.
const GRACE: Duration = Duration::from_secs(5);

/// All listeners, bound and not served yet; nothing else is started until every address is free.
#[derive(Debug)]
pub struct Listeners {
    grpc: TcpListener,
    http: TcpListener,
    page: TcpListener,
    access: Access,
    tls: Option<Tls>,
}

/// An address on which the collector cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {purpose}: {cause}; choose another address with --{flag}")]
pub struct BindError {
    address: SocketAddr,
    purpose: &'static str,
    flag: &'static str,
    cause: io::Error,
}

/// Where a collector listens, with the ports that port 0 became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// OTLP over gRPC.
    pub grpc: SocketAddr,
    /// OTLP over HTTP.
    pub http: SocketAddr,
    /// The page, its API, health and metrics.
    pub page: SocketAddr,
}

/// A running collector.
#[derive(Debug)]
pub struct Collector {
    addresses: Addresses,
    stop: CancellationToken,
    servers: JoinSet<()>,
    names: HashMap<task::Id, &'static str>,
    pipeline: Pipeline,
    memory: Option<JoinHandle<()>>,
    /// Ends what keeps the counts of layers, and that.
    layers: (CancellationToken, JoinHandle<()>),
}

impl Listeners {
    /// Binds all addresses.
    ///
    /// # Errors
    /// [`BindError`] for the first address that is taken or not this machine's; none is bound then.
    pub async fn bind(listen: &Listen) -> Result<Self, BindError> {
        Ok(Self {
            grpc: bind(listen.grpc, "OTLP over gRPC", "grpc-listen").await?,
            http: bind(listen.http, "OTLP over HTTP", "http-listen").await?,
            page: bind(listen.page, "the page", "page-listen").await?,
            access: Access::default(),
            tls: None,
        })
    }

    /// Lets only those send telemetry whom `access` knows, and encrypts all connections with `tls`; without them
    /// everybody may, and nothing is encrypted.
    pub fn guarded_by(self, access: Access, tls: Option<Tls>) -> Self {
        Self { access, tls, ..self }
    }

    /// Where they listen.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn addresses(&self) -> io::Result<Addresses> {
        Ok(Addresses {
            grpc: self.grpc.local_addr()?,
            http: self.http.local_addr()?,
            page: self.page.local_addr()?,
        })
    }
}

impl Collector {
    /// Serves all listeners: telemetry goes to `sink` by way of the spool in `spool`, the page's address answers with
    /// `page`.
    ///
    /// # Errors
    /// When the spool cannot be opened, or the system does not tell an address.
    pub fn start<S: Sink>(
        config: &Config,
        listeners: Listeners,
        sink: S,
        spool: &Path,
        page: Router,
        metrics: &Metrics,
    ) -> anyhow::Result<Self> {
        let addresses = listeners.addresses()?;
        let stop = CancellationToken::new();
        let pipeline = Pipeline::start(config, spool, sink, metrics.clone())?;
        let (memory, watcher) = Memory::watch(config.receive.memory_limit_bytes, metrics.clone());
        let keep = CancellationToken::new();
        let kept = tokio::spawn(metrics.layers.keep_in(spool, keep.clone()));
        let intake = Intake::new(&config.receive, pipeline.spool().clone(), memory, metrics.clone());
        let tls = listeners.tls;
        let door = |intake| Door::new(&config.receive, intake, listeners.access.clone());
        let listeners = [
            (
                listeners.grpc,
                Protocol::Http2,
                grpc::routes(door(intake.clone())),
                "the gRPC listener",
            ),
            (
                listeners.http,
                Protocol::Any,
                http::router(door(intake)),
                "the HTTP listener",
            ),
            (listeners.page, Protocol::Any, page, "the page's listener"),
        ];
        let max_connections = descriptors::connections(config.receive.max_connections);
        let (mut servers, mut names) = (JoinSet::new(), HashMap::new());
        for (listener, protocol, router, name) in listeners {
            let serving = Serving {
                protocol,
                max_connections,
                tls: tls.clone(),
                refused: metrics.connections_refused.clone(),
            };
            let server = servers.spawn(serve(listener, serving, router, stop.clone()));
            names.insert(server.id(), name);
        }
        info!(grpc = %addresses.grpc, http = %addresses.http, page = %addresses.page, "listening");
        Ok(Self {
            addresses,
            stop,
            servers,
            names,
            pipeline,
            memory: watcher,
            layers: (keep, kept),
        })
    }

    /// Where it listens.
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Waits until a task ends that should go on until [`Collector::shutdown`], and tells which.
    pub async fn failed(&mut self) -> &'static str {
        tokio::select! {
            Some(ended) = self.servers.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                self.names.get(&id).copied().unwrap_or("a listener")
            }
            part = self.pipeline.ended() => part,
            () = ended(&mut self.memory) => "the watch over the memory",
        }
    }

    /// Stops receiving, answers what was received, brings it to the sink, each within its time. What the sink does not
    /// take stays in the spool.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        let stopped = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, stopped).await.is_err() {
            warn!("requests were broken off at shutdown");
            self.servers.shutdown().await;
        }
        if let Some(memory) = self.memory {
            memory.abort();
        }
        let (keep, kept) = self.layers;
        keep.cancel();
        if let Err(error) = kept.await {
            warn!(%error, "what observed servers lost is counted once more after the next start");
        }
        self.pipeline.shutdown().await;
    }
}

/// Waits for the end of a task; for ever where there is none.
async fn ended(task: &mut Option<JoinHandle<()>>) {
    match task {
        // However it ended.
        Some(task) => _ = task.await,
        None => pending().await,
    }
}

async fn bind(address: SocketAddr, purpose: &'static str, flag: &'static str) -> Result<TcpListener, BindError> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|cause| BindError {
        address,
        purpose,
        flag,
        cause,
    })
}
