//! What the API says while the database does not answer, and afterwards.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;
use toolsight_collector::{api::ApiError, store::StoreState};

use crate::{
    app::App,
    engine,
    gate::{self, Gate},
    seed::{SECOND, call, insert, now},
};

const PATHS: [&str; 5] = ["overview", "tools", "clients", "users", "calls"];

#[tokio::test]
async fn a_database_that_goes_away_is_reported_and_its_return_noticed() {
    let engine = engine::start().await;
    insert(&engine.client, &[call(now() - SECOND, 1)]).await;
    let (gate, url) = gate::before(&engine.url).await;
    let app = App::new(&engine.client.clone().with_url(url));
    app.wait_for("/metrics", |_, text| text.contains("toolsight_tool_state"))
        .await;

    gate.send_replace(Gate::Closed);
    for path in PATHS {
        let (status, body) = app.json(&format!("/api/v1/{path}")).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(body["error"]["code"], "store_unavailable", "{path}");
    }
    // What is known of the tools is forgotten when it is too old.
    app.wait_for("/metrics", |_, text| !text.contains("toolsight_tool_state"))
        .await;
    assert!(app.tool_health.borrow().is_none());

    gate.send_replace(Gate::Open);
    for path in PATHS {
        app.get(&format!("/api/v1/{path}")).await;
    }
    app.wait_for("/metrics", |_, text| text.contains("toolsight_tool_state"))
        .await;
    assert_eq!(app.get("/api/v1/tools").await["tools"][0]["state"], "healthy");
}

#[tokio::test]
async fn nobody_asks_a_store_that_is_known_not_to_be_ready() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    let unreachable = StoreState::Unreachable("connection refused by db.example:8123".to_owned());
    let cases = [
        (StoreState::Starting, "starting", json!(null), "it is starting"),
        (
            unreachable,
            "unreachable",
            json!("connection refused by db.example:8123"),
            "connection refused by db.example:8123",
        ),
    ];
    for (state, name, error, reason) in cases {
        app.store.send_replace(state);
        let message = format!("the store cannot be asked: {reason}");
        for path in ["/api/v1/tools", "/api/v1/calls"] {
            let (status, body) = app.json(path).await;
            assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
            assert_eq!(
                body,
                json!({"error": {"code": "store_unavailable", "message": message}}),
                "{path}"
            );
        }
        let status = app.get("/api/v1/status").await;
        assert_eq!(
            status["store"],
            json!({"kind": "remote", "state": name, "error": error})
        );
        assert_eq!(app.text("/healthz").await.0, StatusCode::OK);
        assert_eq!(
            app.get("/readyz").await,
            json!({"state": "degraded", "reasons": [message]}),
            "calls wait for the store on disk"
        );
    }
    app.store.send_replace(StoreState::Ready);
    app.get("/api/v1/tools").await;
    assert_eq!(app.get("/readyz").await, json!({"state": "ready", "reasons": []}));
}

#[tokio::test]
async fn a_collector_that_cannot_take_requests_is_not_ready_and_says_why() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    app.store.send_replace(StoreState::Ready);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let cases = [
        (1, 0, now, StatusCode::OK, json!([])),
        (
            0,
            0,
            now,
            StatusCode::SERVICE_UNAVAILABLE,
            json!(["the spool or its disk is full, or cannot be written: see the collector's log"]),
        ),
        (1, 1, now, StatusCode::OK, json!([])),
        (
            1,
            2,
            now,
            StatusCode::SERVICE_UNAVAILABLE,
            json!(["there is too little memory"]),
        ),
        (
            1,
            0,
            now - 99.7,
            StatusCode::SERVICE_UNAVAILABLE,
            json!(["the worker \"inserter\" has not moved for 100 s"]),
        ),
    ];
    for (writable, memory, tick, expected, reasons) in cases {
        app.metrics.spool_writable.set(writable);
        app.metrics.memory_state.set(memory);
        app.metrics.worker_last_tick.with_label_values(&["inserter"]).set(tick);
        let (status, body) = app.json("/readyz").await;
        assert_eq!((status, &body["reasons"]), (expected, &reasons));
        assert_eq!(app.text("/livez").await.0, StatusCode::OK);
    }
}

#[tokio::test]
async fn too_many_questions_at_once_wait_for_a_while_and_are_then_refused() {
    let engine = engine::start().await;
    let (gate, url) = gate::before(&engine.url).await;
    gate.send_replace(Gate::Stuck);
    let app = Arc::new(App::new(&engine.client.clone().with_url(url)));
    let mut answers = JoinSet::new();
    for _ in 0..17 {
        let app = app.clone();
        answers.spawn(async move { app.json("/api/v1/users").await });
    }
    let (status, body) = answers.join_next().await.unwrap().unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error"]["code"], "busy");

    gate.send_replace(Gate::Open);
    for (status, body) in answers.join_all().await {
        assert_eq!(body["error"]["code"], "store_unavailable", "{status}");
    }
    app.get("/api/v1/users").await;
}

#[tokio::test]
async fn a_query_that_runs_too_long_is_told_from_one_that_fails() {
    let engine = engine::start().await;
    let limited = engine.client.clone().with_setting("max_execution_time", "0.1");
    let slow = limited.query_raw("SELECT sleep(2)").execute().await.unwrap_err();
    assert!(matches!(ApiError::from(slow), ApiError::QueryTimeout));
    let wrong = limited.query_raw("SELECT missing").execute().await.unwrap_err();
    assert!(matches!(ApiError::from(wrong), ApiError::Internal));
}
