//! Times and days as networks write them.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

/// What stands first in dates such as `11/22/2026`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Order {
    /// 22/11/2026
    DayFirst,
    /// 11/22/2026
    MonthFirst,
}

/// When something was, as exactly as it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    At(Timestamp),
    Day(Date),
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is none that is known.
    Unknown,
    /// Day and month cannot be told apart.
    Ambiguous,
}

/// How times are read.
#[derive(Clone, Debug)]
pub(super) struct Dates {
    /// Of times without an offset.
    pub zone: TimeZone,
    /// Of dates that leave it open.
    pub order: Option<Order>,
}

/// The forms that are read, for messages.
pub(super) const FORMS: &str =
    "2026-11-22, 2026-11-22 13:45:00, 2026-11-22T13:45:00Z, 22.11.2026, 11/22/2026 1:45 PM, or seconds since 1970";

impl Dates {
    /// Reads a time; midnight is a day, since days are often written so.
    pub(super) fn read(&self, text: &str) -> Result<When, Unread> {
        let text = text.trim();
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return digits(text).ok_or(Unread::Unknown);
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(When::At(at));
        }
        let (text, zone) = match text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT")) {
            Some(text) => (text.trim_end(), &TimeZone::UTC),
            None => (text, &self.zone),
        };
        let (date, time) = match text.find([' ', 'T', ',']) {
            Some(end) => (&text[..end], text[end + 1..].trim_start()),
            None => (text, ""),
        };
        let date = self.date(date)?;
        let time = if time.is_empty() {
            Some(Time::midnight())
        } else {
            clock(time)
        };
        let civil = DateTime::from_parts(date, time.ok_or(Unread::Unknown)?);
        if civil.time() == Time::midnight() && *zone == self.zone {
            return Ok(When::Day(date));
        }
        // In the hour that a zone has twice it is the first one; in the one that it leaves out, an hour later.
        let there = zone.to_zoned(civil).map_err(|_| Unread::Unknown)?;
        Ok(When::At(there.timestamp()))
    }

    fn date(&self, text: &str) -> Result<Date, Unread> {
        let parts = parts(text).ok_or(Unread::Unknown)?;
        let (year, month, day) = match parts {
            Parts::YearFirst(year, month, day) | Parts::Dotted(day, month, year) => (year, month, day),
            Parts::Open(first, second, year) => match self.order.ok_or(Unread::Ambiguous)? {
                Order::DayFirst => (year, second, first),
                Order::MonthFirst => (year, first, second),
            },
        };
        Date::new(year, month, day).map_err(|_| Unread::Unknown)
    }

    /// The day in the zone.
    pub(super) fn day(&self, when: When) -> Date {
        match when {
            When::At(at) => at.to_zoned(self.zone.clone()).date(),
            When::Day(day) => day,
        }
    }

    /// Seconds since 1970 at which it begins, and those in which it ends: a day has all of its seconds.
    pub(super) fn span(&self, when: When) -> (i64, i64) {
        match when {
            When::At(at) => (at.as_second(), at.as_second()),
            When::Day(day) => {
                let begin = |day: Date| {
                    day.to_zoned(self.zone.clone())
                        .map(|there| there.timestamp().as_second())
                };
                let first = begin(day).unwrap_or_default();
                let next = day.tomorrow().and_then(begin).unwrap_or(first + 86_400);
                (first, next - 1)
            }
        }
    }
}

/// Which order a date of an open one shows; `None` where it shows none, and `Err` where it is not of an open one.
pub(super) fn shown_order(text: &str) -> Result<Option<Order>, ()> {
    let date = text.trim().split([' ', 'T', ',']).next().unwrap_or_default();
    match parts(date) {
        Some(Parts::Open(first, _, _)) if first > 12 => Ok(Some(Order::DayFirst)),
        Some(Parts::Open(_, second, _)) if second > 12 => Ok(Some(Order::MonthFirst)),
        Some(Parts::Open(..)) => Ok(None),
        _ => Err(()),
    }
}

/// The numbers of a date, in the order in which they stand.
enum Parts {
    YearFirst(i16, i8, i8),
    Dotted(i8, i8, i16),
    Open(i8, i8, i16),
}

fn parts(text: &str) -> Option<Parts> {
    let separator = text.chars().find(|c| !c.is_ascii_digit())?;
    let mut numbers = text.split(separator);
    let (first, second, third) = (numbers.next()?, numbers.next()?, numbers.next()?);
    if numbers.next().is_some() || !['-', '/', '.'].contains(&separator) {
        return None;
    }
    let short = |text: &str| text.parse().ok().filter(|_| text.len() <= 2);
    let year = |text: &str| text.parse().ok().filter(|_| text.len() == 4);
    if first.len() == 4 {
        return Some(Parts::YearFirst(year(first)?, short(second)?, short(third)?));
    }
    let (first, second, year) = (short(first)?, short(second)?, year(third)?);
    Some(match separator {
        '.' => Parts::Dotted(first, second, year),
        _ => Parts::Open(first, second, year),
    })
}

/// `13:45`, `13:45:00`, `13:45:00.123`, `1:45 PM`.
fn clock(text: &str) -> Option<Time> {
    let upper = text.to_ascii_uppercase();
    let (digits, afternoon) = match (upper.strip_suffix("AM"), upper.strip_suffix("PM")) {
        (Some(digits), _) => (digits.trim_end(), Some(false)),
        (_, Some(digits)) => (digits.trim_end(), Some(true)),
        _ => (&*upper, None),
    };
    let whole = digits.split('.').next().unwrap_or_default();
    let mut numbers = whole.split(':').map(|text| text.parse::<i8>().ok());
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = numbers.next().unwrap_or(Some(0))?;
    let hour = match afternoon {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(is_afternoon) => hour % 12 + if is_afternoon { 12 } else { 0 },
    };
    if numbers.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

/// `20261122`, or seconds or milliseconds since 1970.
fn digits(text: &str) -> Option<When> {
    let number: i64 = text.parse().ok()?;
    match text.len() {
        8 => {
            let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
            let date = Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?);
            Some(When::Day(date.ok()?))
        }
        9 | 10 => Timestamp::from_second(number).ok().map(When::At),
        12 | 13 => Timestamp::from_millisecond(number).ok().map(When::At),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dates(zone: &str, order: Option<Order>) -> Dates {
        Dates {
            zone: TimeZone::get(zone).expect("a zone"),
            order,
        }
    }

    #[test]
    fn the_forms_of_networks_are_read() {
        let at = |text: &str| When::At(text.parse().expect("a time"));
        let day = |text: &str| When::Day(text.parse().expect("a day"));
        let moscow = dates("Europe/Moscow", Some(Order::MonthFirst));
        for (text, when) in [
            ("2026-11-22", day("2026-11-22")),
            (" 2026-11-22 00:00:00 ", day("2026-11-22")),
            ("2026-11-22 13:45:00", at("2026-11-22T10:45:00Z")),
            ("2026-11-22T13:45", at("2026-11-22T10:45:00Z")),
            ("2026-11-22 13:45:07.250", at("2026-11-22T10:45:07Z")),
            ("2026-11-22T13:45:00Z", at("2026-11-22T13:45:00Z")),
            ("2026-11-22 13:45:00+02:00", at("2026-11-22T11:45:00Z")),
            ("2026-11-22 13:45:00 UTC", at("2026-11-22T13:45:00Z")),
            ("2026/11/22 13:45", at("2026-11-22T10:45:00Z")),
            ("22.11.2026", day("2026-11-22")),
            ("22.11.2026 01:00:00", at("2026-11-21T22:00:00Z")),
            ("11/22/2026", day("2026-11-22")),
            ("11/22/2026, 1:45:00 PM", at("2026-11-22T10:45:00Z")),
            ("1/2/2026 12:30 am", at("2026-01-01T21:30:00Z")),
            ("20261122", day("2026-11-22")),
            ("1795355100", at("2026-11-22T13:45:00Z")),
            ("1795355100000", at("2026-11-22T13:45:00Z")),
        ] {
            assert_eq!(moscow.read(text), Ok(when), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "22.11.26",
            "2026-11-22 25:00",
            "2026-11-22 13",
            "13:45",
            "1/2/3/2026",
            "11/22/2026 13:00 PM",
            "7",
            "2026-11-22 1:2:3:4",
            "22.11.2026 x",
        ] {
            assert_eq!(moscow.read(text), Err(Unread::Unknown), "{text}");
        }
        assert_eq!(dates("UTC", None).read("01/02/2026"), Err(Unread::Ambiguous));
    }

    #[test]
    fn days_are_as_long_as_the_zone_has_them() {
        let berlin = dates("Europe/Berlin", None);
        for (day, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-22", 24)] {
            let (first, last) = berlin.span(When::Day(day.parse().expect("a day")));
            assert_eq!(last + 1 - first, hours * 3600, "{day}");
        }
    }

    #[test]
    fn a_date_shows_its_order_or_not() {
        assert_eq!(shown_order("22/11/2026 13:00"), Ok(Some(Order::DayFirst)));
        assert_eq!(shown_order("11-22-2026"), Ok(Some(Order::MonthFirst)));
        assert_eq!(shown_order("11/12/2026"), Ok(None));
        assert_eq!(shown_order("2026-11-12"), Err(()));
        assert_eq!(shown_order("11.12.2026"), Err(()));
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,40}", digits in "[0-9/.: TZ+AMPm-]{0,30}") {
            let dates = dates("Europe/Berlin", Some(Order::DayFirst));
            for text in [text, digits] {
                let _ = (dates.read(&text), shown_order(&text));
            }
        }

        #[test]
        fn what_is_written_is_read(second in 0_i64..4_102_444_800) {
            let at = Timestamp::from_second(second).expect("a time");
            let dates = dates("America/New_York", Some(Order::DayFirst));
            let there = at.to_zoned(dates.zone.clone());
            prop_assert_eq!(dates.day(When::At(at)), there.date());
            let day = dates.read(&there.strftime("%d/%m/%Y").to_string());
            prop_assert_eq!(day, Ok(When::Day(there.date())));
            let (first, last) = dates.span(When::Day(there.date()));
            prop_assert!((first..=last).contains(&second));
            prop_assert_eq!(dates.read(&at.to_string()), Ok(When::At(at)));
        }
    }
}
