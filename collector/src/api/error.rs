//! What can go wrong with a request, and how that is said in JSON.

use axum::{
    Json,
    http::{
        StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::auth::Denied;

/// ClickHouse's code of a query that ran longer than `max_execution_time`.
const TIMEOUT_EXCEEDED: &str = "Code: 159.";

/// A request that was not answered with data.
///
/// Becomes `{"error":{"code":"...","message":"..."}}`, with `parameter` where one parameter is to blame.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A parameter is unknown, malformed, out of bounds, or contradicts another one.
    #[error("parameter `{parameter}` {message}")]
    InvalidParameter {
        /// Name of the parameter.
        parameter: String,
        /// What is wrong with it, as the rest of a sentence that begins with its name.
        message: String,
    },
    /// A filter that the sums of this question do not tell apart.
    #[error("parameter `{parameter}` cannot be answered {why}; /api/v1/calls takes it for single calls")]
    NotSummedUp {
        /// Name of the parameter.
        parameter: &'static str,
        /// When it cannot, and why or what to do.
        why: &'static str,
    },
    /// No such path.
    #[error("there is nothing at this path, see /api/v1/openapi.json")]
    NotFound,
    /// No such call, or one of another tenant.
    #[error("there is no call with these ids at that time; it may be older than what is kept")]
    NoSuchCall,
    /// The path is there for other methods only.
    #[error("this path does not answer this method, but GET; a session also POST and DELETE")]
    MethodNotAllowed,
    /// The request names a host that this server was not told to answer for.
    #[error("host `{0}` is not allowed, add it to `allowed_hosts` or use localhost")]
    ForbiddenHost(String),
    /// A request to sign in is not `{"token":"..."}`, not sent as JSON, too long, or too slow.
    #[error("send {{\"token\":\"...\"}} as application/json, at most 4096 bytes")]
    InvalidBody,
    /// The caller has no token, or one that is not for this.
    #[error("{0}")]
    Denied(Denied),
    /// The store does not answer or is not ready yet.
    #[error("the store cannot be asked: {0}")]
    StoreUnavailable(String),
    /// As many queries as allowed are running, and none ended in time.
    #[error("too many questions at once, ask again in a moment")]
    Busy,
    /// The query ran into its time limit.
    #[error("the query took too long, choose a shorter range or a filter")]
    QueryTimeout,
    /// Something that the caller can do nothing about; the log has the reason.
    #[error("the question could not be answered, see the collector's log")]
    Internal,
}

impl ApiError {
    pub(crate) fn invalid(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidParameter {
            parameter: parameter.into(),
            message: message.into(),
        }
    }

    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidParameter { .. } => (StatusCode::BAD_REQUEST, "invalid_parameter"),
            Self::NotSummedUp { .. } => (StatusCode::BAD_REQUEST, "not_summed_up"),
            Self::NotFound | Self::NoSuchCall => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::InvalidBody => (StatusCode::BAD_REQUEST, "invalid_body"),
            Self::Denied(Denied::Role(_)) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Denied(_) => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::ForbiddenHost(_) => (StatusCode::FORBIDDEN, "forbidden_host"),
            Self::StoreUnavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::QueryTimeout => (StatusCode::GATEWAY_TIMEOUT, "query_timeout"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

impl From<clickhouse::error::Error> for ApiError {
    fn from(error: clickhouse::error::Error) -> Self {
        use clickhouse::error::Error;
        match error {
            Error::Network(source) => Self::StoreUnavailable(format!("{:#}", anyhow::Error::from_boxed(source))),
            Error::TimedOut => Self::StoreUnavailable("no answer in time".to_owned()),
            Error::BadResponse(message) if message.starts_with(TIMEOUT_EXCEEDED) => Self::QueryTimeout,
            error => {
                tracing::error!(%error, "query failed");
                Self::Internal
            }
        }
    }
}

/// What stands in place of an answer.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ErrorAnswer {
    error: ErrorDetail,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ErrorDetail {
    /// For programs; stays the same.
    code: &'static str,
    /// For people: what is wrong, and what to do.
    message: String,
    /// The parameter that is to blame, where one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        let message = self.to_string();
        let parameter = match self {
            Self::InvalidParameter { parameter, .. } => Some(parameter),
            Self::NotSummedUp { parameter, .. } => Some(parameter.to_owned()),
            _ => None,
        };
        let body = Json(ErrorAnswer {
            error: ErrorDetail {
                code,
                message,
                parameter,
            },
        });
        match status {
            StatusCode::SERVICE_UNAVAILABLE => (status, [(RETRY_AFTER, "1")], body).into_response(),
            StatusCode::UNAUTHORIZED => (status, [(WWW_AUTHENTICATE, "Bearer")], body).into_response(),
            _ => (status, body).into_response(),
        }
    }
}
