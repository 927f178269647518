//! A server that answers inserts wrongly, in front of a real one: whatever it does, a batch is stored exactly once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, Uri};
use futures_util::StreamExt as _;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use toolsight_collector::pipeline::InsertError;
use toolsight_collector::row::Row;
use toolsight_collector::store::{Location, StoreConfig};

use crate::rollups::{assert_same_sums, calls};
use crate::support::{Embedded, Server, insert_for_ever, number, open, open_with, ready, unreachable};

/// What the server does with one insert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Stores it, and the connection breaks before the answer is whole.
    StoresAndDropsTheConnection,
    /// Stores it, and never answers.
    StoresAndHangs,
    /// Never answers and stores nothing.
    Hangs,
    /// Takes the first bytes of the body, and then reads no more.
    StopsReading,
    /// Passes on a part of the body, and breaks both connections.
    TakesPartOfTheBody,
    /// Answers at once with this status.
    Answers(StatusCode),
    /// Answers 200 with an exception in the body, as a server does that has begun to answer when it fails.
    AnswersOkWithAnException,
    /// The same behind a proxy that drops the headers that it does not know.
    AnswersOkWithOnlyTheTextOfOne,
}

/// For which requests a page with status 200 stands in place of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    /// For all.
    Stands,
    /// For those from the next insert on, with it.
    Comes,
    /// For those to the next insert, with it.
    Goes,
    /// For none, as in the beginning.
    Gone,
}

#[derive(Clone)]
struct Proxy {
    client: Client<HttpConnector, Body>,
    port: u16,
    /// The fault of the next insert.
    fault: Arc<Mutex<Option<Fault>>>,
    page: Arc<Mutex<(Page, &'static str)>>,
}

const EXCEPTION: &str = "Code: 241. DB::Exception: Query memory limit exceeded: would use 1.00 GiB. \
    (MEMORY_LIMIT_EXCEEDED) (version 26.7.3.1 (official build))\n";

impl Proxy {
    /// Listens in front of a server's port; gives back a store there, and what it is.
    async fn start(port: u16) -> (Location, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap();
        let proxy = Self {
            client: Client::builder(TokioExecutor::new()).build_http(),
            port,
            fault: Arc::default(),
            page: Arc::new(Mutex::new((Page::Gone, ""))),
        };
        let router = Router::new().fallback(answer).with_state(proxy.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (format!("http://admin:p%40ss@{own}/observed").parse().unwrap(), proxy)
    }

    /// The page, where it stands in place of the answer to this request.
    async fn page(&self, insert: bool) -> Option<&'static str> {
        let (page, text) = &mut *self.page.lock().await;
        match (*page, insert) {
            (Page::Gone, _) | (Page::Comes, false) => return None,
            (Page::Stands, _) | (Page::Goes, false) => {}
            (Page::Comes, true) => *page = Page::Stands,
            (Page::Goes, true) => *page = Page::Gone,
        }
        Some(text)
    }

    async fn forward(&self, request: Request) -> Response<Body> {
        self.try_forward(request).await.unwrap()
    }

    async fn try_forward(&self, mut request: Request) -> Result<Response<Body>, Error> {
        let path = request.uri().path_and_query().unwrap().as_str();
        *request.uri_mut() = format!("http://127.0.0.1:{}{path}", self.port).parse::<Uri>().unwrap();
        Ok(self.client.request(request).await?.map(Body::new))
    }
}

async fn answer(State(proxy): State<Proxy>, request: Request) -> Response<Body> {
    let insert = request.uri().query().is_some_and(|query| query.contains("INSERT"));
    if let Some(page) = proxy.page(insert).await {
        to_bytes(request.into_body(), usize::MAX).await.unwrap();
        return Response::new(Body::from(page));
    }
    let fault = match insert {
        true => proxy.fault.lock().await.take(),
        false => None,
    };
    let broken = || Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(io::Error::other("cut"))]));
    match fault {
        None => proxy.forward(request).await,
        Some(Fault::StoresAndDropsTheConnection) => {
            assert_eq!(proxy.forward(request).await.status(), StatusCode::OK);
            Response::new(broken())
        }
        Some(Fault::StoresAndHangs) => {
            assert_eq!(proxy.forward(request).await.status(), StatusCode::OK);
            std::future::pending().await
        }
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::StopsReading) => {
            // The connection lives while the body does, whose rest stays unread.
            let mut body = request.into_body().into_data_stream();
            assert!(body.next().await.unwrap().is_ok());
            std::future::pending().await
        }
        Some(Fault::TakesPartOfTheBody) => {
            let (parts, body) = request.into_parts();
            let first = body.into_data_stream().next().await.unwrap().unwrap();
            let pieces = [Ok(first), Err(io::Error::other("cut"))];
            let part = Request::from_parts(parts, Body::from_stream(futures_util::stream::iter(pieces)));
            assert!(proxy.try_forward(part).await.is_err());
            Response::new(broken())
        }
        Some(Fault::Answers(status)) => {
            to_bytes(request.into_body(), usize::MAX).await.unwrap();
            Response::builder().status(status).body(Body::from("not now")).unwrap()
        }
        Some(Fault::AnswersOkWithAnException) => {
            to_bytes(request.into_body(), usize::MAX).await.unwrap();
            let answer = Response::builder().header("X-ClickHouse-Exception-Code", "241");
            answer.body(Body::from(EXCEPTION)).unwrap()
        }
        Some(Fault::AnswersOkWithOnlyTheTextOfOne) => {
            to_bytes(request.into_body(), usize::MAX).await.unwrap();
            Response::new(Body::from(EXCEPTION))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_server_does_with_an_insert_the_batch_is_stored_exactly_once() {
    Embedded::open().await.store.shutdown().await;
    let mut server = Server::new().await;
    server.start();
    let direct = open(server.location("admin:p%40ss")).await.unwrap();
    ready(&direct).await;
    let (location, Proxy { fault, .. }) = Proxy::start(server.port).await;
    let store = open_with(StoreConfig {
        insert_timeout: Duration::from_secs(8),
        ..StoreConfig::new(location)
    });
    let store = store.await.unwrap();
    ready(&store).await;

    let many = calls(20_000);
    // More than the system takes for a server that does not read.
    let large: Vec<_> = many[..2_000]
        .iter()
        .map(|row| Row {
            arguments: (0..500).map(|_| format!("{:016x}", rand::random::<u64>())).collect(),
            ..row.clone()
        })
        .collect();
    let mut stored = 0;
    for (case, stores, reason) in [
        (Fault::StoresAndDropsTheConnection, true, ""),
        (Fault::StoresAndHangs, true, "does not answer in time"),
        (Fault::Hangs, false, "does not answer in time"),
        (Fault::StopsReading, false, "does not answer in time"),
        (Fault::TakesPartOfTheBody, false, ""),
        (Fault::Answers(StatusCode::SERVICE_UNAVAILABLE), false, "not now"),
        (Fault::Answers(StatusCode::TOO_MANY_REQUESTS), false, "not now"),
        (Fault::Answers(StatusCode::BAD_GATEWAY), false, "not now"),
        (Fault::AnswersOkWithAnException, false, "memory limit exceeded"),
        (Fault::AnswersOkWithOnlyTheTextOfOne, false, "memory limit exceeded"),
    ] {
        let rows = if case == Fault::StopsReading { &large } else { &many };
        *fault.lock().await = Some(case);
        let token = format!("{case:?}");
        let error = store.insert(&rows.iter().collect(), &token).await.expect_err(&token);
        assert_eq!(*fault.lock().await, None, "{case:?} did not happen");
        assert!(
            matches!(&error, InsertError::Retryable(message) if message.contains(reason)),
            "{case:?}: {error:?}"
        );
        let count = || number(&direct, "SELECT count() FROM calls");
        assert_eq!(
            count().await,
            stored + if stores { rows.len() as u64 } else { 0 },
            "{case:?}"
        );
        // Not by way of the store that is in a hurry, which a busy machine would let come again for long.
        insert_for_ever(&direct, rows, &token).await;
        stored += rows.len() as u64;
        assert_eq!(count().await, stored, "{case:?}, after the batch was sent again");
        assert_same_sums(&direct, &token).await;
    }
    store.shutdown().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_with_status_200_takes_in_place_of_the_database_is_stored_once_when_it_has_gone() {
    Embedded::open().await.store.shutdown().await;
    let mut server = Server::new().await;
    server.start();
    let direct = open(server.location("admin:p%40ss")).await.unwrap();
    ready(&direct).await;
    let (location, Proxy { page, .. }) = Proxy::start(server.port).await;
    let store = open(location).await.unwrap();
    ready(&store).await;
    let rows = calls(1_000);
    let mut stored = 0;
    for text in [
        "<html><title>Back soon</title></html>",
        // Who reads rows takes its first bytes for a number of columns that no memory has room for.
        "\u{41d}\u{435}\u{442} \u{431}\u{430}\u{437}\u{44b}",
        "",
    ] {
        for case in [Page::Stands, Page::Comes, Page::Goes] {
            let token = format!("{case:?} {text:?}");
            *page.lock().await = (case, text);
            let error = store.insert(&rows.iter().collect(), &token).await.expect_err(&token);
            let told = |reason: &str| reason.contains("is not ClickHouse") && reason.contains(text);
            assert!(
                matches!(&error, InsertError::Retryable(reason) if told(reason)),
                "{token}: {error:?}"
            );
            let count = || number(&direct, "SELECT count() FROM calls");
            assert_eq!(count().await, stored, "{token}");
            assert!(told(&unreachable(&store, "is not ClickHouse").await), "{token}");
            page.lock().await.0 = Page::Gone;
            insert_for_ever(&store, &rows, &token).await;
            stored += rows.len() as u64;
            assert_eq!(count().await, stored, "{token}, after it has gone");
            assert_same_sums(&direct, &token).await;
            ready(&store).await;
        }
    }
    store.shutdown().await;
    server.stop().await;
}
