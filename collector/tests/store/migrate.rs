use clickhouse::Client;
use tokio_util::sync::CancellationToken;
use toolsight_collector::store::StoreState;

use crate::{
    landed::FILES,
    rollups,
    support::{Embedded, Server, block, eventually, json, number, open, ready, rows, unreachable},
};

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
    let names = versions.iter().map(|row| row["name"].as_str().unwrap().to_owned());
    let names: Vec<_> = names.collect();
    let files = FILES.map(|file| file.name);
    assert_eq!(names, files);
    assert_eq!(
        number(&again, "SELECT count() FROM schema_version").await,
        FILES.len() as u64,
        "each was applied by one of them"
    );
    assert_eq!(
        number(&again, "SELECT sum(calls) FROM calls_per_day WHERE slice = 'server'").await,
        rows(10).iter().map(|row| u64::from(row.weight)).sum::<u64>()
    );
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
    let insert = first.writer().query(record).bind(99_u32).bind("0099_later").bind("c");
    insert.execute().await.unwrap();
    let newer = open(location()).await.unwrap();
    let reason = unreachable(&newer, "observed has schema version 99").await;
    assert!(
        reason.contains(&format!("knows {} at most", FILES.len()))
            && reason.contains("run a newer toolsight-collector"),
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

/// Brings a database to an earlier version, as the program of that time did.
pub(crate) async fn at_version(client: &Client, database: &str, version: usize) {
    let client = client.clone().with_database(database);
    let table = "CREATE TABLE schema_version \
        (version UInt32, name String, checksum String, applied DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')) \
        ENGINE = ReplacingMergeTree ORDER BY version";
    client.query_raw(table).execute().await.unwrap();
    for (file, number) in FILES[..version].iter().zip(1_u32..) {
        for statement in file.statements() {
            client.query_raw(&statement).execute().await.unwrap();
        }
        let record = client.query("INSERT INTO schema_version (version, name, checksum) VALUES (?, ?, ?)");
        let record = record.bind(number).bind(file.name).bind(file.checksum);
        record.execute().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_stored_is_in_every_table() {
    let Embedded {
        store: embedded,
        folder: _folder,
    } = Embedded::open().await;
    let mut server = Server::new().await;
    server.start();
    let first = open(server.location("admin:p%40ss")).await.unwrap();
    ready(&first).await;
    first.insert(&block(&rollups::calls(2000)), "all").await.unwrap();
    for version in 1..=FILES.len() {
        let database = format!("version_{version}");
        let create = format!("CREATE DATABASE {database}");
        first.writer().query_raw(&create).execute().await.unwrap();
        at_version(first.writer(), &database, version).await;
        // Before version 3 there were fewer columns.
        let columns = "SELECT arrayStringConcat(groupArray(name), ', ') FROM system.columns WHERE table = 'calls' AND database = ?";
        let columns: String = first.writer().query(columns).bind(&database).fetch_one().await.unwrap();
        let copy = format!("INSERT INTO {database}.calls ({columns}) SELECT {columns} FROM observed.calls");
        first.writer().query_raw(&copy).execute().await.unwrap();

        let location = format!("http://admin:p%40ss@127.0.0.1:{}/{database}", server.port);
        let store = open(location.parse().unwrap()).await.unwrap();
        ready(&store).await;
        rollups::assert_same_sums(&store, &format!("version {version}")).await;
        let more = rollups::calls(100);
        store.insert(&block(&more), "more").await.unwrap();
        rollups::assert_same_sums(&store, &format!("version {version}, and new calls")).await;
    }
    embedded.shutdown().await;
    server.stop().await;
}

/// Calls of many kinds that numbers stand for.
pub(crate) fn calls_of(numbers: &str, kind: u32) -> String {
    format!(
        "INSERT INTO calls (time, tenant, server, target, kind, method, client, outcome, fault, session_id, user_id, weight, trace_id, span_id) \
         SELECT now64(6) - toIntervalSecond(number % 86400), concat('o', toString(number % 8)), \
         concat('s', toString(number % 9)), concat('t', toString(number % 11)), 'tool', 'tools/call', \
         concat('c', toString(number % 6)), if(number % 7 = 0, 'tool_error', 'ok'), if(number % 7 = 0, 'server', 'none'), \
         concat('s', toString(number % 50000)), concat('u', toString(number % 1000)), 1, \
         reinterpretAsFixedString(toUInt128(number)), reinterpretAsFixedString(toUInt64({kind})) FROM {numbers}"
    )
}

/// Inserts one call after the other as a collector does that knows nothing of an upgrade, until it is told to stop;
/// returns how many the table took, and how often it was told to come again.
async fn insert_meanwhile(client: Client, sender: u32, stop: CancellationToken) -> (u64, u64) {
    let (mut taken, mut refused) = (0, 0);
    while !stop.is_cancelled() {
        let call = calls_of(&format!("numbers({taken}, 1)"), sender);
        // Without a token, what a view makes of two like calls is one block for its table.
        let insert = || {
            let insert = client.query_raw(&call);
            let insert = insert.with_setting("insert_deduplication_token", format!("{sender}-{taken}"));
            insert.with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
        };
        while let Err(error) = insert().execute().await {
            assert!(error.to_string().contains("Code: 252."), "{error}");
            refused += 1;
        }
        taken += 1;
    }
    (taken, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_come_during_an_upgrade_are_in_every_table() {
    const BEFORE: u64 = 200_000;
    Embedded::open().await.store.shutdown().await;
    let mut server = Server::new().await;
    server.start();
    let first = open(server.location("admin:p%40ss")).await.unwrap();
    ready(&first).await;
    let create = first.writer().query_raw("CREATE DATABASE live");
    create.execute().await.unwrap();
    at_version(first.writer(), "live", 4).await;
    let client = first.writer().clone().with_database("live");
    // So many that to fill a table takes a while.
    let before = calls_of(&format!("numbers({BEFORE})"), 9);
    client.query_raw(&before).execute().await.unwrap();

    let stop = CancellationToken::new();
    let senders: Vec<_> = (0..2)
        .map(|sender| tokio::spawn(insert_meanwhile(client.clone(), sender, stop.clone())))
        .collect();
    let location = format!("http://admin:p%40ss@127.0.0.1:{}/live", server.port);
    let store = open(location.parse().unwrap()).await.unwrap();
    ready(&store).await;
    stop.cancel();
    let (mut taken, mut refused) = (0, 0);
    for sender in senders {
        let of_sender = sender.await.unwrap();
        taken += of_sender.0;
        refused += of_sender.1;
    }
    assert!(taken > 0 && refused > 0, "calls came meanwhile: {taken}, {refused}");
    assert_eq!(number(&store, "SELECT count() FROM calls").await, BEFORE + taken);
    rollups::assert_same_sums(&store, "with calls that came during the upgrade").await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_that_is_gone_still_fills_is_ended_before_it_is_filled_anew() {
    Embedded::open().await.store.shutdown().await;
    let mut server = Server::new().await;
    server.start();
    let first = open(server.location("admin:p%40ss")).await.unwrap();
    ready(&first).await;
    first
        .writer()
        .query_raw("CREATE DATABASE left_over")
        .execute()
        .await
        .unwrap();
    at_version(first.writer(), "left_over", 6).await;
    let client = first.writer().clone().with_database("left_over");
    let scratch = "CREATE TABLE scratch (n UInt64) ENGINE = MergeTree ORDER BY n";
    client.query_raw(scratch).execute().await.unwrap();
    let filling = client
        .query_raw("INSERT INTO scratch SELECT number + sleepEachRow(1) FROM numbers(600)")
        .with_setting("max_block_size", "1")
        .with_setting("query_id", "toolsight-fill-left_over");
    let filling = tokio::spawn(filling.execute());
    let running = "SELECT count() FROM system.processes WHERE query_id = 'toolsight-fill-left_over'";
    eventually("it fills", async || number(&first, running).await == 1).await;

    let location = format!("http://admin:p%40ss@127.0.0.1:{}/left_over", server.port);
    let store = open(location.parse().unwrap()).await.unwrap();
    ready(&store).await;
    let ended = filling.await.unwrap().unwrap_err().to_string();
    assert!(ended.contains("Code: 394."), "QUERY_WAS_CANCELLED: {ended}");
    // And batches are taken as ever.
    store.insert(&block(&rollups::calls(100)), "later").await.unwrap();
    rollups::assert_same_sums(&store, "after a fill that was left over").await;
    server.stop().await;
}
