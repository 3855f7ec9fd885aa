//! Where the clicks went: hits of click logs, counted by link, offer, day, country and device.
//!
//! Takes no more memory for more hits: rows beyond the most that are kept are one row, and distinct clicks beyond what is worth
//! remembering are estimated, and said to be.

mod distinct;
mod latency;
mod row;
mod written;

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};

use self::distinct::Budget;
pub use self::{
    distinct::Count,
    row::{Row, Summary},
    written::{bar, csv, json, table},
};
use crate::history::Line;

/// Rows of one table; what comes later is counted in one row.
const MAX_ROWS: usize = 10_000;
/// The name of that row.
const OTHERS: &str = "(others)";
/// The name of what has none.
const NONE: &str = "(none)";

/// What hits are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// The link's place.
    Link,
    /// The offer that decided.
    Offer,
    /// The day, in the zone that is asked for.
    Day,
    /// The visitor's country.
    Country,
    /// The visitor's kind of device.
    Device,
    /// The outcome, and its reason.
    Reason,
}

impl By {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Reason,
        Self::Link,
        Self::Offer,
        Self::Day,
        Self::Country,
        Self::Device,
    ];

    /// The word in tables and options.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Offer => "offer",
            Self::Day => "day",
            Self::Country => "country",
            Self::Device => "device",
            Self::Reason => "reason",
        }
    }
}

impl std::fmt::Display for By {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A word that hits are to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where {
    of: Field,
    word: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Outcome,
    Reason,
    By(By),
}

impl std::str::FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, word) = text.split_once('=').unwrap_or((text, ""));
        let by = By::ALL.into_iter().filter(|by| *by != By::Reason);
        let mut fields = [("outcome", Field::Outcome), ("reason", Field::Reason)]
            .into_iter()
            .chain(by.map(|by| (by.as_str(), Field::By(by))));
        let of = fields.find(|(known, _)| *known == name).map(|(_, of)| of);
        match of {
            Some(of) if !word.is_empty() => Ok(Self {
                of,
                word: word.to_owned(),
            }),
            _ => {
                Err("write it like reason=overcap; outcome, link, offer, day, country and device are others".to_owned())
            }
        }
    }
}

/// Hits, counted.
pub struct Report {
    tables: Vec<Table>,
    wanted: Vec<Where>,
    all: Row,
    zone: TimeZone,
    days: Days,
    budget: Budget,
    first: Option<Box<str>>,
    last: Option<Box<str>>,
}

struct Table {
    by: By,
    rows: HashMap<Box<str>, Row>,
}

/// The day of the last minute that was asked for: most hits are of the same.
#[derive(Default)]
struct Days {
    minute: String,
    day: String,
}

impl Report {
    /// Of nothing yet; hits are counted that have all the words of `wanted`.
    pub fn new(by: &[By], wanted: Vec<Where>, zone: TimeZone) -> Self {
        let tables = by.iter().map(|by| Table {
            by: *by,
            rows: HashMap::new(),
        });
        Self {
            tables: tables.collect(),
            wanted,
            all: Row::default(),
            zone,
            days: Days::default(),
            budget: Budget::default(),
            first: None,
            last: None,
        }
    }

    /// Counts a hit, if it is wanted; `false` when its time or its outcome is none.
    #[must_use]
    pub fn add(&mut self, line: &Line<'_>) -> bool {
        let Some(day) = self.days.of(&line.time, &self.zone) else {
            return false;
        };
        let Some(hit) = row::Hit::of(line) else {
            return false;
        };
        let is_wanted = |wanted: &Where| {
            let mut joined = String::new();
            let word = match wanted.of {
                Field::Outcome => &line.outcome,
                Field::Reason => line.reason.as_deref().unwrap_or(NONE),
                Field::By(by) => name(by, line, day, &mut joined),
            };
            word == wanted.word
        };
        if !self.wanted.iter().all(is_wanted) {
            return true;
        }
        self.all.add(&hit, &mut self.budget);
        for Table { by, rows } in &mut self.tables {
            let mut joined = String::new();
            let name = name(*by, line, day, &mut joined);
            let name = if rows.len() >= MAX_ROWS && !rows.contains_key(name) {
                OTHERS
            } else {
                name
            };
            let row = match rows.get_mut(name) {
                Some(row) => row,
                None => rows.entry(name.into()).or_default(),
            };
            row.add(&hit, &mut self.budget);
        }
        if self.first.as_deref().is_none_or(|first| *line.time < *first) {
            self.first = Some((*line.time).into());
        }
        if self.last.as_deref().is_none_or(|last| *line.time > *last) {
            self.last = Some((*line.time).into());
        }
        true
    }

    /// The times of the first and the last hit.
    fn times(&self) -> Option<(&str, &str)> {
        self.first.as_deref().zip(self.last.as_deref())
    }
}

/// What a hit is counted under; `joined` is room for names that are made of two.
fn name<'a>(by: By, line: &'a Line<'_>, day: &'a str, joined: &'a mut String) -> &'a str {
    let name = match by {
        By::Link => line.link.as_deref(),
        By::Offer => offer(line, joined),
        By::Day => Some(day),
        By::Country => line.country.as_deref(),
        By::Device => line.device.as_deref(),
        By::Reason => Some(outcome(line, joined)),
    };
    name.unwrap_or(NONE)
}

/// What an offer is called: by its name, else by its number at its tracker.
fn offer<'a>(line: &'a Line<'_>, joined: &'a mut String) -> Option<&'a str> {
    if let Some(name) = line.offer.as_deref() {
        return Some(name);
    }
    let id = line.offer_id?;
    *joined = format!("{} {id}", line.tracker.as_deref().unwrap_or_default());
    Some(joined.trim_start())
}

fn outcome<'a>(line: &'a Line<'_>, joined: &'a mut String) -> &'a str {
    match line.reason.as_deref() {
        Some(reason) => {
            *joined = format!("{} {reason}", &*line.outcome);
            joined
        }
        None => &line.outcome,
    }
}

impl Days {
    /// The day of a time, `2026-11-23`.
    fn of(&mut self, time: &str, zone: &TimeZone) -> Option<&str> {
        // Zones have their days begin with a minute.
        let minute = time.get(..16)?;
        if self.minute != minute {
            let time: Timestamp = time.parse().ok()?;
            self.day = time.to_zoned(zone.clone()).date().to_string();
            minute.clone_into(&mut self.minute);
        }
        Some(&self.day)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
