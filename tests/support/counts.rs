//! What every table has to say of the calls that a [`Sender`] has brought, each of which has a user and a session.
//!
//! [`Sender`]: super::sender::Sender

/// What has to be as many as there were calls: rows themselves, and what each rollup counts.
const CALLS: [(&str, &str); 11] = [
    ("calls", "SELECT count() FROM toolsight.calls"),
    ("calls by id", "SELECT uniqExact(request_id) FROM toolsight.calls"),
    (
        "calls_per_minute",
        "SELECT sum(calls) FROM toolsight.calls_per_minute WHERE slice = 'server'",
    ),
    (
        "client_calls_per_hour",
        "SELECT sum(calls) FROM toolsight.client_calls_per_hour WHERE slice = 'tool'",
    ),
    (
        "calls_per_day",
        "SELECT sum(calls) FROM toolsight.calls_per_day WHERE slice = 'client'",
    ),
    (
        "client_tools_per_hour",
        "SELECT sum(calls) FROM toolsight.client_tools_per_hour",
    ),
    (
        "tenant_users_per_day",
        "SELECT sum(calls) FROM toolsight.tenant_users_per_day WHERE slice = 'user'",
    ),
    (
        "tenant_users_per_day by server",
        "SELECT sum(calls) FROM toolsight.tenant_users_per_day WHERE slice = 'server'",
    ),
    ("sessions", "SELECT sum(calls) FROM toolsight.sessions"),
    (
        "tool_definitions",
        "SELECT sum(calls) FROM toolsight.tool_definitions WHERE definition_hash = 161",
    ),
    ("batches", "SELECT sum(rows) FROM toolsight.batches"),
];
/// What has to be as many as there were calls, where their tenant was noted as a large one before they came.
const OF_A_LARGE_TENANT: [(&str, &str); 2] = [
    (
        "tenant_calls",
        "SELECT sum(calls) FROM toolsight.tenant_calls WHERE slice = 'server'",
    ),
    (
        "tenant_client_tools_per_day",
        "SELECT sum(calls) FROM toolsight.tenant_client_tools_per_day",
    ),
];
/// What has to be as many as there were failures among the calls.
const FAILURES: [(&str, &str); 3] = [
    (
        "errors_per_day",
        "SELECT sum(calls) FROM toolsight.errors_per_day WHERE slice = 'all'",
    ),
    ("failures of sessions", "SELECT sum(failures) FROM toolsight.sessions"),
    (
        "failures of users",
        "SELECT sum(failures) FROM toolsight.tenant_users_per_day WHERE slice = 'user'",
    ),
];

/// Table, query, and the number that the query has to answer with.
pub(crate) fn expected(calls: u64, failures: u64) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    let all = CALLS.into_iter().map(move |(table, query)| (table, query, calls));
    let failed = FAILURES.into_iter().map(move |(table, query)| (table, query, failures));
    all.chain(failed)
}

/// The same of the tables that only large tenants have.
pub(crate) fn expected_of_a_large_tenant(calls: u64) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    OF_A_LARGE_TENANT
        .into_iter()
        .map(move |(table, query)| (table, query, calls))
}
