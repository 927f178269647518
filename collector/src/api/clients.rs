//! `/api/v1/clients`: how each client fared, by version and protocol version.

use std::collections::HashMap;

use axum::{extract::State, response::Response};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    export::Accepted,
    kept::Source,
    listing::{Listing, PageParameters},
    openapi::{FormatParameter, ScopeParameters},
    parameters::Parameters,
    range::Range,
    reader::Reader,
};
use crate::store::Retention;

const CLIENTS: &str = include_str!("../../queries/clients.sql");
const FAILING_TOOLS: &str = include_str!("../../queries/client_failing_tools.sql");

#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
struct ClientRow {
    client: String,
    version: String,
    protocol: String,
    calls: u64,
    failures: u64,
    caller_errors: u64,
    /// Calls without credentials, or with expired or too weak ones.
    auth_errors: u64,
    #[schema(value_type = Option<f64>)]
    failure_rate: f64,
    #[schema(value_type = Option<f64>)]
    p95_ms: f64,
    users: u64,
    last_seen: u32,
}

#[derive(Row, Deserialize)]
struct FailingToolRow {
    client: String,
    version: String,
    protocol: String,
    server: String,
    tool: String,
    calls: u64,
    failures: u64,
}

/// A tool that fails for a client.
#[derive(Serialize, ToSchema)]
struct FailingTool {
    server: String,
    tool: String,
    calls: u64,
    failures: u64,
}

/// How one client in one version fared on one version of the protocol.
#[derive(Default, Serialize, ToSchema)]
struct Client {
    #[serde(flatten)]
    row: ClientRow,
    /// The tools that fail most for this client; `null` where the range begins before that is known.
    tools: Option<Vec<FailingTool>>,
}

/// How each client fared.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clients {
    range: Range,
    clients: Vec<Client>,
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with clients, those with the most calls first.
#[utoipa::path(
    get,
    path = "/clients",
    params(ScopeParameters, PageParameters, FormatParameter),
    responses((status = OK, description = "The clients", body = Clients), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn clients(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = Listing::of_summaries(accepted, parameters, Source::DaySums)?;
    let read = move |listing| read(state.reader.clone(), listing, state.retention);
    let page = |range, clients, next| Clients { range, clients, next };
    listing.answer("clients", read, page).await
}

/// The clients of one page, each with its failing tools.
async fn read(reader: Reader, listing: Listing, retention: Retention) -> Result<Vec<Client>, ApiError> {
    let is_known = !listing.scope.range.begins_before(Source::HourSums, retention);
    let failing_tools = async {
        if !is_known {
            return Ok(Vec::new());
        }
        let query = listing.query(&reader, FAILING_TOOLS);
        reader.rows::<FailingToolRow>(query).await
    };
    let (clients, tools) = tokio::try_join!(reader.rows::<ClientRow>(listing.query(&reader, CLIENTS)), failing_tools,)?;
    let mut failing = HashMap::<_, Vec<_>>::new();
    for row in tools {
        failing
            .entry((row.client, row.version, row.protocol))
            .or_default()
            .push(FailingTool {
                server: row.server,
                tool: row.tool,
                calls: row.calls,
                failures: row.failures,
            });
    }
    let with_tools = |row: ClientRow| {
        let key = (row.client.clone(), row.version.clone(), row.protocol.clone());
        Client {
            row,
            tools: is_known.then(|| failing.remove(&key).unwrap_or_default()),
        }
    };
    Ok(clients.into_iter().map(with_tools).collect())
}
