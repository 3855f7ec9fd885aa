//! Whether a tracker is asked at all: one that fails whatever it is asked is left alone, but for a hit now and then that sees
//! whether it is back.
//!
//! It opens late: as long as a tracker gives a click now and then, each is worth the asking.

use std::time::Duration;

use tokio::time::Instant;

use super::answer::{Answer, Failure, Scope};

/// A tracker that has failed so often without a word in between is down.
const TOO_MANY: u32 = 100;
/// A call that ended without an answer has cost its visitor the whole deadline: it counts as so many.
const TIMEOUT_COUNTS: u32 = 5;
/// And not before it has been down so long, however many calls there are: a restart is quicker.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
/// A hit asks again after so long, if so many have been turned away meanwhile: fewer than one in a hundred visitors wait for it …
const PROBE_EVERY: Duration = Duration::from_millis(250);
const PROBE_SHARE: u32 = 128;
/// … and after so long however few they are, so that a tracker that is back is found within two seconds.
const PROBE_LATEST: Duration = Duration::from_millis(1500);

/// What is known of one tracker's failing.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Asked by everyone. How many calls in a row failed, and when the first of them did.
    Closed { failed: u32, since: Instant },
    /// Asked by nobody, or by the one hit that sees whether it is back.
    Open {
        why: Failure,
        /// When the last one asked, or the breaker opened.
        at: Instant,
        turned_away: u32,
        is_asked: bool,
    },
}

/// The state, in the words of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// The tracker is asked.
    Closed,
    /// It is not asked.
    Open,
    /// One hit asks, to see whether it is back.
    HalfOpen,
}

impl BreakerState {
    /// Every state, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// The name in metrics and diagnostics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// How a hit may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As usual.
    Call,
    /// Once, to see whether the tracker is back.
    Probe,
}

impl Breaker {
    /// Of a tracker that has not failed.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: State::Closed { failed: 0, since: now },
        }
    }

    /// Whether a hit may ask, and how; else how the tracker fails.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Way, Failure> {
        let State::Open {
            why,
            at,
            turned_away,
            is_asked,
        } = &mut self.state
        else {
            return Ok(Way::Call);
        };
        let passed = now - *at;
        // Whether the last one who asked has an answer or not: a tracker that hangs may be back for the next.
        let is_due = (passed >= PROBE_EVERY && *turned_away >= PROBE_SHARE) || passed >= PROBE_LATEST;
        if is_due {
            (*at, *turned_away, *is_asked) = (now, 0, true);
            return Ok(Way::Probe);
        }
        *turned_away += 1;
        Err(why.clone())
    }

    /// A call ended.
    pub(super) fn ended(&mut self, way: Way, answer: &Answer, now: Instant) {
        if is_alive(answer) {
            self.state = State::Closed { failed: 0, since: now };
            return;
        }
        let Answer::Failed(failure) = answer else {
            return;
        };
        match &mut self.state {
            State::Closed { failed, since } => {
                if *failed == 0 {
                    *since = now;
                }
                *failed += if *failure == Failure::Timeout {
                    TIMEOUT_COUNTS
                } else {
                    1
                };
                if *failed >= TOO_MANY && now - *since >= LONG_ENOUGH {
                    self.state = State::Open {
                        why: failure.clone(),
                        at: now,
                        turned_away: 0,
                        is_asked: false,
                    };
                }
            }
            State::Open { why, at, is_asked, .. } => {
                if way == Way::Probe {
                    (*why, *at, *is_asked) = (failure.clone(), now, false);
                }
            }
        }
    }

    /// Whether nothing failed lately.
    pub(super) fn is_well(&self) -> bool {
        matches!(self.state, State::Closed { failed: 0..=2, .. })
    }

    /// The state.
    pub(super) fn state(&self) -> BreakerState {
        match &self.state {
            State::Closed { .. } => BreakerState::Closed,
            State::Open { is_asked: false, .. } => BreakerState::Open,
            State::Open { is_asked: true, .. } => BreakerState::HalfOpen,
        }
    }
}

/// Whether an answer shows a tracker that works: also one that does not like what it is asked, or whose answer is not
/// understood.
fn is_alive(answer: &Answer) -> bool {
    match (answer.scope(), answer) {
        (Scope::Click | Scope::Visitor | Scope::Offer, _) | (_, Answer::Failed(Failure::BadAnswer(_))) => true,
        (Scope::Tracker, Answer::Failed(Failure::Tracker(number))) => *number != 429 && *number < 500,
        (Scope::Tracker, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::click::answer::Trafficback;

    fn failed() -> Answer {
        Answer::Failed(Failure::Tracker(500))
    }

    fn open(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(now);
        for _ in 0..TOO_MANY {
            breaker.ended(Way::Call, &failed(), now);
        }
        breaker.ended(Way::Call, &failed(), now + LONG_ENOUGH);
        breaker
    }

    #[test]
    fn it_opens_when_all_calls_fail_for_a_while() {
        let now = Instant::now();
        let mut breaker = Breaker::new(now);
        for _ in 0..10 * TOO_MANY {
            breaker.ended(Way::Call, &failed(), now + LONG_ENOUGH);
        }
        assert_eq!(breaker.state(), BreakerState::Closed, "not at once");
        breaker.ended(Way::Call, &failed(), now + 2 * LONG_ENOUGH);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert_eq!(breaker.admit(now + 2 * LONG_ENOUGH), Err(Failure::Tracker(500)));

        let mut breaker = Breaker::new(now);
        for second in 0..u64::from(TOO_MANY - 1) {
            breaker.ended(Way::Call, &failed(), now + Duration::from_secs(second));
        }
        assert_eq!(
            breaker.state(),
            BreakerState::Closed,
            "a few are not enough, however long it takes"
        );
    }

    #[test]
    fn any_word_is_a_sign_of_life() {
        let now = Instant::now();
        for (answer, is_alive) in [
            (Answer::Trafficback(Trafficback::Targeting), true),
            (Answer::Failed(Failure::Rejected(None)), true),
            (Answer::Failed(Failure::Tracker(404)), true),
            (Answer::Failed(Failure::BadAnswer("x")), true),
            (Answer::Failed(Failure::Tracker(429)), false),
            (Answer::Failed(Failure::Tracker(599)), false),
            (Answer::Failed(Failure::Unreachable("x")), false),
            (Answer::Failed(Failure::Timeout), false),
        ] {
            let mut breaker = Breaker::new(now);
            for _ in 0..TOO_MANY {
                breaker.ended(Way::Call, &failed(), now);
            }
            breaker.ended(Way::Call, &answer, now + LONG_ENOUGH);
            let expected = if is_alive {
                BreakerState::Closed
            } else {
                BreakerState::Open
            };
            assert_eq!(breaker.state(), expected, "{answer:?}");
            assert_eq!(breaker.is_well(), is_alive, "{answer:?}");
        }
    }

    #[test]
    fn silence_counts_for_more() {
        let now = Instant::now();
        let mut breaker = Breaker::new(now);
        for second in 0..u64::from(TOO_MANY / TIMEOUT_COUNTS) {
            assert_eq!(breaker.state(), BreakerState::Closed);
            breaker.ended(
                Way::Call,
                &Answer::Failed(Failure::Timeout),
                now + Duration::from_secs(second),
            );
        }
        assert_eq!(breaker.state(), BreakerState::Open);
    }

    #[test]
    fn one_in_many_sees_whether_it_is_back() {
        let now = Instant::now();
        let mut breaker = open(now);
        let mut at = now + LONG_ENOUGH;
        let mut probes = 0;
        // A hundred hits a second for a minute.
        for _ in 0..6000 {
            at += Duration::from_millis(10);
            if let Ok(way) = breaker.admit(at) {
                assert_eq!(way, Way::Probe);
                assert_eq!(breaker.state(), BreakerState::HalfOpen);
                probes += 1;
                breaker.ended(way, &Answer::Failed(Failure::Timeout), at);
                assert_eq!(breaker.admit(at), Err(Failure::Timeout), "what it fails by now");
            }
        }
        assert!((45..=47).contains(&probes), "{probes}");
        at += PROBE_LATEST;
        assert_eq!(breaker.admit(at), Ok(Way::Probe), "a quiet edge");
        assert!(breaker.admit(at).is_err(), "one is enough");
        breaker.ended(Way::Probe, &Answer::Trafficback(Trafficback::Overcap), at);
        assert_eq!(breaker.admit(at), Ok(Way::Call));
    }

    #[test]
    fn a_probe_that_hangs_is_not_waited_for() {
        let now = Instant::now();
        let mut breaker = open(now);
        let at = now + LONG_ENOUGH + PROBE_LATEST;
        assert_eq!(breaker.admit(at), Ok(Way::Probe));
        assert_eq!(breaker.admit(at + PROBE_LATEST), Ok(Way::Probe));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }

    #[test]
    fn calls_from_before_it_opened_close_it_only_by_a_word() {
        let now = Instant::now();
        let mut breaker = open(now);
        let at = now + LONG_ENOUGH + PROBE_LATEST;
        assert_eq!(breaker.admit(at), Ok(Way::Probe));
        breaker.ended(Way::Call, &failed(), at);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.ended(Way::Call, &Answer::Trafficback(Trafficback::Overcap), at);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
