//! `/api/v1/clients`: how each client fared, by version and protocol version.

use std::collections::HashMap;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    export::{self, Format, Listed},
    openapi::{FormatParameter, ScopeParameters},
    range::Range,
};

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
    /// The tools that fail most for this client.
    tools: Vec<FailingTool>,
}

/// How each client fared.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clients {
    range: Range,
    clients: Vec<Client>,
}

/// Answers with at most 1000 clients, those with the most calls first.
#[utoipa::path(
    get,
    path = "/clients",
    params(ScopeParameters, FormatParameter),
    responses((status = OK, description = "The clients", body = Clients), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn clients(
    State(state): State<ApiState>,
    Listed { scope, format }: Listed,
) -> Result<Response, ApiError> {
    let reader = &state.reader;
    let (clients, tools) = tokio::try_join!(
        reader.rows::<ClientRow>(reader.query(CLIENTS, &scope)),
        reader.rows::<FailingToolRow>(reader.query(FAILING_TOOLS, &scope)),
    )?;
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
    let clients: Vec<_> = clients
        .into_iter()
        .map(|row| {
            let key = (row.client.clone(), row.version.clone(), row.protocol.clone());
            Client {
                row,
                tools: failing.remove(&key).unwrap_or_default(),
            }
        })
        .collect();
    if format != Format::Json {
        return export::whole(format, "clients", &clients);
    }
    let range = scope.range;
    Ok(Json(Clients { range, clients }).into_response())
}
