//! Who may ask a tracker, and how often: where its breaker, its limit with a short queue, the budgets of its repeats and hedges
//! and its pace meet, under one lock.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    answer::{Answer, Failure},
    breaker::{Breaker, BreakerState, Way},
    budget::{Budget, Measure},
    limit::{Ended, Limit},
    pace::Pace,
    progress::{Progress, SparedBy},
    tracker::{Event, OnEvent},
};

/// Of ten calls two may be repeated; no tracker feels ten a second; what was not used is good for ten seconds of a quiet edge.
const REPEATS: Measure = Measure {
    share: 0.2,
    per_second: 10.0,
    most: 100.0,
};
/// The slowest twentieth is what `auto` hedges. A few are there from the start.
const HEDGES: Measure = Measure {
    share: 0.05,
    per_second: 0.0,
    most: 10.0,
};
/// A wait that no visitor feels is no reason for a second request.
const SHORTEST_HEDGE: Duration = Duration::from_millis(50);
/// The longest wait for a place: about as long as a call that is under way still takes.
const QUEUE_WAIT: Duration = Duration::from_millis(100);
/// As many wait at most, and no more than may be under way.
const QUEUE_MOST: u32 = 64;

/// When a second request goes out beside one that is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HedgeAfter {
    /// Never.
    Off,
    /// After this time.
    Fixed(Duration),
    /// After what nineteen of twenty of the tracker's recent answers took.
    Auto,
}

/// The way to one tracker.
pub(super) struct Gate {
    hedge_after: HedgeAfter,
    /// The tracker gave two clicks to one visitor.
    hedging_is_stopped: AtomicBool,
    on_event: OnEvent,
    state: Mutex<State>,
}

struct State {
    breaker: Breaker,
    limit: Limit,
    pace: Pace,
    repeats: Budget,
    hedges: Budget,
    queue: VecDeque<oneshot::Sender<Place>>,
}

/// A place among the calls under way. Dropped, it is free.
pub(super) struct Place {
    gate: Arc<Gate>,
    is_taken: bool,
    /// When it was had.
    pub(super) since: Instant,
    pub(super) way: Way,
    /// After what time a hedge may go out, if one may.
    pub(super) hedge_after: Option<Duration>,
    /// What an answer may be expected to take, where that is known.
    pub(super) usual: Option<Duration>,
}

impl Gate {
    /// Open wide. A call takes `deadline` at most.
    pub(super) fn new(deadline: Duration, hedge_after: HedgeAfter, on_event: OnEvent) -> Self {
        let now = Instant::now();
        let gate = Self {
            hedge_after,
            hedging_is_stopped: AtomicBool::new(false),
            on_event,
            state: Mutex::new(State {
                breaker: Breaker::new(now),
                limit: Limit::new(now, deadline),
                pace: Pace::new(now),
                repeats: Budget::new(REPEATS, now),
                hedges: Budget::new(HEDGES, now),
                queue: VecDeque::new(),
            }),
        };
        gate.tell_load(&gate.state());
        gate
    }

    /// Tells of something.
    pub(super) fn tell(&self, event: &Event<'_>) {
        (self.on_event)(event);
    }

    /// A place for a call that began at `now` and ends at `by`, after a short wait at most; else the answer that its visitor has instead.
    ///
    /// Dropped while it waits, it leaves the queue.
    pub(super) async fn enter(
        self: &Arc<Self>,
        now: Instant,
        by: Instant,
        progress: &Progress,
    ) -> Result<Place, Answer> {
        let spared = |by, why| {
            progress.spared(by);
            self.tell(&Event::Spared(by));
            Err(Answer::Failed(why))
        };
        let (place, change) = {
            let mut state = self.state();
            let before = state.breaker.state();
            let admitted = state.breaker.admit(now);
            let change = changed(before, &state);
            match admitted {
                Err(why) => (Err(why), change),
                Ok(way) => (Ok(self.take(&mut state, way, now)), change),
            }
        };
        self.tell_breaker(change);
        let waiting = match place {
            Err(why) => return spared(SparedBy::Breaker, why),
            Ok(Some(Boarded::In(place))) => return Ok(place),
            Ok(Some(Boarded::Waits(waiting))) => waiting,
            Ok(None) => return spared(SparedBy::Limit, Failure::Overload),
        };
        let place = timeout_at(by.min(now + QUEUE_WAIT), waiting).await;
        progress.queued(now.elapsed());
        match place {
            Ok(Ok(place)) => Ok(place),
            _ => spared(SparedBy::Limit, Failure::Overload),
        }
    }

    /// A place for a second request beside one that is slow, if the tracker is well and has few of them.
    pub(super) fn hedge(self: &Arc<Self>, now: Instant) -> Option<Place> {
        let mut state = self.state();
        let is_well = state.breaker.is_well() && state.limit.is_well();
        let place =
            (is_well && state.hedges.take(now) && state.limit.enter(now)).then(|| self.place(&state, Way::Call, now));
        self.tell_load(&state);
        place
    }

    /// Whether a request may be repeated.
    pub(super) fn repeat(&self, now: Instant) -> bool {
        let mut state = self.state();
        state.breaker.state() == BreakerState::Closed && state.repeats.take(now)
    }

    /// A request that began at a time ended.
    pub(super) fn ended(self: &Arc<Self>, began: Instant, how: Ended, now: Instant) {
        let mut state = self.state();
        state.limit.ended(began, how, now);
        if how == Ended::Answered {
            state.pace.answered(now - began, now);
        }
        self.settle(&mut state, now);
    }

    /// Sends no second requests from now on; whether it did so far.
    pub(super) fn stop_hedging(&self) -> bool {
        !self.hedging_is_stopped.swap(true, Ordering::Relaxed)
    }

    fn take(self: &Arc<Self>, state: &mut State, way: Way, now: Instant) -> Option<Boarded> {
        let is_in = match way {
            Way::Call => state.limit.enter(now),
            // Calls that hang from when the tracker went down do not keep it from being found again.
            Way::Probe => state.limit.enter_anyway(),
        };
        let boarded = if is_in {
            Some(Boarded::In(self.place(state, way, now)))
        } else {
            let most = usize::try_from(state.limit.most().min(QUEUE_MOST)).unwrap_or(usize::MAX);
            if state.queue.len() >= most {
                state.queue.retain(|waiting| !waiting.is_closed());
            }
            (state.queue.len() < most).then(|| {
                let (place, waiting) = oneshot::channel();
                state.queue.push_back(place);
                Boarded::Waits(waiting)
            })
        };
        if boarded.is_some() {
            state.repeats.called();
            state.hedges.called();
        }
        self.tell_load(state);
        boarded
    }

    /// For a place that has been taken.
    fn place(self: &Arc<Self>, state: &State, way: Way, now: Instant) -> Place {
        let usual = state.pace.p95();
        let hedge_after = match self.hedge_after {
            HedgeAfter::Fixed(after) => Some(after),
            HedgeAfter::Auto => usual.map(|p95| p95.max(SHORTEST_HEDGE)),
            HedgeAfter::Off => None,
        };
        let may_hedge = way == Way::Call && !self.hedging_is_stopped.load(Ordering::Relaxed);
        Place {
            gate: Arc::clone(self),
            is_taken: true,
            since: now,
            way,
            hedge_after: hedge_after.filter(|_| may_hedge),
            usual,
        }
    }

    /// Gives free places to those who wait.
    fn settle(self: &Arc<Self>, state: &mut State, now: Instant) {
        while !state.queue.is_empty() && state.limit.enter(now) {
            let place = self.place(state, Way::Call, now);
            let Some(waiting) = state.queue.pop_front() else {
                break;
            };
            if let Err(place) = waiting.send(place) {
                // Its visitor waits no longer. To drop it would take the lock again.
                place.forget();
                state.limit.leave();
            }
        }
        self.tell_load(state);
    }

    fn leave(self: &Arc<Self>, state: &mut State, now: Instant) {
        state.limit.leave();
        self.settle(state, now);
    }

    fn tell_load(&self, state: &State) {
        self.tell(&Event::Load {
            limit: state.limit.most(),
            in_flight: state.limit.in_flight(),
            queued: u32::try_from(state.queue.len()).unwrap_or(u32::MAX),
        });
    }

    fn tell_breaker(&self, change: Option<BreakerState>) {
        if let Some(state) = change {
            self.tell(&Event::Breaker(state));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Boarded {
    In(Place),
    Waits(oneshot::Receiver<Place>),
}

fn changed(before: BreakerState, state: &State) -> Option<BreakerState> {
    let after = state.breaker.state();
    (after != before).then_some(after)
}

impl Place {
    /// Frees it at the end of its call.
    pub(super) fn end(self, answer: &Answer, now: Instant) {
        let gate = Arc::clone(&self.gate);
        let change = {
            let mut state = gate.state();
            let before = state.breaker.state();
            state.breaker.ended(self.way, answer, now);
            gate.leave(&mut state, now);
            changed(before, &state)
        };
        self.forget();
        gate.tell_breaker(change);
    }

    /// Its count is settled already.
    fn forget(mut self) {
        self.is_taken = false;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_taken {
            self.gate.leave(&mut self.gate.state(), Instant::now());
        }
    }
}
