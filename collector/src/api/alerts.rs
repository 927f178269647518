//! `/api/v1/alerts` and `/api/v1/tool_health`: when tools were in trouble, and each change of their state.

use axum::{extract::State, response::Response};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ApiError, ApiState,
    error::ErrorAnswer,
    export::Accepted,
    filters::TargetParameter,
    kept::Source,
    listing::{Listing, PageParameters},
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
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
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
    /// Goes into `cursor` for the next page; `null` on the last one.
    next: Option<String>,
}

/// Answers with the alerts that touch the range: those that last first, then the latest. They are about all tenants
/// together, so a token of one tenant is told none.
#[utoipa::path(
    get,
    path = "/alerts",
    params(ScopeParameters, TargetParameter, PageParameters, FormatParameter),
    responses((status = OK, description = "The alerts", body = Alerts), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn alerts(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = of_all_tenants(accepted, parameters)?;
    let page = |range, alerts, next| Alerts { range, alerts, next };
    listing.answer_of("alerts", state.reader, ALERTS, page).await
}

/// Answers with the changes of the state of tools, the latest first; of all tenants together, as alerts.
#[utoipa::path(
    get,
    path = "/tool_health",
    params(ScopeParameters, TargetParameter, PageParameters, FormatParameter),
    responses((status = OK, description = "The changes", body = ToolChanges), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn tool_health(
    State(state): State<ApiState>,
    accepted: Accepted,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let listing = of_all_tenants(accepted, parameters)?;
    let page = |range, changes, next| ToolChanges { range, changes, next };
    listing.answer_of("tool_health", state.reader, CHANGES, page).await
}

fn of_all_tenants(accepted: Accepted, parameters: Parameters) -> Result<Listing, ApiError> {
    let listing = Listing::take(accepted, parameters, Source::ToolHealth, &FILTERS)?;
    listing.scope.require_all_tenants()?;
    Ok(listing)
}
