//! Rows that the store refuses while it takes others, and a table that takes none.

use std::path::Path;
use std::time::Duration;

use crate::support::collector::{Collector, run};
use crate::support::sender::Sender;
use crate::support::within;

const CALLS: &str = "SELECT count() FROM toolsight.calls";
const SUMS: [&str; 3] = [
    "SELECT sum(calls) FROM toolsight.calls_per_minute WHERE slice = 'server'",
    "SELECT sum(calls) FROM toolsight.client_calls_per_hour WHERE slice = 'tool'",
    "SELECT sum(rows) FROM toolsight.batches",
];

/// Runs a command for the collector of this folder; tells whether it succeeded, and what it said.
async fn command(folder: &Path, arguments: &[&str]) -> (bool, String, String) {
    let place = ["store", "spool"].map(|name| folder.join(name).display().to_string());
    let store = format!("embedded:{}", place[0]);
    let settings = ["--store", &store, "--spool-folder", &place[1]];
    let output = run(&[arguments, &settings].concat()).await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// Waits until the store refuses a batch whose name ends like this, and gives the name.
async fn refused_batch(collector: &Collector, end: &str) -> String {
    within(Duration::from_secs(60), "a batch is refused", async || {
        let told = collector.api("collector").await;
        let batch = told["numbers"]["inserts"]["refused"]["batch"].as_str()?;
        batch.ends_with(end).then(|| batch.to_owned())
    })
    .await
}

/// The file that `set-aside` names.
fn file_of(told: &str) -> &str {
    told.split_whitespace().nth(4).unwrap().trim_end_matches(':')
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_refused_is_set_aside_and_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    let mut sender = Sender::new("picky");
    let constraint = "ALTER TABLE toolsight.calls ADD CONSTRAINT picky CHECK request_id != 'picky-57'";
    collector.write(folder.path(), constraint.to_owned()).await;
    sender.send(&collector.http, 100).await;
    collector.drained().await;
    for question in [CALLS].iter().chain(&SUMS) {
        assert_eq!(collector.ask(folder.path(), question).await, 99, "{question}");
    }
    let set_aside = std::fs::read_to_string(folder.path().join("spool/set_aside.ndjson")).unwrap();
    assert!(
        set_aside.lines().count() == 1 && set_aside.contains("\"picky-57\""),
        "{set_aside}"
    );
    assert!(collector.log().contains("stand in set_aside.ndjson"));
}

/// Each row is as good as the others then, and the table can be mended.
#[tokio::test(flavor = "multi_thread")]
async fn rows_wait_for_a_table_whose_columns_have_been_changed() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    let change = async |kind: &str| {
        for statement in ["DROP COLUMN first_byte_us", &format!("ADD COLUMN first_byte_us {kind}")] {
            let statement = format!("ALTER TABLE toolsight.calls {statement}");
            collector.write(folder.path(), statement).await;
        }
    };
    change("Array(UInt8)").await;
    let mut sender = Sender::new("waiting");
    sender.send(&collector.http, 100).await;
    let refused = || {
        let log = collector.log();
        std::future::ready(log.contains("the store did not take a batch").then_some(()))
    };
    within(Duration::from_secs(60), "a batch is refused", refused).await;
    change("UInt64").await;
    collector.drained().await;
    for question in [CALLS].iter().chain(&SUMS) {
        assert_eq!(collector.ask(folder.path(), question).await, 100, "{question}");
    }
    assert!(!folder.path().join("spool/set_aside.ndjson").exists());
}

/// The error is of a table that is filled from `calls`, which may have the rows of the batch by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_waits_for_an_unknown_error_is_set_aside_by_hand_and_stored_once_later() {
    let folder = tempfile::tempdir().unwrap();
    let command = async |arguments: &[&str]| command(folder.path(), arguments).await;
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    let change = async |change: &str| {
        let statement = format!("ALTER TABLE toolsight.sessions {change}");
        collector.write(folder.path(), statement).await;
    };
    // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO, of which nobody can say in general whether rows are at fault.
    let constraint = "ADD CONSTRAINT stuck CHECK throwIf(startsWith(session_id, 'stuck-')) = 0";
    change(constraint).await;
    let (mut stuck, mut others) = (Sender::new("stuck"), Sender::new("others"));
    stuck.send(&collector.http, 100).await;
    let problem = within(Duration::from_secs(120), "the refusal is told", async || {
        let told = collector.api("collector").await;
        let problems = told["problems"].as_array().unwrap().clone();
        problems.into_iter().find(|problem| problem["kind"] == "batch_refused")
    });
    let problem = problem.await;
    others.send(&collector.http, 50).await;
    let refused = &collector.api("collector").await["numbers"]["inserts"]["refused"];
    let batch = refused["batch"].as_str().unwrap();
    assert!(refused["seconds"].as_u64() >= Some(60), "{refused}");
    let set_aside = format!("`toolsight-collector set-aside '{batch}'`");
    let is_told = |told: &str| told.contains("Code: 395") && told.contains(&set_aside);
    assert!(is_told(problem["message"].as_str().unwrap()), "{problem}");
    within(Duration::from_secs(60), "the log tells it too", async || {
        collector.log().lines().any(is_told).then_some(())
    })
    .await;
    let retries = collector.metric("toolsight_insert_retries_total").await.unwrap();
    assert!(retries < 20.0, "{retries} attempts within two minutes");

    let (_, _, told) = command(&["set-aside", "collector:1.0-2.0"]).await;
    assert!(told.contains("does not refuse batch collector:1.0-2.0"), "{told}");
    let (done, told, error) = command(&["set-aside", batch]).await;
    assert!(done, "{error}");
    let file = file_of(&told);
    collector.drained().await;
    for (question, rows) in [(CALLS, 50), (SUMS[0], 50), (SUMS[1], 50), (SUMS[2], 50)] {
        let found = collector.ask(folder.path(), question).await;
        // What was stored before the error is stored; the rest comes with it.
        assert!(found == rows || found == rows + 100, "{question}: {found}");
    }

    change("DROP CONSTRAINT stuck").await;
    assert_eq!(command(&["store-again", file]).await.1, "100 rows stored\n");
    for question in [CALLS].iter().chain(&SUMS) {
        assert_eq!(collector.ask(folder.path(), question).await, 150, "{question}");
    }

    change(constraint).await;
    stuck.send(&collector.http, 1).await;
    let single = refused_batch(&collector, "").await;
    let (done, told, error) = command(&["set-aside", &single]).await;
    assert!(done, "{error}");
    let file = file_of(&told);
    change("DROP CONSTRAINT stuck").await;
    assert_eq!(command(&["store-again", file]).await.1, "1 rows stored\n");
    for question in [CALLS].iter().chain(&SUMS) {
        assert_eq!(collector.ask(folder.path(), question).await, 151, "{question}");
    }
    let sessions = "SELECT sum(calls) FROM toolsight.sessions";
    assert_eq!(collector.ask(folder.path(), sessions).await, 151);
    let ledger = &collector.api("collector").await["numbers"]["ledger"];
    assert_eq!((&ledger["inserted"], &ledger["set_aside"]), (&50.into(), &101.into()));
    collector.kill().await;
    let (_, _, told) = command(&["set-aside", batch]).await;
    assert!(told.contains("no collector uses the spool"), "{told}");
}

/// The collector knows by then only from the spool's folder that some rows of its batch are not to go with the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_was_stored_again_counts_once_though_the_collector_is_killed_before_its_batch_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    let change = async |collector: &Collector, change: &str| {
        let statement = format!("ALTER TABLE toolsight.calls {change}");
        collector.write(folder.path(), statement).await;
    };
    // The batch is halved for the first of them, and each half waits for one of the others.
    for (name, check) in [
        ("halves", "request_id != 'parts-57'"),
        ("sticks", "throwIf(request_id = 'parts-7') = 0"),
        ("stays", "throwIf(request_id = 'parts-77') = 0"),
    ] {
        change(&collector, &format!("ADD CONSTRAINT {name} CHECK {check}")).await;
    }
    let mut sender = Sender::new("parts");
    sender.send(&collector.http, 100).await;
    let part = refused_batch(&collector, "/0-50").await;
    change(&collector, "DROP CONSTRAINT halves").await;
    let (done, told, error) = command(folder.path(), &["set-aside", &part]).await;
    assert!(done, "{error}");
    refused_batch(&collector, "/50-100").await;
    change(&collector, "DROP CONSTRAINT sticks").await;
    let again = command(folder.path(), &["store-again", file_of(&told)]).await;
    assert_eq!(again.1, "50 rows stored\n", "{again:?}");
    let twice = command(folder.path(), &["store-again", file_of(&told)]).await;
    assert!(!twice.0 && twice.2.contains("take "), "{twice:?}");
    collector.kill().await;

    let collector = Collector::start_in(folder.path(), &[]).await;
    collector.ready().await;
    refused_batch(&collector, "").await;
    change(&collector, "DROP CONSTRAINT stays").await;
    collector.drained().await;
    for question in [CALLS].iter().chain(&SUMS) {
        assert_eq!(collector.ask(folder.path(), question).await, 100, "{question}");
    }
}
