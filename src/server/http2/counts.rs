//! What a client's frames come to: each request pays for some that are none, and a client that sends many more, or resets
//! much, is cut off.

use crate::server::{Limits, limits::FRAMES_PER_REQUEST};

/// Bytes that come to a request at most: its head, and the window of a body that nobody reads.
const BYTES_PER_REQUEST: u64 = 128 * 1024;
/// Bytes without a request.
const BYTES: u64 = 1024 * 1024;

/// What there has been on a connection.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Requests, by the first frame of each.
    pub(super) heads: u64,
    /// How many of them were read to the end of their head.
    pub(super) read: u64,
    /// Other frames.
    pub(super) others: u64,
    /// Streams that either side has reset; none of those whose answer was whole.
    pub(super) resets: u64,
    pub(super) bytes: u64,
}

impl Counts {
    pub(super) fn frames(&self) -> u64 {
        self.heads + self.others
    }

    /// Whether no honest client does so much.
    pub(super) fn are_too_much(&self, limits: &Limits) -> bool {
        // Those who were told to go may have sent as many as may be under way.
        let requests = u64::from(limits.requests_per_connection) + u64::from(limits.http2_streams);
        self.resets > u64::from(limits.http2_resets)
            || self.others > u64::from(limits.http2_frames) + FRAMES_PER_REQUEST * self.heads
            || self.bytes > BYTES + BYTES_PER_REQUEST * self.heads
            || self.heads > requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_pay_for_what_is_none() {
        let limits = Limits {
            http2_frames: 4,
            http2_resets: 1,
            requests_per_connection: 2,
            http2_streams: 1,
            ..Limits::default()
        };
        for (heads, others, resets, bytes, too_much) in [
            (0, 4, 0, 0, false),
            (0, 5, 0, 0, true),
            (1, 14, 0, 0, false),
            (1, 15, 0, 0, true),
            (1, 2, 1, 0, false),
            (1, 2, 2, 0, true),
            (3, 0, 0, 0, false),
            (4, 0, 0, 0, true),
            (0, 0, 0, BYTES, false),
            (0, 0, 0, BYTES + 1, true),
            (1, 0, 0, BYTES + BYTES_PER_REQUEST, false),
        ] {
            let counts = Counts {
                heads,
                read: heads,
                others,
                resets,
                bytes,
            };
            assert_eq!(counts.are_too_much(&limits), too_much, "{counts:?}");
        }
    }
}
