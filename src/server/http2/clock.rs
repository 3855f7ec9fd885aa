//! How long an HTTP/2 connection is waited for, in each of its phases, and when it has had its time.

use tokio::time::Instant;

use super::session::Session;
use crate::server::{Limits, farewell::FAREWELL, patience::Over};

/// How long a connection is waited for, in each of its phases.
pub(super) struct Clock<'a> {
    limits: &'a Limits,
    pub(super) began: Instant,
    pub(super) heard: bool,
    /// Since when the client has been told to go.
    pub(super) told: Option<Instant>,
    /// Since when it has not taken what is to be sent.
    pub(super) blocked: Option<Instant>,
    /// Since when a body has waited for the client's windows (RFC 9113, section 6.9).
    shut: Option<Instant>,
    /// Since when nothing has been asked or answered.
    idle: Instant,
    seen: (u64, usize),
    /// Since when a frame, or a head, waits for its rest.
    inside: Option<(Instant, u64)>,
}

impl<'a> Clock<'a> {
    /// Begins now, with something heard or not.
    pub(super) fn new(limits: &'a Limits, heard: bool) -> Self {
        let now = Instant::now();
        Self {
            limits,
            began: now,
            heard,
            told: None,
            blocked: None,
            shut: None,
            idle: now,
            seen: (0, 0),
            inside: None,
        }
    }

    /// What comes next if nothing happens, and when.
    pub(super) fn due(&mut self, session: &Session<'_>, is_inside: bool) -> (Instant, Over) {
        let limits = self.limits;
        let seen = (session.counts().heads, session.waiting());
        if seen != self.seen {
            self.seen = seen;
            self.idle = Instant::now();
        }
        // Each frame has its time, but all of a head have one together.
        let frames = if session.is_inside() {
            u64::MAX
        } else {
            session.counts().frames()
        };
        if !is_inside {
            self.inside = None;
        } else if self.inside.is_none_or(|(_, before)| before != frames) {
            self.inside = Some((Instant::now(), frames));
        }
        self.shut = session.is_shut().then(|| self.shut.unwrap_or_else(Instant::now));
        let mut next = match self.told {
            Some(told) => (told.max(self.idle) + limits.connection_age, Over::Patience),
            None if session.counts().heads >= limits.requests_per_connection.into() => (self.idle, Over::Time),
            None => (self.began + limits.connection_age, Over::Time),
        };
        let mut earlier = |due: Instant, over| {
            if due < next.0 {
                next = (due, over);
            }
        };
        for since in [self.blocked, self.shut].into_iter().flatten() {
            earlier(since + limits.write_stall, Over::Patience);
        }
        // An answer has a deadline of its own, and so has a client that does not read.
        if session.waiting() == 0 && self.blocked.is_none() {
            match (self.told, self.heard) {
                (Some(told), _) => earlier(told.max(self.idle) + FAREWELL, Over::Patience),
                (None, false) => earlier(self.began + limits.first_byte, Over::Patience),
                (None, true) => earlier(self.idle + limits.http2_idle, Over::Time),
            }
            if let Some((since, _)) = self.inside {
                earlier(since + limits.head, Over::Patience);
            }
        }
        next
    }
}
