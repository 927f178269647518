//! Which tenants have so many calls that these are summed up for them alone, see `schema/0016_tenant_calls.sql`.

use std::time::Duration;

use clickhouse::{Client, error::Error};
use tokio::{sync::watch, time::sleep};

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
        if let Err(error) = note(&clients.writer).await {
            let reason = failure::describe(&error, &clients);
            tracing::warn!(
                reason,
                "large tenants cannot be noted, so their summaries stay as slow as they are"
            );
        }
        sleep(INTERVAL).await;
    }
}

async fn note(writer: &Client) -> Result<(), Error> {
    writer.query_raw(NOTE).execute().await
}
