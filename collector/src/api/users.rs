//! `/api/v1/users`: how each user fared.

use axum::{Json, extract::State};
use clickhouse::Row;
use serde::{Deserialize, Serialize};

use super::{
    ApiError, ApiState,
    range::{Range, Scope},
};

const USERS: &str = include_str!("../../queries/users.sql");

#[derive(Row, Deserialize, Serialize)]
struct User {
    user: String,
    calls: u64,
    failures: u64,
    caller_errors: u64,
    failure_rate: f64,
    p95_ms: f64,
    tools: u64,
    clients: u64,
    last_seen: f64,
}

#[derive(Serialize)]
pub(crate) struct Users {
    range: Range,
    users: Vec<User>,
}

/// Answers with at most 1000 users, those with the most calls first; calls without a user are left out.
pub(crate) async fn users(State(state): State<ApiState>, scope: Scope) -> Result<Json<Users>, ApiError> {
    let users = state.reader.rows(state.reader.query(USERS, &scope)).await?;
    Ok(Json(Users {
        range: scope.range,
        users,
    }))
}
