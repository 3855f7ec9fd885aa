//! A hit as one line for a person who watches. Pure.

use std::{fmt::Write as _, io::Write as _};

use super::{
    milliseconds,
    record::{Record, Trace},
};
use crate::{
    click::CacheUse,
    outcome::{Kind, Outcome},
};

/// Appends a record and a line break, such as `GET /shoes from 127.0.0.1: advertiser, asked the tracker, 3.2 ms → https://…`.
pub fn write(record: &Record<'_>, out: &mut Vec<u8>) {
    let mut line = String::new();
    let Record {
        seen,
        trace,
        outcome,
        total,
    } = *record;
    // Writing to a string does not fail.
    let _ = write!(
        line,
        "{} {} from {}: {}",
        super::json::timestamp(seen.at),
        seen.path_and_query().0.unwrap_or("(an unreadable request)"),
        trace.ip,
        outcome.kind().as_str()
    );
    if let Some(reason) = outcome.reason() {
        let _ = write!(line, " ({})", reason.as_str());
    }
    if let Some(source) = source(outcome, trace) {
        let _ = write!(line, ", {source}");
    }
    let _ = write!(line, ", {} ms", milliseconds(total));
    if let Some(location) = record.location() {
        let _ = write!(line, " → {}", location.to_str().unwrap_or_default());
    }
    write_visible(&line, out);
    out.push(b'\n');
}

/// Appends a text in which control characters, and those that break lines, are written out: it may hold a visitor's own.
pub(super) fn write_visible(text: &str, out: &mut Vec<u8>) {
    let is_unfit = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if !text.contains(is_unfit) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.chars() {
        if is_unfit(c) {
            // Writing to a vector does not fail.
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

fn source(outcome: &Outcome, trace: &Trace) -> Option<&'static str> {
    match (outcome.kind(), trace.cache?) {
        (Kind::Advertiser, CacheUse::Hit) => Some("click already had"),
        (Kind::Advertiser, CacheUse::Miss) => Some("click made"),
        (_, CacheUse::Joined) => Some("answer shared with another hit"),
        (_, CacheUse::Offer) => Some("said of the offer just now"),
        (_, CacheUse::Hit | CacheUse::Miss) => None,
    }
}
