//! `/api/v1/users`: how each user fared.

use axum::{extract::State, response::Response};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    export::Accepted,
    filters::{Filters, Narrows},
    kept::Source,
    listing::{Listing, PageParameters},
    openapi::{FormatParameter, ScopeParameters},
    parameters::Parameters,
    range::Range,
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
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with users, those with the most calls first; calls without a user are left out.
#[utoipa::path(
    get,
    path = "/users",
    params(ScopeParameters, PageParameters, FormatParameter),
    responses((status = OK, description = "The users", body = Users), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn users(
    State(state): State<ApiState>,
    accepted: Accepted,
    mut parameters: Parameters,
) -> Result<Response, ApiError> {
    Filters::take(&mut parameters, Narrows::No)?;
    let listing = Listing::of_summaries(accepted, parameters, Source::Users)?;
    let page = |range, users, next| Users { range, users, next };
    listing.answer_of("users", state.reader, USERS, page).await
}
