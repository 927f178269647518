//! Which tenants have so many calls that these are summed up for them alone, see `schema/0016_tenant_calls.sql`.

use std::time::Duration;

use clickhouse::{Client, error::Error};
use tokio::{sync::watch, task::JoinSet, time::sleep};

use super::{client::Clients, failure, watch::StoreState};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Adds who had 20,000 calls in a day, from the midnight after the next one on: calls of that time come after the note,
/// also from a clock that is some hours ahead. A tenant stays for ever; there are 1,000 at most. In a cluster, the calls of a
/// tenant are on all shards, so that no shard can tell by itself.
const NOTE: &str = "INSERT INTO large_tenants SELECT tenant, toStartOfDay(now('UTC')) + INTERVAL 2 DAY AS since \
    FROM calls WHERE tenant != '' AND toStartOfHour(time) >= toStartOfHour(now64(6) - INTERVAL 1 DAY) \
    AND time >= now64(6) - INTERVAL 1 DAY AND tenant GLOBAL NOT IN (SELECT tenant FROM large_tenants) \
    AND (SELECT uniqExact(tenant) FROM large_tenants) < 1000 \
    GROUP BY tenant HAVING count() >= 20000 ORDER BY count() DESC LIMIT 100 \
    SETTINGS parallel_distributed_insert_select = 0";

/// Looks once an hour, for ever.
pub(super) async fn run(clients: Clients, mut state: watch::Receiver<StoreState>) {
    loop {
        if state.wait_for(|state| *state == StoreState::Ready).await.is_err() {
            return;
        }
        // Summaries that are slow are no reason to end the collector, nor is a mistake here one to look never again.
        let mut look = JoinSet::new();
        look.spawn(self::look(clients.clone()));
        if let Some(Err(_)) = look.join_next().await {
            tracing::error!("noting large tenants panicked, see the lines above, and is tried again in an hour");
        }
        sleep(INTERVAL).await;
    }
}

async fn look(clients: Clients) {
    if let Err(error) = note(&clients.writer).await {
        let reason = failure::describe(&error, &clients);
        tracing::warn!(
            reason,
            "large tenants cannot be noted, so their summaries stay as slow as they are"
        );
    }
}

async fn note(writer: &Client) -> Result<(), Error> {
    writer.query_raw(NOTE).execute().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panicking_log::panics_at;
    use crate::store::Location;

    #[tokio::test(start_paused = true)]
    async fn a_look_that_panics_is_not_the_last_one() {
        let Ok(Location::Remote(nobody)) = "http://127.0.0.1:1/toolsight".parse() else {
            unreachable!("it is the address of a server")
        };
        let clients = Clients::remote(&nobody, None).unwrap();
        let (_state, states) = watch::channel(StoreState::Ready);
        let _log = panics_at("large tenants cannot be noted");
        let looks = tokio::spawn(run(clients, states));
        let over = tokio::time::timeout(3 * INTERVAL, looks).await;
        assert!(over.is_err(), "{over:?}");
    }
}
