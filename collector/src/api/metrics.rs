//! `/metrics`, `/healthz` and `/readyz`, for machines that watch the collector.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use prometheus::{Encoder, TextEncoder};
use serde_json::json;

use super::{ApiError, ApiState};
use crate::{auth::Role, store::StoreState};

/// Answers with all metrics in the Prometheus text format.
pub(crate) async fn metrics(State(state): State<ApiState>) -> Result<Response, ApiError> {
    let encoder = TextEncoder::new();
    let text = encoder
        .encode_to_string(&state.metrics.registry.gather())
        .map_err(|error| {
            tracing::error!(%error, "metrics could not be encoded");
            ApiError::Internal
        })?;
    Ok(([(CONTENT_TYPE, encoder.format_type().to_owned())], text).into_response())
}

/// Answers 200 as long as the process serves requests.
pub(crate) async fn healthz() -> StatusCode {
    StatusCode::OK
}

/// Answers 200 while the store is ready, else 503 with the reason; with tokens, only admins are told where the store is.
pub(crate) async fn readyz(State(state): State<ApiState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let may_know = state
        .principal(&headers)
        .is_ok_and(|principal| principal.require(Role::Admin).is_ok());
    match state.reader.state() {
        StoreState::Ready => Ok(Json(json!({ "state": "ready" })).into_response()),
        StoreState::Starting => Err(ApiError::StoreUnavailable("it is starting".to_owned())),
        StoreState::Unreachable(_) if !may_know => {
            Err(ApiError::StoreUnavailable("see the collector's log".to_owned()))
        }
        StoreState::Unreachable(reason) => Err(ApiError::StoreUnavailable(reason)),
    }
}
