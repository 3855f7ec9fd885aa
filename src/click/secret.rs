//! The affiliate's secret key, as a type that cannot be printed.

/// A tracker's `secure_key`. It has neither `Debug` nor `Display`, and only the request line of a call is made of it.
pub struct SecretKey(Box<str>);

/// Text that cannot be a key: empty, or with white space or control characters in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableKey;

impl SecretKey {
    /// Takes a key; white space around it, as a file's last line break, is not part of it.
    pub fn new(text: &str) -> Result<Self, UnusableKey> {
        let text = text.trim();
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(UnusableKey);
        }
        Ok(Self(text.into()))
    }

    /// The key itself, for the one who writes the request.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_word() {
        let key = |text| SecretKey::new(text).map(|key| key.expose().to_owned());
        assert_eq!(key(" 4497bf7b\r\n"), Ok("4497bf7b".to_owned()));
        assert_eq!(key(""), Err(UnusableKey));
        assert_eq!(key("\n"), Err(UnusableKey));
        assert_eq!(key("a b"), Err(UnusableKey));
        assert_eq!(key("a\u{7}b"), Err(UnusableKey));
    }
}
