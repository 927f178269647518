//! What is hashed together, gathered so that it is hashed at once.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use super::Secret;

/// Keys and values are mostly shorter together.
const ROOM: usize = 96;

/// Hashes as [`Secret::hasher`] does, in fewer steps where what is hashed is short.
pub(super) struct Gathered {
    secret: Secret,
    bytes: [u8; ROOM],
    length: usize,
    /// What had to be hashed before, as there was no room for it.
    hasher: Option<SipHasher24>,
}

impl Gathered {
    pub(super) const fn new(secret: Secret) -> Self {
        Self {
            secret,
            bytes: [0; ROOM],
            length: 0,
            hasher: None,
        }
    }

    #[cold]
    fn write_beyond(&mut self, bytes: &[u8]) {
        let hasher = self.hasher.get_or_insert_with(|| self.secret.hasher());
        hasher.write(&self.bytes[..self.length]);
        hasher.write(bytes);
        self.length = 0;
    }
}

impl Hasher for Gathered {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        let Some(room) = self.bytes.get_mut(self.length..end) else {
            return self.write_beyond(bytes);
        };
        room.copy_from_slice(bytes);
        self.length = end;
    }

    #[inline(never)]
    fn finish(&self) -> u64 {
        let bytes = &self.bytes[..self.length];
        match self.hasher {
            None => self.secret.hasher().hash(bytes),
            Some(hasher) => hasher.hash(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_gathered_hashes_as_what_is_written(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..6)) {
            let secret = Secret::derive(&[7; 32], "test");
            let (mut gathered, mut written) = (Gathered::new(secret), secret.hasher());
            for piece in &pieces {
                gathered.write(piece);
                gathered.write_u64(piece.len() as u64);
                written.write(piece);
                written.write_u64(piece.len() as u64);
                prop_assert_eq!(gathered.finish(), written.finish());
            }
        }
    }
}
