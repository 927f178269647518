use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use toolsight_collector::pipeline::{InsertError, Sink as _};
use toolsight_collector::store::Location;

use crate::support::{DEADLINE, Embedded, Server, block, insert_for_ever, number, open, ready, rows, unreachable};

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_user_is_told_from_a_server_that_is_down() {
    let Embedded {
        store: embedded,
        folder: _folder,
    } = Embedded::open().await;
    let address = embedded.engine_address().unwrap();
    for user in ["writer:wrong", "somebody:secret"] {
        let location: Location = format!("http://{user}@{address}").parse().unwrap();
        let store = open(location).await.unwrap();
        let reason = unreachable(&store, "refuses user").await;
        let (name, password) = user.split_once(':').unwrap();
        assert!(
            reason.contains(&format!(
                "ClickHouse at {address} refuses user {name}: check user and password in --store"
            )),
            "{reason}"
        );
        assert!(
            !reason.contains(password) && !format!("{store:?}").contains(password),
            "{reason}"
        );
        assert_eq!(store.kind(), "remote");
        let error = store.insert(&block(&rows(1)), "refused").await.unwrap_err();
        assert!(matches!(error, InsertError::Retryable(_)), "{error:?}");
    }
    embedded.shutdown().await;
    let store = open(format!("http://x@{address}").parse().unwrap()).await.unwrap();
    unreachable(&store, "cannot be reached: Connection refused").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_later_and_goes_again_is_used_when_it_is_there() {
    Embedded::open().await.store.shutdown().await;
    let mut server = Server::new().await;
    let store = Arc::new(open(server.location("admin:p%40ss")).await.unwrap());
    unreachable(&store, "cannot be reached").await;
    server.start();
    ready(&store).await;
    store.insert(&block(&rows(100)), "one").await.unwrap();
    let recovered = store.recovered();
    tokio::pin!(recovered);
    server.stop().await;
    let error = store.insert(&block(&rows(100)), "two").await.unwrap_err();
    assert!(matches!(error, InsertError::Retryable(_)), "{error:?}");
    unreachable(&store, "cannot be reached").await;
    let told = recovered.as_mut().now_or_never();
    assert!(told.is_none(), "the server is still down");
    server.start();
    timeout(DEADLINE, recovered)
        .await
        .expect("whoever waits for the server is told");
    insert_for_ever(&store, &rows(100), "two").await;
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 200);
    let error = store
        .reader()
        .query("TRUNCATE TABLE calls")
        .execute()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("READONLY"), "{error}");
    store.shutdown().await;
    server.stop().await;
}

/// A proxy that cuts one connection, once it is told to.
struct CuttingProxy {
    port: u16,
    /// How many more bytes a connection may send until it is cut; nobody is cut before it is set.
    after: Arc<OnceLock<u64>>,
    cuts: Arc<AtomicU64>,
}

/// Forwards to a server, and cuts the first connection that sends too many bytes from then on.
async fn cutting_proxy(server: u16) -> CuttingProxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = CuttingProxy {
        port: listener.local_addr().unwrap().port(),
        after: Arc::default(),
        cuts: Arc::default(),
    };
    let (limit, counter) = (Arc::clone(&proxy.after), Arc::clone(&proxy.cuts));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (after, cuts) = (Arc::clone(&limit), Arc::clone(&counter));
            tokio::spawn(async move {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                let (mut sent, mut buffer) = (0, vec![0; 4096]);
                while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                    if let Some(after) = after.get() {
                        sent += count as u64;
                        if sent > *after && cuts.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                            break;
                        }
                    }
                    if to_server.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
                answers.abort();
            });
        }
    });
    proxy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_cut_anywhere_is_stored_whole_or_not_at_all() {
    Embedded::open().await.store.shutdown().await;
    let mut server = Server::new().await;
    server.start();
    let direct = open(server.location("admin:p%40ss")).await.unwrap();
    ready(&direct).await;
    let rows = rows(20_000);
    let mut stored = 0;
    for after in [2_000, 20_000, 100_000, 400_000] {
        let proxy = cutting_proxy(server.port).await;
        let store = open(
            format!("http://admin:p%40ss@127.0.0.1:{}/observed", proxy.port)
                .parse()
                .unwrap(),
        )
        .await
        .unwrap();
        ready(&store).await;
        // What looked at the tables, and asks whether the server is there, is not what is to be cut.
        proxy.after.set(after).unwrap();
        let error = store.insert(&block(&rows), &format!("cut {after}")).await.unwrap_err();
        assert_eq!(
            proxy.cuts.load(Ordering::SeqCst),
            1,
            "nothing was cut after {after}: {error}"
        );
        assert!(matches!(error, InsertError::Retryable(_)), "{error:?}");
        assert_eq!(
            number(&direct, "SELECT count() FROM calls").await,
            stored,
            "after {after}"
        );
        insert_for_ever(&store, &rows, &format!("cut {after}")).await;
        stored += rows.len() as u64;
        assert_eq!(
            number(&direct, "SELECT count() FROM calls").await,
            stored,
            "after {after}"
        );
        store.shutdown().await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_can_never_be_stored_are_told_from_a_store_that_cannot_store_now() {
    let Embedded { store, folder: _folder } = Embedded::open().await;
    let mut of_many_days = rows(200);
    for (day, row) in of_many_days.iter_mut().enumerate() {
        row.time -= day as i64 * 86_400_000_000;
    }
    let error = store.insert(&block(&of_many_days), "many days").await.unwrap_err();
    assert!(
        matches!(&error, InsertError::Permanent(message) if message.contains("Too many partitions")),
        "{error:?}"
    );
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 0);
    store.insert(&block(&of_many_days[..20]), "fewer days").await.unwrap();
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 20);

    store
        .writer()
        .query("RENAME TABLE calls TO elsewhere")
        .execute()
        .await
        .unwrap();
    let error = store.insert(&block(&rows(10)), "no table").await.unwrap_err();
    assert!(
        matches!(&error, InsertError::Retryable(message) if message.contains("calls")),
        "{error:?}"
    );
    store
        .writer()
        .query("RENAME TABLE elsewhere TO calls")
        .execute()
        .await
        .unwrap();
    store.insert(&block(&rows(10)), "no table").await.unwrap();
    store.shutdown().await;
}
