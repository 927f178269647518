//! The key of a hash.

use siphasher::sip::SipHasher24;

/// A secret without which nobody can tell from a hash what was hashed, be it ever so short.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret(u64, u64);

impl Secret {
    /// For what is no secret and compared between servers.
    pub(crate) const NONE: Self = Self(0, 0);

    /// A secret of its own for each purpose that a key serves.
    pub(crate) fn derive(key: &[u8; 32], purpose: &str) -> Self {
        let derived = blake3::derive_key(purpose, key);
        let word = |at: usize| {
            derived[at..at + 8]
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte))
        };
        Self(word(0), word(8))
    }

    pub(crate) fn hasher(self) -> SipHasher24 {
        SipHasher24::new_with_keys(self.0, self.1)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret")
    }
}
