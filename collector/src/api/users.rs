//! `/api/v1/users`: how each user fared.

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
    export::{self, Accepted, Format},
    filters::{Filters, Narrows},
    openapi::{FormatParameter, ScopeParameters},
    parameters::Parameters,
    range::{Range, Scope},
};

const USERS: &str = include_str!("../../queries/users.sql");

/// How one user fared.
#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
struct User {
    user: String,
    calls: u64,
    failures: u64,
    caller_errors: u64,
    #[schema(value_type = Option<f64>)]
    failure_rate: f64,
    #[schema(value_type = Option<f64>)]
    p95_ms: f64,
    tools: u64,
    clients: u64,
    last_seen: f64,
}

/// How each user fared.
#[derive(Serialize, ToSchema)]
pub(crate) struct Users {
    range: Range,
    users: Vec<User>,
}

/// Answers with at most 1000 users, those with the most calls first; calls without a user are left out.
#[utoipa::path(
    get,
    path = "/users",
    params(ScopeParameters, FormatParameter),
    responses((status = OK, description = "The users", body = Users), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn users(
    State(state): State<ApiState>,
    accepted: Accepted,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    let scope = Scope::take(&mut parameters)?;
    Filters::take(&mut parameters, Narrows::No)?;
    let format = accepted.or_taken(&mut parameters)?;
    parameters.finish()?;
    let users: Vec<User> = state.reader.rows(state.reader.query(USERS, &scope)).await?;
    if format != Format::Json {
        return export::whole(format, "users", &users);
    }
    let range = scope.range;
    Ok(Json(Users { range, users }).into_response())
}
