//! Servers that are too old, and clusters that an earlier version of the program has left.

use toolsight_collector::store::ddl;

use crate::{
    cluster::two_servers,
    keeper,
    landed::FILES,
    migrate::calls_of,
    rollups,
    support::{Embedded, Server, insert_for_ever, number, open, open_with, ready, unreachable},
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

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_stored_in_a_cluster_is_in_every_table() {
    let mut pair = two_servers().await;
    // Before the sums by minute, hour and day, and between the tables that are made of calls.
    for version in [4, 12] {
        let [by_one, by_other] = keeper::in_front_of(&pair).await.stores;
        let first = keeper::client(&by_one);
        let record = format!("'{}'", FILES[version - 1].name);
        for statement in ddl("observed", Some("pair")) {
            let about_the_server = statement.starts_with("CREATE DATABASE ");
            let client = if about_the_server {
                first.clone().with_database("default")
            } else {
                first.clone()
            };
            client.query_raw(&statement).execute().await.unwrap();
            if statement.contains(&record) {
                break;
            }
        }
        let insert = first.query_raw(&calls_of("numbers(4000)", 9));
        insert
            .with_setting("distributed_foreground_insert", "1")
            .execute()
            .await
            .unwrap();

        let (one, other) = tokio::join!(open_with(by_one), open_with(by_other));
        let (one, other) = (one.unwrap(), other.unwrap());
        ready(&one).await;
        ready(&other).await;
        let when = format!("version {version}");
        for server in &pair {
            let here = keeper::direct(server)
                .query("SELECT count() FROM calls_local")
                .fetch_one::<u64>()
                .await
                .unwrap();
            assert!((1000..3000).contains(&here), "each shard has about half: {here}");
        }
        rollups::assert_same_sums(&one, &when).await;
        for (by, stored) in [(&one, 5000), (&other, 5000)] {
            insert_for_ever(by, &rollups::calls(1000), "more").await;
            assert_eq!(number(&other, "SELECT count() FROM calls").await, stored);
            rollups::assert_same_sums(&other, &format!("{when}, and new calls")).await;
        }
        let versions = number(&one, "SELECT uniqExact(version) FROM schema_version").await;
        assert_eq!(versions, FILES.len() as u64);
        let drop = first
            .with_database("default")
            .query_raw("DROP DATABASE observed ON CLUSTER `pair` SYNC");
        one.shutdown().await;
        other.shutdown().await;
        drop.execute().await.unwrap();
    }
    for server in &mut pair {
        server.stop().await;
    }
}
