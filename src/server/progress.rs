//! What a connection is about, as its stream and its requests note it down for whoever looks at the clock.
//!
//! Nothing here takes time: a step forward is a store, and the clock is read where time is kept (`patience`).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// What a connection is about. Its parts run by turns, or need no order among themselves.
#[derive(Debug, Default)]
pub(super) struct Progress {
    begun: AtomicU32,
    answering: AtomicU32,
    heard: AtomicBool,
    inside: AtomicBool,
    blocked: AtomicBool,
    unread: AtomicBool,
    parting: AtomicBool,
    parted: AtomicBool,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Its first byte.
    Silent,
    /// The rest of a head.
    Inside,
    /// The next request.
    Idle,
    /// Answers, which have a deadline of their own.
    Answering,
    /// The client's end, after its own: what was on its way is read, so that it does not undo the answer.
    Parting,
}

impl Progress {
    /// Of a connection with so many requests before it.
    pub(super) fn after(served: u32) -> Self {
        Self {
            begun: served.into(),
            ..Self::default()
        }
    }

    /// What it waits for now.
    pub(super) fn phase(&self) -> Phase {
        if self.parting.load(Relaxed) {
            Phase::Parting
        } else if self.answering.load(Relaxed) > 0 {
            Phase::Answering
        } else if self.inside.load(Relaxed) {
            Phase::Inside
        } else if self.heard.load(Relaxed) {
            Phase::Idle
        } else {
            Phase::Silent
        }
    }

    /// How many requests have begun.
    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Relaxed)
    }

    /// Whether bytes wait for the client to take earlier ones.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked.load(Relaxed)
    }

    /// A request has begun; it is being answered until the guard is dropped.
    pub(super) fn begin(&self) -> Answering<'_> {
        self.answering.fetch_add(1, Relaxed);
        Answering {
            progress: self,
            number: self.begun.fetch_add(1, Relaxed) + 1,
        }
    }

    /// Bytes have come, and end within a head, or do not.
    pub(super) fn came(&self, inside: bool) {
        self.heard.store(true, Relaxed);
        self.inside.store(inside, Relaxed);
    }

    /// Whether the client takes what is sent.
    pub(super) fn block(&self, blocked: bool) {
        self.blocked.store(blocked, Relaxed);
    }

    /// More is on its way than anybody will read: a body.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Relaxed);
    }

    /// Whether more is on its way than anybody will read.
    pub(super) fn leaves_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// All is said from here.
    pub(super) fn part(&self) {
        self.parting.store(true, Relaxed);
    }

    /// The client's end is waited for no longer.
    pub(super) fn end_parting(&self) {
        self.parted.store(true, Relaxed);
    }

    /// Whether the client's end is waited for no longer.
    pub(super) fn has_parted(&self) -> bool {
        self.parted.load(Relaxed)
    }
}

/// A request that is being answered.
pub(super) struct Answering<'a> {
    progress: &'a Progress,
    /// Which request of its connection it is, from 1.
    pub(super) number: u32,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.progress.answering.fetch_sub(1, Relaxed);
    }
}
