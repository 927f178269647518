use std::{fs, io::Write as _, os::unix::fs::PermissionsExt, process::Stdio};

use rustix::process::{Pid, getpriority_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};
use toolsight_collector::store::{Location, StoreConfig, StoreError, StoreState};

use crate::panicking_log::panics_at;
use crate::support::{Embedded, PROGRAM, block, engines, eventually, insert_for_ever, kill, number, open, ready, rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_comes_back_with_its_data_at_the_same_address() {
    let Embedded { store, folder } = Embedded::open().await;
    let address = store.engine_address().unwrap();
    store.insert(&block(&rows(1000)), "before").await.unwrap();
    let killed = engines(folder.path());
    assert_eq!(killed.len(), 1);
    kill(killed[0]);
    // The answer of this one may have been lost, so it is sent again, as the pipeline would.
    insert_for_ever(&store, &rows(1000), "before").await;
    insert_for_ever(&store, &rows(1000), "after").await;
    ready(&store).await;
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 2000);
    let engines = engines(folder.path());
    assert!(engines.len() == 1 && engines != killed, "{engines:?}");
    assert_eq!(store.engine_address().unwrap(), address);
    store.shutdown().await;
}

#[tokio::test]
async fn an_engine_that_nobody_would_start_again_is_told() {
    let Embedded { store, folder } = Embedded::open().await;
    let _log = panics_at("embedded engine ended");
    engines(folder.path()).into_iter().for_each(kill);
    let failed = tokio::time::timeout(std::time::Duration::from_secs(60), store.failed()).await;
    assert_eq!(failed, Ok("the watch over the embedded engine"));
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_lets_the_collector_go_first() {
    let Embedded { store, folder } = Embedded::open().await;
    let [own, engine] = [None, Some(engines(folder.path())[0])].map(|process| getpriority_process(process).unwrap());
    assert_eq!(engine, (own + 10).min(19));
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_whose_port_is_taken_before_it_listens_gets_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("engine.xml");
    let taken = std::thread::spawn(move || {
        // The engine needs some hundred milliseconds before it listens.
        loop {
            let config = fs::read_to_string(&file).unwrap_or_default();
            let port = config
                .split_once("<http_port>")
                .and_then(|(_, rest)| rest.split_once('<'));
            if let Some((port, _)) = port {
                return std::net::TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap();
            }
            std::thread::yield_now();
        }
    });
    let store = open(Location::Embedded(folder.path().to_owned())).await.unwrap();
    ready(&store).await;
    let taken = taken.join().unwrap();
    assert_ne!(store.engine_address(), taken.local_addr().ok());
    store.insert(&block(&rows(10)), "here").await.unwrap();
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 10);
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_again_and_again_keeps_what_it_confirmed_and_counts_it_once() {
    let Embedded { store, folder } = Embedded::open().await;
    let rows = rows(5000);
    for round in 0..5_u64 {
        let batches = async {
            for batch in 0..3 {
                insert_for_ever(&store, &rows, &format!("{round} {batch}")).await;
            }
        };
        let killer = async {
            let confirmed = async || number_or_none(&store).await.is_some_and(|count| count > round * 15_000);
            eventually("some rows of the round are there", confirmed).await;
            engines(folder.path()).into_iter().for_each(kill);
        };
        tokio::join!(batches, killer);
    }
    ready(&store).await;
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 75_000);
    let weights: u64 = rows.iter().map(|row| u64::from(row.weight)).sum();
    assert_eq!(
        number(&store, "SELECT sum(calls) FROM calls_per_day WHERE slice = 'server'").await,
        weights * 15
    );
    store.shutdown().await;
}

async fn number_or_none(store: &toolsight_collector::store::Store) -> Option<u64> {
    store.reader().query("SELECT count() FROM calls").fetch_one().await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_opened_once_and_again_after_shutdown() {
    let Embedded { store, folder } = Embedded::open().await;
    store.insert(&block(&rows(10)), "first").await.unwrap();
    let location = || Location::Embedded(folder.path().to_owned());
    let error = open(location()).await.unwrap_err();
    assert!(matches!(error, StoreError::FolderInUse { .. }), "{error:?}");
    let message = error.to_string();
    assert!(
        message.contains("in use") && message.contains(folder.path().to_str().unwrap()),
        "{message}"
    );

    store.shutdown().await;
    assert_eq!(engines(folder.path()), []);
    let store = open(location()).await.unwrap();
    ready(&store).await;
    store.insert(&block(&rows(10)), "first").await.unwrap();
    assert_eq!(
        number(&store, "SELECT count() FROM calls").await,
        10,
        "the token is known after a restart"
    );
    store.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_store_leaves_no_process() {
    let Embedded { store, folder } = Embedded::open().await;
    drop(store);
    eventually("the engine has gone", async || engines(folder.path()).is_empty()).await;
}

/// In the process that the next test starts of itself and kills.
async fn hold_a_store(folder: std::ffi::OsString) {
    let store = open(Location::Embedded(folder.into())).await.unwrap();
    ready(&store).await;
    store.insert(&block(&rows(1000)), "held").await.unwrap();
    std::io::stdout().write_all(b"held\n").unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_collector_leaves_no_engine_and_its_folder_opens_at_once() {
    const NAME: &str = "engine::a_killed_collector_leaves_no_engine_and_its_folder_opens_at_once";
    const FOLDER: &str = "FOLDER_TO_HOLD";
    if let Some(folder) = std::env::var_os(FOLDER) {
        hold_a_store(folder).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut collector = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(collector.stdout.take().unwrap()).lines();
    while !lines
        .next_line()
        .await
        .unwrap()
        .expect("the collector ended")
        .contains("held")
    {}
    let engine = engines(folder.path());
    assert_eq!(engine.len(), 1);
    kill(Pid::from_raw(collector.id().unwrap().try_into().unwrap()).unwrap());
    collector.wait().await.unwrap();

    let store = open(Location::Embedded(folder.path().to_owned())).await.unwrap();
    ready(&store).await;
    assert_eq!(number(&store, "SELECT count() FROM calls").await, 1000);
    assert_ne!(engines(folder.path()), engine);
    store.shutdown().await;
    assert_eq!(engines(folder.path()), []);
}

/// A library that every process has.
fn another_library() -> std::path::PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let paths = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    paths
        .filter(|path| path.contains("libc.so"))
        .map(Into::into)
        .next()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_needs_and_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "no library").unwrap();
    let cases = [
        (
            Some(folder.path().join("none.so")),
            folder.path().join("a"),
            "none.so: No such file",
        ),
        (Some(file.clone()), folder.path().join("b"), "file cannot be loaded: "),
        (Some(file.clone()), folder.path().join("b"), ": file too short"),
        (Some(another_library()), folder.path().join("c"), " is not libchdb: "),
        (
            Some(another_library()),
            folder.path().join("c"),
            "undefined symbol: chdb_query_cmdline",
        ),
        (
            None,
            file,
            "cannot be used; name another folder with --store embedded:FOLDER: ",
        ),
    ];
    for (library, store, message) in cases {
        let location = Location::Embedded(store);
        let config = StoreConfig {
            engine_library: library,
            engine_program: Some(PROGRAM.into()),
            ..StoreConfig::new(location)
        };
        let metrics = toolsight_collector::telemetry::Metrics::new().unwrap();
        let error = toolsight_collector::store::Store::open(config, metrics, |_| {})
            .await
            .unwrap_err();
        let error = format!("{:#}", anyhow::Error::from(error));
        assert!(error.contains(message), "{error}");
        let said = error.rsplit(": ").next().unwrap();
        assert_eq!(error.matches(said).count(), 1, "nothing is said twice: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_for_the_owner_only_and_the_readers_stays() {
    let Embedded { store, folder } = Embedded::open().await;
    let password = || fs::read_to_string(folder.path().join("reader.password")).unwrap();
    let first = password();
    assert_eq!(first.len(), 32);
    for file in ["reader.password", "engine.xml", "lock", "engine.lock", "engine.log"] {
        let mode = fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let config = fs::read_to_string(folder.path().join("engine.xml")).unwrap();
    assert!(!config.contains(&first));
    store.shutdown().await;
    let store = open(Location::Embedded(folder.path().to_owned())).await.unwrap();
    assert_eq!(password(), first);
    assert_ne!(store.state(), StoreState::Unreachable(String::new()));
    store.shutdown().await;
}
