//! How long a tracker takes: a streaming estimate of the 95th percentile of its recent answers.

use std::time::Duration;

use tokio::time::Instant;

/// Buckets in each doubling: one is at most an eighth wider than where it begins.
const FINE: usize = 8;
/// From 64 µs, below which nothing is told apart, to two minutes, which no deadline reaches.
const SHORTEST: u32 = 6;
const BUCKETS: usize = 21 * FINE;
/// With fewer answers than these the slowest of twenty is hearsay.
const ENOUGH: u32 = 64;
/// Older answers count half once so many have come …
const MOST: u32 = 1024;
/// … or so much time has passed.
const OLD: Duration = Duration::from_mins(1);
/// The estimate is made anew after so many answers.
const EVERY: u32 = 16;

/// The recent answers of one tracker.
#[derive(Debug)]
pub(super) struct Pace {
    counts: [u16; BUCKETS],
    total: u32,
    halved: Instant,
    until_next: u32,
    p95: Option<Duration>,
}

impl Pace {
    /// Without an answer yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            counts: [0; BUCKETS],
            total: 0,
            halved: now,
            until_next: ENOUGH,
            p95: None,
        }
    }

    /// An answer came, after so long.
    pub(super) fn answered(&mut self, took: Duration, now: Instant) {
        self.counts[bucket(took)] += 1;
        self.total += 1;
        self.until_next -= 1;
        if self.until_next > 0 {
            return;
        }
        self.until_next = EVERY;
        self.p95 = Some(self.slowest_twentieth());
        if self.total >= MOST || (self.total >= 2 * ENOUGH && now - self.halved >= OLD) {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().map(|count| u32::from(*count)).sum();
            self.halved = now;
        }
    }

    /// What nineteen of twenty answers take at most; `None` while too few have come.
    pub(super) fn p95(&self) -> Option<Duration> {
        self.p95
    }

    /// Where the slowest twentieth begins, taken as spread evenly within its bucket.
    fn slowest_twentieth(&self) -> Duration {
        let slow = self.total / 20;
        let mut slower = 0;
        for (at, &count) in self.counts.iter().enumerate().rev() {
            let count = u32::from(count);
            if count > 0 && slower + count > slow {
                let (from, to) = (begin(at), begin(at + 1));
                return to.saturating_sub(to.saturating_sub(from) * (slow - slower) / count);
            }
            slower += count;
        }
        Duration::ZERO
    }
}

fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1 << SHORTEST);
    let doubling = micros.ilog2();
    let fine = usize::try_from(micros >> (doubling - 3)).unwrap_or_default() % FINE;
    let coarse = usize::try_from(doubling - SHORTEST).unwrap_or_default();
    (coarse * FINE + fine).min(BUCKETS - 1)
}

/// The shortest duration of a bucket.
fn begin(bucket: usize) -> Duration {
    let doubling = Duration::from_micros(1 << SHORTEST) * (1 << (bucket / FINE));
    doubling + doubling / 8 * u32::try_from(bucket % FINE).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answers: impl IntoIterator<Item = u64>) -> Pace {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        for micros in answers {
            pace.answered(Duration::from_micros(micros), now);
        }
        pace
    }

    #[test]
    fn buckets_follow_each_other() {
        for at in 0..BUCKETS {
            assert_eq!(bucket(begin(at)), at);
            assert_eq!(bucket(begin(at + 1).saturating_sub(Duration::from_micros(1))), at);
        }
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn few_answers_say_nothing() {
        assert_eq!(after((1..64).map(|_| 60_000)).p95(), None);
        assert!(after((1..=64).map(|_| 60_000)).p95().is_some());
    }

    #[test]
    fn the_estimate_is_near_the_truth() {
        // From 1 to 100 ms evenly, in an order that is not sorted.
        let p95 = after((0..1000).map(|n| 1_000 + (n * 37 % 1000) * 99))
            .p95()
            .expect("many answers");
        assert!((90..=100).contains(&p95.as_millis()), "{p95:?}");
        // One in a hundred stalls: that is not of the nineteen.
        let p95 = after((0..1000).map(|n| if n % 100 == 0 { 2_000_000 } else { 60_000 })).p95();
        assert!(p95.expect("many answers") < Duration::from_millis(66), "{p95:?}");
    }

    #[test]
    fn it_follows_what_is_recent() {
        let slower = (0..1024).map(|_| 60_000).chain((0..512).map(|_| 300_000));
        assert!(after(slower).p95().expect("many answers") > Duration::from_millis(250));
        let faster = (0..1024).map(|_| 300_000).chain((0..8192).map(|_| 60_000));
        assert!(after(faster).p95().expect("many answers") < Duration::from_millis(70));
        // A quiet tracker's old answers go by time.
        let now = Instant::now();
        let mut pace = Pace::new(now);
        for minute in 0..10 {
            for _ in 0..128 {
                let slow = if minute < 2 { 300 } else { 60 };
                pace.answered(Duration::from_millis(slow), now + OLD * minute);
            }
        }
        assert!(pace.p95().expect("many answers") < Duration::from_millis(70));
    }
}
