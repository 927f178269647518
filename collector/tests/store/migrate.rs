use serde_json::json;
use toolsight_collector::store::StoreState;

use crate::support::{Embedded, Server, block, json, number, open, ready, rows, unreachable};

#[tokio::test(flavor = "multi_thread")]
async fn several_collectors_may_migrate_one_database_at_once() {
    let Embedded {
        store: embedded,
        folder: _folder,
    } = Embedded::open().await;
    let mut server = Server::new().await;
    server.start();
    let location = || server.location("admin:p%40ss");
    let stores = [open(location()), open(location()), open(location()), open(location())];
    let stores = futures_util::future::try_join_all(stores).await.unwrap();
    for store in &stores {
        ready(store).await;
        store.insert(&block(&rows(10)), "same").await.unwrap();
    }
    let again = open(location()).await.unwrap();
    ready(&again).await;
    let versions = json(
        &again,
        "SELECT DISTINCT version, name FROM schema_version ORDER BY version",
    )
    .await;
    let expected = [
        json!({"version": 1, "name": "0001_calls"}),
        json!({"version": 2, "name": "0002_calls_by_minute"}),
        json!({"version": 3, "name": "0003_call_details"}),
    ];
    assert_eq!(versions, expected);
    assert_eq!(number(&again, "SELECT count() FROM calls").await, 10);
    embedded.shutdown().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let Embedded {
        store: embedded,
        folder: _folder,
    } = Embedded::open().await;
    embedded.shutdown().await;
    let mut server = Server::new().await;
    server.start();
    let location = || server.location("admin:p%40ss");
    let first = open(location()).await.unwrap();
    ready(&first).await;

    let record = "INSERT INTO schema_version (version, name, checksum) VALUES (?, ?, ?)";
    let insert = first.writer().query(record).bind(4_u32).bind("0004_later").bind("c");
    insert.execute().await.unwrap();
    let newer = open(location()).await.unwrap();
    let reason = unreachable(&newer, "observed has schema version 4").await;
    assert!(
        reason.contains("knows 3 at most") && reason.contains("run a newer toolsight-collector"),
        "{reason}"
    );

    first
        .writer()
        .query("TRUNCATE TABLE schema_version")
        .execute()
        .await
        .unwrap();
    first
        .writer()
        .query(record)
        .bind(1_u32)
        .bind("0001_calls")
        .bind("other")
        .execute()
        .await
        .unwrap();
    let differs = open(location()).await.unwrap();
    unreachable(&differs, "another schema 0001_calls").await;
    assert_eq!(
        number(&first, "SELECT count() FROM schema_version").await,
        1,
        "nothing was recorded"
    );

    first
        .writer()
        .query("TRUNCATE TABLE schema_version")
        .execute()
        .await
        .unwrap();
    ready(&newer).await;
    assert_eq!(newer.state(), StoreState::Ready);
    server.stop().await;
}
