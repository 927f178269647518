//! Keeps batches out of `calls` while what is derived from it is made anew.
//!
//! To fill a table from `calls` and to make the view that goes on with it are two statements: a batch that came between
//! them would be in neither, for ever. This collector's own batches wait for its tables. Those of others, perhaps of an
//! earlier version that runs meanwhile, are refused with an error after which they come again.

use std::time::{Duration, Instant};

use clickhouse::error::Error;
use tokio::time::sleep;

use super::{client::Clients, cluster};

/// TOO_MANY_PARTS is the answer from now on, for which every version of the collector tries again.
const CLOSE: &str = "ALTER TABLE calls MODIFY SETTING max_parts_in_total = 0";
const OPEN: &str = "ALTER TABLE calls RESET SETTING max_parts_in_total";

/// Between two looks at who still inserts.
const LOOK: Duration = Duration::from_millis(50);

/// Ends what an earlier attempt, whose collector has gone, still fills tables with.
///
/// # Errors
/// Those of the server.
pub(super) async fn end_fills(clients: &Clients) -> Result<(), Error> {
    clients.kill(&format!("query_id = '{}'", fill_id(clients))).await
}

/// The id of the one statement at a time that fills a table of this database.
pub(super) fn fill_id(clients: &Clients) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let database: String = clients.database.chars().map(safe).collect();
    format!("toolsight-fill-{database}")
}

/// Refuses further batches, and returns when those that had begun have ended.
///
/// # Errors
/// Those of the server; batches may be refused then.
pub(super) async fn close(clients: &Clients) -> Result<(), Error> {
    alter(clients, CLOSE).await?;
    until_begun_have_ended(clients).await
}

/// Takes batches again, once those that have begun are refused: they know nothing of the views that were just made.
///
/// # Errors
/// Those of the server; batches are still refused then.
pub(super) async fn open(clients: &Clients) -> Result<(), Error> {
    until_begun_have_ended(clients).await?;
    alter(clients, OPEN).await
}

/// Waits for the inserts into this database's tables that have begun by now.
async fn until_begun_have_ended(clients: &Clients) -> Result<(), Error> {
    let now = Instant::now();
    let processes = clients.processes();
    // A shard is asked by the full name of the table, in no database of its own.
    let begun = format!(
        "SELECT count() FROM {processes} WHERE query_kind = 'Insert' AND position(query, 'calls') > 0 AND elapsed >= ? \
         AND (current_database = ? OR position(query, ?) > 0)"
    );
    while clients
        .server
        .query(&begun)
        .bind(now.elapsed().as_secs_f64())
        .bind(&clients.database)
        .bind(format!("{}.calls", clients.database))
        .fetch_one::<u64>()
        .await?
        > 0
    {
        sleep(LOOK).await;
    }
    Ok(())
}

async fn alter(clients: &Clients, statement: &str) -> Result<(), Error> {
    // The first of them is about the tables that keep rows, the others about those that spread them.
    let statements = cluster::statements(statement, clients.cluster.as_deref());
    clients.writer.query_raw(&statements[0]).execute().await
}
