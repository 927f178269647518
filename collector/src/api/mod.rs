//! What the collector answers over HTTP: the JSON API, the page that uses it, and its own metrics and health.

mod access;
mod alerts;
mod batches;
mod call;
mod calls;
mod chain;
mod clients;
mod collector;
mod cursor;
mod definitions;
mod error;
mod errors;
mod export;
mod filters;
mod headers;
mod host;
mod kept;
mod listing;
mod metrics;
mod openapi;
mod overview;
mod parameters;
mod problems;
mod range;
mod reader;
mod session;
mod sessions;
mod status;
mod tools;
mod ui;
mod users;

use std::sync::Arc;
use std::time::Instant;

use axum::{
    Extension, Router,
    http::{HeaderMap, Uri},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::watch;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::reader::Reader;
pub use self::{error::ApiError, host::AllowedHosts};
use crate::{
    auth::Access,
    health::ToolHealthAnswer,
    store::{Retention, StoreState},
    telemetry::Metrics,
};

/// What the handlers answer from.
#[derive(Clone)]
pub struct ApiState {
    reader: Reader,
    store_kind: &'static str,
    metrics: Metrics,
    tool_health: watch::Receiver<ToolHealthAnswer>,
    started: Instant,
    access: Access,
    is_encrypted: bool,
    warnings: Arc<[String]>,
    retention: Retention,
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ApiState").finish_non_exhaustive()
    }
}

impl ApiState {
    /// Reads calls with `reader`, as long as `store` says that it is ready. The uptime counts from here. `store_kind` is
    /// `embedded` or `remote`.
    ///
    /// The client's user must be allowed to change the setting `max_execution_time`.
    pub fn new(
        reader: clickhouse::Client,
        store: watch::Receiver<StoreState>,
        store_kind: &'static str,
        tool_health: watch::Receiver<ToolHealthAnswer>,
        metrics: Metrics,
    ) -> Self {
        Self {
            reader: Reader::new(reader, store),
            store_kind,
            metrics,
            tool_health,
            started: Instant::now(),
            access: Access::default(),
            is_encrypted: false,
            warnings: Arc::default(),
            retention: Retention::default(),
        }
    }

    /// Answers only those whom `access` knows; without it everybody is told everything. The page's cookie is for
    /// encrypted connections only where `is_encrypted` says that there are no others.
    pub fn guarded_by(self, access: Access, is_encrypted: bool) -> Self {
        Self {
            access,
            is_encrypted,
            ..self
        }
    }

    /// Answers about as long a time as the store keeps what it is asked for; without it, as its tables were made.
    pub fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Shows these sentences about the configuration to those who see everything.
    pub fn warning_of(self, warnings: Vec<String>) -> Self {
        Self {
            warnings: warnings.into(),
            ..self
        }
    }
}

/// All paths: `/api/v1/…`, `/metrics`, `/livez`, `/healthz`, `/readyz`, and the page for the rest.
///
/// With tokens, questions about calls need one of the role `read`, and the metrics one of the role `admin`, since they
/// name the tools of all tenants. Health is open, for those who watch the process; the page is, since it holds no data.
pub fn router(state: ApiState, hosts: AllowedHosts) -> Router {
    let readers = middleware::from_fn_with_state(state.clone(), access::readers);
    let admins = middleware::from_fn_with_state(state.clone(), access::admins);
    let api = OpenApiRouter::new()
        .routes(routes!(overview::overview))
        .routes(routes!(tools::tools))
        .routes(routes!(clients::clients))
        .routes(routes!(users::users))
        .routes(routes!(calls::calls))
        .routes(routes!(call::call))
        .routes(routes!(errors::errors))
        .routes(routes!(sessions::sessions))
        .routes(routes!(chain::chain))
        .routes(routes!(definitions::definitions))
        .routes(routes!(status::status))
        .routes(routes!(collector::collector))
        .routes(routes!(alerts::alerts))
        .routes(routes!(alerts::tool_health))
        .routes(routes!(batches::batches))
        .route_layer(readers)
        .routes(routes!(session::show, session::sign_in, session::sign_out))
        .routes(routes!(openapi::openapi));
    let (api, document) = OpenApiRouter::with_openapi(openapi::Described::openapi())
        .nest("/api/v1", api)
        .split_for_parts();
    api.layer(Extension(Arc::new(document)))
        .route("/metrics", get(metrics::metrics).route_layer(admins))
        .route("/livez", get(metrics::livez))
        .route("/healthz", get(metrics::livez))
        .route("/readyz", get(metrics::readyz))
        .fallback(get(other))
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(middleware::from_fn_with_state(hosts, host::check))
        .layer(middleware::map_response(headers::secure))
        .with_state(state)
}

async fn other(uri: Uri, headers: HeaderMap) -> Response {
    match uri.path() {
        path if path == "/api" || path.starts_with("/api/") => ApiError::NotFound.into_response(),
        _ => ui::serve::<ui::Page>(&uri, &headers),
    }
}
