//! The click id: what a click API gives for a click, and what no link to an advertiser goes out without.
//!
//! A word of its own because two stages that do not know each other share it: `click` makes one, `redirect` demands one.

use std::{fmt, sync::Arc};

/// An opaque id of 1 to 256 bytes, as the tracker gave it; neither `.` nor `..`, which no path can carry. Cloning shares it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClickId(Arc<str>);

/// The text is empty, too long, or a dot segment, and cannot be a click id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnusableClickId;

impl ClickId {
    /// A UUID has 36 bytes; seven times that is no id of a click any more.
    pub const MAX_BYTES: usize = 256;

    /// The id as it is written into a link, before encoding.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for ClickId {
    type Error = UnusableClickId;

    fn try_from(text: &str) -> Result<Self, UnusableClickId> {
        match text.len() {
            // In a path these would be resolved away, however they are written (RFC 3986, section 5.2.4).
            _ if matches!(text, "." | "..") => Err(UnusableClickId),
            1..=Self::MAX_BYTES => Ok(Self(text.into())),
            _ => Err(UnusableClickId),
        }
    }
}

impl fmt::Debug for ClickId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_one_byte_to_256() {
        assert_eq!(ClickId::try_from(""), Err(UnusableClickId));
        assert_eq!(ClickId::try_from(".."), Err(UnusableClickId));
        assert!(ClickId::try_from("...").is_ok());
        assert!(ClickId::try_from("a").is_ok());
        assert!(ClickId::try_from("й".repeat(128).as_str()).is_ok());
        assert!(ClickId::try_from("a".repeat(256).as_str()).is_ok());
        assert_eq!(ClickId::try_from("a".repeat(257).as_str()), Err(UnusableClickId));
    }
}
