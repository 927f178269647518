//! Keyed hashes, with keys that can be replaced.

use std::fmt;

use crate::record::Text;

/// Keys under which users, tenants or tokens are hashed, each with a short name.
///
/// The newest key hashes; its name stands in front of the hash, as in `2026-11:8f0c…`, so that it is known which key to
/// ask. The older ones are kept so that [`hashes`](Self::hashes) still finds what was recorded under them, as when a
/// user asks to be forgotten. To rotate, make a new key the newest and pass the old ones to [`older`](Self::older).
///
/// ```
/// # let (this_year, last_year) = ([1; 32], [2; 32]);
/// let keys = toolsight::HashKeys::new("2026", this_year).older("2025", last_year);
/// let recorded_as: Vec<String> = keys.hashes("ada").collect();
/// assert!(recorded_as[0].starts_with("2026:") && recorded_as[1].starts_with("2025:"));
/// ```
#[derive(Clone)]
pub struct HashKeys {
    newest: Key,
    older: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    name: Box<str>,
    secret: [u8; 32],
}

/// A name in front of a hash is cut to this many bytes.
const NAME_LIMIT: usize = 32;

impl HashKeys {
    /// The key that hashes, and its name of at most 32 bytes; an empty name leaves the hash without one.
    pub fn new(name: impl AsRef<str>, secret: [u8; 32]) -> Self {
        Self {
            newest: Key::new(name.as_ref(), secret),
            older: Vec::new(),
        }
    }

    /// Adds a key that no longer hashes.
    #[must_use]
    pub fn older(mut self, name: impl AsRef<str>, secret: [u8; 32]) -> Self {
        self.older.push(Key::new(name.as_ref(), secret));
        self
    }

    /// Every hash under which `identifier` can have been recorded, the newest first.
    pub fn hashes(&self, identifier: &str) -> impl Iterator<Item = String> {
        std::iter::once(&self.newest)
            .chain(&self.older)
            .map(move |key| key.hash(identifier.as_bytes()))
    }

    pub(crate) fn hash(&self, identifier: &str) -> Text {
        self.newest.hash(identifier.as_bytes()).into()
    }

    /// Never equal to the hash of an identifier that reads like the token.
    pub(crate) fn hash_token(&self, token: &str) -> Text {
        let token: Vec<u8> = [b"bearer token\0", token.as_bytes()].concat();
        self.newest.hash(&token).into()
    }
}

impl Key {
    fn new(name: &str, secret: [u8; 32]) -> Self {
        Self {
            name: crate::wire::cut(name, NAME_LIMIT).into(),
            secret,
        }
    }

    /// 128 bits of a BLAKE3 hash under this key.
    fn hash(&self, bytes: &[u8]) -> String {
        let hash = blake3::keyed_hash(&self.secret, bytes).to_hex();
        let separator = if self.name.is_empty() { "" } else { ":" };
        format!("{}{separator}{}", self.name, &hash[..32])
    }
}

impl fmt::Debug for HashKeys {
    /// Names only.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = std::iter::once(&self.newest).chain(&self.older).map(|key| &key.name);
        formatter.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_key_hashes_and_the_older_ones_still_find() {
        let before = HashKeys::new("a", [1; 32]);
        let after = HashKeys::new("b", [2; 32]).older("a", [1; 32]);
        let found: Vec<_> = after.hashes("ada").collect();
        assert_eq!(*found[0], *after.hash("ada"));
        assert_eq!(*found[1], *before.hash("ada"));
        assert!(found[0].starts_with("b:") && found[0].len() == "b:".len() + 32);
        assert_eq!(HashKeys::new("", [1; 32]).hash("ada").len(), 32);
    }

    #[test]
    fn a_token_is_never_taken_for_a_user_and_no_key_is_shown() {
        let keys = HashKeys::new("name", [7; 32]);
        assert_ne!(keys.hash("ada"), keys.hash_token("ada"));
        assert_eq!(format!("{keys:?}"), r#"["name"]"#);
    }
}
