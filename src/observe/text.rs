//! A hit as one line for a person who watches. Pure.

use std::fmt::Write as _;

use super::{
    milliseconds,
    record::{Ended, Record},
};
use crate::{click::CacheUse, outcome::Kind};

/// Appends a record and a line break, such as `GET /shoes from 127.0.0.1: advertiser, asked the tracker, 3.2 ms → https://…`.
pub fn write(record: &Record, out: &mut Vec<u8>) {
    let mut line = String::new();
    let ended = &record.ended;
    // Writing to a string does not fail.
    let _ = write!(
        line,
        "{} {} from {}: {}",
        super::json::timestamp(record.at),
        record.path_and_query().0.unwrap_or("(an unreadable request)"),
        ended.trace.ip,
        ended.kind.as_str()
    );
    if let Some(reason) = ended.reason {
        let _ = write!(line, " ({})", reason.as_str());
    }
    if let Some(source) = source(ended) {
        let _ = write!(line, ", {source}");
    }
    let _ = write!(line, ", {} ms", milliseconds(ended.total));
    if let Some(location) = &ended.location {
        let _ = write!(line, " → {}", location.to_str().unwrap_or_default());
    }
    // A path is the visitor's own text.
    let line: String = line
        .chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_unicode());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

fn source(ended: &Ended) -> Option<&'static str> {
    match (ended.kind, ended.trace.cache?) {
        (Kind::Advertiser, CacheUse::Hit) => Some("click already had"),
        (Kind::Advertiser, CacheUse::Miss) => Some("click made"),
        (_, CacheUse::Joined) => Some("answer shared with another hit"),
        (_, CacheUse::Offer) => Some("said of the offer just now"),
        (_, CacheUse::Hit | CacheUse::Miss) => None,
    }
}
