//! The id of one hit, by which its click log line, its diagnostics and the advertiser's own records can be joined.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use wide::u8x16;

use crate::trace_id::TraceId;

/// 48 bits of milliseconds since 1970, then 80 random ones: ids sort by time, and tell nothing of how many hits there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HitId(u128);

/// By what is told of a hit in one place, it is found in others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HitIds {
    /// The edge's own.
    pub hit: HitId,
    /// The visitor's, where the request has one.
    pub trace: Option<TraceId>,
}

impl HitId {
    /// A new id for a hit that came at `now`.
    pub fn new(now: SystemTime) -> Self {
        let ms = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Self(ms << 80 | fastrand::u128(..) >> 48)
    }

    /// The id that 32 hexadecimal digits are.
    pub fn read(digits: &str) -> Option<Self> {
        let is_id = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        u128::from_str_radix(digits, 16).ok().filter(|_| is_id).map(Self)
    }

    /// Appends the id as 32 hexadecimal digits.
    pub fn write(self, out: &mut Vec<u8>) {
        let halves = |id: u128| u8x16::new(id.to_be_bytes()) & u8x16::splat(0xf);
        let digits = |halves: u8x16| {
            let is_letter = halves.simd_gt(u8x16::splat(9));
            halves + u8x16::splat(b'0') + (is_letter & u8x16::splat(b'a' - b'9' - 1))
        };
        let (first, second) = (digits(halves(self.0 >> 4)), digits(halves(self.0)));
        out.extend_from_slice(&u8x16::unpack_low(first, second).to_array());
        out.extend_from_slice(&u8x16::unpack_high(first, second).to_array());
    }
}

impl fmt::Display for HitId {
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
        let written = |at| {
            let mut out = Vec::new();
            HitId::new(at).write(&mut out);
            String::from_utf8(out).expect("ASCII")
        };
        let first = written(now);
        let same_time = written(now);
        let later = written(now + Duration::from_millis(1));
        assert_ne!(first, same_time);
        assert!(first < later && same_time < later);
        assert_eq!(first.len(), 32);
        let mut again = Vec::new();
        HitId::read(&first).expect("an id").write(&mut again);
        assert_eq!(again, first.as_bytes());
        assert!(HitId::read("+0000000000000000000000000000001").is_none() && HitId::read("1").is_none());
        for id in [HitId(u128::MAX), HitId(0), HitId(0x0123_4567_89ab_cdef)]
            .into_iter()
            .chain((0..100).map(|_| HitId(fastrand::u128(..))))
        {
            let mut out = Vec::new();
            id.write(&mut out);
            assert_eq!(id.to_string().as_bytes(), out);
        }
    }
}
