//! What is counted of trackers. Label values are the trackers' names out of the configuration, and closed sets.

use std::sync::OnceLock;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{
    click::{Answer, Attempt, BreakerState, Event, SparedBy},
    hit::{failure_reason, trafficback_reason},
    outcome::Reason,
};

/// From a tracker in the next rack to one that a visitor hardly waits for.
const CALL_SECONDS: [f64; 12] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0];

/// The metrics of all trackers.
pub(super) struct Trackers {
    calls: Family<CallLabels, Counter>,
    seconds: Family<TrackerLabel, Histogram>,
    attempts: Family<AttemptLabels, Counter>,
    hedges_won: Family<TrackerLabel, Counter>,
    hedging_stopped: Family<TrackerLabel, Gauge>,
    spared: Family<SparedLabels, Counter>,
    breaker: Family<BreakerLabels, Gauge>,
    limit: Family<TrackerLabel, Gauge>,
    in_flight: Family<TrackerLabel, Gauge>,
    queued: Family<TrackerLabel, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TrackerLabel {
    tracker: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    tracker: String,
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct AttemptLabels {
    tracker: String,
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct SparedLabels {
    tracker: String,
    by: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BreakerLabels {
    tracker: String,
    state: &'static str,
}

impl Trackers {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let trackers = Self {
            calls: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(CALL_SECONDS)),
            attempts: Family::default(),
            hedges_won: Family::default(),
            hedging_stopped: Family::default(),
            spared: Family::default(),
            breaker: Family::default(),
            limit: Family::default(),
            in_flight: Family::default(),
            queued: Family::default(),
        };
        let about_calls = "Calls to the Click API, by what they came to";
        registry.register("click_api_requests", about_calls, trackers.calls.clone());
        let seconds = trackers.seconds.clone();
        registry.register_with_unit("click_api", "Calls to the Click API", Unit::Seconds, seconds);
        registry.register(
            "click_api_attempts",
            "Requests that went out for calls, by why",
            trackers.attempts.clone(),
        );
        registry.register(
            "click_api_hedges_won",
            "Second requests that were quicker than the first",
            trackers.hedges_won.clone(),
        );
        registry.register(
            "click_api_hedging_stopped",
            "1 since two requests at the same moment came to two clicks, so that there are no second ones",
            trackers.hedging_stopped.clone(),
        );
        registry.register(
            "click_api_spared",
            "Calls that were not made, because the tracker fails (breaker) or has enough to do (limit)",
            trackers.spared.clone(),
        );
        registry.register(
            "click_api_breaker",
            "1 for the state in which the tracker's breaker is",
            trackers.breaker.clone(),
        );
        registry.register(
            "click_api_limit",
            "Calls that may be under way at a time, as the tracker's answers show",
            trackers.limit.clone(),
        );
        let about_in_flight = "Calls that are under way";
        registry.register("click_api_in_flight", about_in_flight, trackers.in_flight.clone());
        let about_queued = "Hits that wait for a place among the calls under way";
        registry.register("click_api_queued", about_queued, trackers.queued.clone());
        trackers
    }

    pub(super) fn of(&self, name: &str) -> TrackerMetrics {
        let tracker = || name.to_owned();
        let label = TrackerLabel { tracker: tracker() };
        let metrics = TrackerMetrics {
            tracker: tracker(),
            calls: self.calls.clone(),
            call_counters: Default::default(),
            seconds: self.seconds.get_or_create_owned(&label),
            attempts: Attempt::ALL.map(|kind| {
                self.attempts.get_or_create_owned(&AttemptLabels {
                    tracker: tracker(),
                    kind: kind.as_str(),
                })
            }),
            hedges_won: self.hedges_won.get_or_create_owned(&label),
            hedging_stopped: self.hedging_stopped.get_or_create_owned(&label),
            spared: SparedBy::ALL.map(|by| {
                self.spared.get_or_create_owned(&SparedLabels {
                    tracker: tracker(),
                    by: by.as_str(),
                })
            }),
            breaker: BreakerState::ALL.map(|state| {
                let gauge = self.breaker.get_or_create_owned(&BreakerLabels {
                    tracker: tracker(),
                    state: state.as_str(),
                });
                gauge.set((state == BreakerState::Closed).into());
                gauge
            }),
            limit: self.limit.get_or_create_owned(&label),
            in_flight: self.in_flight.get_or_create_owned(&label),
            queued: self.queued.get_or_create_owned(&label),
        };
        metrics.calls_that_came_to(None);
        metrics
    }
}

/// What is counted of one tracker.
pub struct TrackerMetrics {
    tracker: String,
    calls: Family<CallLabels, Counter>,
    /// The counters of `calls` for a click (the last) and by reason, made when first counted.
    call_counters: [OnceLock<Counter>; Reason::ALL.len() + 1],
    seconds: Histogram,
    attempts: [Counter; Attempt::ALL.len()],
    hedges_won: Counter,
    hedging_stopped: Gauge,
    spared: [Counter; SparedBy::ALL.len()],
    breaker: [Gauge; BreakerState::ALL.len()],
    limit: Gauge,
    in_flight: Gauge,
    queued: Gauge,
}

impl TrackerMetrics {
    /// Counts what happened.
    pub fn count(&self, event: &Event<'_>) {
        match *event {
            Event::Called { answer, took, .. } => {
                self.called(answer);
                self.seconds.observe(took.as_secs_f64());
            }
            Event::Attempt(kind) => {
                self.attempts[kind as usize].inc();
            }
            Event::HedgeWon => {
                self.hedges_won.inc();
            }
            Event::ClicksDiffer(_) => {
                self.hedging_stopped.set(1);
            }
            Event::Spared(by) => {
                self.spared[by as usize].inc();
            }
            Event::Breaker(state) => {
                for (gauge, of) in self.breaker.iter().zip(BreakerState::ALL) {
                    gauge.set((of == state).into());
                }
            }
            Event::Load {
                limit,
                in_flight,
                queued,
            } => {
                self.limit.set(limit.into());
                self.in_flight.set(in_flight.into());
                self.queued.set(queued.into());
            }
        }
    }

    fn called(&self, answer: &Answer) {
        let reason = match answer {
            Answer::Click(_) => None,
            Answer::Trafficback(why) => Some(trafficback_reason(why)),
            Answer::Failed(why) => Some(failure_reason(why)),
        };
        self.calls_that_came_to(reason).inc();
    }

    /// To a click, or to a reason.
    fn calls_that_came_to(&self, reason: Option<Reason>) -> &Counter {
        self.call_counters[reason.map_or(Reason::ALL.len(), |reason| reason as usize)].get_or_init(|| {
            self.calls.get_or_create_owned(&CallLabels {
                tracker: self.tracker.clone(),
                result: reason.map_or("click", Reason::as_str),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_follow_the_discriminants() {
        assert!(Attempt::ALL.iter().enumerate().all(|(at, kind)| *kind as usize == at));
        assert!(SparedBy::ALL.iter().enumerate().all(|(at, by)| *by as usize == at));
        assert!(
            BreakerState::ALL
                .iter()
                .enumerate()
                .all(|(at, state)| *state as usize == at)
        );
    }
}
