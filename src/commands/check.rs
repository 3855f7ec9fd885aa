//! `onehop check`: the configuration, read and not run; and its limits, explained.

use std::{
    fmt::Write as _,
    io,
    process::ExitCode,
    time::{Duration, Instant},
};

use super::{colour_on, failed, print};
use crate::{
    args::Check,
    config,
    server::limits::{LIMITS, Limits},
};

/// A configuration that takes longer is a large one, and whoever wrote it wants to know how long it takes.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Prints every mistake on standard output.
pub fn run(check: &Check) -> ExitCode {
    let (text, status) = checked(check);
    match print(&text) {
        Ok(()) => status,
        Err(error) => failed(&error),
    }
}

fn checked(check: &Check) -> (String, ExitCode) {
    let configured = &check.config;
    let path = configured.config.display();
    if check.explain_limits && !configured.config.exists() {
        let defaults = explained(&Limits::default());
        let text = format!("{path} is not there: these are the defaults\n{defaults}");
        return (text, ExitCode::SUCCESS);
    }
    let began = Instant::now();
    let read = config::read(&configured.config, &|_| Box::new(|_| ()), colour_on(&io::stdout()));
    let took = began.elapsed();
    let summary = match &read.config {
        Some(config) => {
            let fine = format!(
                "{path} is fine: {}, {}, {}",
                count(config.links.len(), "link"),
                count(config.offers(), "offer"),
                count(config.trackers.len(), "tracker"),
            );
            if took > WORTH_TELLING {
                format!("{fine}, read in {:.1} s", took.as_secs_f64())
            } else {
                fine
            }
        }
        None => format!("{path} cannot be used: {}", count(read.errors, "mistake")),
    };
    let mut text = read.text + &summary + "\n";
    if let Some(config) = read.config.as_ref().filter(|_| check.explain_limits) {
        text += &explained(&config.limits);
    }
    let status = match read.config {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    };
    (text, status)
}

/// A table: key, value, default, reason.
fn explained(limits: &Limits) -> String {
    let head = ["[limits]", "now", "default", "reason"].map(str::to_owned);
    let rows: Vec<[String; 4]> = LIMITS
        .iter()
        .map(|limit| {
            let (now, default) = (limit.shown(*limits), limit.shown(Limits::default()));
            [limit.key.to_owned(), now, default, limit.reason.to_owned()]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (key, now, default) = (width(0), width(1), width(2));
    let mut out = String::new();
    for [a, b, c, d] in std::iter::once(&head).chain(&rows) {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{a:key$}  {b:now$}  {c:default$}  {d}");
    }
    out
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
