//! `/api/v1/alerts` and `/api/v1/tool_health`: when tools were in trouble, and each change of their state.

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
    filters::TargetParameter,
    listing::{LimitParameter, Listing},
    openapi::{FormatParameter, ScopeParameters},
    parameters::Parameters,
    range::Range,
};

const ALERTS: &str = include_str!("../../queries/alerts.sql");
const CHANGES: &str = include_str!("../../queries/tool_changes.sql");
const FILTERS: [&str; 1] = ["target"];

/// A time in which a tool was flaky or broken.
#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
pub(crate) struct Alert {
    server: String,
    tool: String,
    /// `flaky` or `broken`.
    state: String,
    /// Unix time.
    begin: f64,
    /// `null` as long as it lasts.
    end: Option<f64>,
    /// Calls of the 15 minutes before it began, without those that failed by no fault of the server.
    sample: u64,
    failures: u64,
    /// Successes right after a failure.
    recoveries: u64,
    /// In words, what decided.
    reason: String,
}

/// Times in which tools were in trouble.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alerts {
    range: Range,
    alerts: Vec<Alert>,
}

/// A change of a tool's state.
#[derive(Default, Row, Deserialize, Serialize, ToSchema)]
pub(crate) struct ToolChange {
    server: String,
    tool: String,
    /// Unix time.
    time: f64,
    /// `healthy`, `flaky` or `broken`.
    state: String,
    /// The state before.
    previous: String,
    /// Calls of the 15 minutes before, without those that failed by no fault of the server.
    sample: u64,
    failures: u64,
    /// Successes right after a failure.
    recoveries: u64,
    /// In words, what decided.
    reason: String,
}

/// Changes of the state of tools.
#[derive(Serialize, ToSchema)]
pub(crate) struct ToolChanges {
    range: Range,
    changes: Vec<ToolChange>,
}

/// Answers with the alerts that touch the range: those that last first, then the latest. They are about all tenants
/// together, so a token of one tenant is told none.
#[utoipa::path(
    get,
    path = "/alerts",
    params(ScopeParameters, TargetParameter, LimitParameter, FormatParameter),
    responses((status = OK, description = "The alerts", body = Alerts), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn alerts(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = of_all_tenants(accepted, parameters)?;
    let alerts: Vec<Alert> = state.reader.rows(listing.query(&state.reader, ALERTS)).await?;
    if listing.format != Format::Json {
        return export::whole(listing.format, "alerts", &alerts);
    }
    let range = listing.scope.range;
    Ok(Json(Alerts { range, alerts }).into_response())
}

/// Answers with the changes of the state of tools, the latest first; of all tenants together, as alerts.
#[utoipa::path(
    get,
    path = "/tool_health",
    params(ScopeParameters, TargetParameter, LimitParameter, FormatParameter),
    responses((status = OK, description = "The changes", body = ToolChanges), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn tool_health(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = of_all_tenants(accepted, parameters)?;
    let changes: Vec<ToolChange> = state.reader.rows(listing.query(&state.reader, CHANGES)).await?;
    if listing.format != Format::Json {
        return export::whole(listing.format, "tool_health", &changes);
    }
    let range = listing.scope.range;
    Ok(Json(ToolChanges { range, changes }).into_response())
}

fn of_all_tenants(accepted: Accepted, parameters: Parameters) -> Result<Listing, ApiError> {
    let listing = Listing::take(accepted, parameters, &FILTERS)?;
    listing.scope.require_all_tenants()?;
    Ok(listing)
}
