//! The kept connections of one tracker: taken for a request, given back, and counted for whoever keeps some ready.
//!
//! A pool of ours, because a kept connection that dies after the write must be replaced at once, which pools that could be
//! had do not do. Makes no connection and sends nothing.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    connection::{Card, Connection, Http2},
    http1::Http1,
};

/// Servers commonly close at 60 or 75 seconds of silence: one of ours is older than theirs only by bad luck.
pub(super) const IDLE_LIMIT: Duration = Duration::from_secs(55);
/// More than these wait for a burst like the last one; the rest is closed.
const MAX_IDLE: usize = 256;
/// As many requests as a tracker gets at once fit on these (see `MAX_CALLS`).
const MAX_SHARED: usize = 16;
/// A kept connection that closes within this after its last use was never any use.
const YOUNG: Duration = Duration::from_secs(1);

/// Connections that wait for requests.
pub(super) struct Pool {
    kept: Mutex<Kept>,
    /// Woken when one that waits is closed by the tracker.
    on_end: Waker,
}

struct Kept {
    /// HTTP/1.1, the one used last at the end.
    idle: Vec<Idle>,
    /// HTTP/2, the oldest at the front.
    shared: Vec<Shared>,
    /// When a connection was asked for last.
    asked: Instant,
    /// Kept connections found closed that were young, since somebody looked.
    died_young: u32,
}

struct Idle {
    connection: Http1,
    since: Instant,
    until: Instant,
}

struct Shared {
    connection: Arc<Http2>,
    since: Instant,
}

/// A connection for a request.
pub(super) struct Taken {
    pub(super) connection: Connection,
    /// The next one who asks may find none.
    pub(super) was_last: bool,
}

/// How many connections are ready.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ready {
    /// HTTP/1.1 connections that wait.
    pub(super) idle: usize,
    /// HTTP/2 connections with more than half of their places free.
    pub(super) roomy: usize,
    /// There are as many HTTP/2 connections as are kept.
    pub(super) is_full: bool,
    /// When a connection was asked for last.
    pub(super) asked: Instant,
    /// Kept connections that the tracker closed as soon as it had them, since the last look.
    pub(super) died_young: u32,
}

impl Pool {
    pub(super) fn new(now: Instant, on_end: Waker) -> Self {
        let kept = Mutex::new(Kept {
            idle: Vec::new(),
            shared: Vec::new(),
            asked: now,
            died_young: 0,
        });
        Self { kept, on_end }
    }

    /// A connection that lives, to an address that new requests may go to. Of the shared ones those are `wanted` of which
    /// the number is; one that waits is not any other request's.
    pub(super) fn take(
        &self,
        now: Instant,
        wanted: impl Fn(u64) -> bool,
        may_go: impl Fn(&SocketAddr) -> bool,
    ) -> Option<Taken> {
        let mut kept = self.kept();
        kept.asked = now;
        if !kept.shared.is_empty() {
            kept.drop_ending_shared(now, now, &may_go);
            if let Some(place) = kept.place(now, wanted) {
                return Some(place);
            }
        }
        while let Some(mut idle) = kept.idle.pop() {
            let is_good = now < idle.until && may_go(&idle.connection.card.address);
            if is_good && idle.connection.is_quiet() {
                return Some(Taken {
                    connection: Connection::Own(idle.connection),
                    was_last: kept.idle.is_empty(),
                });
            }
            kept.died_young += u32::from(is_good && now < idle.since + YOUNG);
        }
        None
    }

    /// A place on a shared connection whose number is `wanted`.
    pub(super) fn take_shared(&self, now: Instant, wanted: impl Fn(u64) -> bool) -> Option<Connection> {
        Some(self.kept().place(now, wanted)?.connection)
    }

    /// Keeps an HTTP/1.1 connection for the next request.
    pub(super) fn put(&self, mut connection: Http1, now: Instant, may_go: impl Fn(&SocketAddr) -> bool) {
        let Card { address, ends, .. } = connection.card;
        if now >= ends || !may_go(&address) {
            return;
        }
        let is_over = connection.is_over(&self.on_end);
        let mut kept = self.kept();
        kept.died_young += u32::from(is_over);
        if !is_over && kept.idle.len() < MAX_IDLE {
            kept.idle.push(Idle {
                connection,
                since: now,
                until: ends.min(now + IDLE_LIMIT),
            });
        }
    }

    /// Lets others use an HTTP/2 connection too.
    pub(super) fn share(&self, connection: &Arc<Http2>, now: Instant) {
        let mut kept = self.kept();
        kept.shared.retain(|shared| !shared.connection.is_ending());
        if kept.shared.len() < MAX_SHARED {
            kept.shared.push(Shared {
                connection: Arc::clone(connection),
                since: now,
            });
        }
    }

    /// Drops what is closed, or will be of no use at `soon`, and tells what is left.
    pub(super) fn look(&self, now: Instant, soon: Instant, may_go: impl Fn(&SocketAddr) -> bool) -> Ready {
        let mut kept = self.kept();
        kept.drop_idle(&self.on_end, now, soon, &may_go);
        kept.drop_ending_shared(now, soon, &may_go);
        let is_roomy = |shared: &&Shared| shared.connection.is_roomy();
        Ready {
            idle: kept.idle.len(),
            roomy: kept.shared.iter().filter(is_roomy).count(),
            is_full: kept.shared.len() >= MAX_SHARED,
            asked: kept.asked,
            died_young: std::mem::take(&mut kept.died_young),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing under the lock can panic half way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// A place on the oldest connection that has one: what a burst needed more than that ages.
    fn place(&mut self, now: Instant, wanted: impl Fn(u64) -> bool) -> Option<Taken> {
        let is_wanted =
            |connection: &Http2| wanted(connection.card.number) && !connection.is_ending() && !connection.is_silent();
        let mut others = self.shared.iter_mut().filter(|shared| is_wanted(&shared.connection));
        let (shared, place) = others.find_map(|shared| {
            let place = shared.connection.place()?;
            Some((shared, place))
        })?;
        shared.since = now;
        let is_roomy = shared.connection.is_roomy();
        Some(Taken {
            connection: Connection::Shared(place),
            was_last: !is_roomy && others.next().is_none(),
        })
    }

    fn drop_idle(&mut self, on_end: &Waker, now: Instant, soon: Instant, may_go: &impl Fn(&SocketAddr) -> bool) {
        let mut died_young = 0;
        self.idle.retain_mut(|idle| {
            let is_over = idle.connection.is_over(on_end);
            died_young += u32::from(is_over && now < idle.since + YOUNG);
            !is_over && soon < idle.until && may_go(&idle.connection.card.address)
        });
        self.died_young += died_young;
    }

    fn drop_ending_shared(&mut self, now: Instant, soon: Instant, may_go: &impl Fn(&SocketAddr) -> bool) {
        let mut died_young = 0;
        self.shared.retain(|Shared { connection, since }| {
            let is_ending = connection.is_ending();
            died_young += u32::from(is_ending && now < *since + YOUNG);
            let is_idle = connection.is_idle() && soon >= *since + IDLE_LIMIT;
            !is_ending && !is_idle && soon < connection.card.ends && may_go(&connection.card.address)
        });
        self.died_young += died_young;
    }
}
