//! Whether a network's days are those of another time zone than the one that is said.

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, tz::TimeZone};

/// Where zones differ, they do by half hours (but for three of them).
const STEP: i64 = 1800;
/// The clocks of the earth, from UTC-12 to UTC+14, in steps.
const STEPS: std::ops::RangeInclusive<i64> = -24..=28;

/// The network's clock seems to be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    /// Of UTC, in seconds.
    pub of_utc: i64,
    /// Clicks that agree by that clock, of how many.
    pub agree: u64,
    pub of: u64,
    /// Clicks that agree by the clock that is said.
    pub agree_as_said: u64,
}

impl std::fmt::Display for Ahead {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.of_utc < 0 { '-' } else { '+' };
        let (hours, minutes) = (self.of_utc.abs() / 3600, self.of_utc.abs() / 60 % 60);
        write!(out, "UTC{sign}{hours}")?;
        if minutes > 0 {
            write!(out, ":{minutes:02}")
        } else {
            Ok(())
        }
    }
}

/// How far rows' times are ahead of their hits', in steps.
#[derive(Debug, Default)]
pub(super) struct Differences(HashMap<i64, u64>);

impl Differences {
    pub(super) fn add(&mut self, seconds: i64) {
        let steps = (seconds + STEP / 2).div_euclid(STEP);
        if (-52..=52).contains(&steps) {
            *self.0.entry(steps).or_default() += 1;
        }
    }

    /// The clock by which nearly all of them agree, if it is another one than the zone's. `last` is a time at which that is asked.
    pub(super) fn ahead(&self, zone: &TimeZone, last: Timestamp) -> Option<Ahead> {
        let of = self.0.values().sum();
        let (steps, agree) = self.0.iter().max_by_key(|(steps, number)| (**number, -steps.abs()))?;
        let ahead = Ahead {
            of_utc: i64::from(zone.to_offset(last).seconds()) + steps * STEP,
            agree: *agree,
            of,
            agree_as_said: self.0.get(&0).copied().unwrap_or_default(),
        };
        (*steps != 0 && *agree * 5 >= of * 4).then_some(ahead)
    }
}

/// Clicks of a log by the half hour in which they began.
#[derive(Debug, Default)]
pub(super) struct HalfHours(BTreeMap<i64, u64>);

impl HalfHours {
    pub(super) fn add(&mut self, at: Timestamp) {
        *self.0.entry(at.as_second().div_euclid(STEP)).or_default() += 1;
    }

    /// The clock by which the days agree best with counts of the network, by days since 1970, where `wrong` clicks disagree by the
    /// clock that is said. Days before the network's first and after its last are not looked at.
    pub(super) fn ahead(&self, theirs: &BTreeMap<i64, u64>, wrong: u64) -> Option<Ahead> {
        let (first, last) = (*theirs.first_key_value()?.0, *theirs.last_key_value()?.0);
        let wrong_by = |steps: i64| {
            let mut ours: BTreeMap<i64, u64> = BTreeMap::new();
            for (half_hour, number) in &self.0 {
                let day = ((half_hour + steps) * STEP).div_euclid(86_400);
                if (first..=last).contains(&day) {
                    *ours.entry(day).or_default() += number;
                }
            }
            let days = (first..=last).map(|day| {
                let of = |counts: &BTreeMap<i64, u64>| counts.get(&day).copied().unwrap_or_default();
                of(theirs).abs_diff(of(&ours))
            });
            days.sum::<u64>()
        };
        // A network that is asked for many years has many days without a click here.
        if last - first > 4000 {
            return None;
        }
        let (best, steps) = STEPS
            .map(|steps| (wrong_by(steps), steps))
            .min_by_key(|(wrong, steps)| (*wrong, steps.abs(), -steps))?;
        let of = theirs.values().sum::<u64>();
        let ahead = Ahead {
            of_utc: steps * STEP,
            agree: of.saturating_sub(best),
            of,
            agree_as_said: of.saturating_sub(wrong),
        };
        // One day alone fits by chance.
        (best * 4 <= wrong && wrong > best && last > first).then_some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_is_found_and_chance_is_not() {
        let last = "2026-11-23T00:00:00Z".parse().expect("a time");
        let mut differences = Differences::default();
        assert_eq!(differences.ahead(&TimeZone::UTC, last), None);
        for number in 0..10 {
            differences.add(3 * 3600 - 40 + number * 10);
        }
        let ahead = differences.ahead(&TimeZone::UTC, last).expect("a clock");
        assert_eq!(
            (ahead.to_string(), ahead.agree, ahead.agree_as_said),
            ("UTC+3".into(), 10, 0)
        );
        let berlin = TimeZone::get("Europe/Berlin").expect("a zone");
        assert_eq!(differences.ahead(&berlin, last).expect("a clock").to_string(), "UTC+4");
        for _ in 0..3 {
            differences.add(0);
        }
        assert_eq!(differences.ahead(&TimeZone::UTC, last), None);
        let mut right = Differences::default();
        right.add(61);
        right.add(-899);
        assert_eq!(right.ahead(&TimeZone::UTC, last), None);
    }

    #[test]
    fn days_find_their_clock() {
        let begin = Timestamp::from_second(1_700_000_000 / 86_400 * 86_400)
            .expect("a time")
            .as_second();
        for steps in [-11, 6, 11] {
            let (mut hours, mut days) = (HalfHours::default(), BTreeMap::new());
            for number in 0..5000_i64 {
                // More by day than by night, and never the same.
                let at = begin + (number * number * 13) % (5 * 86_400);
                let local = at + steps * STEP;
                hours.add(Timestamp::from_second(at).expect("a time"));
                let day = local.div_euclid(86_400);
                // Days at the edges are not whole.
                if (begin / 86_400 + 1..begin / 86_400 + 4).contains(&day) {
                    *days.entry(day).or_default() += 1;
                }
            }
            let ahead = hours.ahead(&days, 500).expect("a clock");
            assert_eq!((ahead.of_utc, ahead.agree), (steps * STEP, ahead.of));
            assert_eq!(hours.ahead(&days, 0), None);
        }
        assert_eq!(
            Ahead {
                of_utc: -19_800,
                agree: 0,
                of: 0,
                agree_as_said: 0
            }
            .to_string(),
            "UTC-5:30"
        );
    }
}
