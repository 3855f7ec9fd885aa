//! One call, from the first attempt to an answer, within its time.
//!
//! The tracker answers a repeated request of one visitor with the same click, so that to repeat one is safe, whatever became of
//! the first. Whether two requests at the same moment are one click is seen when both have been answered.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use http::StatusCode;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    answer::{Answer, Failure, Scope},
    breaker::Way,
    client::{BrokenBody, CallError, Lease, Reply, Seat},
    connection::Lost,
    limit::Ended,
    progress::Progress,
    tracker::{Attempt, Event, Tracker},
    wire::{self, Prefix, Target},
};
use crate::hit_id::HitIds;

/// Requests for one call: a tracker that fails three times fails.
const MAX_ATTEMPTS: u32 = 3;
/// The longest wait before the first repeat, doubled for the next: a moment in which a tracker's worker or balancer changes,
/// and that no visitor feels.
const BACKOFF: Duration = Duration::from_millis(25);
/// With less time left than this no answer comes.
const LEAST_TIME: Duration = Duration::from_millis(10);
/// The longest that a connection takes to be made; and no more than half of what is left, so that another can be tried.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// An attempt that hangs is given up while a next one still has as much time as this many of the usual.
const NEXT_ONE: u32 = 3;
/// And no less than this.
const LEAST_NEXT: Duration = Duration::from_millis(100);
/// How long the slower of two requests is waited for when the visitor has gone with the other's answer.
const LOSER_LIMIT: Duration = Duration::from_secs(5);

/// What an attempt came to.
struct Tried {
    answer: Answer,
    lease: Option<Lease>,
    repeat: Repeat,
    ended: Instant,
}

/// Whether to try again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeat {
    Never,
    Soon,
    /// Not before the tracker's own time.
    After(Duration),
}

/// What a race of two requests came to.
enum Raced {
    /// One brought an answer.
    Won {
        winner: Tried,
        is_first: bool,
        /// The other one is still under way.
        has_loser: bool,
    },
    /// Neither did.
    Failed(Tried),
}

/// One call under way.
pub(super) struct Call<'a> {
    pub(super) tracker: &'a Tracker,
    pub(super) target: &'a Target,
    pub(super) progress: &'a Progress,
    pub(super) began: Instant,
    /// When it ends at the latest.
    pub(super) by: Instant,
    /// Until when whoever began it waits: no later.
    pub(super) wanted_by: Instant,
    /// The hit that began it.
    pub(super) hit: HitIds,
}

impl Call<'_> {
    /// Calls the tracker. `land` is told the answer as soon as there is one; the call goes on after that while there is something
    /// to put in order.
    ///
    /// Dropped at an await, it closes the connections that it uses and frees its places; the tracker may still count the click.
    pub(super) async fn make(&self, land: impl FnOnce(Answer, Instant)) {
        let gate = &self.tracker.gate;
        let place = match gate.enter(self.began, self.by, self.progress).await {
            Ok(place) => place,
            Err(answer) => return land(answer, Instant::now()),
        };
        let latest = self.by - LEAST_TIME;
        let mut kind = Attempt::First;
        let mut turn = 0;
        let mut began = place.since;
        let tried = loop {
            let is_last = turn + 1 == MAX_ATTEMPTS || place.way == Way::Probe;
            let (seat, other) = (Seat::default(), Seat::default());
            let mut first = pin!(self.attempt(kind, place.way, began, &seat, None));
            let hedge_at = place.hedge_after.map(|after| began + after).filter(|at| *at < latest);
            let mut tried = match hedge_at {
                Some(at) => timeout_at(at, first.as_mut()).await.ok(),
                None => None,
            };
            let beside = hedge_at.filter(|_| tried.is_none()).and_then(|at| gate.hedge(at));
            if let Some(beside) = beside {
                self.progress.hedged();
                let hedged = Instant::now();
                // Few calls come here: the others are not to carry the room for it.
                let mut second = Box::pin(self.attempt(Attempt::Hedge, Way::Call, hedged, &other, Some(&seat)));
                match timeout_at(self.by, race(first.as_mut(), second.as_mut())).await {
                    Ok(Raced::Won {
                        winner,
                        is_first,
                        has_loser,
                    }) => {
                        if !is_first {
                            self.progress.hedge_won();
                            gate.tell(&Event::HedgeWon);
                        }
                        place.end(&winner.answer, winner.ended);
                        self.progress.landed();
                        land(winner.answer.clone(), winner.ended);
                        self.keep(winner.lease, winner.ended);
                        if has_loser {
                            let (loser, since) = if is_first {
                                (second.as_mut(), hedged)
                            } else {
                                (first.as_mut(), began)
                            };
                            self.compare(&winner.answer, loser, since).await;
                        }
                        drop(beside);
                        return;
                    }
                    Ok(Raced::Failed(failed)) => tried = Some(failed),
                    Err(_) => {
                        gate.ended(hedged, Ended::Silent, self.by);
                        tried = Some(self.silent(began));
                    }
                }
            }
            let tried = if let Some(tried) = tried {
                tried
            } else {
                let now = if hedge_at.is_some() { Instant::now() } else { began };
                let give_up = if is_last {
                    self.by
                } else {
                    give_up(now, self.wanted_by, place.usual)
                };
                match timeout_at(give_up, first.as_mut()).await {
                    Ok(tried) => tried,
                    // Nothing is given up for a next attempt that may not be.
                    Err(_) if give_up < self.wanted_by && gate.repeat(give_up) => {
                        self.silent(began);
                        (kind, turn, began) = (Attempt::Repeat, turn + 1, Instant::now());
                        continue;
                    }
                    Err(_) => match timeout_at(self.by, first).await {
                        Ok(tried) => tried,
                        Err(_) => self.silent(began),
                    },
                }
            };
            let wait = match tried.repeat {
                Repeat::Never => None,
                Repeat::Soon => Some((BACKOFF * (1 << turn)).mul_f64(fastrand::f64())),
                Repeat::After(wait) => Some(wait),
            };
            let now = tried.ended;
            let left = latest.saturating_duration_since(now);
            let Some(wait) = wait.filter(|wait| !is_last && *wait < left && gate.repeat(now)) else {
                break tried;
            };
            (kind, turn) = (Attempt::Repeat, turn + 1);
            self.keep(tried.lease, now);
            sleep(wait).await;
            began = Instant::now();
        };
        place.end(&tried.answer, tried.ended);
        land(tried.answer, tried.ended);
        self.keep(tried.lease, tried.ended);
    }

    /// A request, on a kept connection if there is one. That may have been closed by the tracker meanwhile: then the request goes
    /// out again at once, on a fresh connection; not when the tracker ended the request and the connection lives. Never on the
    /// connection that another request is on; and whoever sees whether the tracker is back does so on a fresh one.
    ///
    /// Dropped, it closes the connection that it uses.
    async fn attempt(&self, kind: Attempt, way: Way, began: Instant, seat: &Seat, other_than: Option<&Seat>) -> Tried {
        let Tracker { client, gate, .. } = self.tracker;
        self.goes_out(kind);
        let kept = match way {
            Way::Call => client.kept(self.target, began, seat, other_than).await,
            Way::Probe => None,
        };
        let replied = match kept {
            // Landed, it was the slower of two, and its visitor has gone with the other's answer.
            Some(replied) if !is_of_an_ending_connection(&replied) || self.progress.has_landed() => {
                replied.map_err(|lost| lost.error)
            }
            kept => {
                if kept.is_some() {
                    self.goes_out(Attempt::Reconnect);
                }
                let now = Instant::now();
                let connect_by = now + CONNECT_LIMIT.min(self.by.saturating_duration_since(now) / 2);
                // Few calls come here either.
                Box::pin(client.fresh(self.target, seat, connect_by)).await
            }
        };
        let tried = Tried::of(&self.tracker.prefix, replied, Instant::now());
        gate.ended(began, tried.how(), tried.ended);
        tried
    }

    fn goes_out(&self, kind: Attempt) {
        self.progress.attempt();
        self.tracker.gate.tell(&Event::Attempt(kind));
    }

    /// Waits for the slower of two requests, to see whether it is the same click.
    async fn compare(&self, winner: &Answer, loser: impl Future<Output = Tried>, since: Instant) {
        let gate = &self.tracker.gate;
        let Ok(loser) = timeout(LOSER_LIMIT, loser).await else {
            gate.ended(since, Ended::Silent, Instant::now());
            return;
        };
        if let (Answer::Click(one), Answer::Click(other)) = (winner, &loser.answer)
            && one.id != other.id
            && gate.stop_hedging()
        {
            gate.tell(&Event::ClicksDiffer(self.hit));
        }
        self.keep(loser.lease, loser.ended);
    }

    /// What an attempt comes to that has no answer in its time.
    fn silent(&self, began: Instant) -> Tried {
        let now = Instant::now();
        self.tracker.gate.ended(began, Ended::Silent, now);
        Tried {
            answer: Answer::Failed(Failure::Timeout),
            lease: None,
            repeat: Repeat::Never,
            ended: now,
        }
    }

    fn keep(&self, lease: Option<Lease>, now: Instant) {
        if let Some(lease) = lease {
            self.tracker.client.release(lease, now);
        }
    }
}

/// The first of two requests that brings an answer.
///
/// Dropped, it leaves both as they are.
async fn race<F: Future<Output = Tried>>(mut first: Pin<&mut F>, mut second: Pin<&mut F>) -> Raced {
    let (tried, is_first) = tokio::select! {
        tried = first.as_mut() => (tried, true),
        tried = second.as_mut() => (tried, false),
    };
    if tried.is_usable() {
        return Raced::Won {
            winner: tried,
            is_first,
            has_loser: true,
        };
    }
    let other = if is_first { second.await } else { first.await };
    if other.is_usable() {
        return Raced::Won {
            winner: other,
            is_first: !is_first,
            has_loser: false,
        };
    }
    Raced::Failed(tried)
}

/// When to give up an attempt that hangs, so that a next one still has time enough as the tracker is used to answer.
fn give_up(now: Instant, by: Instant, usual: Option<Duration>) -> Instant {
    let left = by.saturating_duration_since(now);
    match usual.map(|usual| (usual * NEXT_ONE).max(LEAST_NEXT)) {
        Some(next) if next <= left / 2 => by - next,
        _ => by,
    }
}

impl Tried {
    fn of(prefix: &Prefix, replied: Result<(Reply, Option<Lease>), CallError>, ended: Instant) -> Self {
        let (answer, lease, repeat) = match replied {
            Ok((reply, lease)) => {
                let answer = read(&reply, prefix);
                let repeat = repeat(&reply, &answer);
                (answer, lease, repeat)
            }
            Err(CallError::Unreachable(why)) => (Answer::Failed(Failure::Unreachable(why)), None, Repeat::Soon),
            Err(CallError::NotTrusted(why)) => (Answer::Failed(Failure::Unreachable(why)), None, Repeat::Never),
            Err(CallError::NotHttp) => {
                let why = Failure::BadAnswer("an answer that is not HTTP");
                (Answer::Failed(why), None, Repeat::Never)
            }
        };
        Self {
            answer,
            lease,
            repeat,
            ended,
        }
    }

    /// Whether no other request would do better.
    fn is_usable(&self) -> bool {
        self.answer.scope() != Scope::Tracker
    }

    fn how(&self) -> Ended {
        match &self.answer {
            Answer::Failed(Failure::Tracker(429 | 503)) => Ended::TooMuch,
            _ if self.is_usable() => Ended::Answered,
            _ => Ended::Failed,
        }
    }
}

/// A kept connection may end before an answer, in the middle of one, or with a 408, which a server sends on a connection that
/// it closes for being idle (RFC 9110, section 15.5.9).
fn is_of_an_ending_connection(replied: &Result<(Reply, Option<Lease>), Lost>) -> bool {
    match replied {
        Ok((_, Some(lease))) if lease.is_shared() => false,
        Ok((reply, _)) => reply.status == StatusCode::REQUEST_TIMEOUT || reply.body == Err(BrokenBody::CutShort),
        Err(lost) => !lost.is_of_stream,
    }
}

/// What another worker of the tracker's, or the same one in a moment, may do better: 5xx, 429, an answer that was cut short.
fn repeat(reply: &Reply, answer: &Answer) -> Repeat {
    let is_short = reply.body == Err(BrokenBody::CutShort);
    match answer {
        Answer::Failed(Failure::Tracker(429 | 500..)) => reply.retry_after.map_or(Repeat::Soon, Repeat::After),
        Answer::Failed(Failure::BadAnswer(_)) if is_short => Repeat::Soon,
        _ => Repeat::Never,
    }
}

/// The answer that a reply is to a request that began so.
pub(super) fn read(reply: &Reply, prefix: &Prefix) -> Answer {
    prefix.without_key(match &reply.body {
        Ok(body) => wire::read(reply.status, body),
        // Outside 2xx the number says enough.
        Err(_) if !reply.status.is_success() => wire::read(reply.status, b""),
        Err(BrokenBody::CutShort) => Answer::Failed(Failure::BadAnswer("an answer that was cut short")),
        Err(BrokenBody::TooLarge) => Answer::Failed(Failure::BadAnswer("an answer of more than 64 KB")),
    })
}
