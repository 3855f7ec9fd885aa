//! A stretch of the week in a time zone, as the clocks on the wall there show it.
//!
//! Wall clocks decide, so that a change to summer time or back needs no care: an hour that is shown twice is in twice, one
//! that is never shown is never in.

use std::fmt;

use jiff::{Timestamp, civil::Time, tz::TimeZone};

/// The days' names, by which configurations call them; the first three letters will do.
pub const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// Seconds of a day, clock changes aside.
const DAY: i32 = 24 * 60 * 60;

/// From when to when, on which days, and where. A window that ends before it begins goes on into the next day; its days are
/// those on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// On which days, Monday first.
    pub days: [bool; 7],
    /// The first moment.
    pub from: Clock,
    /// The first moment that is out again.
    pub to: Clock,
    /// Whose clocks.
    pub zone: TimeZone,
}

/// A time of the day, to the minute; 24:00 is its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock(i32);

impl Clock {
    /// The day's first moment.
    pub const BEGIN: Self = Self(0);
    /// The moment after its last.
    pub const END: Self = Self(DAY);

    /// Reads `9:30`, `09:30` or `24:00`.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |digits: &str| -> Option<i32> {
            let fits = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| digits.parse().ok())?
        };
        let (hours, minutes) = (number(hours)?, number(minutes).filter(|_| minutes.len() == 2)?);
        let fits = minutes < 60 && (hours < 24 || (hours == 24 && minutes == 0));
        fits.then_some(Self(hours * 3600 + minutes * 60))
    }

    fn of(time: Time) -> Self {
        Self(i32::from(time.hour()) * 3600 + i32::from(time.minute()) * 60 + i32::from(time.second()))
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}:{:02}", self.0 / 3600, self.0 / 60 % 60)
    }
}

impl Window {
    /// Whether a moment is inside; in seconds since 1970 (UTC).
    pub fn holds(&self, at: i64) -> bool {
        let Some((day, clock)) = self.wall(at) else {
            return false;
        };
        let (today, yesterday) = (self.days[day], self.days[(day + 6) % 7]);
        if self.from < self.to {
            today && self.from <= clock && clock < self.to
        } else {
            (today && self.from <= clock) || (yesterday && clock < self.to)
        }
    }

    /// What clocks and calendars there show, the day as a number from Monday's 0.
    fn wall(&self, at: i64) -> Option<(usize, Clock)> {
        let there = self.zone.to_datetime(Timestamp::from_second(at).ok()?);
        let day = usize::try_from(there.weekday().to_monday_zero_offset()).ok()?;
        Some((day, Clock::of(there.time())))
    }

    /// The moment as clocks there show it, such as `Mon 09:30 in Europe/Berlin`.
    pub fn shown(&self, at: i64) -> String {
        let wall = self.wall(at);
        wall.map_or_else(String::new, |(day, clock)| {
            format!("{} {clock} in {}", short(day), self.place())
        })
    }

    fn place(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

/// The day of a name, from Monday's 0: the whole name, or three letters of it, in any case.
pub fn day(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    DAYS.iter().position(|day| *day == name || day[..3] == name)
}

fn short(day: usize) -> String {
    let name = DAYS[day];
    format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..3])
}

impl fmt::Display for Window {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != [true; 7] {
            let named = (0..7).filter(|&day| self.days[day]).map(short);
            write!(out, "{} ", named.collect::<Vec<_>>().join(", "))?;
        }
        write!(out, "{} to {} in {}", self.from, self.to, self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &[&str], from: &str, to: &str, zone: &str) -> Window {
        let mut on = [days.is_empty(); 7];
        for name in days {
            on[day(name).expect("a day")] = true;
        }
        Window {
            days: on,
            from: Clock::parse(from).expect("a time"),
            to: Clock::parse(to).expect("a time"),
            zone: TimeZone::get(zone).expect("a zone"),
        }
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a timestamp").as_second()
    }

    #[test]
    fn what_is_inside() {
        let office = window(
            &["mon", "Tue", "wednesday", "thu", "fri"],
            "09:00",
            "17:30",
            "Europe/Berlin",
        );
        let night = window(&["fri"], "22:00", "6:00", "Europe/Berlin");
        let all_day = window(&["sat", "sun"], "00:00", "24:00", "America/New_York");
        for (window, moment, expected, why) in [
            (&office, "2026-11-23T07:59:59Z", false, "a second early"),
            (&office, "2026-11-23T08:00:00Z", true, "the first moment"),
            (&office, "2026-11-23T16:29:59Z", true, "the last moment"),
            (&office, "2026-11-23T16:30:00Z", false, "its end is out"),
            (&office, "2026-11-22T10:00:00Z", false, "a Sunday"),
            (&office, "2026-06-22T07:00:00Z", true, "summer time"),
            (&night, "2026-11-20T21:00:00Z", true, "Friday night"),
            (&night, "2026-11-20T20:59:59Z", false, "before it"),
            (&night, "2026-11-21T04:59:59Z", true, "goes on into Saturday"),
            (&night, "2026-11-21T05:00:00Z", false, "and ends there"),
            (
                &night,
                "2026-11-20T04:00:00Z",
                false,
                "Thursday's night is not Friday's",
            ),
            (&all_day, "2026-11-21T05:00:00Z", true, "midnight there begins the day"),
            (&all_day, "2026-11-21T04:59:59Z", false, "Friday there"),
            (&all_day, "2026-11-23T04:59:59Z", true, "to the end of Sunday"),
            (&all_day, "2026-11-23T05:00:00Z", false, "Monday"),
        ] {
            assert_eq!(window.holds(at(moment)), expected, "{window}, {moment}: {why}");
        }
    }

    #[test]
    fn a_clock_change_is_right() {
        // Berlin's clocks go from 02:00 to 03:00 on 29 March 2026, and from 03:00 back to 02:00 on 25 October.
        let early = window(&[], "02:30", "03:30", "Europe/Berlin");
        for (moment, expected, why) in [
            ("2026-03-29T00:59:59Z", false, "01:59:59"),
            ("2026-03-29T01:00:00Z", true, "03:00, as 02:30 never comes"),
            ("2026-03-29T01:29:59Z", true, "03:29:59"),
            ("2026-03-29T01:30:00Z", false, "03:30"),
            ("2026-10-25T00:29:59Z", false, "02:29:59 for the first time"),
            ("2026-10-25T00:30:00Z", true, "02:30 for the first time"),
            ("2026-10-25T01:00:00Z", false, "02:00 again"),
            ("2026-10-25T01:30:00Z", true, "02:30 again"),
            ("2026-10-25T02:29:59Z", true, "03:29:59"),
            ("2026-10-25T02:30:00Z", false, "03:30"),
        ] {
            assert_eq!(early.holds(at(moment)), expected, "{moment}: {why}");
        }
        // Through the night of the change, by the days on which it begins.
        let night = window(&["sat"], "23:00", "05:00", "Europe/Berlin");
        assert!(night.holds(at("2026-03-29T02:59:59Z")));
        assert!(!night.holds(at("2026-03-29T03:00:00Z")));
    }

    #[test]
    fn times_of_the_day() {
        for (text, expected) in [
            ("00:00", Some("00:00")),
            ("9:05", Some("09:05")),
            ("23:59", Some("23:59")),
            ("24:00", Some("24:00")),
            ("24:01", None),
            ("12:60", None),
            ("12:5", None),
            ("+1:00", None),
            ("12", None),
            ("12:00:00", None),
            ("", None),
        ] {
            assert_eq!(
                Clock::parse(text).map(|clock| clock.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn no_moment_panics() {
        let window = window(&[], "00:00", "24:00", "UTC");
        for at in [i64::MIN, -1, 0, i64::MAX] {
            window.holds(at);
        }
        assert!(window.holds(0));
    }
}
