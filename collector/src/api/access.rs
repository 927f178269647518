//! Who asks, decided before anything is answered.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{ApiError, ApiState};
use crate::auth::{Denied, Principal, Role};

/// The cookie that carries the token of the page's reader.
pub(crate) const SESSION: &str = "toolsight_session";

impl ApiState {
    /// Who asks, by header or else by the page's cookie.
    pub(crate) fn principal(&self, headers: &HeaderMap) -> Result<Principal, Denied> {
        match session(headers) {
            Some(token) if !headers.contains_key(AUTHORIZATION) => self.access.of_token(token),
            _ => self.access.of_headers(headers),
        }
    }
}

/// Lets those through who may see one tenant's calls or all; who they are goes with the request.
pub(crate) async fn readers(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    admit(&state, Role::Read, request, next).await
}

/// Lets those through who may see everything.
pub(crate) async fn admins(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    admit(&state, Role::Admin, request, next).await
}

async fn admit(state: &ApiState, role: Role, mut request: Request, next: Next) -> Response {
    let principal = state.principal(request.headers());
    match principal.and_then(|principal| principal.require(role)) {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(denied) => ApiError::Denied(denied).into_response(),
    }
}

/// The token in the page's cookie.
fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter();
    let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(SESSION)?.strip_prefix('='))
}
