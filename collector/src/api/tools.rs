//! `/api/v1/tools`: how each tool did, and how it is doing now.

use std::sync::Arc;

use axum::{Json, extract::State};
use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::{
    ApiError, ApiState,
    range::{Range, Scope},
};
use crate::{
    health::{self, ToolHealth, ToolState},
    queries::ALL_TENANTS,
};

const TOOLS: &str = include_str!("../../queries/tools.sql");

#[derive(Row, Deserialize, Serialize)]
struct ToolRow {
    server: String,
    tool: String,
    calls: u64,
    failures: u64,
    caller_errors: u64,
    failure_rate: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    users: u64,
    clients: u64,
    last_seen: u32,
}

#[derive(Serialize)]
struct Tool {
    #[serde(flatten)]
    row: ToolRow,
    /// Of the last 15 minutes, whatever the range.
    state: ToolState,
}

#[derive(Serialize)]
pub(crate) struct Tools {
    range: Range,
    tools: Vec<Tool>,
}

/// Answers with at most 1000 tools, those with the most calls first.
pub(crate) async fn tools(State(state): State<ApiState>, scope: Scope) -> Result<Json<Tools>, ApiError> {
    let query = state.reader.query(TOOLS, &scope);
    let (rows, health) = tokio::try_join!(state.reader.rows::<ToolRow>(query), tool_health(&state, &scope))?;
    let tools = rows
        .into_iter()
        .map(|row| Tool {
            state: health.state_of(&row.server, &row.tool),
            row,
        })
        .collect();
    Ok(Json(Tools {
        range: scope.range,
        tools,
    }))
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
