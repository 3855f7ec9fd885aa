//! How many requests may be repeated: a share of the calls to a tracker, so that one that fails sees hardly more requests than
//! one that does not, and a few a second, so that a quiet edge may repeat at all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Of ten calls two may be repeated.
const SHARE: f64 = 0.2;
/// No tracker feels these.
const PER_SECOND: f64 = 10.0;
/// What was not used is good for ten seconds of a quiet edge.
const MOST: f64 = 100.0;

/// The repeats that one tracker may see.
#[derive(Debug)]
pub(super) struct Budget(Mutex<State>);

#[derive(Debug)]
struct State {
    left: f64,
    at: Instant,
}

impl Budget {
    /// A full one.
    pub(super) fn new(now: Instant) -> Self {
        Self(Mutex::new(State { left: MOST, at: now }))
    }

    /// A call begins.
    pub(super) fn called(&self, now: Instant) {
        let mut state = self.at(now);
        state.left = (state.left + SHARE).min(MOST);
    }

    /// Takes a repeat, if there is one left.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut state = self.at(now);
        let has = state.left >= 1.0;
        if has {
            state.left -= 1.0;
        }
        has
    }

    /// What is left now.
    fn at(&self, now: Instant) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(state.at).as_secs_f64();
        state.at = state.at.max(now);
        state.left = (state.left + since * PER_SECOND).min(MOST);
        state
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn take_all(budget: &Budget, now: Instant) -> usize {
        (0..1000).take_while(|_| budget.take(now)).count()
    }

    #[test]
    fn a_share_of_calls_and_a_few_a_second() {
        let now = Instant::now();
        let budget = Budget::new(now);
        assert_eq!(take_all(&budget, now), 100);
        for _ in 0..50 {
            budget.called(now);
        }
        // Fifths are no exact numbers.
        assert!((9..=10).contains(&take_all(&budget, now)));
        let later = now + Duration::from_secs(1);
        assert!((10..=11).contains(&take_all(&budget, later)));
        let much_later = later + Duration::from_hours(1);
        assert_eq!(take_all(&budget, much_later), 100);
        // A clock that was read before another one's turn takes nothing back.
        assert!(!budget.take(later));
    }
}
