//! The clock of this machine, beside those of the trackers, which stand in their answers' `Date`.

use std::time::{Duration, SystemTime};

use super::{Check, Finding, Mark, count};

/// Answers and caches on the way are this late at times.
const TOLERATED: u64 = 10;
/// From here on, rules of `time` and certificates are wrong for visitors.
const MUCH: u64 = 300;

/// What one tracker's clock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    tracker: String,
    /// By how many whole seconds this machine is ahead; negative where it is behind.
    ahead: i64,
}

impl Witness {
    /// `middle` is this machine's time halfway between question and answer.
    pub fn new(tracker: String, middle: SystemTime, date: SystemTime, round_trip: Duration) -> Self {
        // `Date` has whole seconds: the moment lies between it and the next one, give or take half of the way.
        let doubt = round_trip / 2;
        let ahead = match middle.duration_since(date) {
            Ok(ahead) => signed(ahead.saturating_sub(doubt + Duration::from_secs(1))),
            Err(behind) => -signed(behind.duration().saturating_sub(doubt)),
        };
        Self { tracker, ahead }
    }
}

fn signed(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// What the trackers' clocks say together. The one that is nearest is believed: it is seldom that two clocks are wrong alike.
pub fn clock(witnesses: &[Witness]) -> Vec<Finding> {
    let told = |mark, found: String| Finding::new(mark, Check::Clock, "this machine", found);
    let Some(best) = witnesses.iter().min_by_key(|witness| witness.ahead.unsigned_abs()) else {
        return vec![told(
            Mark::Unknown,
            "no tracker's answer had a Date to compare its clock with".to_owned(),
        )];
    };
    let off = best.ahead.unsigned_abs();
    if off > TOLERATED {
        let mark = if off > MUCH { Mark::Fail } else { Mark::Warn };
        let others = match witnesses.len() - 1 {
            0 => String::new(),
            more => format!(", and {} by more", count(more as u64, "other tracker")),
        };
        let found = format!("is {} {}'s clock{others}", apart(best.ahead), best.tracker);
        return vec![told(mark, found).mend(
            "see `timedatectl` and let the clock be set (NTP): rules of `time` and certificates go by it. If this machine is right, \
             the tracker is wrong",
        )];
    }
    let mut found = vec![told(
        Mark::Ok,
        format!("its clock agrees with {}'s to within {TOLERATED} s", best.tracker),
    )];
    for other in witnesses
        .iter()
        .filter(|witness| witness.ahead.unsigned_abs() > TOLERATED)
    {
        found.push(told(
            Mark::Ok,
            format!(
                "is {} {}'s clock, which is that tracker's trouble",
                apart(other.ahead),
                other.tracker
            ),
        ));
    }
    found
}

fn apart(ahead: i64) -> String {
    let seconds = ahead.unsigned_abs();
    let span = match seconds {
        0..120 => count(seconds, "second"),
        120..7200 => count(seconds / 60, "minute"),
        7200..172_800 => count(seconds / 3600, "hour"),
        _ => count(seconds / 86_400, "day"),
    };
    format!("{span} {}", if ahead < 0 { "behind" } else { "ahead of" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(seconds: i64) -> Witness {
        Witness {
            tracker: "hoqu".to_owned(),
            ahead: seconds,
        }
    }

    #[test]
    fn a_date_of_whole_seconds_leaves_a_second_open() {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let at = |ms: i64, round_trip: u64| {
            let middle = if ms < 0 {
                date - Duration::from_millis(ms.unsigned_abs())
            } else {
                date + Duration::from_millis(ms.unsigned_abs())
            };
            Witness::new(String::new(), middle, date, Duration::from_millis(round_trip)).ahead
        };
        assert_eq!(at(500, 20), 0);
        assert_eq!(at(1_005, 20), 0);
        assert_eq!(at(-900, 20), 0);
        assert_eq!(at(3_600_000, 20), 3_598);
        assert_eq!(at(-3_600_020, 20), -3_600);
        assert_eq!(at(4_000, 8_000), 0, "a slow answer says little");
    }

    #[test]
    fn the_nearest_clock_is_believed() {
        for (seconds, marks) in [
            (&[][..], &[Mark::Unknown][..]),
            (&[0], &[Mark::Ok]),
            (&[-10], &[Mark::Ok]),
            (&[11], &[Mark::Warn]),
            (&[-300], &[Mark::Warn]),
            (&[301], &[Mark::Fail]),
            (&[-3600, 1], &[Mark::Ok, Mark::Ok]),
            (&[-3600, -3605], &[Mark::Fail]),
        ] {
            let witnesses: Vec<Witness> = seconds.iter().map(|seconds| witness(*seconds)).collect();
            let found: Vec<Mark> = clock(&witnesses).iter().map(|finding| finding.mark).collect();
            assert_eq!(found, marks, "{seconds:?}");
        }
        assert!(clock(&[witness(-7200)])[0].found.contains("2 hours behind hoqu's"));
        assert!(clock(&[witness(60)])[0].found.contains("60 seconds ahead of hoqu's"));
    }
}
