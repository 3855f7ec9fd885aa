//! What a call takes, told while it is under way to those who wait for it.

use std::{
    sync::atomic::{AtomicU8, AtomicU32, Ordering::Relaxed},
    time::Duration,
};

/// What has been done for a call so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    attempts: AtomicU32,
    queued_micros: AtomicU32,
    marks: AtomicU8,
}

const HEDGED: u8 = 1;
const HEDGE_WON: u8 = 2;
const BY_BREAKER: u8 = 4;
const BY_LIMIT: u8 = 8;
const BY_WORD: u8 = 16;
const LANDED: u8 = 32;

/// What it took to ask a tracker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Requests that went out, by whomever.
    pub attempts: u32,
    /// A second request went out beside one that was slow; whether it was quicker.
    pub hedge: Option<Hedge>,
    /// None went out, for the tracker was spared.
    pub spared: Option<SparedBy>,
    /// The wait for a place among the calls under way.
    pub queued: Duration,
}

/// What became of the second request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hedge {
    /// It brought the answer.
    Won,
    /// The first one did, or none.
    Lost,
}

/// Why a tracker was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparedBy {
    /// It has failed at everything of late.
    Breaker,
    /// It has as many calls as it can answer in time.
    Limit,
}

impl Effort {
    /// Adds what it took to ask another one.
    pub fn add(&mut self, other: Self) {
        self.attempts += other.attempts;
        self.hedge = match (self.hedge, other.hedge) {
            (Some(Hedge::Won), _) | (_, Some(Hedge::Won)) => Some(Hedge::Won),
            (one, other) => one.or(other),
        };
        self.spared = self.spared.or(other.spared);
        self.queued += other.queued;
    }
}

impl Hedge {
    /// The name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

impl SparedBy {
    /// Both, in the order of their discriminants.
    pub const ALL: [Self; 2] = [Self::Breaker, Self::Limit];

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::Limit => "limit",
        }
    }
}

impl Progress {
    pub(super) fn attempt(&self) {
        self.attempts.fetch_add(1, Relaxed);
    }

    pub(super) fn hedged(&self) {
        self.marks.fetch_or(HEDGED, Relaxed);
    }

    pub(super) fn hedge_won(&self) {
        self.marks.fetch_or(HEDGE_WON, Relaxed);
    }

    pub(super) fn spared(&self, by: SparedBy) {
        let mark = match by {
            SparedBy::Breaker => BY_BREAKER,
            SparedBy::Limit => BY_LIMIT,
        };
        self.marks.fetch_or(mark, Relaxed);
    }

    /// The answer has been told: nothing goes out any more.
    pub(super) fn landed(&self) {
        self.marks.fetch_or(LANDED, Relaxed);
    }

    pub(super) fn has_landed(&self) -> bool {
        self.marks.load(Relaxed) & LANDED != 0
    }

    /// There is no call: what the tracker said to another visitor holds for this one.
    pub(super) fn by_word(&self) {
        self.marks.fetch_or(BY_WORD, Relaxed);
    }

    pub(super) fn is_by_word(&self) -> bool {
        self.marks.load(Relaxed) & BY_WORD != 0
    }

    pub(super) fn queued(&self, wait: Duration) {
        let micros = u32::try_from(wait.as_micros()).unwrap_or(u32::MAX);
        self.queued_micros.store(micros, Relaxed);
    }

    /// What it has taken so far.
    pub(super) fn effort(&self) -> Effort {
        let marks = self.marks.load(Relaxed);
        let has = |mark| marks & mark != 0;
        Effort {
            attempts: self.attempts.load(Relaxed),
            hedge: has(HEDGED).then(|| if has(HEDGE_WON) { Hedge::Won } else { Hedge::Lost }),
            spared: if has(BY_BREAKER) {
                Some(SparedBy::Breaker)
            } else {
                has(BY_LIMIT).then_some(SparedBy::Limit)
            },
            queued: Duration::from_micros(self.queued_micros.load(Relaxed).into()),
        }
    }
}
