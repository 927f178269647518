//! The file of tokens.
//!
//! ```toml
//! [[token]]
//! name = "acme-ingest-5d41402a"
//! tenant = "acme"
//! role = "ingest"
//! hash = "blake3:…"
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::token::Digest;
use super::{Principal, Role};

/// Tokens in one file: each request is compared with all of them, so that the time tells nothing.
const MAX_TOKENS: usize = 1_000;
/// Bytes of a tenant's name, as many as a row keeps of it.
const MAX_NAME: usize = 256;

/// One token as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// For people only.
    pub(super) name: String,
    /// Absent for `admin`, who stands for all tenants.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) tenant: String,
    pub(super) role: Role,
    pub(super) hash: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    token: Vec<Entry>,
}

impl Entry {
    /// The lines of the file for it.
    ///
    /// # Errors
    /// Never for what can be an entry; the writer of TOML wants it said.
    pub(super) fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let token = vec![self.clone()];
        toml::to_string(&Document { token })
    }

    fn check(&self) -> Result<(Digest, Principal), String> {
        let wrong = |message: &str| Err(format!("token \"{}\": {message}", self.name));
        if self.tenant.len() > MAX_NAME || self.tenant.chars().any(char::is_control) {
            return wrong("the tenant has to be at most 256 bytes without control characters");
        }
        match (self.role, self.tenant.is_empty()) {
            (Role::Ingest | Role::Read, true) => return wrong("the roles ingest and read need a tenant"),
            (Role::Admin, false) => return wrong("the role admin stands for all tenants, so leave out the tenant"),
            _ => {}
        }
        let Some(digest) = Digest::parse(&self.hash) else {
            return wrong("the hash has to be blake3: and 64 hexadecimal digits; `token new` makes such lines");
        };
        let principal = Principal {
            role: self.role,
            tenant: self.tenant.as_str().into(),
        };
        Ok((digest, principal))
    }
}

/// All tokens of a file.
#[derive(Debug, Default)]
pub(super) struct Tokens(Vec<(Digest, Principal)>);

impl Tokens {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub(super) fn parse(content: &[u8]) -> Result<Self, String> {
        let entries = entries(content)?;
        let mut tokens = Self(Vec::with_capacity(entries.len()));
        for entry in &entries {
            let (digest, principal) = entry.check()?;
            if tokens.find(&digest).is_some() {
                return Err(format!("token \"{}\": the same hash stands twice", entry.name));
            }
            tokens.0.push((digest, principal));
        }
        Ok(tokens)
    }

    /// Whose token this is. Looks at all tokens, wherever the right one stands.
    pub(super) fn find(&self, digest: &Digest) -> Option<Principal> {
        let mut found = None;
        for (known, principal) in &self.0 {
            if known.is(digest) {
                found = Some(principal);
            }
        }
        found.map(|principal| Principal {
            role: principal.role,
            tenant: Arc::clone(&principal.tenant),
        })
    }
}

/// The entries of a file, each unchecked.
///
/// # Errors
/// Where it is no TOML of this form.
pub(super) fn entries(content: &[u8]) -> Result<Vec<Entry>, String> {
    let text = str::from_utf8(content).map_err(|error| error.to_string())?;
    let document: Document = toml::from_str(text).map_err(|error| {
        let line = text[..error.span().map_or(0, |span| span.start)].matches('\n').count() + 1;
        format!("line {line}: {}", error.message().replace('\n', ", "))
    })?;
    if document.token.len() > MAX_TOKENS {
        return Err(format!("there are more than {MAX_TOKENS} tokens"));
    }
    Ok(document.token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(tenant: &str, role: &str, hash: &str) -> String {
        format!("[[token]]\nname = \"t\"\ntenant = \"{tenant}\"\nrole = \"{role}\"\nhash = \"{hash}\"\n")
    }

    #[test]
    fn a_wrong_file_is_answered_with_what_is_wrong() {
        let hash = Digest::of("secret").to_string();
        let good = lines("acme", "read", &hash);
        for (case, content, expected) in [
            ("no tenant", lines("", "read", &hash), "need a tenant"),
            (
                "an admin of one tenant",
                lines("acme", "admin", &hash),
                "leave out the tenant",
            ),
            (
                "a control character",
                lines("a\\u0000", "read", &hash),
                "without control characters",
            ),
            (
                "another role",
                lines("acme", "root", &hash),
                "line 4: unknown variant `root`",
            ),
            (
                "a token in place of its hash",
                lines("acme", "read", "secret"),
                "64 hexadecimal digits",
            ),
            ("the same token twice", good.repeat(2), "stands twice"),
            (
                "a misspelt key",
                good.replace("tenant", "tennant"),
                "line 3: unknown field",
            ),
            ("too many", good.repeat(MAX_TOKENS + 1), "more than 1000 tokens"),
        ] {
            let error = Tokens::parse(content.as_bytes()).unwrap_err();
            assert!(error.contains(expected), "{case}: {error}");
        }
        assert!(Tokens::parse(good.as_bytes()).is_ok());
        assert!(Tokens::parse(b"\xff").is_err());
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (tenant, role) in [("acme", Role::Ingest), ("a \"b\" = ]", Role::Read), ("", Role::Admin)] {
            let entry = Entry {
                name: "n".to_owned(),
                tenant: tenant.to_owned(),
                role,
                hash: Digest::of("secret").to_string(),
            };
            let text = entry.to_toml().unwrap();
            assert_eq!(entries(text.as_bytes()).unwrap(), [entry], "{text}");
            let found = Tokens::parse(text.as_bytes()).unwrap().find(&Digest::of("secret"));
            assert_eq!(
                found.map(|found| (found.tenant.to_string(), found.role)),
                Some((tenant.to_owned(), role))
            );
        }
    }
}
