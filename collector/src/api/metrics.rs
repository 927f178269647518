//! `/metrics`, `/livez`, its other name `/healthz`, and `/readyz`, for machines that watch the collector.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use prometheus::{Encoder, TextEncoder};
use serde_json::json;

use super::{ApiError, ApiState};
use crate::auth::Role;
use crate::store::StoreState;
use crate::telemetry::{Metrics, unix_now};

/// Seconds without a sign of life after which a worker counts as stuck; it gives one each second.
pub(super) const STUCK: f64 = 15.0;
/// Seconds without a sign of life after which only a new start helps. A disk that hangs for a while is given more time.
const DEAD: f64 = 60.0;
/// The state of the memory in which requests are refused.
const SCARCE: i64 = 2;

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

/// Answers 200 unless a worker is dead, else 503 and which: nothing that a new start would not mend.
pub(crate) async fn livez(State(state): State<ApiState>) -> (StatusCode, String) {
    let dead = silent(&state.metrics, DEAD).join("\n");
    let status = if dead.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, dead)
}

/// The workers that have given no sign of life for longer than so many seconds, in sentences.
fn silent(metrics: &Metrics, longest: f64) -> Vec<String> {
    let silent = metrics.worker_ticks().into_iter().filter_map(|(worker, tick)| {
        let seconds = unix_now() - tick;
        (seconds > longest).then(|| format!("the worker \"{worker}\" has not moved for {seconds:.0} s"))
    });
    silent.collect()
}

/// Answers 200 while requests can be taken, else 503, both with what is wrong. A store that is away is no reason to send
/// requests elsewhere, since they wait for it on disk. With tokens, only admins are told where the store is.
pub(crate) async fn readyz(State(state): State<ApiState>, headers: HeaderMap) -> Response {
    let may_know = state
        .principal(&headers)
        .is_ok_and(|principal| principal.require(Role::Admin).is_ok());
    let metrics = &state.metrics;
    // The same values as under `/metrics`, so that both say the same.
    let mut unready = Vec::new();
    if metrics.spool_writable.get() == 0 {
        unready.push("the spool or its disk is full, or cannot be written: see the collector's log".to_owned());
    }
    if metrics.memory_state.get() >= SCARCE {
        unready.push("there is too little memory".to_owned());
    }
    unready.extend(silent(metrics, STUCK));
    let store = match state.reader.state() {
        StoreState::Ready => None,
        StoreState::Starting => Some("it is starting".to_owned()),
        StoreState::Unreachable(_) if !may_know => Some("see the collector's log".to_owned()),
        StoreState::Unreachable(reason) => Some(reason),
    };
    let (status, name) = match (&unready[..], &store) {
        ([_, ..], _) => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
        ([], Some(_)) => (StatusCode::OK, "degraded"),
        ([], None) => (StatusCode::OK, "ready"),
    };
    let reasons = unready.into_iter();
    let reasons = reasons.chain(store.map(|reason| format!("the store cannot be asked: {reason}")));
    let reasons: Vec<_> = reasons.collect();
    (status, Json(json!({ "state": name, "reasons": reasons }))).into_response()
}
