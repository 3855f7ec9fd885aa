//! The id of one hit, by which its click log line, its diagnostics and the advertiser's own records can be joined.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// 48 bits of milliseconds since 1970, then 80 random ones: ids sort by time, and tell nothing of how many hits there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HitId(u128);

impl HitId {
    /// A new id for a hit that came at `now`.
    pub fn new(now: SystemTime) -> Self {
        let ms = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Self(ms << 80 | fastrand::u128(..) >> 48)
    }
}

impl fmt::Display for HitId {
    /// 32 hexadecimal digits.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_differ_and_sort_by_time() {
        let now = UNIX_EPOCH + Duration::from_hours(500_000);
        let first = HitId::new(now).to_string();
        let same_time = HitId::new(now).to_string();
        let later = HitId::new(now + Duration::from_millis(1)).to_string();
        assert_ne!(first, same_time);
        assert!(first < later && same_time < later);
        assert_eq!(first.len(), 32);
    }
}
