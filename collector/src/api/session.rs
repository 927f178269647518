//! `/api/v1/session`: how the page signs in, with a token that its scripts cannot read afterwards.
//!
//! The cookie is the token itself, so that a withdrawn token ends the session, and nothing has to be remembered here.
//! Other sites cannot use it: it is `SameSite=Strict`, all that it opens is read only, and a request that sets it has to
//! be JSON, which a browser sends across sites only after asking, and nobody is given leave.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Limited};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::access::SESSION;
use super::error::ErrorAnswer;
use super::{ApiError, ApiState};
use crate::auth::Role;

/// Bytes of a request to sign in, and time for them to arrive.
const MAX_BODY: usize = 4096;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A request to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// A token of the role `read` or `admin`.
    token: String,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// Whether this collector asks for tokens at all.
    guarded: bool,
    role: Role,
    /// The only tenant that can be seen; empty for all.
    tenant: String,
}

/// Answers who asks, or with 401.
#[utoipa::path(
    get,
    path = "/session",
    responses((status = OK, description = "Who asks", body = Session), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn show(State(state): State<ApiState>, headers: HeaderMap) -> Result<Json<Session>, ApiError> {
    let principal = state.principal(&headers).map_err(ApiError::Denied)?;
    Ok(Json(Session {
        guarded: state.access.is_guarded(),
        role: principal.role(),
        tenant: principal.tenant().to_owned(),
    }))
}

/// Gives the page a cookie for a token that may read.
#[utoipa::path(
    post,
    path = "/session",
    request_body = SignIn,
    security(()),
    responses((status = NO_CONTENT, description = "The cookie is set"), (status = "default", body = ErrorAnswer))
)]
pub(crate) async fn sign_in(State(state): State<ApiState>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let is_json = |value: &str| {
        value
            .split(';')
            .next()
            .is_some_and(|kind| kind.trim() == "application/json")
    };
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !content_type.is_some_and(is_json) {
        return Err(ApiError::InvalidBody);
    }
    let SignIn { token } = read(body).await?;
    let principal = state.access.of_token(&token);
    principal
        .and_then(|principal| principal.require(Role::Read))
        .map_err(ApiError::Denied)?;
    if !state.access.is_guarded() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(answer(&parts.headers, state.is_encrypted, &token, ""))
}

/// Takes the page's cookie away.
#[utoipa::path(
    delete,
    path = "/session",
    security(()),
    responses((status = NO_CONTENT, description = "The cookie is gone"))
)]
pub(crate) async fn sign_out(State(state): State<ApiState>, headers: HeaderMap) -> Response {
    answer(&headers, state.is_encrypted, "", "; Max-Age=0")
}

/// The cookie goes over encrypted connections only where the page came over one, here or as far as a proxy.
fn answer(headers: &HeaderMap, is_encrypted: bool, token: &str, age: &str) -> Response {
    let is_encrypted = is_encrypted
        || headers
            .get("x-forwarded-proto")
            .is_some_and(|protocol| protocol == "https");
    let secure = if is_encrypted { "; Secure" } else { "" };
    let cookie = format!("{SESSION}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{age}");
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response()
}

async fn read(body: Body) -> Result<SignIn, ApiError> {
    let collected = timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await;
    let bytes = match collected {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) | Err(_) => return Err(ApiError::InvalidBody),
    };
    serde_json::from_slice(&bytes).map_err(|_| ApiError::InvalidBody)
}
