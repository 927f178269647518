//! Who may send telemetry and who may see it: bearer tokens, one tenant and one role each.
//!
//! Without a file of tokens everybody who can connect may do everything, which is right as long as the collector
//! listens to its own machine only. With one, each request has to carry `authorization: Bearer TOKEN`, or the cookie
//! that the page gets for a token. What a token's holder sends belongs to the token's tenant, whatever it says itself;
//! what it sees is that tenant's, whatever it asks for.

pub mod command;
mod file;
mod token;

use std::fmt;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde::{Deserialize, Serialize};

use self::file::Tokens;
use self::token::Digest;
use crate::reload::{ReloadError, Reloaded};
use crate::telemetry::Metrics;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// To send telemetry of one tenant.
    Ingest,
    /// To see what one tenant's calls were.
    Read,
    /// To send and see everything, and to read the collector's own metrics.
    Admin,
}

impl Role {
    /// Its name in the file and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut known = [Self::Ingest, Self::Read, Self::Admin].into_iter();
        let role = known.find(|role| role.as_str() == text);
        role.ok_or_else(|| format!("expected ingest, read or admin, not \"{text}\""))
    }
}

/// On whose behalf a request is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    role: Role,
    /// Empty for all tenants.
    tenant: Arc<str>,
}

impl Principal {
    /// Whoever asks, where there are no tokens.
    fn everybody() -> Self {
        Self {
            role: Role::Admin,
            tenant: Arc::default(),
        }
    }

    /// What it may do.
    pub(crate) const fn role(&self) -> Role {
        self.role
    }

    /// The tenant that it is bound to; empty where it may see and send for all.
    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Makes sure that it may do what a role may.
    ///
    /// # Errors
    /// If it has another role; `admin` may do everything.
    pub(crate) fn require(self, role: Role) -> Result<Self, Denied> {
        if self.role == role || self.role == Role::Admin {
            Ok(self)
        } else {
            Err(Denied::Role(role))
        }
    }
}

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No token was sent, or more than one.
    Missing,
    /// The token is not in the file.
    Unknown,
    /// The token is not of the role that is needed.
    Role(Role),
}

impl fmt::Display for Denied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("a token is needed: send one header `authorization: Bearer TOKEN`"),
            Self::Unknown => formatter
                .write_str("the token is not known here: it was mistyped or withdrawn, ask the collector's operator"),
            Self::Role(role) => write!(
                formatter,
                "the token is not for this: take one of the role {}",
                role.as_str()
            ),
        }
    }
}

/// Decides who may do what; cloning shares the tokens.
#[derive(Clone, Debug, Default)]
pub struct Access(Option<Reloaded<Tokens>>);

impl Access {
    /// Reads the tokens in `file` and keeps up with it; without one everybody may do everything.
    ///
    /// # Errors
    /// When the file cannot be read or is wrong.
    pub async fn open(file: Option<&Path>, metrics: &Metrics) -> Result<Self, ReloadError> {
        let Some(file) = file else {
            return Ok(Self(None));
        };
        let files = vec![PathBuf::from(file)];
        let name = file.display().to_string();
        let tokens = Reloaded::open("tokens_file", files, metrics, move |contents| {
            contents.iter().try_fold(Tokens::default(), |_, content| {
                Tokens::parse(content).map_err(|error| format!("{name}: {error}"))
            })
        });
        Ok(Self(Some(tokens.await?)))
    }

    /// Waits until changes of the tokens are not noticed any more, as they have to be.
    pub(crate) async fn ended(&self) {
        match &self.0 {
            Some(tokens) => tokens.ended().await,
            None => pending().await,
        }
    }

    /// Whether tokens are asked for.
    pub fn is_guarded(&self) -> bool {
        self.0.is_some()
    }

    /// Who sent a request with these headers.
    ///
    /// # Errors
    /// If a token is needed and there is none, or one that is not known.
    pub(crate) fn of_headers(&self, headers: &HeaderMap) -> Result<Principal, Denied> {
        if !self.is_guarded() {
            return Ok(Principal::everybody());
        }
        self.of_token(bearer(headers).ok_or(Denied::Missing)?)
    }

    /// To whom a token belongs.
    ///
    /// # Errors
    /// If it is not known.
    pub(crate) fn of_token(&self, token: &str) -> Result<Principal, Denied> {
        match &self.0 {
            None => Ok(Principal::everybody()),
            Some(tokens) => tokens.get().find(&Digest::of(token)).ok_or(Denied::Unknown),
        }
    }
}

/// The only bearer token among the headers.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
