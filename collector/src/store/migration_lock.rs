//! One collector at a time brings the tables into shape.
//!
//! The lock is a query that sleeps, under an id that a server gives to one query at a time: it ends with its connection,
//! so a collector that dies leaves no lock behind. The servers of a cluster do not know each other's ids. There, whoever
//! sleeps on its own server looks at all of them, and goes away for a while where it is not alone: of two collectors,
//! the one that looks last sees the other.

use std::{
    ops::Range,
    pin::{Pin, pin},
    time::Duration,
};

use clickhouse::{Client, error::Error};
use tokio::time::{sleep, timeout};

use super::{client::Clients, failure};

/// QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING in the numbering of ClickHouse's `ErrorCodes.cpp`.
const HELD_BY_ANOTHER: u32 = 216;
/// Between two looks for the own query.
const LOOK: Duration = Duration::from_millis(50);
/// Milliseconds to stay away for where another sleeps too, at random, so that two do not come back at the same moment.
const AWAY: Range<u64> = 50..400;
/// How long a query that is to end is waited for.
const GONE: Duration = Duration::from_secs(5);
/// Seconds that the lock is held at most, longer than any migration takes.
const LONGEST: u32 = 24 * 3600;

/// Waits for the lock, does `work` and lets go.
///
/// # Errors
/// Those of `work`, and those of the servers: all of a cluster have to be there.
pub(super) async fn locked<T, E: From<Error>>(
    clients: &Clients,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut work = pin!(work);
    loop {
        if let Some(done) = attempt(clients, work.as_mut()).await? {
            return Ok(done);
        }
        sleep(Duration::from_millis(rand::random_range(AWAY))).await;
    }
}

/// Does the work, unless somebody else is at it.
async fn attempt<T, E: From<Error>>(
    clients: &Clients,
    work: Pin<&mut impl Future<Output = Result<T, E>>>,
) -> Result<Option<T>, E> {
    let id = format!("toolsight-migration-{}", clients.database);
    let holder = format!("{:032x}", rand::random::<u128>());
    if sleeping(clients, &id, &holder).await?.1 > 0 {
        return Ok(None);
    }
    let mut hold = pin!(hold(&clients.server, &id, &holder));
    let alone = tokio::select! {
        ended = &mut hold => match ended {
            Err(error) if failure::code(&error) != Some(HELD_BY_ANOTHER) => return Err(error.into()),
            _ => return Ok(None),
        },
        alone = is_alone(clients, &id, &holder) => alone?,
    };
    let done = if alone {
        tokio::select! {
            done = work => done.map(Some),
            ended = &mut hold => return Err(ended.err().unwrap_or(Error::TimedOut).into()),
        }
    } else {
        Ok(None)
    };
    let_go(clients, &id, &holder, hold).await;
    done
}

/// Has the server end the query. It would do so too where the connection is just closed, but embedded engines aborted in
/// tests where many were closed early, and were not seen to since; that this is the cause is not proven.
async fn let_go(clients: &Clients, id: &str, holder: &str, hold: impl Future) {
    let own = format!("query_id = '{id}' AND position(query, '{holder}') > 0");
    let ended = async { tokio::join!(clients.kill(&own), hold) };
    // Else it ends with its connection.
    let _ = timeout(GONE, ended).await;
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

/// Waits until this holder's query runs; whether no other does, on any server of the cluster.
async fn is_alone(clients: &Clients, id: &str, holder: &str) -> Result<bool, Error> {
    loop {
        let (own, all) = sleeping(clients, id, holder).await?;
        if own > 0 {
            return Ok(own == all);
        }
        sleep(LOOK).await;
    }
}

/// How many queries hold the lock, on all servers: those of this holder, and those of all.
async fn sleeping(clients: &Clients, id: &str, holder: &str) -> Result<(u64, u64), Error> {
    let processes = clients.processes();
    let sleeping = format!("SELECT countIf(position(query, ?) > 0), count() FROM {processes} WHERE query_id = ?");
    clients.server.query(&sleeping).bind(holder).bind(id).fetch_one().await
}
