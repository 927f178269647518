//! Asks the store, with limits.

use std::{sync::Arc, time::Duration};

use clickhouse::{Client, RowOwned, RowRead, query::Query};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use super::{ApiError, range::Scope};
use crate::{
    health::ToolHealth,
    queries::{MAX_ANSWER, limited},
    store::StoreState,
};

/// Queries that run at the same time; more of them wait.
const MAX_QUERIES: usize = 16;
/// How long a query waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Reads from the store, a bounded number of queries at a time.
#[derive(Clone)]
pub(crate) struct Reader {
    client: Client,
    turns: Arc<Semaphore>,
    state: watch::Receiver<StoreState>,
}

impl Reader {
    pub(crate) fn new(client: Client, state: watch::Receiver<StoreState>) -> Self {
        Self {
            client: limited(client),
            turns: Arc::new(Semaphore::new(MAX_QUERIES)),
            state,
        }
    }

    /// What is known about the store.
    pub(crate) fn state(&self) -> StoreState {
        self.state.borrow().clone()
    }

    /// A query about how the tools of a tenant are doing now.
    pub(crate) fn tool_health(&self, scope: &Scope) -> Query {
        ToolHealth::query(&self.client, &scope.tenant)
    }

    /// A query with the parameters `tenant`, `from`, `to` and `server`. There is no other way to ask about calls, so that
    /// nobody is shown those of a tenant that is not theirs.
    pub(crate) fn query(&self, sql: &str, scope: &Scope) -> Query {
        self.client
            .query_raw(sql)
            .param("tenant", &scope.tenant)
            .param("from", scope.range.from)
            .param("to", scope.range.to)
            .param("server", &scope.server)
    }

    /// Runs a query and collects its rows.
    ///
    /// # Errors
    /// If the store is not ready, too many queries are running, or the query fails or takes too long.
    pub(crate) async fn rows<T: RowOwned + RowRead>(&self, query: Query) -> Result<Vec<T>, ApiError> {
        match self.state() {
            StoreState::Ready => {}
            StoreState::Starting => return Err(ApiError::StoreUnavailable("it is starting".to_owned())),
            StoreState::Unreachable(reason) => return Err(ApiError::StoreUnavailable(reason)),
        }
        let Ok(Ok(_turn)) = timeout(MAX_WAIT, self.turns.acquire()).await else {
            return Err(ApiError::Busy);
        };
        match timeout(MAX_ANSWER, query.fetch_all()).await {
            Ok(rows) => Ok(rows?),
            Err(_) => Err(ApiError::StoreUnavailable("no answer in time".to_owned())),
        }
    }
}
