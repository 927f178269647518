//! Who calls: the user as the operator wants to see them, and the client behind a bridge.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, HeaderName};

use crate::record::{Peer, User};
use crate::wire::{NAME_LIMIT, cut};

/// The user of a request, put into the request's extensions by the application after its own authentication.
///
/// It is preferred over everything else that tells a user.
///
/// ```
/// let mut request = http::Request::new(());
/// request.extensions_mut().insert(toolsight::UserId::new("ada"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserId(Box<str>);

impl UserId {
    /// Wraps the identifier; cut to 256 bytes when it is recorded.
    pub fn new(id: impl Into<Box<str>>) -> Self {
        Self(id.into())
    }
}

/// The organisation of a request, put into the request's extensions by the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant(Box<str>);

impl Tenant {
    /// Wraps the identifier; cut to 256 bytes when it is recorded.
    pub fn new(id: impl Into<Box<str>>) -> Self {
        Self(id.into())
    }
}

/// Where the user is read from, and in which form it is recorded.
///
/// Sources are asked in this order: a [`UserId`] extension, the JWT claim, the header. With no source configured only
/// the extension counts. A JWT is decoded and not verified: that is the server's job, and the user of a call that was
/// answered with 401 or 403 is not recorded.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Users {
    claim: Option<Box<str>>,
    header: Option<HeaderName>,
    form: UserForm,
}

/// In which form a user is recorded.
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum UserForm {
    /// As it is.
    #[default]
    Plain,
    /// As 128 bits of a BLAKE3 hash under this key, so that the same user can be followed and not be named.
    Hashed([u8; 32]),
    /// Not at all.
    Off,
}

impl fmt::Debug for UserForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plain => "Plain",
            Self::Hashed(_) => "Hashed(..)",
            Self::Off => "Off",
        })
    }
}

impl Users {
    /// Reads the user from this claim of the bearer token, usually `sub`.
    #[must_use]
    pub fn from_jwt_claim(mut self, claim: impl Into<Box<str>>) -> Self {
        self.claim = Some(claim.into());
        self
    }

    /// Reads the user from this header, which something in front of the server has to set.
    #[must_use]
    pub fn from_header(mut self, header: HeaderName) -> Self {
        self.header = Some(header);
        self
    }

    /// Records the user in this form; the default is [`UserForm::Plain`].
    #[must_use]
    pub const fn recorded_as(mut self, form: UserForm) -> Self {
        self.form = form;
        self
    }

    pub(crate) fn find(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<User> {
        if matches!(self.form, UserForm::Off) {
            return None;
        }
        let extension = extensions.get::<UserId>().map(|user| user.0.to_string());
        let user = extension
            .or_else(|| jwt_claim(headers, self.claim.as_deref()?))
            .or_else(|| Some(headers.get(self.header.as_ref()?)?.to_str().ok()?.trim().to_owned()))
            .filter(|user| !user.is_empty())?;
        match &self.form {
            UserForm::Plain => Some(User::Plain(cut(&user, NAME_LIMIT).into())),
            UserForm::Hashed(key) => {
                let hash = blake3::keyed_hash(key, user.as_bytes()).to_hex();
                Some(User::Hashed(hash[..32].into()))
            }
            UserForm::Off => None,
        }
    }
}

/// The tenant that the application has put into the extensions.
pub(crate) fn tenant(extensions: &Extensions) -> Option<Box<str>> {
    extensions
        .get::<Tenant>()
        .map(|tenant| cut(&tenant.0, NAME_LIMIT).into())
}

/// Tokens beyond this size are not looked into.
const TOKEN_BYTES: usize = 16 * 1024;

fn jwt_claim(headers: &HeaderMap, claim: &str) -> Option<String> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.len() > TOKEN_BYTES {
        return None;
    }
    let mut parts = token.trim().split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    match payload.get(claim)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Splits the bridge off a client name such as `Desk Agent (via mcp-remote 0.1.15)`.
pub(crate) fn split_bridge(client: Peer) -> (Peer, Option<Box<str>>) {
    let split = client
        .name
        .strip_suffix(')')
        .and_then(|name| name.rsplit_once(" (via "));
    match split {
        Some((name, bridge)) if !name.is_empty() => {
            let bridge = bridge.into();
            (
                Peer {
                    name: name.trim_end().into(),
                    version: client.version,
                },
                Some(bridge),
            )
        }
        _ => (client, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_token(payload: &str) -> HeaderMap {
        let token = format!("Bearer e30.{}.sig", URL_SAFE_NO_PAD.encode(payload));
        HeaderMap::from_iter([(AUTHORIZATION, token.parse().unwrap())])
    }

    fn plain(text: &str) -> Option<User> {
        Some(User::Plain(text.into()))
    }

    #[test]
    fn the_extension_comes_before_the_claim_and_the_claim_before_the_header() {
        let users = Users::default()
            .from_jwt_claim("sub")
            .from_header(HeaderName::from_static("x-user"));
        let mut headers = HeaderMap::from_iter([(HeaderName::from_static("x-user"), "header".parse().unwrap())]);
        let mut extensions = Extensions::new();
        assert_eq!(users.find(&headers, &extensions), plain("header"));
        headers.extend(with_token(r#"{"sub":"claim"}"#));
        assert_eq!(users.find(&headers, &extensions), plain("claim"));
        extensions.insert(UserId::new("extension"));
        assert_eq!(users.find(&headers, &extensions), plain("extension"));
        assert_eq!(Users::default().find(&headers, &Extensions::new()), None);
    }

    #[test]
    fn tokens_that_are_no_jwt_tell_nobody() {
        let users = Users::default().from_jwt_claim("sub");
        for value in [
            "Bearer opaque",
            "Bearer a.b.c",
            "Basic YTpi",
            "Bearer",
            "Bearer e30.e30.x",
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            assert_eq!(users.find(&headers, &Extensions::new()), None, "{value}");
        }
        assert_eq!(
            users.find(&with_token(r#"{"sub":42}"#), &Extensions::new()),
            plain("42")
        );
    }

    #[test]
    fn a_hash_hides_the_user_and_depends_on_the_key() {
        let headers = with_token(r#"{"sub":"ada"}"#);
        let hash = |key| {
            Users::default()
                .from_jwt_claim("sub")
                .recorded_as(UserForm::Hashed([key; 32]))
                .find(&headers, &Extensions::new())
        };
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
        let off = Users::default().from_jwt_claim("sub").recorded_as(UserForm::Off);
        assert_eq!(off.find(&headers, &Extensions::new()), None);
    }

    #[test]
    fn bridges_are_split_off() {
        let split = |name: &str| {
            split_bridge(Peer {
                name: name.into(),
                version: "1".into(),
            })
        };
        let (peer, bridge) = split("Desk Agent (via mcp-remote 0.1.15)");
        assert_eq!(
            (&*peer.name, bridge.as_deref()),
            ("Desk Agent", Some("mcp-remote 0.1.15"))
        );
        for name in ["Desk Agent", "Desk (beta)", " (via x)", ""] {
            assert_eq!(
                split(name),
                (
                    Peer {
                        name: name.into(),
                        version: "1".into()
                    },
                    None
                ),
                "{name}"
            );
        }
    }
}
