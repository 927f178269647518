//! `/api/v1/chain`: calls that belong together, in their order.

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

const QUERY: &str = include_str!("../../queries/chain.sql");
const FILTERS: [&str; 2] = ["session", "chain"];

/// Describes the filters.
pub(crate) struct ChainParameters;

impl IntoParams for ChainParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let describe = |name: &&str| text_parameter(name, "Only rows with exactly this text");
        FILTERS.iter().map(describe).collect()
    }
}

/// One call of a chain or of a session.
#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
pub(crate) struct ChainCall {
    time: f64,
    server: String,
    method: String,
    kind: String,
    target: String,
    outcome: String,
    fault: String,
    message: String,
    duration_ms: f64,
    /// Round of a call that takes several, from 1.
    attempt: u16,
    /// Part of the duration in which the server waited for somebody else.
    waited_ms: f64,
    /// Equal where the arguments are: 16 hexadecimal digits.
    args_hash: String,
    trace_id: String,
    span_id: String,
}

/// Calls that belong together, in their order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Chain {
    range: Range,
    calls: Vec<ChainCall>,
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with the calls of one session or one chain, the oldest first.
#[utoipa::path(
    get,
    path = "/chain",
    params(ScopeParameters, ChainParameters, PageParameters, FormatParameter),
    responses((status = OK, description = "One call of a chain or of a session.", body = Chain), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn chain(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = Listing::take(accepted, parameters, Source::Calls, &FILTERS)?;
    if FILTERS.iter().all(|name| listing.filter(name).is_empty()) {
        return Err(ApiError::invalid("chain", "must be given, or `session`"));
    }
    let page = |range, calls, next| Chain { range, calls, next };
    listing.answer_of("chain", state.reader, QUERY, page).await
}
