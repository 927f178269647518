//! Asks the store, with limits.

use std::{sync::Arc, time::Duration};

use clickhouse::{Client, RowOwned, RowRead, query::Query};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use super::{ApiError, range::Range};
use crate::{
    queries::{MAX_ANSWER, TENANT, limited},
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

    /// For questions about no span of time.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A query about a span of time; it may use the parameters `tenant`, `from` and `to`.
    pub(crate) fn query(&self, sql: &str, range: &Range) -> Query {
        self.client
            .query_raw(sql)
            .param("tenant", TENANT)
            .param("from", range.from)
            .param("to", range.to)
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
