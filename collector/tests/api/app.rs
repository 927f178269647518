//! The API as the collector puts it together, and a way to ask it.

use std::time::{Duration, Instant};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};
use toolsight_collector::{
    api::{AllowedHosts, ApiState, router},
    auth::Access,
    health::{ToolHealthAnswer, ToolHealthTask},
    store::{Retention, StoreState},
    telemetry::Metrics,
};
use tower::ServiceExt;

/// Often enough for tests, rarely enough for the machine.
const HEALTH_INTERVAL: Duration = Duration::from_millis(200);

pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) metrics: Metrics,
    pub(crate) store: watch::Sender<StoreState>,
    pub(crate) tool_health: watch::Receiver<ToolHealthAnswer>,
    health: JoinHandle<()>,
}

impl App {
    /// Answers from the database that `client` reads.
    pub(crate) fn new(client: &clickhouse::Client) -> Self {
        Self::guarded(client, Access::default())
    }

    /// The same for those only whom `access` knows.
    pub(crate) fn guarded(client: &clickhouse::Client, access: Access) -> Self {
        Self::with(client, access, Retention::default())
    }

    /// Answers from a database that keeps its rows for so long.
    pub(crate) fn keeping(client: &clickhouse::Client, retention: Retention) -> Self {
        Self::with(client, Access::default(), retention)
    }

    fn with(client: &clickhouse::Client, access: Access, retention: Retention) -> Self {
        let (store, state) = watch::channel(StoreState::Ready);
        let metrics = Metrics::new().unwrap();
        metrics.spool_writable.set(1);
        let (task, tool_health) = ToolHealthTask::new(client.clone(), state.clone(), metrics.clone(), HEALTH_INTERVAL);
        let task = task.noting_changes(client.clone());
        let api = ApiState::new(client.clone(), state, "remote", tool_health.clone(), metrics.clone())
            .guarded_by(access, false)
            .keeping(retention);
        Self {
            router: router(api, AllowedHosts::new(([127, 0, 0, 1], 4319).into(), &[])),
            metrics,
            store,
            tool_health,
            health: tokio::spawn(task.run()),
        }
    }

    /// Ends the task that keeps the health of tools.
    pub(crate) fn stop_health(&self) {
        self.health.abort();
    }

    /// The status and the text of an answer.
    pub(crate) async fn text(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path)
            .header("host", "localhost")
            .body(Body::empty())
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// The status and the JSON of an answer.
    pub(crate) async fn json(&self, path: &str) -> (StatusCode, Value) {
        let (status, text) = self.text(path).await;
        (
            status,
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}")),
        )
    }

    /// The JSON of an answer that must be a good one.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.json(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Asks for a text again and again until it is as wanted, for at most 20 seconds.
    pub(crate) async fn wait_for(&self, path: &str, is_wanted: impl Fn(StatusCode, &str) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let (status, text) = self.text(path).await;
            if is_wanted(status, &text) {
                return text;
            }
            assert!(Instant::now() < deadline, "{path} stays {status}: {text}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.health.abort();
    }
}
