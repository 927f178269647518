//! The bearer token of a request and the claims of a JWT, decoded and not verified: that is the server's job.

use std::borrow::Cow;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::value::RawValue;

/// Tokens beyond this size are not looked into.
const TOKEN_BYTES: usize = 16 * 1024;

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.len() <= TOKEN_BYTES).then_some(token)
}

/// The decoded payload of a JWT.
pub(super) struct Payload(Vec<u8>);

impl Payload {
    /// `None` where `token` is no JWT.
    pub(super) fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok().map(Self)
    }

    /// The claim as text, if it is a string or a number.
    pub(super) fn claim(&self, name: &str) -> Option<String> {
        let claims: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_slice(&self.0).ok()?;
        match serde_json::from_str(claims.get(name)?.get()).ok()? {
            serde_json::Value::String(text) => Some(text),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }
}
