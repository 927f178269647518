//! `/api/v1/definitions`: what tools say of themselves, and what that costs.

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
};

const QUERY: &str = include_str!("../../queries/definitions.sql");

/// One definition of a tool, as `tools/list` told it.
#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
pub(crate) struct Definition {
    server: String,
    tool: String,
    /// Tells definitions apart: 16 hexadecimal digits.
    hash: String,
    bytes: u32,
    /// Tokens that it takes of a model's context, about: a quarter of its bytes.
    estimated_tokens: u64,
    calls: u64,
    first_seen: f64,
    last_seen: f64,
}

/// What tools say of themselves, and what that costs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Definitions {
    range: Range,
    definitions: Vec<Definition>,
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with definitions of tools that were called, the largest first.
#[utoipa::path(
    get,
    path = "/definitions",
    params(ScopeParameters, PageParameters, FormatParameter),
    responses((status = OK, description = "One definition of a tool, as `tools/list` told it.", body = Definitions), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn definitions(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = Listing::take(accepted, parameters, Source::Definitions, &[])?;
    let page = |range, definitions, next| Definitions {
        range,
        definitions,
        next,
    };
    listing.answer_of("definitions", state.reader, QUERY, page).await
}
