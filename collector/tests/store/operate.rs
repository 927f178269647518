//! The commands of an operator: the program itself, beside a store that is in use and alone.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Output,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tempfile::TempDir;
use tokio::process::Command;
use toolsight_collector::{
    config::settings::SETTINGS,
    row::Row,
    store::{Location, Retention, Store, StoreConfig},
    telemetry::Metrics,
};

use crate::support::{
    Embedded, PROGRAM, Server, block, eventually, insert_for_ever, number, open, open_with, ready, rows,
};

pub(crate) async fn program(store: &Path, arguments: &[&str]) -> Output {
    program_at(&format!("embedded:{}", store.display()), arguments).await
}

async fn program_at(store: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    for setting in SETTINGS {
        command.env_remove(setting.variable());
    }
    let command = command.env_remove("TOOLSIGHT_CONFIG").args(arguments);
    command.args(["--store", store]).output().await.unwrap()
}

pub(crate) fn said(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    str::from_utf8(&output.stdout).unwrap()
}

pub(crate) fn refused(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    str::from_utf8(&output.stderr).unwrap()
}

/// Every table with a checksum of its rows and their number.
async fn tables(store: &Store) -> BTreeMap<String, (u64, u64)> {
    let names = "SELECT name FROM system.tables WHERE database = 'toolsight' AND engine LIKE '%MergeTree'";
    let names: Vec<String> = store.writer().query(names).fetch_all().await.unwrap();
    let mut found = BTreeMap::new();
    for name in names {
        // States of aggregates differ after a merge, so that only their keys and sums are compared.
        let query = match name.as_str() {
            "calls" => "SELECT count(), sum(cityHash64(*)) FROM calls".to_owned(),
            name if name.starts_with("calls_per_") => format!("SELECT sum(calls), sum(failures) FROM {name}"),
            name => format!("SELECT count(), toUInt64(0) FROM {name} FINAL"),
        };
        found.insert(name, store.writer().query(&query).fetch_one().await.unwrap());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_store_in_use_is_restored_with_every_row() {
    let Embedded { store, folder } = Embedded::open().await;
    store.insert(&block(&rows(5_000)), "first").await.unwrap();
    let before = tables(&store).await;
    assert_eq!(before["calls"].0, 5_000);
    let place = TempDir::new().unwrap();
    let (copy, restored) = (place.path().join("copy"), place.path().join("restored"));
    let copied = program(folder.path(), &["backup", copy.to_str().unwrap()]).await;
    assert_eq!(said(&copied), format!("the backup is in {}\n", copy.display()));
    // What comes after the backup is not in it.
    store.insert(&block(&rows(10)), "second").await.unwrap();
    let again = program(folder.path(), &["backup", copy.to_str().unwrap()]).await;
    assert!(
        refused(&again).contains("is there already: name a new folder"),
        "{again:?}"
    );
    let over = program(folder.path(), &["restore", copy.to_str().unwrap()]).await;
    assert!(refused(&over).contains("is not empty"), "{over:?}");
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 5_010);
    store.shutdown().await;

    said(&program(&restored, &["restore", copy.to_str().unwrap()]).await);
    let store = open(Location::Embedded(restored.clone())).await.unwrap();
    ready(&store).await;
    assert_eq!(tables(&store).await, before);
    // It goes on as any other store does: these ten rows stand for 19 calls.
    store.insert(&block(&rows(10)), "third").await.unwrap();
    let sums = number(&store, "SELECT sum(calls) FROM calls_per_minute").await;
    assert_eq!(sums, before["calls_per_minute"].0 + 3 * 19);
    store.shutdown().await;
    // Nobody has it open now: the command opens it for itself.
    let alone = place.path().join("alone");
    said(&program(&restored, &["backup", alone.to_str().unwrap()]).await);
    assert!(alone.join("metadata").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_a_store_that_is_not_there_makes_none() {
    let place = TempDir::new().unwrap();
    let at = |name: &str| place.path().join(name);
    let (missing, copy) = (at("missing"), at("copy").display().to_string());
    for arguments in [&["forget-user", "user-7"][..], &["backup", &copy]] {
        let output = program(&missing, arguments).await;
        assert!(
            refused(&output).contains("there is no store at embedded:"),
            "{output:?}"
        );
    }
    let output = program(&missing, &["restore", &copy]).await;
    assert!(refused(&output).contains("there is no backup in"), "{output:?}");
    assert!(!missing.exists());

    let mut server = Server::new().await;
    server.start();
    let port = server.port;
    eventually("the server answers", async || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;
    let url = format!("http://admin:p%40ss@127.0.0.1:{}/mistyped", server.port);
    let output = program_at(&url, &["forget-user", "user-7"]).await;
    assert!(
        refused(&output).contains("there is no store at http://127.0.0.1:"),
        "{output:?}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_is_restored_whole_or_not_at_all() {
    let Embedded { store, folder } = Embedded::open().await;
    store.insert(&block(&rows(100)), "rows").await.unwrap();
    let place = TempDir::new().unwrap();
    let (copy, restored) = (place.path().join("copy"), place.path().join("restored"));
    let copy = copy.to_str().unwrap();
    said(&program(folder.path(), &["backup", copy]).await);
    store.shutdown().await;
    let list = format!("{copy}/.backup");
    let whole = std::fs::read(&list).unwrap();
    std::fs::write(&list, &whole[..whole.len() / 2]).unwrap();
    refused(&program(&restored, &["restore", copy]).await);
    assert_eq!(std::fs::read_dir(&restored).unwrap().count(), 0);
    std::fs::write(&list, whole).unwrap();
    said(&program(&restored, &["restore", copy]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_about_a_user_is_deleted_and_sums_stay() {
    let Embedded { store, folder } = Embedded::open().await;
    store.insert(&block(&rows(4_000)), "users").await.unwrap();
    let of = |user: &str, and: &str| format!("SELECT count() FROM calls WHERE user_id = '{user}' {and}");
    let (there, others) = (
        number(&store, &of("user-7", "")).await,
        number(&store, "SELECT count() FROM calls").await,
    );
    assert_eq!(there, 100);
    let in_tenant = number(&store, &of("user-7", "AND tenant = 'tenant-2'")).await;
    assert!((1..there).contains(&in_tenant));
    let sums = number(&store, "SELECT sum(calls) FROM calls_per_minute").await;

    let output = program(folder.path(), &["forget-user", "user-7", "--tenant", "tenant-2"]).await;
    assert!(
        said(&output).contains(&format!("calls: {in_tenant} rows deleted, 0 left\n")),
        "{output:?}"
    );
    assert_eq!(number(&store, &of("user-7", "")).await, there - in_tenant);
    // A name that would be SQL is a name.
    let output = program(folder.path(), &["forget-user", "' OR 1 = 1 --"]).await;
    assert!(said(&output).contains("calls: 0 rows deleted, 0 left\n"), "{output:?}");
    assert!(said(&output).contains("nothing was stored about"), "{output:?}");
    said(&program(folder.path(), &["forget-user", "user-7"]).await);
    assert_eq!(number(&store, &of("user-7", "")).await, 0);
    assert_eq!(number(&store, "SELECT count() FROM calls").await, others - there);
    assert_eq!(number(&store, "SELECT sum(calls) FROM calls_per_minute").await, sums);
    let nobody = program(folder.path(), &["forget-user", ""]).await;
    assert!(refused(&nobody).contains("name a user"), "{nobody:?}");
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_store_forgets_a_user_and_keeps_rows_for_another_time_while_calls_come() {
    Embedded::open().await.store.shutdown().await;
    let mut server = Server::new().await;
    server.start();
    let location = || server.location("admin:p%40ss");
    let store = Arc::new(open(location()).await.unwrap());
    ready(&store).await;
    let before = rows(4_000);
    insert_for_ever(&store, &before, "before").await;
    let others: Vec<_> = rows(500).into_iter().filter(|row| row.user_id != "user-7").collect();
    let (stop, batches) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let inserting = {
        let (store, stop, batches, others) = (store.clone(), stop.clone(), batches.clone(), others.clone());
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let number = batches.load(Ordering::Relaxed);
                insert_for_ever(&store, &others, &format!("during {number}")).await;
                batches.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let more = async || {
        let now = batches.load(Ordering::Relaxed);
        eventually("calls come", async || batches.load(Ordering::Relaxed) > now + 1).await;
    };
    more().await;
    let url = format!("http://admin:p%40ss@127.0.0.1:{}/observed", server.port);
    let output = program_at(&url, &["forget-user", "user-7"]).await;
    assert!(
        said(&output).contains("calls: 100 rows deleted, 0 left\n"),
        "{output:?}"
    );
    more().await;
    let retention = Retention {
        calls: Some(7),
        ..Retention::default()
    };
    let changing = open_with(StoreConfig {
        retention,
        ..StoreConfig::new(location())
    });
    let changing = changing.await.unwrap();
    ready(&changing).await;
    let ttl = "SELECT toUInt64(extract(engine_full, 'toIntervalDay\\\\((\\\\d+)\\\\)')) FROM system.tables \
        WHERE database = 'observed' AND name = 'calls'";
    assert_eq!(number(&store, ttl).await, 7);
    more().await;
    stop.store(true, Ordering::Relaxed);
    inserting.await.unwrap();

    let batches = batches.load(Ordering::Relaxed);
    let left = before.len() as u64 - 100 + batches * others.len() as u64;
    assert_eq!(number(&store, "SELECT count() FROM calls").await, left);
    assert_eq!(
        number(&store, "SELECT count() FROM calls WHERE user_id = 'user-7'").await,
        0
    );
    let weight = |rows: &[Row<'_>]| rows.iter().map(|row| u64::from(row.weight)).sum::<u64>();
    let sums = number(&store, "SELECT sum(calls) FROM calls_per_minute WHERE slice = 'server'").await;
    assert_eq!(
        sums,
        weight(&before) + batches * weight(&others),
        "sums name nobody and stay"
    );
    changing.shutdown().await;
    store.shutdown().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_programs_are_told_where_to_read() {
    let Embedded { store, folder } = Embedded::open().await;
    let output = program(folder.path(), &["store-info"]).await;
    let told: BTreeMap<_, _> = said(&output).lines().filter_map(|line| line.split_once('=')).collect();
    let password = std::fs::read_to_string(told["password_file"]).unwrap();
    let reader = clickhouse::Client::default()
        .with_url(told["url"])
        .with_user(told["user"])
        .with_password(password)
        .with_database(told["database"]);
    assert_eq!(
        reader
            .query("SELECT count() FROM calls")
            .fetch_one::<u64>()
            .await
            .unwrap(),
        0
    );
    let backup = reader
        .query("BACKUP DATABASE toolsight TO File('/tmp/x')")
        .execute()
        .await;
    assert!(backup.unwrap_err().to_string().contains("ACCESS_DENIED"));
    store.shutdown().await;
    let nothing = TempDir::new().unwrap();
    let output = program(nothing.path(), &["store-info"]).await;
    assert!(refused(&output).contains("cannot be reached"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_kept_as_long_as_the_settings_say() {
    let folder = TempDir::new().unwrap();
    let ttl = "SELECT name, extract(engine_full, 'toIntervalDay\\((\\d+)\\)') AS days FROM system.tables \
        WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name";
    let none = Retention::default();
    let some = Retention { calls: Some(7), ..none };
    let all = Retention {
        calls: Some(10),
        minutes: Some(400),
        hours: Some(90),
        days: Some(500),
    };
    let made = "batches 30, calls 30, calls_per_day 800, calls_per_minute 3, \
        client_calls_per_hour 100, client_tools_per_hour 100, errors_per_day 100, large_tenants , \
        schema_version , sessions 62, tenant_calls 100, tenant_client_tools_per_day 100, \
        tenant_users_per_day 400, tool_definitions 400, tool_health 400";
    let fewer = made
        .replace("batches 30, calls 30", "batches 7, calls 7")
        .replace("sessions 62", "sessions 38");
    let others = "batches 10, calls 10, calls_per_day 500, calls_per_minute 400, \
        client_calls_per_hour 90, client_tools_per_hour 90, errors_per_day 500, large_tenants , \
        schema_version , sessions 41, tenant_calls 90, tenant_client_tools_per_day 500, \
        tenant_users_per_day 500, tool_definitions 500, tool_health 500";
    for (case, retention, expected) in [
        ("as the tables were made", none, made),
        ("another time for calls", some, &fewer),
        ("what is not set stays", none, &fewer),
        ("another time for each level", all, others),
    ] {
        let config = StoreConfig {
            engine_program: Some(PROGRAM.into()),
            retention,
            ..StoreConfig::new(Location::Embedded(folder.path().to_owned()))
        };
        let store = Store::open(config, Metrics::new().unwrap(), |_| {}).await.unwrap();
        ready(&store).await;
        let told: Vec<(String, String)> = store.writer().query(ttl).fetch_all().await.unwrap();
        let told: Vec<_> = told.iter().map(|(table, days)| format!("{table} {days}")).collect();
        assert_eq!(told.join(", "), expected, "{case}");
        store.shutdown().await;
    }
}
