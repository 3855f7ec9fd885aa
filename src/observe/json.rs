//! A hit as one line of JSON. Pure.
//!
//! Written by hand, since a line for each hit is the writer's whole work: keys are constant bytes, and a text is copied
//! in stretches. One hit is one line for every reader: beside what JSON demands, characters at which some programs break
//! lines or terminals obey are escaped.

use std::{
    cell::RefCell,
    fmt,
    io::Write as _,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    record::{Record, Trace},
    shape::{Dropped, Field, Shape},
};
use crate::{
    click::{CacheUse, wire},
    click_id::ClickId,
    country::Country,
    device::Device,
    outcome::Reason,
    percent,
    query::Query,
    visitor::Lookups,
};

/// Appends a record and a line break. The visitor's country and device are looked up here where nothing on a hit's way has
/// asked for them.
pub fn write(record: &Record<'_>, lookups: impl Fn() -> Arc<Lookups>, shape: &Shape, out: &mut Vec<u8>) {
    let dropped = shape.dropped;
    let mut line = Line { out, dropped };
    let Record { seen, trace, end } = *record;
    let sender = seen.sender();
    let offer = trace.offer.as_deref();
    line.out.extend_from_slice(b"{\"time\":\"");
    write_timestamp(seen.at, line.out);
    line.out.extend_from_slice(b"\",\"hit_id\":\"");
    seen.ids.hit.write(line.out);
    line.out.extend_from_slice(b"\",\"outcome\":\"");
    line.out.extend_from_slice(end.kind.as_str().as_bytes());
    line.out.push(b'"');
    line.word(Field::Reason, end.reason.map(Reason::as_str));
    line.word(Field::Host, Some(&seen.host));
    let (path, query) = seen.path_and_query();
    line.text(Field::Path, path);
    line.text(Field::Link, trace.link.as_deref());
    line.text(Field::Offer, offer.and_then(|offer| offer.name.as_deref()));
    line.text(Field::Tracker, offer.map(|offer| &*offer.tracker));
    line.number(Field::OfferId, offer.map(|offer| offer.ids.offer));
    line.number(Field::CampaignId, offer.map(|offer| offer.ids.campaign));
    line.number(Field::PromoId, offer.map(|offer| offer.ids.promo));
    line.text(Field::ClickId, trace.click_id.as_ref().map(ClickId::as_str));
    line.word(Field::Cache, trace.cache.map(cache_word));
    line.number(Field::Attempts, Some(trace.effort.attempts.into()));
    if line.begin(Field::Ip) {
        line.out.push(b'"');
        shape.write_ip(trace.ip, line.out);
        line.out.push(b'"');
    }
    let found = trace.found;
    if !dropped.has(Field::Country) {
        let country = found.country.unwrap_or_else(|| lookups().places.country(trace.ip));
        line.word(Field::Country, country.as_ref().map(Country::as_str));
    }
    if !dropped.has(Field::Device) {
        let read = || Some(lookups().agents.read(sender.user_agent?));
        let agent = found.agent.or_else(read);
        line.word(Field::Device, agent.and_then(|agent| agent.device).map(Device::as_str));
    }
    line.bytes(Field::UserAgent, sender.user_agent);
    line.bytes(Field::Referrer, sender.referrer);
    told(trace, query, &mut line);
    line.milliseconds(Field::ApiMs, trace.api);
    line.milliseconds(Field::TotalMs, Some(end.total));
    if let Some(id) = seen.ids.trace
        && line.begin(Field::TraceId)
    {
        // Writing to a vector does not fail.
        let _ = write!(line.out, "\"{id}\"");
    }
    if let Some(hedge) = trace.effort.hedge {
        line.text(Field::Hedge, Some(hedge.as_str()));
    }
    if let Some(by) = trace.effort.spared {
        line.text(Field::Spared, Some(by.as_str()));
    }
    if !trace.effort.queued.is_zero() {
        line.milliseconds(Field::QueueMs, Some(trace.effort.queued));
    }
    if let Some(reason) = trace.tracker_reason.as_deref() {
        line.text(Field::TrackerReason, Some(reason));
    }
    out.extend_from_slice(b"}\n");
}

fn cache_word(used: CacheUse) -> &'static str {
    match used {
        CacheUse::Hit => "hit",
        CacheUse::Miss => "miss",
        CacheUse::Joined => "joined",
        CacheUse::Offer => "offer",
    }
}

/// `utm_*` and `subid*` as the tracker is told them, or would be.
fn told(trace: &Trace, query: Query<'_>, line: &mut Line<'_>) {
    if let Some(told) = &trace.told {
        for (name, value) in told.iter() {
            line.tag(name, &percent::decode_form(value));
        }
        return;
    }
    for (name, value) in wire::tags(query) {
        line.tag(name, &percent::decode_form(value.as_bytes()));
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub(super) fn timestamp(at: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_millis(at)
}

/// The same; what stands before the milliseconds is made once a second.
fn write_timestamp(at: SystemTime, out: &mut Vec<u8>) {
    thread_local! {
        static LAST: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
    }
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    LAST.with_borrow_mut(|(second, text)| {
        if *second != since.as_secs() {
            *second = since.as_secs();
            *text = humantime::format_rfc3339_seconds(at).to_string();
        }
        out.extend_from_slice(text.trim_end_matches('Z').as_bytes());
    });
    out.push(b'.');
    out.extend_from_slice(&decimals(since.subsec_millis()));
    out.push(b'Z');
}

/// Three digits of a number below 1000.
fn decimals(number: u32) -> [u8; 3] {
    [100, 10, 1].map(|place| b'0' + u8::try_from(number / place % 10).expect("a digit"))
}

/// A line that is being written; its first field stands already.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    dropped: Dropped,
}

impl Line<'_> {
    /// A field's key, if the field is not left out.
    #[inline]
    fn begin(&mut self, field: Field) -> bool {
        let is_told = !self.dropped.has(field);
        if is_told {
            self.out.extend_from_slice(field.key().as_bytes());
        }
        is_told
    }

    fn text(&mut self, field: Field, text: Option<&str>) {
        self.bytes(field, text.map(str::as_bytes));
    }

    /// A field whose text is known to need no escape: a name of ours, or a canonical host.
    fn word(&mut self, field: Field, word: Option<&str>) {
        if !self.begin(field) {
            return;
        }
        match word {
            Some(word) => {
                self.out.push(b'"');
                self.out.extend_from_slice(word.as_bytes());
                self.out.push(b'"');
            }
            None => self.out.extend_from_slice(b"null"),
        }
    }

    fn bytes(&mut self, field: Field, bytes: Option<&[u8]>) {
        if !self.begin(field) {
            return;
        }
        match bytes {
            Some(bytes) => self.quoted(bytes),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    /// Bytes as text; what is not UTF-8 in them is replaced.
    fn quoted(&mut self, bytes: &[u8]) {
        self.out.push(b'"');
        if is_plain(bytes) {
            self.out.extend_from_slice(bytes);
        } else {
            escape(&String::from_utf8_lossy(bytes), self.out);
        }
        self.out.push(b'"');
    }

    /// A field named by one of the tracker's words.
    fn tag(&mut self, name: &'static str, bytes: &[u8]) {
        if self.dropped.has_tag(name) {
            return;
        }
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.quoted(bytes);
    }

    fn number(&mut self, field: Field, number: Option<u64>) {
        if !self.begin(field) {
            return;
        }
        match number {
            Some(number) => self.digits(number),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    /// Milliseconds, to the microsecond.
    fn milliseconds(&mut self, field: Field, duration: Option<Duration>) {
        if !self.begin(field) {
            return;
        }
        let Some(duration) = duration else {
            self.out.extend_from_slice(b"null");
            return;
        };
        self.digits(duration.as_secs() * 1000 + u64::from(duration.subsec_millis()));
        let microseconds = duration.subsec_micros() % 1000;
        if microseconds > 0 {
            let digits = decimals(microseconds);
            let end = digits
                .iter()
                .rposition(|digit| *digit != b'0')
                .map_or(0, |last| last + 1);
            self.out.push(b'.');
            self.out.extend_from_slice(&digits[..end]);
        }
    }

    fn digits(&mut self, number: u64) {
        self.out
            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// Appends a text as the inside of a JSON string.
pub(super) fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if !may_need_escape(byte) {
            continue;
        }
        let Some(unfit) = text[at..].chars().next().filter(|c| is_unfit(*c)) else {
            continue;
        };
        out.extend_from_slice(&bytes[copied..at]);
        copied = at + unfit.len_utf8();
        // Writing to a vector does not fail.
        let _ = match unfit {
            '"' | '\\' => write!(out, "\\{unfit}"),
            _ => write!(out, "\\u{:04x}", u32::from(unfit)),
        };
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// What JSON escapes (RFC 8259, section 7); C1 controls and DEL, which act on terminals; U+2028 and U+2029, which break
/// lines.
fn is_unfit(c: char) -> bool {
    matches!(c, '"' | '\\' | '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}')
}

/// Whether bytes are a text that needs no escape, as nearly all are: visible ASCII without quotes and backslashes. Sixteen at
/// once, without an end before the end, so that the compiler makes it of whole registers; the last sixteen are looked at again
/// rather than one by one.
fn is_plain(bytes: &[u8]) -> bool {
    let strange =
        |byte: u8| u8::from(byte.wrapping_sub(b' ') > b'~' - b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\');
    let any = |bytes: &[u8]| bytes.iter().fold(0, |any, byte| any | strange(*byte));
    let (pieces, rest) = bytes.as_chunks::<16>();
    let in_pieces = pieces.iter().fold(0, |found, piece| found | any(piece));
    let in_rest = match bytes.last_chunk::<16>() {
        Some(last) => any(last),
        None => any(rest),
    };
    in_pieces | in_rest == 0
}

/// Whether a byte is the first of a character that [`is_unfit`] knows.
fn may_need_escape(byte: u8) -> bool {
    matches!(byte, 0..b' ' | b'"' | b'\\' | 0x7f | 0xc2 | 0xe2)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        headers::Sender,
        hit_id::{HitId, HitIds},
        observe::{
            record::{End, Seen, Trace},
            shape::IpForm,
        },
        outcome::{Outcome, Refusal},
        trace_id::TraceId,
    };

    /// A hit that was refused as speculative.
    fn seen<'a>(uri: &'a str, user_agent: &'a [u8]) -> Seen<'a> {
        let sender = Sender {
            user_agent: Some(user_agent),
            referrer: None,
        };
        Seen {
            at: UNIX_EPOCH + Duration::from_millis(1_234),
            ids: HitIds {
                hit: HitId::new(UNIX_EPOCH),
                trace: None,
            },
            host: "go.example.com".into(),
            head: Some((uri, sender)),
        }
    }

    fn line(seen: &Seen<'_>) -> (String, serde_json::Value) {
        line_of(seen, &Trace::default(), &Shape::default())
    }

    fn line_of(seen: &Seen<'_>, trace: &Trace, shape: &Shape) -> (String, serde_json::Value) {
        let mut out = Vec::new();
        let outcome = Outcome::Refused(Refusal::Speculative);
        let end = &End::new(&outcome, Duration::from_micros(1_500));
        write(&Record { seen, trace, end }, Arc::default, shape, &mut out);
        let line = String::from_utf8(out).expect("JSON is UTF-8");
        let value = serde_json::from_str(&line).expect("JSON");
        (line, value)
    }

    #[test]
    fn a_line_has_every_field() {
        let (_, value) = line(&seen("/a%20b?utm_source=x%26y+z&subid3=&other=1", b"Mozilla/5.0"));
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
    fn a_line_lacks_what_is_dropped_and_nothing_else() {
        let mut trace = Trace::default();
        trace.effort.queued = Duration::from_millis(2);
        trace.tracker_reason = Some("not known".into());
        let tags = "/a?utm_source=1&utm_medium=2&utm_campaign=3&utm_term=4&utm_content=5&\
                    subid1=1&subid2=2&subid3=3&subid4=4&subid5=5&subid6=6";
        let mut seen = seen(tags, b"Mozilla/5.0");
        seen.ids.trace = TraceId::of_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let (_, whole) = line_of(&seen, &trace, &Shape::default());
        assert_eq!(whole["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        let mut left_out = 0;
        let mut all = Dropped::default();
        for name in Dropped::names() {
            let mut dropped = Dropped::default();
            assert!(dropped.add(name) && all.add(name));
            let (_, mut value) = line_of(&seen, &trace, &Shape::new(IpForm::Full, dropped));
            if let Some(field) = whole.get(name) {
                left_out += 1;
                assert_eq!(value.get(name), None);
                value[name] = field.clone();
            }
            assert_eq!(value, whole, "without {name}");
        }
        // All but `hedge` and `spared`.
        assert_eq!(left_out, Dropped::names().count() - 2);
        let (_, least) = line_of(&seen, &trace, &Shape::new(IpForm::Full, all));
        let fields: Vec<&String> = least.as_object().expect("an object").keys().collect();
        assert_eq!(fields, ["hit_id", "outcome", "time"]);
    }

    #[test]
    fn line_breaks_of_every_kind_are_escaped() {
        let user_agent = "a\u{85}b\u{2028}c\u{9b}31m\t\",\"outcome\":\"advertiser";
        let (line, value) = line(&seen("/", user_agent.as_bytes()));
        assert_eq!(value["user_agent"], user_agent);
        assert_eq!(value["outcome"], "refused");
        assert!(!line.contains(['\u{85}', '\u{2028}', '\u{9b}', '\t']));
        let (line, value) = self::line(&seen("/?subid1=a%7F%E2%80%A9b", b""));
        assert_eq!(value["subid1"], "a\u{7f}\u{2029}b");
        assert!(!line.contains(['\u{7f}', '\u{2029}']));
    }

    proptest! {
        #[test]
        fn any_bytes_make_one_line(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let (line, value) = line(&seen("/", &bytes));
            prop_assert!(line.ends_with('\n'));
            prop_assert_eq!(line.chars().filter(|c| c.is_control() || *c == '\u{2028}' || *c == '\u{2029}').count(), 1);
            prop_assert!(value.is_object());
        }
    }
}
