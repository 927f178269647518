//! `/api/v1/batches`: whether the store has the calls that it was sent, day by day.

use axum::{Json, extract::State};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    openapi::ScopeParameters,
    range::{Range, Scope},
};

const QUERY: &str = include_str!("../../queries/batches.sql");

/// One day of UTC.
#[derive(Row, Deserialize, Serialize, ToSchema)]
struct StoredDay {
    /// Unix time at which it begins.
    time: u32,
    /// Batches with calls of this day.
    batches: u64,
    /// Calls of this day in these batches.
    rows: u64,
    /// Calls of this day in the store; fewer where a user was forgotten.
    calls: u64,
}

/// Whether the store has the calls that it was sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Batches {
    range: Range,
    /// Whether `rows` is `calls` on each of the days; a batch that is being inserted shows in one before the other.
    holds: bool,
    days: Vec<StoredDay>,
}

/// Answers with the whole days that the range touches, the latest first. A batch is of no one tenant and no one server.
#[utoipa::path(
    get,
    path = "/batches",
    params(ScopeParameters),
    responses((status = OK, description = "The days", body = Batches), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn batches(State(state): State<ApiState>, scope: Scope) -> Result<Json<Batches>, ApiError> {
    scope.require_all_tenants()?;
    if !scope.server.is_empty() {
        return Err(ApiError::invalid("server", "is not told apart here: leave it out"));
    }
    let days: Vec<StoredDay> = state.reader.rows(state.reader.query(QUERY, &scope)).await?;
    Ok(Json(Batches {
        range: scope.range,
        holds: days.iter().all(|day| day.rows == day.calls),
        days,
    }))
}
