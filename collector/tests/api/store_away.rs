//! What the API says while the database does not answer, and afterwards.

use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use toolsight_collector::{
    api::ApiError,
    collector::{Collector, Listeners},
    config::Config,
    pipeline::{InsertError, Sink},
    store::{Block, StoreState},
};

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
    }
}

#[tokio::test]
async fn a_collector_is_alive_whatever_lacks_until_a_worker_is_silent_for_a_minute() {
    let engine = engine::start().await;
    let app = App::new(&engine.client);
    app.metrics.spool_writable.set(0);
    app.metrics.memory_state.set(2);
    app.store.send_replace(StoreState::Unreachable("refused".to_owned()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let tick = |worker: &str, tick| app.metrics.worker_last_tick.with_label_values(&[worker]).set(tick);
    tick("spool", now);
    for (silent, expected, said) in [
        (0.0, StatusCode::OK, ""),
        (50.0, StatusCode::OK, ""),
        (
            99.7,
            StatusCode::SERVICE_UNAVAILABLE,
            "the worker \"inserter\" has not moved for 100 s",
        ),
    ] {
        tick("inserter", now - silent);
        for path in ["/livez", "/healthz"] {
            assert_eq!(app.text(path).await, (expected, said.to_owned()), "{path}, {silent} s");
        }
    }
}

/// What a sink does with a batch in place of an answer.
#[derive(Clone, Copy, Debug)]
enum Silence {
    /// Waits for ever.
    Waits,
    /// Holds its thread until the test is over.
    Blocks,
}

struct Silent(Silence, Mutex<mpsc::Receiver<()>>);

impl Sink for Silent {
    async fn insert(&self, _block: &Block, _token: &str) -> Result<(), InsertError> {
        match self.0 {
            Silence::Waits => pending::<()>().await,
            Silence::Blocks => _ = self.1.lock().unwrap().recv(),
        }
        Err(InsertError::Retryable("it is over".to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_never_answers_is_seen_by_the_age_of_what_waits_and_one_that_blocks_by_its_worker() {
    let engine = engine::start().await;
    for silence in [Silence::Waits, Silence::Blocks] {
        let (app, folder) = (App::new(&engine.client), tempfile::tempdir().unwrap());
        let (over, end) = mpsc::sync_channel::<()>(1);
        let mut config = Config::default();
        config.listen.grpc.set_port(0);
        config.listen.http.set_port(0);
        config.listen.page.set_port(0);
        let listeners = Listeners::bind(&config.listen).await.unwrap();
        let sink = Silent(silence, Mutex::new(end));
        let (page, metrics) = (app.router.clone(), &app.metrics);
        let collector = Collector::start(&config, listeners, sink, folder.path(), page, metrics).unwrap();
        let body = format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{:032x}","spanId":"{:016x}","kind":2,
            "name":"tools/call echo","startTimeUnixNano":"{}","endTimeUnixNano":"{}",
            "attributes":[{{"key":"mcp.method.name","value":{{"stringValue":"tools/call"}}}}]}}]}}]}}]}}"#,
            1,
            1,
            now() * 1000,
            now() * 1000
        );
        let mut stream = TcpStream::connect(collector.addresses().http).await.unwrap();
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(app.metrics.spans_spooled.get(), 1);

        match silence {
            // What is older than a minute is a problem, see `each_trouble_is_told_with_what_to_do`.
            Silence::Waits => {
                app.wait_for("/api/v1/collector", |_, text| {
                    let answer: Value = serde_json::from_str(text).unwrap();
                    answer["numbers"]["lag"]["oldest_waiting_seconds"].as_f64().unwrap() > 3.0
                })
                .await;
            }
            Silence::Blocks => {
                let said = app.wait_for("/readyz", |status, _| status == StatusCode::SERVICE_UNAVAILABLE);
                let said = said.await;
                assert!(said.contains("the worker \\\"inserter\\\" has not moved"), "{said}");
            }
        }
        drop(over);
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
