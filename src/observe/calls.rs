//! What the diagnostics say of calls to trackers: that one fails, why, and how to mend it, not a line for each.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::click::{Answer, BreakerState, Denial, Event, Failure};

/// A failing tracker is told once in this time for each kind of failure.
const REPEAT: Duration = Duration::from_secs(10);

/// Tells of one tracker's failures. Knows no key and no text of the tracker's own.
pub struct CallTeller {
    tracker: String,
    kinds: Mutex<[Told; 7]>,
}

#[derive(Clone, Copy, Default)]
struct Told {
    last: Option<Instant>,
    unsaid: u64,
}

impl CallTeller {
    /// For a tracker of this name.
    pub fn new(tracker: &str) -> Self {
        Self {
            tracker: tracker.to_owned(),
            kinds: Mutex::default(),
        }
    }

    /// Tells of an event, if there is something to tell and it was not told just now.
    pub fn tell(&self, event: &Event<'_>, now: impl FnOnce() -> Instant) {
        let tracker = &self.tracker;
        match event {
            Event::Called(answer, _) => self.called(answer, now),
            Event::Breaker(BreakerState::Open) => {
                let mend = "visitors go to their fallback at once, and one hit a second asks whether it is back";
                tracing::warn!(
                    tracker,
                    mend,
                    "the tracker fails whatever it is asked, and is left alone"
                );
            }
            Event::Breaker(BreakerState::Closed) => tracing::info!(tracker, "the tracker answers again"),
            Event::ClicksDiffer => {
                let mend = "its hedging is off until a restart; write click.hedge_after = \"off\" to have it so";
                tracing::warn!(
                    tracker,
                    mend,
                    "the tracker makes two clicks of two requests at the same moment"
                );
            }
            Event::Breaker(BreakerState::HalfOpen)
            | Event::Attempt(_)
            | Event::HedgeWon
            | Event::Spared(_)
            | Event::Load { .. } => {}
        }
    }

    fn called(&self, answer: &Answer, now: impl FnOnce() -> Instant) {
        let tracker = &self.tracker;
        let Answer::Failed(failure) = answer else {
            tracing::debug!(tracker, ?answer, "the tracker answered");
            return;
        };
        let Some(before) = self.due(failure, now()) else {
            return;
        };
        let (what, mend) = words(failure);
        match failure {
            Failure::Tracker(number) => {
                tracing::warn!(tracker, number, suppressed = before, mend, "{what}");
            }
            Failure::Rejected(Some(field)) => {
                tracing::warn!(tracker, field, suppressed = before, mend, "{what}");
            }
            Failure::Unreachable(why) | Failure::BadAnswer(why) => {
                tracing::warn!(tracker, why, suppressed = before, mend, "{what}");
            }
            Failure::Rejected(None) | Failure::Denied(_) | Failure::Timeout | Failure::Overload => {
                tracing::warn!(tracker, suppressed = before, mend, "{what}");
            }
        }
    }

    /// Whether to tell of a failure now; if so, how many like it went untold.
    fn due(&self, failure: &Failure, now: Instant) -> Option<u64> {
        let kind = match failure {
            Failure::Rejected(_) => 0,
            Failure::Denied(_) => 1,
            Failure::Tracker(_) => 2,
            Failure::Unreachable(_) => 3,
            Failure::Timeout => 4,
            Failure::BadAnswer(_) => 5,
            Failure::Overload => 6,
        };
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let told = &mut kinds[kind];
        if told.last.is_some_and(|last| now.duration_since(last) < REPEAT) {
            told.unsaid += 1;
            return None;
        }
        told.last = Some(now);
        Some(std::mem::take(&mut told.unsaid))
    }
}

fn words(failure: &Failure) -> (&'static str, &'static str) {
    match failure {
        Failure::Rejected(_) => (
            "the tracker finds a request invalid (400)",
            "compare the ids of the offer with its campaign card",
        ),
        Failure::Denied(Denial::Key) => (
            "the tracker denies access (403)",
            "its secure_key is wrong, or not of this network",
        ),
        Failure::Denied(Denial::Offer) => (
            "an offer does not allow the Click API (403)",
            "ask the network to enable it, or give the offer a tracking_url",
        ),
        Failure::Denied(Denial::Unsaid) => (
            "the tracker refuses without saying what (403)",
            "check the secure_key, and whether the offer allows the Click API",
        ),
        Failure::Tracker(_) => (
            "the tracker answers with an error",
            "if it lasts, ask the network; visitors go to their fallback",
        ),
        Failure::Unreachable(_) => (
            "the tracker cannot be reached",
            "check its url, and this machine's network and DNS",
        ),
        Failure::Timeout => (
            "the tracker does not answer in time",
            "if it lasts, ask the network; click.deadline bounds the wait",
        ),
        Failure::BadAnswer(_) => (
            "the tracker's answer is not the Click API's",
            "check that its url is the Click API's, and no proxy stands between",
        ),
        Failure::Overload => (
            "too many calls to the tracker are under way",
            "the tracker is slow for this many visitors; they go to their fallback",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_in_a_while() {
        let teller = CallTeller::new("t");
        let now = Instant::now();
        assert_eq!(teller.due(&Failure::Timeout, now), Some(0));
        assert_eq!(teller.due(&Failure::Timeout, now), None);
        assert_eq!(teller.due(&Failure::Overload, now), Some(0));
        let later = now + REPEAT;
        assert_eq!(teller.due(&Failure::Timeout, later), Some(1));
        assert_eq!(teller.due(&Failure::Timeout, later), None);
    }
}
