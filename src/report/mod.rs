//! Where the clicks went: hits of click logs, counted by link, offer, day, country and device.
//!
//! Takes no more memory for more hits: rows beyond the most that are kept are one row, and distinct clicks beyond what is worth
//! remembering are estimated, and said to be.

mod distinct;
mod latency;
mod row;
mod words;
mod written;

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};

use self::{distinct::Budget, words::Field};
pub use self::{
    distinct::Count,
    row::{Row, Summary},
    words::{By, Rows, Where},
    written::{bar, csv, json, table},
};
use crate::history::Line;

/// Rows of one table; what comes later is counted in one row.
const MAX_ROWS: usize = 10_000;
/// The name of that row.
const OTHERS: &str = "(others)";
/// The name of what has none.
const NONE: &str = "(none)";

/// Hits, counted.
pub struct Report {
    tables: Vec<Table>,
    /// The words that hits are to have, and for each another that one had.
    wanted: Vec<(Where, Option<Box<str>>)>,
    lines: u64,
    all: Row,
    zone: TimeZone,
    days: Days,
    budget: Budget,
    first: Option<Box<str>>,
    last: Option<Box<str>>,
}

struct Table {
    by: Rows,
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
    pub fn new(by: &[Rows], wanted: Vec<Where>, zone: TimeZone) -> Self {
        let tables = by.iter().map(|by| Table {
            by: by.clone(),
            rows: HashMap::new(),
        });
        Self {
            tables: tables.collect(),
            wanted: wanted.into_iter().map(|wanted| (wanted, None)).collect(),
            lines: 0,
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
        self.lines += 1;
        for (wanted, other) in &mut self.wanted {
            let mut joined = String::new();
            let word = match wanted.of {
                Field::Outcome => &line.outcome,
                Field::Reason => line.reason.as_deref().unwrap_or(NONE),
                Field::By(by) => name(by, line, day, &mut joined),
            };
            if word != wanted.word {
                if wanted.is_meant_more(word, other.as_deref()) {
                    *other = Some(word.into());
                }
                return true;
            }
        }
        self.all.add(&hit, &mut self.budget);
        for Table { by, rows } in &mut self.tables {
            let mut joined = String::new();
            let name = title(by, line, day, &mut joined);
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

/// What a hit is counted under in a table.
fn title<'a>(by: &Rows, line: &'a Line<'_>, day: &'a str, joined: &'a mut String) -> &'a str {
    if let [by] = *by.by() {
        return name(by, line, day, joined);
    }
    for by in by.by() {
        if !joined.is_empty() {
            joined.push_str(" / ");
        }
        joined.push_str(name(*by, line, day, &mut String::new()));
    }
    joined
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
