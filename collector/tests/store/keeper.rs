//! What a keeper is to a cluster, for the embedded engines of the tests, which have none: statements for all servers are
//! run on each of them, one after the other, and replicated tables are plain ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, Uri, request::Parts};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use toolsight_collector::store::{Location, StoreConfig};

use crate::support::Server;

/// The cluster of [`Server::pair`].
const CLUSTER: &str = "pair";

/// Id of the query by which a collector keeps others from migrating the database `observed`.
pub(crate) const LOCK: &str = "toolsight-migration-observed";

/// In front of one server of a pair.
#[derive(Clone)]
struct Proxy {
    client: Client<HttpConnector, Body>,
    own: u16,
    all: [u16; 2],
    /// One statement for all servers at a time, as they are queued in a keeper.
    queue: Arc<Mutex<()>>,
    looks: Arc<AtomicU64>,
    /// The user who comes this way, at the first server.
    asked_for_rights: clickhouse::Client,
    /// What is asked instead of the server's version.
    version: String,
}

/// What stands in front of a pair of servers.
pub(crate) struct Keeper {
    /// The settings of a collector that comes by the first server, and by the second.
    pub(crate) stores: [StoreConfig; 2],
    /// How often collectors asked who has the lock.
    pub(crate) looks: Arc<AtomicU64>,
}

/// Listens in front of each server.
pub(crate) async fn in_front_of(pair: &[Server; 2]) -> Keeper {
    for_user(pair, "admin", "p@ss").await
}

/// The same for a user who may not do everything.
pub(crate) async fn for_user(pair: &[Server; 2], user: &str, password: &str) -> Keeper {
    let all = pair.each_ref().map(|server| server.port);
    let one = Proxy {
        asked_for_rights: direct(&pair[0])
            .with_user(user)
            .with_password(password)
            .with_database("default"),
        ..proxy(all)
    };
    let other = Proxy {
        own: all[1],
        ..one.clone()
    };
    Keeper {
        looks: Arc::clone(&one.looks),
        stores: [start(one, user, password).await, start(other, user, password).await],
    }
}

/// One server that says that it is of another version.
pub(crate) async fn as_if_of_version(server: &Server, version: &str) -> Location {
    let one = Proxy {
        version: format!("'{version}'"),
        ..proxy([server.port; 2])
    };
    start(one, "admin", "p@ss").await.location
}

fn proxy(all: [u16; 2]) -> Proxy {
    Proxy {
        client: Client::builder(TokioExecutor::new()).build_http(),
        own: all[0],
        all,
        queue: Arc::default(),
        looks: Arc::default(),
        asked_for_rights: clickhouse::Client::default(),
        version: "version()".to_owned(),
    }
}

/// The user who may do everything, at the server itself.
pub(crate) fn direct(server: &Server) -> clickhouse::Client {
    by(&format!("http://127.0.0.1:{}", server.port))
}

/// The same user by the way of a collector.
pub(crate) fn client(config: &StoreConfig) -> clickhouse::Client {
    match &config.location {
        Location::Remote(remote) => by(&remote.url()),
        Location::Embedded(_) => panic!("there is no way to an embedded store"),
    }
}

fn by(url: &str) -> clickhouse::Client {
    clickhouse::Client::default()
        .with_url(url)
        .with_user("admin")
        .with_password("p@ss")
        .with_database("observed")
}

async fn start(proxy: Proxy, user: &str, password: &str) -> StoreConfig {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().fallback(answer).with_state(proxy);
    tokio::spawn(async move { axum::serve(listener, router).await });
    let password = password.replace('@', "%40");
    let location: Location = format!("http://{user}:{password}@127.0.0.1:{port}/observed")
        .parse()
        .unwrap();
    StoreConfig {
        cluster: Some(CLUSTER.to_owned()),
        ..StoreConfig::new(location)
    }
}

async fn answer(State(proxy): State<Proxy>, request: Request) -> Response<Body> {
    // The statement of a batch is in the address, and rows are all of its body.
    if request.uri().query().is_some_and(|query| query.contains("INSERT")) {
        let (parts, body) = request.into_parts();
        return proxy.forward(proxy.own, parts, body).await;
    }
    let (parts, body) = request.into_parts();
    let statement = to_bytes(body, 1 << 20).await.unwrap();
    let statement = String::from_utf8(statement.into()).unwrap();
    let statement = statement.replace("version()", &proxy.version);
    if statement.contains(LOCK) {
        proxy.looks.fetch_add(1, Ordering::Relaxed);
    }
    let Some(statement) = of_each_server(&statement) else {
        return proxy.forward(proxy.own, parts, Body::from(statement)).await;
    };
    if let Some(right) = proxy.missing_right(&statement).await {
        let error = format!(
            "Code: 497. DB::Exception: Not enough privileges. To execute this query, it's necessary to have the grant {right}. (ACCESS_DENIED)"
        );
        return Response::builder()
            .status(StatusCode::FORBIDDEN)
            .body(Body::from(error))
            .unwrap();
    }
    let _first_of_the_queue = proxy.queue.lock().await;
    let mut answer = Response::default();
    for port in proxy.all {
        answer = proxy.forward(port, parts.clone(), Body::from(statement.clone())).await;
        if answer.status() != StatusCode::OK {
            break;
        }
    }
    answer
}

/// A statement for all servers without what needs a keeper; `None` for any other.
fn of_each_server(statement: &str) -> Option<String> {
    let on_all = format!(" ON CLUSTER `{CLUSTER}`");
    statement.contains(&on_all).then(|| {
        statement
            .replace(&on_all, "")
            .replace("ENGINE = Replicated", "ENGINE = ")
            .replace(", replicated_deduplication_window_seconds = 604800", "")
            .replace(
                " replicated_deduplication_window =",
                " non_replicated_deduplication_window =",
            )
    })
}

impl Proxy {
    /// What a server with a keeper asks for before it takes a statement for all, besides what the statement itself needs.
    /// (`executeDDLQueryOnCluster.cpp`, and `getRequiredAccessForDDLOnCluster` of what ends queries: on one server only
    /// those of others need the right.)
    async fn missing_right(&self, statement: &str) -> Option<&'static str> {
        let rights = ["CLUSTER ON *.*", "KILL QUERY ON *.*"];
        let needed = if statement.starts_with("KILL QUERY") { 2 } else { 1 };
        for right in &rights[..needed] {
            let check = self.asked_for_rights.query_raw(&format!("CHECK GRANT {right}"));
            if check.fetch_one::<u8>().await.unwrap() == 0 {
                return Some(right);
            }
        }
        None
    }

    async fn forward(&self, port: u16, mut parts: Parts, body: Body) -> Response<Body> {
        let path = parts.uri.path_and_query().unwrap().as_str();
        parts.uri = format!("http://127.0.0.1:{port}{path}").parse::<Uri>().unwrap();
        // The body may be shorter than it was.
        parts.headers.remove("content-length");
        match self.client.request(Request::from_parts(parts, body)).await {
            Ok(answer) => answer.map(Body::new),
            Err(error) => Response::builder()
                .status(StatusCode::BAD_GATEWAY)
                .body(Body::from(error.to_string()))
                .unwrap(),
        }
    }
}
