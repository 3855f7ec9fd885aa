//! How many requests may be made beside the first of each call: a share of the calls, so that a tracker hardly sees more
//! requests for them, and a few a second, so that a quiet edge may make them at all.

use tokio::time::Instant;

/// What may be made in relation to the calls.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// For each call.
    pub(super) share: f64,
    /// Whatever the calls.
    pub(super) per_second: f64,
    /// What is left over is good for so many.
    pub(super) most: f64,
}

/// The requests that one tracker may see beside the first ones.
#[derive(Debug)]
pub(super) struct Budget {
    measure: Measure,
    left: f64,
    at: Instant,
}

impl Budget {
    /// A full one.
    pub(super) fn new(measure: Measure, now: Instant) -> Self {
        Self {
            left: measure.most,
            measure,
            at: now,
        }
    }

    /// A call begins.
    pub(super) fn called(&mut self) {
        self.left = (self.left + self.measure.share).min(self.measure.most);
    }

    /// Takes a request, if there is one left.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.left = (self.left + since * self.measure.per_second).min(self.measure.most);
        let has = self.left >= 1.0;
        if has {
            self.left -= 1.0;
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn take_all(budget: &mut Budget, now: Instant) -> usize {
        (0..1000).take_while(|_| budget.take(now)).count()
    }

    #[test]
    fn a_share_of_calls_and_a_few_a_second() {
        let now = Instant::now();
        let measure = Measure {
            share: 0.2,
            per_second: 10.0,
            most: 100.0,
        };
        let mut budget = Budget::new(measure, now);
        assert_eq!(take_all(&mut budget, now), 100);
        for _ in 0..50 {
            budget.called();
        }
        // Fifths are no exact numbers.
        assert!((9..=10).contains(&take_all(&mut budget, now)));
        let later = now + Duration::from_secs(1);
        assert!((10..=11).contains(&take_all(&mut budget, later)));
        let much_later = later + Duration::from_hours(1);
        assert_eq!(take_all(&mut budget, much_later), 100);
        // A clock that was read before another one's turn takes nothing back.
        assert!(!budget.take(later));
    }
}
