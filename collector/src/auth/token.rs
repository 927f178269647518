//! One token: 256 random bits, of which only a digest is kept.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use subtle::ConstantTimeEq as _;

use super::Role;

/// What digests begin with in the file, so that another function can follow this one.
const FUNCTION: &str = "blake3:";

/// A new token of 256 random bits.
///
/// # Errors
/// When the system has no random numbers.
pub(super) fn generate(role: Role) -> Result<String, rand::rand_core::OsError> {
    let mut secret = [0; 32];
    OsRng.try_fill_bytes(&mut secret)?;
    // What it is for stands in front, for people and for programs that look for secrets in the wrong places.
    let secret = BASE64_URL_SAFE_NO_PAD.encode(secret);
    Ok(format!("toolsight_{}_{secret}", role.as_str()))
}

/// What is kept of a token.
///
/// BLAKE3 and no slow function such as Argon2: those make it expensive to guess what people chose, and nobody can guess
/// 256 random bits. A slow one would let a sender of wrong tokens keep the collector busy.
#[derive(Clone, Copy)]
pub(super) struct Digest([u8; 32]);

impl Digest {
    pub(super) fn of(token: &str) -> Self {
        Self(*blake3::hash(token.as_bytes()).as_bytes())
    }

    /// Reads what [`fmt::Display`] writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digest = blake3::Hash::from_hex(text.strip_prefix(FUNCTION)?).ok()?;
        Some(Self(*digest.as_bytes()))
    }

    /// Compares in a time that does not depend on how much of the two is equal.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{FUNCTION}{}", blake3::Hash::from_bytes(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}
