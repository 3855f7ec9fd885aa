//! Which call fails and how long an answer takes, from a draw in [0, 1). Drawing and waiting are the server's.

use super::options::Options;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Fail,
    Hang,
}

/// One draw decides both, so that `--hang 0.1 --fail 0.1` spoils a fifth of the calls and no fault hides the other.
pub(super) fn fault(options: &Options, draw: f64) -> Option<Fault> {
    if draw < options.hang {
        Some(Fault::Hang)
    } else if draw < options.hang + options.fail {
        Some(Fault::Fail)
    } else {
        None
    }
}

/// Latency plus or minus jitter; never below zero, and never too long for a `Duration`.
pub(super) fn delay(options: &Options, draw: f64) -> Duration {
    let Options { latency, jitter, .. } = *options;
    let spread = jitter.as_secs_f64() * 2.0 * draw;
    let spread = Duration::try_from_secs_f64(spread).unwrap_or(jitter);
    latency.saturating_add(spread).saturating_sub(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_means_no_fault_and_a_whole_share_every_call() {
        let with = |fail, hang| Options {
            fail,
            hang,
            ..Options::default()
        };
        for draw in [0.0, 0.5, 0.999_999] {
            assert_eq!(fault(&with(0.0, 0.0), draw), None);
            assert_eq!(fault(&with(1.0, 0.0), draw), Some(Fault::Fail));
            assert_eq!(fault(&with(0.0, 1.0), draw), Some(Fault::Hang));
            assert_eq!(fault(&with(1.0, 1.0), draw), Some(Fault::Hang));
        }
    }

    #[test]
    fn shares_stand_side_by_side() {
        let options = Options {
            fail: 0.5,
            hang: 0.25,
            ..Options::default()
        };
        for (draw, expected) in [
            (0.0, Some(Fault::Hang)),
            (0.24, Some(Fault::Hang)),
            (0.25, Some(Fault::Fail)),
            (0.74, Some(Fault::Fail)),
            (0.75, None),
        ] {
            assert_eq!(fault(&options, draw), expected, "{draw}");
        }
    }

    #[test]
    fn jitter_goes_both_ways_and_stops_at_zero() {
        let delay = |latency, jitter, draw| {
            let options = Options {
                latency: Duration::from_millis(latency),
                jitter: Duration::from_millis(jitter),
                ..Options::default()
            };
            delay(&options, draw).as_millis()
        };
        assert_eq!(delay(100, 0, 0.9), 100);
        assert_eq!(delay(100, 20, 0.0), 80);
        assert_eq!(delay(100, 20, 0.5), 100);
        assert_eq!(delay(100, 20, 0.75), 110);
        assert_eq!(delay(10, 20, 0.0), 0);
        assert_eq!(delay(10, 20, 0.75), 20);
    }

    #[test]
    fn absurd_durations_do_not_panic() {
        let options = Options {
            latency: Duration::MAX,
            jitter: Duration::MAX,
            ..Options::default()
        };
        for draw in [0.0, 0.5, 0.9] {
            assert!(delay(&options, draw) <= Duration::MAX);
        }
    }
}
