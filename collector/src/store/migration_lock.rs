//! One collector at a time brings the tables into shape.
//!
//! The lock is a query that sleeps, under an id that the server gives to one query at a time: it ends with its
//! connection, so a collector that dies leaves no lock behind. It is of one server; the replicas of a cluster do not know
//! each other's.

use std::time::Duration;

use clickhouse::{Client, error::Error};
use tokio::time::sleep;

use super::failure;

/// QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING in the numbering of ClickHouse's `ErrorCodes.cpp`.
const HELD_BY_ANOTHER: u32 = 216;
/// Between two looks at the lock.
const LOOK: Duration = Duration::from_millis(50);
/// Seconds that the lock is held at most, longer than any migration takes.
const LONGEST: u32 = 24 * 3600;

/// Waits for the lock, does `work` and lets go.
///
/// # Errors
/// Those of `work`, and those of the server.
pub(super) async fn locked<T, E: From<Error>>(
    client: &Client,
    database: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let id = format!("toolsight-migration-{database}");
    let holder = format!("{:032x}", rand::random::<u128>());
    loop {
        let hold = hold(client, &id, &holder);
        tokio::pin!(hold);
        tokio::select! {
            ended = &mut hold => match ended {
                Err(error) if failure::code(&error) == Some(HELD_BY_ANOTHER) => sleep(LOOK).await,
                Err(error) => return Err(error.into()),
                Ok(()) => {}
            },
            held = is_held(client, &id, &holder) => {
                held?;
                return tokio::select! {
                    done = work => done,
                    ended = hold => Err(ended.err().unwrap_or(Error::TimedOut).into()),
                };
            }
        }
    }
}

/// Runs for as long as it is polled; ends on the server when it is dropped.
async fn hold(client: &Client, id: &str, holder: &str) -> Result<(), Error> {
    let sleeping = format!("SELECT sum(sleepEachRow(1)) FROM numbers({LONGEST}) WHERE '{holder}' != ''");
    let query = client
        .query_raw(&sleeping)
        .with_setting("query_id", id)
        .with_setting("max_block_size", "1")
        .with_setting("max_execution_time", "0")
        .with_setting("cancel_http_readonly_queries_on_client_close", "1")
        .with_setting("readonly", "2");
    query.fetch_one::<u64>().await.map(|_| ())
}

/// Returns when the server runs the query of this holder.
async fn is_held(client: &Client, id: &str, holder: &str) -> Result<(), Error> {
    loop {
        let running = client
            .query("SELECT count() FROM system.processes WHERE query_id = ? AND position(query, ?) > 0")
            .bind(id)
            .bind(holder);
        if running.fetch_one::<u64>().await? > 0 {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}
