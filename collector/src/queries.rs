//! What all questions to the store have in common; the questions themselves are in `queries/`.

use std::time::Duration;

use clickhouse::Client;

/// What stands for all tenants together where a question is about one.
pub(crate) const ALL_TENANTS: &str = "";

/// How long to wait for the store, longer than the 10 s it grants itself.
pub(crate) const MAX_ANSWER: Duration = Duration::from_secs(12);

/// Limits each query of this client to 10 seconds; how many rows it may answer with stands in the query itself.
///
/// One setting only, since a reader who may not write may not change any settings but those it was allowed to.
pub(crate) fn limited(client: Client) -> Client {
    client.with_setting("max_execution_time", "10")
}
