//! How long a connection is waited for, in each of its phases, and when it has had its time.
//!
//! One timer for a connection, which is set anew only when it fires or when what is due comes earlier: a request costs a look
//! at the phase, and one at the clock when it changed.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    Limits,
    farewell::FAREWELL,
    progress::{Phase, Progress},
};

/// What is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The connection's time: it ends politely.
    Time,
    /// Patience: it is closed.
    Patience,
}

/// Watches a connection's progress.
pub(super) struct Patience<'a> {
    progress: &'a Progress,
    limits: &'a Limits,
    ends: Instant,
    told_to_go: bool,
    seen: (Phase, u32),
    since: Instant,
    blocked: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl<'a> Patience<'a> {
    /// Begins now.
    pub(super) fn new(progress: &'a Progress, limits: &'a Limits) -> Self {
        let now = Instant::now();
        Self {
            progress,
            limits,
            ends: now + limits.connection_age,
            told_to_go: false,
            seen: (progress.phase(), 0),
            since: now,
            blocked: None,
            timer: Box::pin(sleep_until(now + limits.first_byte)),
        }
    }

    /// Ends when something is over. To be polled whenever the connection has been.
    ///
    /// Dropped at its await, it loses nothing.
    pub(super) async fn over(&mut self) -> Over {
        poll_fn(|context| self.poll(context)).await
    }

    /// Has a connection whose client's end is waited for end now; `false` for any other, and for one that was told before.
    pub(super) fn end_parting(&self) -> bool {
        let ends = self.progress.phase() == Phase::Parting && !self.progress.has_parted();
        if ends {
            self.progress.end_parting();
        }
        ends
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Over> {
        let (mut due, mut over) = self.due();
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
        // It is mostly set for a moment before what is due now: of an earlier request, say.
        while self.timer.as_mut().poll(context).is_ready() {
            if due <= Instant::now() {
                if over == Over::Time {
                    self.told_to_go = true;
                    self.since = Instant::now();
                }
                return Poll::Ready(over);
            }
            self.timer.as_mut().reset(due);
            (due, over) = self.due();
        }
        Poll::Pending
    }

    /// What comes next if nothing happens, and when.
    fn due(&mut self) -> (Instant, Over) {
        let seen = (self.progress.phase(), self.progress.begun());
        if seen != self.seen {
            self.seen = seen;
            self.since = Instant::now();
        }
        let blocked = self.progress.is_blocked();
        if blocked != self.blocked.is_some() {
            self.blocked = blocked.then(Instant::now);
        }
        let limit = match seen.0 {
            Phase::Silent => Some(self.limits.first_byte),
            Phase::Inside => Some(self.limits.head),
            Phase::Idle if self.told_to_go => Some(FAREWELL),
            Phase::Idle => Some(self.limits.keep_alive),
            Phase::Answering => None,
            Phase::Parting => Some(FAREWELL),
        };
        let mut next = limit.map(|limit| {
            let over = match seen.0 {
                Phase::Idle if !self.told_to_go => Over::Time,
                _ => Over::Patience,
            };
            (self.since + limit, over)
        });
        let mut earlier = |at: Instant, over: Over| {
            if next.is_none_or(|(due, _)| at < due) {
                next = Some((at, over));
            }
        };
        if let Some(blocked) = self.blocked {
            earlier(blocked + self.limits.write_stall, Over::Patience);
        }
        if !self.told_to_go {
            let used_up = seen.1 >= self.limits.requests_per_connection;
            earlier(if used_up { self.since } else { self.ends }, Over::Time);
        }
        next.unwrap_or((self.since + self.limits.connection_age, Over::Patience))
    }
}
