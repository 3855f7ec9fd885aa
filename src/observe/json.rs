//! A hit as one line of JSON. Pure.
//!
//! One hit is one line for every reader: beside what JSON demands, characters at which some programs break lines or
//! terminals obey are escaped.

use std::{io, net::IpAddr, time::SystemTime};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::ser::{CompactFormatter, Formatter};

use super::{
    milliseconds,
    record::{Ended, Record},
};
use crate::{
    click::{CacheUse, wire},
    percent,
    query::Query,
};

/// Appends a record and a line break.
pub fn write(record: &Record, out: &mut Vec<u8>) {
    let began = out.len();
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, OneLine);
    if Line(record).serialize(&mut serializer).is_err() {
        // Cannot happen: keys are strings, and a vector takes everything. Half a line would be worse than none.
        out.truncate(began);
        return;
    }
    out.push(b'\n');
}

struct Line<'a>(&'a Record);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let ended = record.ended.as_ref();
        let trace = ended.map(|ended| &ended.trace);
        let offer = trace.and_then(|trace| trace.offer.as_ref());
        let text = |value: &'_ Option<http::HeaderValue>| {
            value
                .as_ref()
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("time", &timestamp(record.at))?;
        line.serialize_entry("hit_id", &record.hit_id.to_string())?;
        line.serialize_entry("outcome", &ended.map(|ended| ended.kind.as_str()))?;
        line.serialize_entry("reason", &ended.and_then(Ended::reason_text))?;
        line.serialize_entry("host", &record.host)?;
        line.serialize_entry("path", &record.path())?;
        line.serialize_entry("link", &trace.and_then(|trace| trace.link.as_deref()))?;
        line.serialize_entry("offer", &offer.and_then(|offer| offer.name.as_deref()))?;
        line.serialize_entry("tracker", &offer.map(|offer| &*offer.tracker))?;
        line.serialize_entry("offer_id", &offer.map(|offer| offer.ids.offer))?;
        line.serialize_entry("campaign_id", &offer.map(|offer| offer.ids.campaign))?;
        line.serialize_entry("promo_id", &offer.map(|offer| offer.ids.promo))?;
        let click_id = trace.and_then(|trace| trace.click_id.as_ref());
        line.serialize_entry("click_id", &click_id.map(crate::click_id::ClickId::as_str))?;
        line.serialize_entry("cache", &trace.and_then(|trace| trace.cache).map(cache_word))?;
        line.serialize_entry("attempts", &trace.map_or(0, |trace| trace.attempts))?;
        line.serialize_entry("ip", &trace.map(|trace| trace.ip).map(|ip: IpAddr| ip.to_string()))?;
        line.serialize_entry("country", &None::<&str>)?;
        line.serialize_entry("device", &None::<&str>)?;
        line.serialize_entry("user_agent", &text(&record.user_agent))?;
        line.serialize_entry("referrer", &text(&record.referrer))?;
        for (name, value) in told(record) {
            line.serialize_entry(name, &value)?;
        }
        line.serialize_entry("api_ms", &trace.and_then(|trace| trace.api).map(milliseconds))?;
        line.serialize_entry("total_ms", &ended.map(|ended| milliseconds(ended.total)))?;
        if let Some(reason) = trace.and_then(|trace| trace.tracker_reason.as_deref()) {
            line.serialize_entry("tracker_reason", reason)?;
        }
        line.end()
    }
}

impl Ended {
    fn reason_text(&self) -> Option<&'static str> {
        self.reason.map(crate::outcome::Reason::as_str)
    }
}

fn cache_word(used: CacheUse) -> &'static str {
    match used {
        CacheUse::Hit => "hit",
        CacheUse::Miss => "miss",
        CacheUse::Joined => "joined",
    }
}

/// `utm_*` and `subid*` as the tracker is told them, or would be.
fn told(record: &Record) -> Vec<(&'static str, String)> {
    let decode = |value: &[u8]| String::from_utf8_lossy(&percent::decode_form(value)).into_owned();
    let kept = record.ended.as_ref().and_then(|ended| ended.trace.told.as_ref());
    if let Some(told) = kept {
        return told.iter().map(|(name, value)| (name, decode(value))).collect();
    }
    let query = Query::new(record.uri.as_ref().and_then(http::Uri::query).unwrap_or_default());
    wire::OPTIONAL
        .into_iter()
        .filter_map(|name| Some((name, decode(query.get(name)?.as_bytes()))))
        .collect()
}

/// RFC 3339 in UTC, to the millisecond.
pub(super) fn timestamp(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// Compact JSON in which no string breaks a line or moves a terminal.
struct OneLine;

impl OneLine {
    /// C1 controls and DEL act on terminals, U+2028 and U+2029 break lines; JSON itself lets all of them stand.
    fn is_unfit(c: char) -> bool {
        matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}')
    }
}

impl Formatter for OneLine {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut rest = fragment;
        while let Some((at, unfit)) = rest.char_indices().find(|&(_, c)| Self::is_unfit(c)) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            write!(writer, "\\u{:04x}", u32::from(unfit))?;
            rest = &rest[at + unfit.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use http::{HeaderValue, Uri};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        hit_id::HitId,
        observe::record::Trace,
        outcome::{Outcome, Refusal},
    };

    fn record(uri: &'static str, user_agent: &[u8]) -> Record {
        let mut record = Record {
            at: UNIX_EPOCH + Duration::from_millis(1_234),
            hit_id: HitId::new(UNIX_EPOCH),
            host: "go.example.com".into(),
            uri: Some(Uri::from_static(uri)),
            user_agent: HeaderValue::from_bytes(user_agent).ok(),
            referrer: None,
            ended: None,
        };
        let outcome = Outcome::Refused(Refusal::Speculative);
        record.end(&outcome, Trace::default(), Duration::from_micros(1_500));
        record
    }

    fn line(record: &Record) -> (String, serde_json::Value) {
        let mut out = Vec::new();
        write(record, &mut out);
        let line = String::from_utf8(out).expect("JSON is UTF-8");
        let value = serde_json::from_str(&line).expect("JSON");
        (line, value)
    }

    #[test]
    fn a_line_has_every_field() {
        let (_, value) = line(&record("/a%20b?utm_source=x%26y+z&subid3=&other=1", b"Mozilla/5.0"));
        let expected = serde_json::json!({
            "time": "1970-01-01T00:00:01.234Z", "hit_id": value["hit_id"], "outcome": "refused", "reason": null,
            "host": "go.example.com", "path": "/a%20b", "link": null, "offer": null, "tracker": null,
            "offer_id": null, "campaign_id": null, "promo_id": null, "click_id": null, "cache": null, "attempts": 0,
            "ip": "0.0.0.0", "country": null, "device": null, "user_agent": "Mozilla/5.0", "referrer": null,
            "utm_source": "x&y z", "subid3": "", "api_ms": null, "total_ms": 1.5,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn line_breaks_of_every_kind_are_escaped() {
        let user_agent = "a\u{85}b\u{2028}c\u{9b}31m\t\",\"outcome\":\"advertiser";
        let (line, value) = line(&record("/", user_agent.as_bytes()));
        assert_eq!(value["user_agent"], user_agent);
        assert_eq!(value["outcome"], "refused");
        assert!(!line.contains(['\u{85}', '\u{2028}', '\u{9b}', '\t']));
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_line(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let (line, value) = line(&record("/", &bytes));
            prop_assert!(line.ends_with('\n'));
            prop_assert_eq!(line.chars().filter(|c| c.is_control() || *c == '\u{2028}' || *c == '\u{2029}').count(), 1);
            prop_assert!(value.is_object());
        }
    }
}
