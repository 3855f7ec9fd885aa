//! One tracker: its name, its connections, the way to it, and who is told of what happens there.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use super::{
    answer::Answer,
    breaker::BreakerState,
    client::Client,
    gate::{Gate, HedgeAfter},
    progress::SparedBy,
    secret::SecretKey,
    wire::Prefix,
};
use crate::hit_id::HitIds;

/// What happens between the edge and a tracker.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A call ended. A tracker that was spared was not called.
    Called {
        /// What it came to.
        answer: &'a Answer,
        /// How long it took.
        took: Duration,
        /// The hit that began it; others may have joined.
        hit: HitIds,
    },
    /// A request went out.
    Attempt(Attempt),
    /// A second request was quicker than the first.
    HedgeWon,
    /// Two requests of one visitor, at this hit, came to two clicks: no second ones are sent any more.
    ClicksDiffer(HitIds),
    /// A call was not made.
    Spared(SparedBy),
    /// The breaker changed.
    Breaker(BreakerState),
    /// How many calls may be under way, are, and wait for a place.
    Load {
        /// Calls that may be under way.
        limit: u32,
        /// Calls under way.
        in_flight: u32,
        /// Hits that wait for a place.
        queued: u32,
    },
}

/// Why a request went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The first of its call.
    First,
    /// The one before came to nothing.
    Repeat,
    /// The one before went out on a kept connection that had died.
    Reconnect,
    /// The one before is slow.
    Hedge,
}

impl Attempt {
    /// Every kind, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::First, Self::Repeat, Self::Reconnect, Self::Hedge];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Repeat => "repeat",
            Self::Reconnect => "reconnect",
            Self::Hedge => "hedge",
        }
    }
}

/// Told of each event, as it happens; it may not wait.
pub type OnEvent = Box<dyn Fn(&Event<'_>) + Send + Sync>;

/// How a tracker is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Care {
    /// The longest that a call takes.
    pub deadline: Duration,
    /// When a second request goes out.
    pub hedge_after: HedgeAfter,
}

/// A Click API and the connections to it.
pub struct Tracker {
    /// The affiliate's name for it.
    pub name: Arc<str>,
    /// Its number among the trackers of a configuration: a part of what clicks are kept under.
    pub number: u32,
    /// What it was made of, by [`print()`].
    pub print: u64,
    /// The connections to it.
    pub client: Arc<Client>,
    pub(super) prefix: Prefix,
    pub(super) gate: Arc<Gate>,
}

/// Of what a tracker is made. Not to be shown: whoever has it can try keys.
pub fn print(url: &str, key: &SecretKey, ca: &[u8], care: Care) -> u64 {
    let mut hasher = DefaultHasher::new();
    (url, key.expose(), ca, care.deadline, care.hedge_after).hash(&mut hasher);
    hasher.finish()
}

impl Tracker {
    /// A tracker without connections yet. Its requests begin with `prefix`.
    pub fn new(
        name: Arc<str>,
        number: u32,
        print: u64,
        client: Arc<Client>,
        prefix: Prefix,
        care: Care,
        on_event: OnEvent,
    ) -> Self {
        Self {
            name,
            number,
            print,
            client,
            prefix,
            gate: Arc::new(Gate::new(care.deadline, care.hedge_after, on_event)),
        }
    }
}
