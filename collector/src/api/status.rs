//! `/api/v1/status`: how the collector itself is doing.

use axum::{Extension, Json, extract::State};
use prometheus::{IntCounterVec, core::Collector};
use serde::Serialize;
use utoipa::ToSchema;

use super::{ApiState, error::ErrorAnswer};
use crate::{auth::Principal, store::StoreState};

/// How the collector itself is doing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Status {
    version: &'static str,
    store: StoreStatus,
    /// Of all tenants together, as `rows` and `last_insert`; `null` for somebody who may see one tenant only.
    spans: Option<Spans>,
    rows: Option<Rows>,
    /// Unix time; `null` before the first insert too.
    last_insert: Option<f64>,
    uptime_seconds: u64,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct StoreStatus {
    kind: &'static str,
    state: &'static str,
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Spans {
    received: u64,
    refused: u64,
    ignored: u64,
}

#[derive(Serialize, ToSchema)]
struct Rows {
    inserted: u64,
    queued: i64,
    /// Those of the lost rows that the store would not take.
    failed: u64,
    lost: u64,
}

/// Answers with the state of the store and what was counted since the start, whether the store answers or not.
#[utoipa::path(
    get,
    path = "/status",
    responses((status = OK, description = "The collector's state", body = Status), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn status(State(state): State<ApiState>, Extension(principal): Extension<Principal>) -> Json<Status> {
    let sees_all = principal.tenant().is_empty();
    let metrics = &state.metrics;
    let last_insert = metrics.last_insert.get();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        store: StoreStatus::of(&state, sees_all),
        spans: sees_all.then(|| Spans {
            received: sum(&metrics.spans_received),
            refused: sum(&metrics.spans_refused),
            ignored: sum(&metrics.spans_ignored),
        }),
        rows: sees_all.then(|| Rows {
            inserted: metrics.rows_inserted.get(),
            queued: metrics.rows_queued.get(),
            failed: metrics.rows_lost.with_label_values(&["rejected"]).get(),
            lost: sum(&metrics.rows_lost),
        }),
        last_insert: (sees_all && last_insert > 0.0).then_some(last_insert),
        uptime_seconds: state.started.elapsed().as_secs(),
    })
}

impl StoreStatus {
    /// What is known about the store; why it cannot be reached is only for those who see everything.
    pub(super) fn of(api: &ApiState, sees_all: bool) -> Self {
        let (state, error) = match api.reader.state() {
            StoreState::Starting => ("starting", None),
            StoreState::Ready => ("ready", None),
            StoreState::Unreachable(reason) => ("unreachable", sees_all.then_some(reason)),
        };
        Self {
            kind: api.store_kind,
            state,
            error,
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state == "ready"
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.state == "unreachable"
    }
}

/// All counts together.
pub(super) fn sum(counters: &IntCounterVec) -> u64 {
    let families = counters.collect();
    let metrics = families.iter().flat_map(|family| family.get_metric());
    metrics.map(|metric| metric.get_counter().get_value() as u64).sum()
}
