//! A hash that nobody outside the process can aim at: XXH3 with a secret of its own. A leaf.

use std::hash::{BuildHasher, RandomState};

use xxhash_rust::xxh3::{xxh3_64_with_secret, xxh3_128_with_secret};

/// As long as XXH3's own.
const SECRET_BYTES: usize = 192;

/// A hash with a secret.
#[derive(Clone)]
pub struct KeyedHash([u8; SECRET_BYTES]);

impl Default for KeyedHash {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("KeyedHash").finish_non_exhaustive()
    }
}

impl KeyedHash {
    /// With another secret each time, drawn from the system's randomness.
    pub fn new() -> Self {
        let drawn = RandomState::new();
        let mut secret = [0; SECRET_BYTES];
        for (n, part) in secret.chunks_exact_mut(size_of::<u64>()).enumerate() {
            part.copy_from_slice(&drawn.hash_one(n).to_ne_bytes());
        }
        Self(secret)
    }

    /// The hash of some bytes.
    pub fn of(&self, bytes: &[u8]) -> u64 {
        xxh3_64_with_secret(bytes, &self.0)
    }

    /// A print of some bytes: so long that two that differ do not have the same.
    pub fn print(&self, bytes: &[u8]) -> u128 {
        xxh3_128_with_secret(bytes, &self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_secret_of_its_own() {
        let (one, other) = (KeyedHash::new(), KeyedHash::new());
        for length in [0, 1, 3, 16, 40, 130, 240, 1000] {
            let bytes = vec![7; length];
            assert_eq!(one.of(&bytes), one.clone().of(&bytes));
            assert_ne!(one.of(&bytes), other.of(&bytes), "{length}");
        }
        assert!(one.0.chunks_exact(8).all(|part| part != [0; 8]));
    }
}
