//! Rows that the store refuses while it takes others, and a table that takes none.

use std::time::Duration;

use crate::support::collector::Collector;
use crate::support::sender::Sender;
use crate::support::within;

const CALLS: &str = "SELECT count() FROM toolsight.calls";
const SUMS: [&str; 3] = [
    "SELECT sum(calls) FROM toolsight.calls_per_minute WHERE slice = 'server'",
    "SELECT sum(calls) FROM toolsight.client_calls_per_hour WHERE slice = 'tool'",
    "SELECT sum(rows) FROM toolsight.batches",
];

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
