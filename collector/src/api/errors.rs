//! `/api/v1/errors`: what goes wrong most.

use axum::{extract::State, response::Response};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    export::Accepted,
    kept::Source,
    listing::{Listing, PageParameters},
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
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with groups of errors, those of most calls first, by whole days of UTC.
#[utoipa::path(
    get,
    path = "/errors",
    params(ScopeParameters, ErrorsParameters, PageParameters, FormatParameter),
    responses((status = OK, description = "Errors that are the same but for numbers and ids in their message.", body = Errors), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn errors(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = Listing::take(accepted, parameters, Source::Errors, &FILTERS)?;
    let page = |range, errors, next| Errors { range, errors, next };
    listing.answer_of("errors", state.reader, QUERY, page).await
}
