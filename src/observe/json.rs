//! A hit as one line of JSON. Pure.
//!
//! Written by hand, since a line is a part of each hit: keys are constant bytes, a text is copied in one
//! piece, and what is said of an offer is kept with it. One hit is one line for every reader: beside what JSON demands,
//! characters at which some programs break lines or terminals obey are escaped.

use std::{
    cell::Cell,
    fmt,
    io::Write as _,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use wide::u8x16;

use super::{
    record::{Record, Trace},
    shape::{Dropped, Field, Shape},
};
use crate::{
    click::{CacheUse, wire},
    click_id::ClickId,
    country::Country,
    device::Device,
    edge::{OfferLabel, Said},
    outcome::Reason,
    percent,
    query::Query,
    visitor::Lookups,
};

/// What is said of a link and an offer.
const KEPT: [Field; 6] = [
    Field::Link,
    Field::Offer,
    Field::Tracker,
    Field::OfferId,
    Field::CampaignId,
    Field::PromoId,
];

/// Appends a record and a line break. The visitor's country and device are looked up here where nothing on a hit's way has
/// asked for them.
pub fn write(record: &Record<'_>, lookups: impl Fn() -> Arc<Lookups>, shape: &Shape, out: &mut Vec<u8>) {
    let dropped = shape.dropped;
    let mut line = Line { out, dropped };
    let Record {
        seen,
        trace,
        outcome,
        total,
    } = *record;
    let sender = seen.sender();
    line.out.extend_from_slice(b"{\"time\":\"");
    write_timestamp(seen.at, line.out);
    line.out.extend_from_slice(b"\",\"hit_id\":\"");
    seen.ids.hit.write(line.out);
    line.out.extend_from_slice(b"\",\"outcome\":\"");
    line.out.extend_from_slice(outcome.kind().as_str().as_bytes());
    line.out.push(b'"');
    line.word(Field::Reason, outcome.reason().map(Reason::as_str));
    line.word(Field::Host, Some(seen.host.as_bytes()));
    let (path, query) = seen.path_and_query();
    line.text(Field::Path, path);
    line.destination(trace.link.as_ref(), trace.offer.as_deref());
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
        line.word(Field::Country, country.map(Country::letters));
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
    line.milliseconds(Field::TotalMs, Some(total));
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
            line.tag(name, value);
        }
        return;
    }
    for (name, value) in wire::tags(query) {
        line.tag(name, value.as_bytes());
    }
}

/// RFC 3339 in UTC, to the millisecond.
pub(super) fn timestamp(at: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_millis(at)
}

/// The same; what stands before the milliseconds is made once a second.
fn write_timestamp(at: SystemTime, out: &mut Vec<u8>) {
    /// As in `2026-11-23T09:30:00.`
    const SECOND: usize = 20;
    thread_local! {
        static LAST: Cell<(u64, [u8; SECOND])> = const { Cell::new((u64::MAX, [b'.'; SECOND])) };
    }
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (mut second, mut text) = LAST.get();
    if second != since.as_secs() {
        second = since.as_secs();
        let made = humantime::format_rfc3339_seconds(at).to_string();
        text[..SECOND - 1].copy_from_slice(&made.as_bytes()[..SECOND - 1]);
        LAST.set((second, text));
    }
    out.extend_from_slice(&text);
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

    /// A field without a value.
    #[inline]
    fn null(&mut self, field: Field) {
        if !self.dropped.has(field) {
            self.out.extend_from_slice(field.null().as_bytes());
        }
    }

    /// The key of a field with a text, and the quote behind it; hands the text on.
    #[inline]
    fn begin_text<T>(&mut self, field: Field, text: Option<T>) -> Option<T> {
        if text.is_none() {
            self.null(field);
            return None;
        }
        if self.dropped.has(field) {
            return None;
        }
        self.out.extend_from_slice(field.key_of_text().as_bytes());
        text
    }

    #[inline]
    fn text(&mut self, field: Field, text: Option<&str>) {
        self.bytes(field, text.map(str::as_bytes));
    }

    /// A field whose text is known to need no escape: a name of ours, or a canonical host.
    #[inline]
    fn word(&mut self, field: Field, word: Option<impl AsRef<[u8]>>) {
        if let Some(word) = self.begin_text(field, word) {
            self.end_word(word.as_ref());
        }
    }

    fn end_word(&mut self, word: &[u8]) {
        self.out.extend_from_slice(word);
        self.out.push(b'"');
    }

    #[inline]
    fn bytes(&mut self, field: Field, bytes: Option<&[u8]>) {
        if let Some(bytes) = self.begin_text(field, bytes) {
            self.end_text(bytes);
        }
    }

    /// Bytes as text behind its opening quote; what is not UTF-8 in them is replaced.
    fn end_text(&mut self, bytes: &[u8]) {
        let from = self.out.len();
        if !self.append(bytes, strange) {
            self.escape(from, bytes);
        }
        self.out.push(b'"');
    }

    #[cold]
    fn escape(&mut self, from: usize, bytes: &[u8]) {
        self.out.truncate(from);
        escape(&String::from_utf8_lossy(bytes), self.out);
    }

    /// The same of a value out of a query, decoded.
    fn end_value(&mut self, raw: &[u8]) {
        let from = self.out.len();
        if self.append(raw, |piece| strange(piece) | encoded(piece)) {
            self.out.push(b'"');
        } else {
            self.out.truncate(from);
            self.end_text(&percent::decode_form(raw));
        }
    }

    /// Appends bytes; whether nothing is found in them, as it is with nearly all.
    #[inline]
    fn append(&mut self, bytes: &[u8], find: impl Fn(&[u8; PIECE]) -> u32) -> bool {
        self.out.extend_from_slice(bytes);
        let (pieces, _) = bytes.as_chunks();
        let in_pieces = pieces.iter().fold(0, |found, piece| found | find(piece));
        // The last ones are looked at in the line, where there is a whole piece of them, whatever stands before.
        let in_last = match self.out.last_chunk() {
            Some(last) => find(last) >> PIECE.saturating_sub(bytes.len()),
            None => 1,
        };
        in_pieces | in_last == 0
    }

    /// The link and the offer. What is said of both is the same in each line: where nothing of it is left out, the first one
    /// leaves it with the offer.
    fn destination(&mut self, link: Option<&Arc<str>>, offer: Option<&OfferLabel>) {
        let kept = link.zip(offer).filter(|_| !self.dropped.has_any(&KEPT));
        if let Some((link, offer)) = kept
            && let Some(said) = offer.said.get()
            && Arc::ptr_eq(&said.link, link)
        {
            self.out.extend_from_slice(&said.bytes);
            return;
        }
        let from = self.out.len();
        self.text(Field::Link, link.map(|link| &**link));
        self.text(Field::Offer, offer.and_then(|offer| offer.name.as_deref()));
        self.text(Field::Tracker, offer.map(|offer| &*offer.tracker));
        self.number(Field::OfferId, offer.map(|offer| offer.ids.offer));
        self.number(Field::CampaignId, offer.map(|offer| offer.ids.campaign));
        self.number(Field::PromoId, offer.map(|offer| offer.ids.promo));
        if let Some((link, offer)) = kept {
            let (link, bytes) = (Arc::clone(link), self.out[from..].into());
            offer.said.get_or_init(|| Box::new(Said { link, bytes }));
        }
    }

    /// A field named by one of the tracker's words.
    fn tag(&mut self, name: &'static str, raw: &[u8]) {
        if self.dropped.has_tag(name) {
            return;
        }
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":\"");
        self.end_value(raw);
    }

    #[inline]
    fn number(&mut self, field: Field, number: Option<u64>) {
        match number {
            Some(number) if self.begin(field) => self.digits(number),
            Some(_) => {}
            None => self.null(field),
        }
    }

    /// Milliseconds, to the microsecond.
    #[inline]
    fn milliseconds(&mut self, field: Field, duration: Option<Duration>) {
        match duration {
            Some(duration) if self.begin(field) => self.thousandths(duration),
            Some(_) => {}
            None => self.null(field),
        }
    }

    fn thousandths(&mut self, duration: Duration) {
        self.digits(duration.as_secs() * 1000 + u64::from(duration.subsec_millis()));
        match decimals(duration.subsec_micros() % 1000) {
            [b'0', b'0', b'0'] => {}
            [a, b'0', b'0'] => self.out.extend_from_slice(&[b'.', a]),
            [a, b, b'0'] => self.out.extend_from_slice(&[b'.', a, b]),
            [a, b, c] => self.out.extend_from_slice(&[b'.', a, b, c]),
        }
    }

    fn digits(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(digit @ 0..10) => self.out.push(b'0' + digit),
            _ => self
                .out
                .extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
        }
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

/// What is looked at at once.
const PIECE: usize = 16;

/// A bit for each byte that is no visible ASCII, or a quote or a backslash.
fn strange(piece: &[u8; PIECE]) -> u32 {
    let bytes = u8x16::new(*piece);
    let above = bytes - u8x16::splat(b' ');
    let is_visible = above.min(u8x16::splat(b'~' - b' ')).simd_eq(above);
    let is_marked = bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'));
    (!is_visible | is_marked).to_bitmask()
}

/// A bit for each byte that a form's encoding has put there.
fn encoded(piece: &[u8; PIECE]) -> u32 {
    let bytes = u8x16::new(*piece);
    (bytes.simd_eq(u8x16::splat(b'+')) | bytes.simd_eq(u8x16::splat(b'%'))).to_bitmask()
}

/// Whether a byte is the first of a character that [`is_unfit`] knows.
fn may_need_escape(byte: u8) -> bool {
    matches!(byte, 0..b' ' | b'"' | b'\\' | 0x7f | 0xc2 | 0xe2)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::OnceLock,
        time::{Duration, UNIX_EPOCH},
    };

    use proptest::prelude::*;

    use super::*;
    use crate::{
        headers::Sender,
        hit_id::{HitId, HitIds},
        observe::{
            record::{Seen, Trace},
            shape::IpForm,
        },
        offer_ids::OfferIds,
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
            host: "go.example.com",
            head: Some((uri, sender)),
        }
    }

    fn offer(name: Option<&str>, tracker: &str, ids: [u64; 3]) -> Arc<OfferLabel> {
        let [offer, campaign, promo] = ids;
        Arc::new(OfferLabel {
            name: name.map(Into::into),
            tracker: tracker.into(),
            ids: OfferIds { offer, campaign, promo },
            said: OnceLock::new(),
        })
    }

    /// A line of a hit that ended by an offer of a link, where some fields are left out.
    fn line_of_offer(link: &Arc<str>, offer: &Arc<OfferLabel>, dropped: Dropped) -> String {
        let trace = Trace {
            link: Some(Arc::clone(link)),
            offer: Some(Arc::clone(offer)),
            ..Trace::default()
        };
        let mut seen = seen("/", b"");
        seen.ids.hit = HitId::default();
        line_of(&seen, &trace, &Shape::new(IpForm::Full, dropped)).0
    }

    fn line(seen: &Seen<'_>) -> (String, serde_json::Value) {
        line_of(seen, &Trace::default(), &Shape::default())
    }

    fn line_of(seen: &Seen<'_>, trace: &Trace, shape: &Shape) -> (String, serde_json::Value) {
        let mut out = Vec::new();
        let record = Record {
            seen,
            trace,
            outcome: &Outcome::Refused(Refusal::Speculative),
            total: Duration::from_micros(1_500),
        };
        write(&record, Arc::default, shape, &mut out);
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

    #[test]
    fn what_is_kept_of_an_offer_is_of_its_link_and_whole() {
        let (here, there): (Arc<str>, Arc<str>) = ("example.com/here".into(), "example.com/there".into());
        let (shoes, hats) = (offer(Some("shoes"), "a", [1, 2, 3]), offer(None, "b", [4, 5, 6]));
        let mut without_name = Dropped::default();
        assert!(without_name.add("offer"));
        for _ in 0..3 {
            for (link, offer, dropped, expected) in [
                (
                    &here,
                    &shoes,
                    without_name,
                    r#""link":"example.com/here","tracker":"a","offer_id":1,"#,
                ),
                (
                    &here,
                    &shoes,
                    Dropped::default(),
                    r#""link":"example.com/here","offer":"shoes","tracker":"a","offer_id":1,"#,
                ),
                (
                    &there,
                    &shoes,
                    Dropped::default(),
                    r#""link":"example.com/there","offer":"shoes","tracker":"a","offer_id":1,"#,
                ),
                (
                    &here,
                    &hats,
                    Dropped::default(),
                    r#""link":"example.com/here","offer":null,"tracker":"b","offer_id":4,"#,
                ),
            ] {
                let line = line_of_offer(link, offer, dropped);
                assert!(line.contains(expected), "{line}");
            }
        }
        assert_eq!(shoes.said.get().map(|said| &said.link), Some(&here));
    }

    proptest! {
        #[test]
        fn any_offer_is_told_alike_in_each_line(
            link in any::<String>(),
            name in proptest::option::of(any::<String>()),
            tracker in any::<String>(),
            ids in any::<[u64; 3]>(),
            names in proptest::sample::subsequence(
                vec!["link", "offer", "tracker", "offer_id", "campaign_id", "promo_id"], 0..=KEPT.len(),
            ),
        ) {
            let mut dropped = Dropped::default();
            prop_assert!(names.iter().all(|name| dropped.add(name)));
            let [offer_id, campaign_id, promo_id] = ids;
            let expected = serde_json::json!({
                "link": link, "offer": name, "tracker": tracker,
                "offer_id": offer_id, "campaign_id": campaign_id, "promo_id": promo_id,
            });
            let (link, offer) = (link.into(), offer(name.as_deref(), &tracker, ids));
            let first = line_of_offer(&link, &offer, Dropped::default());
            prop_assert_eq!(&line_of_offer(&link, &offer, Dropped::default()), &first);
            let mut whole: serde_json::Value = serde_json::from_str(&first).expect("JSON");
            for (field, value) in expected.as_object().expect("an object") {
                prop_assert_eq!(&whole[field], value);
            }
            let short: serde_json::Value = serde_json::from_str(&line_of_offer(&link, &offer, dropped)).expect("JSON");
            for name in names {
                whole.as_object_mut().expect("an object").remove(name);
            }
            prop_assert_eq!(short, whole);
        }

        #[test]
        fn a_byte_is_escaped_wherever_it_stands(
            plain in "[ -~]{0,70}", odd in any::<u8>(), at in any::<prop::sample::Index>(),
        ) {
            let mut bytes = plain.into_bytes();
            bytes.insert(at.index(bytes.len() + 1), odd);
            let value_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let (_, value) = line(&seen("/", &bytes));
            prop_assert_eq!(&value["user_agent"], &value_of(&bytes));
            // What a target may hold.
            bytes.retain(|byte| byte.is_ascii_graphic() && *byte != b'&');
            let target = format!("/?subid1={}", value_of(&bytes));
            let (_, value) = line(&seen(&target, b""));
            prop_assert_eq!(&value["subid1"], &value_of(&percent::decode_form(&bytes)));
        }

        #[test]
        fn times_are_told_as_others_tell_them(
            milliseconds in 0..4_000_000_000_000_u64, microseconds in 0..9_000_000_000_u64,
        ) {
            let at = UNIX_EPOCH + Duration::from_millis(milliseconds);
            for at in [at, at + Duration::from_millis(1)] {
                let mut out = Vec::new();
                write_timestamp(at, &mut out);
                prop_assert_eq!(String::from_utf8_lossy(&out), timestamp(at).to_string());
            }
            for unit in [1, 10, 100, 1000] {
                let mut out = Vec::new();
                let mut line = Line { out: &mut out, dropped: Dropped::default() };
                let duration = Duration::from_micros(microseconds / unit * unit);
                line.milliseconds(Field::TotalMs, Some(duration));
                let expected = format!(",\"total_ms\":{}", crate::observe::milliseconds(duration));
                prop_assert_eq!(String::from_utf8_lossy(&out), expected);
            }
        }

        #[test]
        fn any_bytes_make_one_line(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let (line, value) = line(&seen("/", &bytes));
            prop_assert!(line.ends_with('\n'));
            prop_assert_eq!(line.chars().filter(|c| c.is_control() || *c == '\u{2028}' || *c == '\u{2029}').count(), 1);
            prop_assert!(value.is_object());
        }
    }
}
