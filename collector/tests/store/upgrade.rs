//! Servers that are too old.

use crate::{
    keeper,
    support::{Embedded, Server, open, ready, unreachable},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_too_old_is_refused_and_left_alone() {
    Embedded::open().await.store.shutdown().await;
    let mut server = Server::new().await;
    server.start();
    let old = open(keeper::as_if_of_version(&server, "25.12.1.649").await)
        .await
        .unwrap();
    let reason = unreachable(&old, "is version 25.12.1.649").await;
    assert!(
        reason.contains("this program needs 26.1 or newer: upgrade the server or name another one with --store"),
        "{reason}"
    );
    let tables = "SELECT count() FROM system.tables WHERE database = 'observed'";
    let tables: u64 = old
        .writer()
        .clone()
        .with_database("default")
        .query(tables)
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(tables, 0);
    let new = open(keeper::as_if_of_version(&server, "26.1.2.1").await).await.unwrap();
    ready(&new).await;
    server.stop().await;
}
