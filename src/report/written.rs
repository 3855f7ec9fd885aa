//! A report as a table for a person, as JSON, and as CSV.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Report, Row, Rows, Summary};
use crate::plain_text::short;

/// How wide the longest bar is.
const BAR: u64 = 16;
/// The longest name that is shown whole in a table.
const NAME: usize = 40;

impl Report {
    /// Rows of a table: the days in their order, the others by their hits, and no more than `top` of them. The second is how many
    /// there are.
    pub(super) fn rows(&self, by: &Rows, top: usize) -> (Vec<(&str, &Row)>, usize) {
        let table = self.tables.iter().find(|table| table.by == *by);
        let mut rows: Vec<(&str, &Row)> = table
            .into_iter()
            .flat_map(|table| &table.rows)
            .map(|(name, row)| (&**name, row))
            .collect();
        rows.sort_by(|(name, row), (other_name, other)| {
            let by_hits = other.hits().cmp(&row.hits()).then_with(|| name.cmp(other_name));
            if by.are_days() { name.cmp(other_name) } else { by_hits }
        });
        let all = rows.len();
        if by.are_days() {
            // Of the days the last ones.
            rows.drain(..all.saturating_sub(top));
        } else {
            rows.truncate(top);
        }
        (rows, all)
    }
}

/// What is said of no hits, with a word that hits have where one was asked for that none has.
fn nothing(report: &Report) -> String {
    let mut out = match report.lines {
        0 => return "No hits.\n".to_owned(),
        lines => format!("None of {lines} hits is of this:"),
    };
    for (wanted, other) in &report.wanted {
        let _ = write!(out, " {}", short(&wanted.to_string(), NAME));
        if let Some(other) = other {
            let _ = write!(out, " (there is {})", short(other, NAME));
        }
    }
    out.push('\n');
    out
}

/// For a person. Of each table `top` rows are shown.
pub fn table(report: &Report, top: usize) -> String {
    let Some((first, last)) = report.times() else {
        return nothing(report);
    };
    let all = report.all.summary();
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(out, "Hits from {first} to {last}\n");
    section(&mut out, "", &[(String::new(), String::new(), cells(&all))]);
    for table in &report.tables {
        let (rows, number) = report.rows(&table.by, top);
        let most = rows.iter().map(|(_, row)| row.hits()).max().unwrap_or_default();
        let lines: Vec<_> = rows
            .iter()
            .map(|(name, row)| (short(name, NAME), bar(row.hits(), most), cells(&row.summary())))
            .collect();
        out.push('\n');
        section(&mut out, &table.by.to_string(), &lines);
        if number > rows.len() {
            let left = number - rows.len();
            let _ = writeln!(
                out,
                "… and {left} more (--top {number} shows them; --json and --csv have all)"
            );
        }
    }
    out.push_str(
        "\nadvertiser: hits that went there with a click id. clicks: different click ids. repeats: hits with a click id that another hit \
         had.\nother: preview, unmatched, refused. failures: the Click API failed, wherever the hit went then.\n",
    );
    if all.clicks_estimated {
        out.push_str("~: more clicks than are remembered, estimated to within some hundredths.\n");
    }
    out
}

const COLUMNS: [&str; 11] = [
    "hits",
    "advertiser",
    "clicks",
    "repeats",
    "trafficback",
    "tracking",
    "other",
    "failures",
    "p50 ms",
    "p95 ms",
    "p99 ms",
];

fn cells(row: &Summary) -> [String; COLUMNS.len()] {
    let about = if row.clicks_estimated { "~" } else { "" };
    let ms = |ms: Option<f64>| {
        ms.map_or_else(
            || "-".to_owned(),
            |ms| format!("{ms:.prec$}", prec = usize::from(ms < 9.95)),
        )
    };
    [
        row.hits.to_string(),
        row.advertiser.to_string(),
        format!("{about}{}", row.clicks),
        format!("{about}{}", row.repeats),
        row.trafficback.to_string(),
        row.tracking.to_string(),
        (row.preview + row.unmatched + row.refused).to_string(),
        row.failures.to_string(),
        ms(row.p50_ms),
        ms(row.p95_ms),
        ms(row.p99_ms),
    ]
}

/// Lines of a name, a bar and cells, under their head.
fn section(out: &mut String, head: &str, lines: &[(String, String, [String; COLUMNS.len()])]) {
    let width = |text: &str| text.chars().count();
    let name_width = lines
        .iter()
        .map(|(name, ..)| width(name))
        .chain([width(head)])
        .max()
        .unwrap_or_default();
    let bar_width = lines.iter().map(|(_, bar, _)| width(bar)).max().unwrap_or_default();
    let mut line = |name: &str, bar: &str, cells: &[&str]| {
        let mut text = format!("{name:name_width$}  {bar:bar_width$}");
        for (cell, column) in cells.iter().zip(COLUMNS) {
            let _ = write!(text, "  {cell:>width$}", width = width(column).max(7));
        }
        let _ = writeln!(out, "{}", text.trim_end());
    };
    line(head, "", &COLUMNS);
    for (name, bar, cells) in lines {
        line(name, bar, &cells.each_ref().map(String::as_str));
    }
}

/// A bar of eighths of a character, as long as its hits are of the most.
pub fn bar(hits: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (u128::from(hits) * u128::from(BAR * 8)).div_ceil(u128::from(most.max(1)));
    let eighths = usize::try_from(eighths).unwrap_or_default();
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// For programs.
pub fn json(report: &Report) -> Value {
    let (first, last) = report.times().unzip();
    let tables = report.tables.iter().map(|table| {
        let (rows, _) = report.rows(&table.by, usize::MAX);
        let rows = rows.into_iter().map(|(name, row)| {
            let mut told = Map::from_iter([("name".to_owned(), name.into())]);
            if let Value::Object(summary) = json!(row.summary()) {
                told.extend(summary);
            }
            Value::Object(told)
        });
        (table.by.to_string(), rows.collect())
    });
    json!({"first": first, "last": last, "all": report.all.summary(), "by": tables.collect::<Map<_, Value>>()})
}

/// For spreadsheets: a line of all, then one of each row (RFC 4180).
pub fn csv(report: &Report) -> String {
    let mut out = String::from(
        "by,name,hits,advertiser,clicks,clicks_estimated,repeats,trafficback,tracking,preview,unmatched,refused,failures,\
         p50_ms,p95_ms,p99_ms\r\n",
    );
    let mut line = |by: &str, name: &str, row: &Summary| {
        let ms = |ms: Option<f64>| ms.map_or_else(String::new, |ms| format!("{ms:.3}"));
        let _ = write!(
            out,
            "{by},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n",
            field(name),
            row.hits,
            row.advertiser,
            row.clicks,
            row.clicks_estimated,
            row.repeats,
            row.trafficback,
            row.tracking,
            row.preview,
            row.unmatched,
            row.refused,
            row.failures,
            ms(row.p50_ms),
            ms(row.p95_ms),
            ms(row.p99_ms),
        );
    };
    line("all", "", &report.all.summary());
    for table in &report.tables {
        for (name, row) in report.rows(&table.by, usize::MAX).0 {
            line(&table.by.to_string(), name, &row.summary());
        }
    }
    out
}

/// A field, quoted. A text that a spreadsheet would take for a formula is kept a text by an apostrophe.
fn field(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        "'"
    } else {
        ""
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}
