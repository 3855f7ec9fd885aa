//! A comparison as a text for a person, and as JSON.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Cause, Compared, Theirs};
use crate::plain_text::short;

/// The longest text of others that is shown whole.
const TEXT: usize = 60;
/// How wide lines are.
const WIDTH: usize = 110;
/// Where the meanings of causes begin.
const INDENT: usize = 41;
/// So many days are shown.
const DAYS: usize = 62;

impl Compared {
    /// The network's clicks that are ones, of whatever cause.
    fn clicks(&self) -> u64 {
        self.tally.sum(false) - self.tally.of(Cause::Duplicate) - self.tally.of(Cause::NoId)
    }

    /// The first and the last of the network's clicks, or days.
    fn period(&self) -> Option<(String, String)> {
        let time = |second: i64| Timestamp::from_second(second).map_or_else(|_| String::new(), |at| at.to_string());
        match &self.theirs {
            Theirs::Ids(ids) => ids.period().map(|(first, last)| (time(first), time(last))),
            Theirs::Days(days) => days.period().map(|(first, last)| (first.to_string(), last.to_string())),
        }
    }

    fn zone(&self) -> String {
        let zone = &self.export.dates.zone;
        zone.iana_name().map_or_else(|| "UTC".to_owned(), str::to_owned)
    }
}

/// For a person.
pub fn text(compared: &Compared) -> String {
    let mut out = String::new();
    let tally = &compared.tally;
    let path = plain(&compared.export.path().display().to_string());
    // Writing to a string does not fail.
    match compared.log {
        Some(log) => drop(writeln!(
            out,
            "Log: {} hits from {} to {}",
            tally.sum(true),
            log.first,
            log.last
        )),
        None => out.push_str("Log: no hits\n"),
    }
    let what = if compared.export.has_ids() {
        "rows with click ids"
    } else {
        "clicks by day"
    };
    let period = compared
        .period()
        .map_or_else(String::new, |(first, last)| format!(" from {first} to {last}"));
    let _ = writeln!(
        out,
        "Network: {path}, {} {what}{period}, time zone {}\n",
        tally.sum(false),
        compared.zone()
    );
    verdict(compared, &mut out);
    for (of_hits, head) in [(true, "hits of the log"), (false, "clicks of the network")] {
        section(compared, of_hits, head, &mut out);
    }
    if let Theirs::Days(days) = &compared.theirs {
        let rows: Vec<_> = days.rows().collect();
        let _ = writeln!(
            out,
            "\n{:10}  {:>9}  {:>9}  {:>9}  {:>11}  {:>9}  {:>9}  {:>10}",
            "day", "hits", "clicks", "theirs", "difference", "repeats", "shared", "unanswered"
        );
        for (date, day) in rows.iter().rev().take(DAYS).rev() {
            let difference = i128::from(day.theirs) - i128::from(day.clicks);
            let _ = writeln!(
                out,
                "{date}  {:>9}  {:>9}  {:>9}  {difference:>+11}  {:>9}  {:>9}  {:>10}",
                day.hits,
                day.clicks,
                day.theirs,
                day.repeats,
                day.shared,
                day.unanswered + day.tracking
            );
        }
        if rows.len() > DAYS {
            let _ = writeln!(out, "… and {} days before (--json has all)", rows.len() - DAYS);
        }
        out.push_str(
            "\nclicks: hits with a click id that no earlier hit had. difference: what the network counts more.\n",
        );
    }
    out
}

fn verdict(compared: &Compared, out: &mut String) {
    let tally = &compared.tally;
    let otherwise = tally.of(Cause::WrittenOtherwise);
    let (all, both) = (compared.clicks(), tally.of(Cause::InLog) + otherwise);
    if all == 0 {
        out.push_str("The export has no clicks.\n");
    } else if compared.export.has_ids() {
        let _ = writeln!(
            out,
            "{} of the network's clicks are in the log: {both} of {all}.",
            share(both, all)
        );
    } else {
        let _ = writeln!(
            out,
            "{} of the network's clicks are as many as the log has on their days: {both} of {all}.",
            share(both, all)
        );
    }
    let _ = writeln!(
        out,
        "{} are there alone, {} of them without an explanation; {} are here alone.",
        all - both,
        tally.of(Cause::OnlyThere),
        tally.of(Cause::OnlyHere)
    );
    let beside = beside(compared);
    if !beside.is_empty() {
        let _ = writeln!(out, "Here are also clicks that it cannot have: {}.", beside.join(", "));
    }
    if otherwise > 0 {
        let _ = writeln!(
            out,
            "{otherwise} have their ids written otherwise, with other case or blanks: they are counted as in the log."
        );
    }
    let repeats = tally.of(Cause::Repeat) + tally.of(Cause::Shared);
    if repeats > 0 {
        let _ = writeln!(
            out,
            "{repeats} hits had the click of an earlier hit: to the network they are none of their own."
        );
    }
    if let Some(ahead) = compared.ahead {
        let _ = writeln!(
            out,
            "The network's time is {ahead}, it seems: by that clock {} of {} agree, by {} {}. Say so with --zone, \
             such as --zone {}.",
            ahead.agree,
            ahead.of,
            compared.zone(),
            ahead.agree_as_said,
            zone_name(ahead.of_utc)
        );
    }
    let are_here = beside.len() as u64 + tally.of(Cause::OnlyHere) > 0;
    if both == 0 && all > 0 && are_here && compared.export.has_ids() {
        out.push_str("No id is in both: is it the right column (--id-column), and the right network?\n");
    }
    for tracker in compared.strangers() {
        let _ = writeln!(
            out,
            "No click of tracker {} is in the export: if it is another network's, compare one with --tracker.",
            plain(tracker)
        );
    }
    if tally.of(Cause::IdLeftOut) > 0 {
        out.push_str("The log leaves out click ids (click_log.drop): its hits cannot be compared.\n");
    }
}

/// A name that `--zone` takes. Zones of `Etc` have their signs turned round (POSIX).
fn zone_name(of_utc: i64) -> String {
    match of_utc / 3600 {
        0 => "UTC".to_owned(),
        _ if of_utc % 3600 != 0 => "Asia/Kolkata".to_owned(),
        hours if hours > 0 => format!("Etc/GMT-{hours}"),
        hours => format!("Etc/GMT+{}", -hours),
    }
}

/// How many clicks of the log an export has left out for what it is of.
fn beside(compared: &Compared) -> Vec<String> {
    let outside = compared.tally.of(Cause::OutsideExport);
    let what = if compared.export.has_ids() { "row" } else { "day" };
    let numbers = [
        (
            compared.tally.of(Cause::OfferNotThere),
            "of offers that the export does not have".to_owned(),
        ),
        (outside - compared.after, format!("before its first {what}")),
        (compared.after, format!("after its last {what}")),
    ];
    let some = numbers.into_iter().filter(|(number, _)| *number > 0);
    some.map(|(number, words)| format!("{number} {words}")).collect()
}

/// A table of causes that sums up to all, each with its meaning and examples.
fn section(compared: &Compared, of_hits: bool, head: &str, out: &mut String) {
    let tally = &compared.tally;
    let all = tally.sum(of_hits);
    let _ = writeln!(out, "\n{head:21}{all:>9}");
    let causes = Cause::ALL.into_iter().filter(|cause| cause.is_of_hits() == of_hits);
    for cause in causes.filter(|cause| tally.of(*cause) > 0) {
        let number = tally.of(cause);
        let begin = format!("  {:17}  {number:>9}  {:>7}", cause.as_str(), share(number, all));
        let _ = writeln!(out, "{begin}  {}", wrapped(&meaning(compared, cause)));
        // What is as it should be needs none.
        if matches!(
            cause,
            Cause::InExport | Cause::InLog | Cause::NoClick | Cause::OtherOffer
        ) {
            continue;
        }
        for example in tally.examples(cause) {
            let id = if example.id.is_empty() {
                String::new()
            } else {
                format!("{} ", plain(&example.id))
            };
            let _ = writeln!(
                out,
                "{:INDENT$}such as {id}at {} ({})",
                "",
                plain(&example.time),
                plain(&example.place)
            );
        }
    }
}

fn meaning(compared: &Compared, cause: Cause) -> String {
    let meaning = cause.meaning();
    match cause {
        Cause::Unfollowed | Cause::Tracked | Cause::AskedTwice => {
            format!("{meaning} ({})", compared.calls.certainty())
        }
        Cause::InExport if !compared.export.has_ids() => {
            "went to the advertiser with a click id; the network has as many clicks that day".to_owned()
        }
        Cause::OnlyHere if !compared.export.has_ids() => {
            "the network has so many clicks fewer on their days; an export with click ids says which".to_owned()
        }
        Cause::InLog if !compared.export.has_ids() => "the log has as many that day".to_owned(),
        _ => meaning.to_owned(),
    }
}

/// A text in lines that fit beside what stands left of it.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        let more = word.chars().count() + 1;
        if width > 0 && INDENT + width + more > WIDTH {
            let _ = write!(out, "\n{:INDENT$}", "");
            width = 0;
        } else if width > 0 {
            out.push(' ');
        }
        out.push_str(word);
        width += more;
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "a share in tenths of a hundredth")]
fn share(part: u64, all: u64) -> String {
    if all == 0 {
        return "-".to_owned();
    }
    let percent = part as f64 * 100.0 / all as f64;
    // What is not all is never told as all, and what is not none never as none.
    let shown = if part == all { 100.0 } else { percent.min(99.9) };
    let shown = if part > 0 { shown.max(0.1) } else { 0.0 };
    format!("{shown:.1} %")
}

/// Anybody's text, as far as it fits.
pub(super) fn plain(text: &str) -> String {
    short(text, TEXT)
}

/// For programs.
pub fn json(compared: &Compared) -> Value {
    let tally = &compared.tally;
    let causes = |of_hits: bool| -> Map<String, Value> {
        let causes = Cause::ALL.into_iter().filter(|cause| cause.is_of_hits() == of_hits);
        let told = causes.map(|cause| {
            let examples = tally
                .examples(cause)
                .iter()
                .map(|example| json!({"id": example.id, "time": example.time, "place": example.place}));
            let mut told = json!({
                "number": tally.of(cause),
                "meaning": meaning(compared, cause),
                "examples": examples.collect::<Vec<_>>(),
            });
            if cause == Cause::OutsideExport {
                told["before"] = (tally.of(cause) - compared.after).into();
                told["after"] = compared.after.into();
            }
            (cause.as_str().to_owned(), told)
        });
        told.collect()
    };
    let (first, last) = compared
        .log
        .map(|log| (log.first.to_string(), log.last.to_string()))
        .unzip();
    let (from, to) = compared.period().unzip();
    let days = match &compared.theirs {
        Theirs::Ids(_) => Value::Null,
        Theirs::Days(days) => days
            .rows()
            .map(|(date, day)| {
                json!({
                    "day": date.to_string(), "hits": day.hits, "clicks": day.clicks, "theirs": day.theirs, "repeats": day.repeats,
                    "shared": day.shared, "unanswered": day.unanswered, "tracking": day.tracking,
                })
            })
            .collect(),
    };
    json!({
        "log": {"hits": tally.sum(true), "first": first, "last": last},
        "network": {
            "path": compared.export.path().display().to_string(),
            "by": if compared.export.has_ids() { "ids" } else { "days" },
            "rows": tally.sum(false),
            "clicks": compared.clicks(),
            "first": from,
            "last": to,
            "zone": compared.zone(),
            "other_trackers": compared.strangers(),
            "zone_seems": compared.ahead.map(|ahead| ahead.to_string()),
        },
        "hits": causes(true),
        "clicks": causes(false),
        "days": days,
    })
}
