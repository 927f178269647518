//! `/api/v1/sessions`: sessions that were used, and how they went.

use axum::{extract::State, response::Response};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::{
    ApiError, ApiState,
    calls::SEARCH_GROWTH,
    error::ErrorAnswer,
    export::Accepted,
    kept::Source,
    listing::{Listing, PageParameters},
    openapi::{FormatParameter, ScopeParameters, text_parameter},
    parameters::Parameters,
    range::Range,
    reader::Reader,
};

const QUERY: &str = include_str!("../../queries/sessions.sql");
const FILTERS: [&str; 2] = ["user", "client"];
/// Seconds that are searched at first. A list of sessions groups the calls of the time that it searches, so it begins with
/// less than a list of calls: where there are too few, the next ones cost little.
const FIRST_SEARCH: i64 = 120;

/// Describes the filters.
pub(crate) struct SessionsParameters;

impl IntoParams for SessionsParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let describe = |name: &&str| text_parameter(name, "Only rows with exactly this text");
        FILTERS.iter().map(describe).collect()
    }
}

/// One session of a protocol version that has sessions.
#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
pub(crate) struct SessionSummary {
    server: String,
    session: String,
    client: String,
    client_version: String,
    protocol: String,
    user: String,
    calls: u64,
    failures: u64,
    caller_errors: u64,
    first_seen: f64,
    last_seen: f64,
}

/// Sessions that were used, and how they went.
#[derive(Serialize, ToSchema)]
pub(crate) struct Sessions {
    range: Range,
    sessions: Vec<SessionSummary>,
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with sessions, those used last first; how they went is told in all, not of the range only.
#[utoipa::path(
    get,
    path = "/sessions",
    params(ScopeParameters, SessionsParameters, PageParameters, FormatParameter),
    responses((status = OK, description = "One session of a protocol version that has sessions.", body = Sessions), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn sessions(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = Listing::take(accepted, parameters, Source::Calls, &FILTERS)?;
    let read = move |listing| read(state.reader.clone(), listing);
    let page = |range, sessions, next| Sessions { range, sessions, next };
    listing.answer("sessions", read, page).await
}

/// The sessions of one page, from as little time as has so many.
async fn read(reader: Reader, mut listing: Listing) -> Result<Vec<SessionSummary>, ApiError> {
    let range = listing.scope.range;
    let mut seconds = FIRST_SEARCH;
    loop {
        listing.scope.range.from = range.from.max(range.to - seconds);
        let found: Vec<SessionSummary> = reader.rows(listing.query(&reader, QUERY)).await?;
        if found.len() >= listing.rows() as usize || listing.scope.range.from <= range.from {
            return Ok(found);
        }
        seconds *= SEARCH_GROWTH;
    }
}
