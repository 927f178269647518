//! The one way to ClickHouse: its HTTP interface, once as the user who writes and once as one who only reads.

use std::{io, time::Duration};

use clickhouse::{Client, Compression, error::Error};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as HyperClient, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::crypto::ring;

use super::location::Remote;

/// Seconds after which the server gives up a query of the reader, unless the query says otherwise.
pub(super) const READ_SECONDS: u32 = 30;

/// How long a server that does not answer at all is waited for.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept: shorter than servers and proxies keep theirs, which would end a request that is
/// just being sent; and an embedded engine that stops waits for connections to close.
const IDLE: Duration = Duration::from_millis(500);

/// Clients of one database, as two users.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) writer: Client,
    pub(super) reader: Client,
    /// The writer without a database, for the time before that exists.
    pub(super) server: Client,
    pub(super) database: String,
    /// The cluster that the tables spread over; `None` for one server.
    pub(super) cluster: Option<String>,
    /// `host:port`, for messages.
    pub(super) place: String,
    /// The writer's name, for messages.
    pub(super) user: String,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Clients {
    /// Where all queries are seen that run now: on the server, or on all of the cluster.
    pub(super) fn processes(&self) -> String {
        match &self.cluster {
            Some(cluster) => format!("clusterAllReplicas('{cluster}', system.processes)"),
            None => "system.processes".to_owned(),
        }
    }

    /// Ends the queries of this condition, wherever they run, and waits until they have ended.
    ///
    /// # Errors
    /// Those of the servers.
    pub(super) async fn kill(&self, condition: &str) -> Result<(), Error> {
        let everywhere = match &self.cluster {
            Some(cluster) => format!("ON CLUSTER `{cluster}` "),
            None => String::new(),
        };
        let kill = format!("KILL QUERY {everywhere}WHERE {condition} SYNC");
        self.server.query_raw(&kill).execute().await
    }

    /// Clients for a server with one user: its reader is held to reading by `readonly`.
    pub(super) fn remote(remote: &Remote, cluster: Option<&str>) -> io::Result<Self> {
        let mut clients = Self::new(remote, &remote.user, &remote.password)?;
        clients.cluster = cluster.map(str::to_owned);
        // A batch is stored when all shards have it.
        clients.writer = clients.writer.with_setting("distributed_foreground_insert", "1");
        // 2 and not 1, since 1 would also forbid the time limit beside it.
        clients.reader = clients
            .reader
            .with_setting("readonly", "2")
            .with_setting("max_execution_time", READ_SECONDS.to_string());
        Ok(clients)
    }

    /// Clients for the embedded engine, where the reader is a user of its own and its limits stand in the profile.
    pub(super) fn embedded(writer: &Remote, reader: &str, password: &str) -> io::Result<Self> {
        Self::new(writer, reader, password)
    }

    fn new(remote: &Remote, reader: &str, password: &str) -> io::Result<Self> {
        let mut builder = HyperClient::builder(TokioExecutor::new());
        let http = builder
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector()?);
        let base = Client::with_http_client(http)
            .with_url(remote.url())
            .with_compression(Compression::Lz4);
        let server = base
            .clone()
            .with_user(&remote.user)
            .with_password(&remote.password)
            .with_setting("async_insert", "0");
        Ok(Self {
            writer: server.clone().with_database(&remote.database),
            reader: base
                .with_user(reader)
                .with_password(password)
                .with_database(&remote.database),
            server,
            database: remote.database.clone(),
            cluster: None,
            place: format!("{}:{}", remote.host, remote.port),
            user: remote.user.clone(),
        })
    }
}

fn connector() -> io::Result<HttpsConnector<HttpConnector>> {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(CONNECT));
    http.set_nodelay(true);
    http.enforce_http(false);
    let (builder, provider) = (HttpsConnectorBuilder::new, ring::default_provider);
    // Roots of the system, so that an operator's own authority is known; where there are none, those of the browsers.
    let tls = builder().with_provider_and_native_roots(provider()).or_else(|_| {
        builder()
            .with_provider_and_webpki_roots(provider())
            .map_err(io::Error::other)
    })?;
    Ok(tls.https_or_http().enable_http1().wrap_connector(http))
}
