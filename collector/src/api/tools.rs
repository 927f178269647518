//! `/api/v1/tools`: how each tool did, and how it is doing now.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    export::Accepted,
    filters::{Filters, Narrows, TargetParameter},
    kept::Source,
    listing::{Listing, PageParameters},
    openapi::{FormatParameter, ScopeParameters},
    parameters::Parameters,
    range::{Range, Scope},
};
use crate::{
    health::{self, ToolHealth, ToolState},
    queries::ALL_TENANTS,
};

const TOOLS: &str = include_str!("../../queries/tools.sql");

#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
struct ToolRow {
    server: String,
    tool: String,
    calls: u64,
    failures: u64,
    caller_errors: u64,
    #[schema(value_type = Option<f64>)]
    failure_rate: f64,
    #[schema(value_type = Option<f64>)]
    p50_ms: f64,
    #[schema(value_type = Option<f64>)]
    p95_ms: f64,
    #[schema(value_type = Option<f64>)]
    p99_ms: f64,
    users: u64,
    clients: u64,
    last_seen: u32,
}

/// How one tool did.
#[derive(Default, Serialize, ToSchema)]
struct Tool {
    #[serde(flatten)]
    row: ToolRow,
    /// Of the last 15 minutes, whatever the range.
    state: ToolState,
}

/// How each tool did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tools {
    range: Range,
    tools: Vec<Tool>,
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with tools, those with the most calls first. A filter that is not summed up is the error
/// `not_summed_up`.
#[utoipa::path(
    get,
    path = "/tools",
    params(ScopeParameters, TargetParameter, PageParameters, FormatParameter),
    responses((status = OK, description = "The tools", body = Tools), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn tools(
    State(state): State<ApiState>,
    accepted: Accepted,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let filters = Filters::take(&mut parameters, Narrows::ToTool)?;
    let listing = Listing::of_summaries(accepted, parameters, Source::DaySums)?;
    let read = move |listing: Listing| {
        let (state, filters) = (state.clone(), filters.clone());
        async move {
            let query = filters.of(listing.query(&state.reader, TOOLS));
            let (rows, health) =
                tokio::try_join!(state.reader.rows::<ToolRow>(query), tool_health(&state, &listing.scope))?;
            let tools = rows.into_iter().map(|row| Tool {
                state: health.state_of(&row.server, &row.tool),
                row,
            });
            Ok(tools.collect())
        }
    };
    let page = |range, tools, next| Tools { range, tools, next };
    listing.answer("tools", read, page).await
}

/// The latest answer about all tenants; about one of them, or as long as there is none, one of this moment.
async fn tool_health(state: &ApiState, scope: &Scope) -> Result<Arc<ToolHealth>, ApiError> {
    let latest = state.tool_health.borrow().clone();
    match latest {
        Some(health) if scope.tenant == ALL_TENANTS => Ok(health),
        _ => {
            let query = state.reader.tool_health(scope);
            let rows = state.reader.rows::<health::ToolRow>(query).await?;
            Ok(Arc::new(ToolHealth::new(&rows)))
        }
    }
}
