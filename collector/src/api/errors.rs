//! `/api/v1/errors`: what goes wrong most.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    export::{self, Accepted, Format},
    listing::{LimitParameter, Listing},
    openapi::{FormatParameter, ScopeParameters, text_parameter},
    parameters::Parameters,
    range::Range,
};

const QUERY: &str = include_str!("../../queries/errors.sql");
const FILTERS: [&str; 2] = ["target", "fault"];

/// Describes the filters.
pub(crate) struct ErrorsParameters;

impl IntoParams for ErrorsParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let describe = |name: &&str| text_parameter(name, "Only rows with exactly this text");
        FILTERS.iter().map(describe).collect()
    }
}

/// Errors that are the same but for numbers and ids in their message.
#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
pub(crate) struct ErrorGroup {
    server: String,
    kind: String,
    target: String,
    method: String,
    outcome: String,
    fault: String,
    error_type: String,
    code: Option<i32>,
    /// The message without what differs from call to call.
    pattern: String,
    calls: u64,
    users: u64,
    /// One of the messages.
    message: String,
    /// Trace of that call.
    trace_id: String,
    first_seen: f64,
    last_seen: f64,
}

/// What goes wrong most.
#[derive(Serialize, ToSchema)]
pub(crate) struct Errors {
    range: Range,
    errors: Vec<ErrorGroup>,
}

/// Answers with groups of errors, those of most calls first, by whole days of UTC.
#[utoipa::path(
    get,
    path = "/errors",
    params(ScopeParameters, ErrorsParameters, LimitParameter, FormatParameter),
    responses((status = OK, description = "Errors that are the same but for numbers and ids in their message.", body = Errors), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn errors(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = Listing::take(accepted, parameters, &FILTERS)?;
    let errors: Vec<ErrorGroup> = state.reader.rows(listing.query(&state.reader, QUERY)).await?;
    if listing.format != Format::Json {
        return export::whole(listing.format, "errors", &errors);
    }
    let range = listing.scope.range;
    Ok(Json(Errors { range, errors }).into_response())
}
