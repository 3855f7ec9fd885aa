//! Hosts, paths and places: one form for all that is the same, and no way around a link.
//!
//! The lines of a seed: a host, a path, a place.

use std::fmt::Write;

use http::{HeaderValue, Request, Uri, Version};
use onehop::{
    link::{
        Place, Table, host, path,
        place::{HostPattern, NotAPlace},
    },
    outcome::Refusal,
    percent,
    query::Query,
    server::{Limits, request},
};
use url::Url;

use super::{lines, text};

pub fn check(bytes: &[u8]) {
    let [host, path, place] = lines(bytes);
    self::host(text(host));
    self::path(text(path));
    self::place(text(place));
    request(host, path);
}

fn host(text: &str) {
    let Some(host) = host::canonical(text) else { return };
    assert_eq!(host::canonical(&host), Some(host.clone()), "{text:?}");
    assert!(
        host.bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'[' | b']' | b':')),
        "{text:?}"
    );
    assert!(
        !host.ends_with('.') && !host.starts_with('.') && !host.contains(".."),
        "{text:?}"
    );
    for same in [
        text.to_ascii_uppercase(),
        text.to_ascii_lowercase(),
        format!("{host}:8080"),
        format!("{host}:"),
    ] {
        assert_eq!(host::canonical(&same), Some(host.clone()), "{same:?}");
    }
    if !host.starts_with('[') {
        assert_eq!(host::canonical(&format!("{host}.")), Some(host.clone()), "{text:?}");
        assert_eq!(host::canonical(&format!("{host}..")), None, "{text:?}");
    }
    assert_eq!(host::canonical(&format!("user@{text}")), None, "{text:?}");
}

/// What is canonical, one slash at the end aside, stays as it is.
fn is_stable(canonical: &str) -> bool {
    let again = path::canonical(canonical);
    let slash_aside = canonical.strip_suffix('/').filter(|rest| !rest.is_empty());
    again.is_some_and(|again| again == slash_aside.unwrap_or(canonical))
}

fn path(text: &str) {
    // Whoever asks has seen to it.
    if !text.starts_with('/') {
        return;
    }
    let Some(canonical) = path::canonical(text) else {
        assert!(
            !percent::well_formed(text.as_bytes()) || percent::decode_path(text.as_bytes()).contains(&0),
            "{text:?}"
        );
        return;
    };
    assert!(canonical.starts_with('/') && is_stable(&canonical), "{text:?}");
    assert!(percent::well_formed(canonical.as_bytes()), "{text:?}");
    for segment in canonical.split('/') {
        assert!(
            !matches!(&*percent::decode_path(segment.as_bytes()), b"." | b".."),
            "{text:?}"
        );
    }
    let mut escaped = String::new();
    let mut rest = &*canonical;
    while let Some(&byte) = rest.as_bytes().first() {
        let (written, after) = rest.split_at(if byte == b'%' { 3 } else { 1 });
        rest = after;
        if byte == b'%' {
            let byte = u8::from_str_radix(&written[1..], 16).expect("digits");
            assert!(!is_unreserved(byte) && written == format!("%{byte:02X}"), "{text:?}");
            escaped += &written.to_ascii_lowercase();
        } else if is_unreserved(byte) {
            write!(escaped, "%{byte:02x}").expect("a string");
        } else {
            assert!(b"/!$&'()*+,;=:@".contains(&byte), "{text:?}");
            escaped += written;
        }
    }

    // However it is escaped, and whatever leads away and back.
    let slash_aside = canonical
        .strip_suffix('/')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(&canonical);
    for same in [
        escaped,
        format!("/.{canonical}"),
        format!("/away/%2E%2e{canonical}"),
        format!("/../.{canonical}"),
    ] {
        assert_eq!(path::canonical(&same).as_deref(), Some(slash_aside), "{same:?}");
    }

    // A browser resolves dots before it asks; who asks by himself comes to the same link.
    if text.contains(['\\', '?', '#']) || text.contains(|c: char| c.is_control()) || text.ends_with(' ') {
        return;
    }
    // `url` takes a drive of Windows for one that no dots lead out of, where only files have drives.
    let is_drive = |segment: &str| matches!(segment.as_bytes(), [a, b':' | b'|'] if a.is_ascii_alphabetic());
    if text.split('/').any(is_drive) {
        return;
    }
    let browser = Url::parse(&format!("http://h{text}")).expect("a URL");
    assert_eq!(path::canonical(browser.path()), Some(canonical), "{text:?}");
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn place(text: &str) {
    let place = match Place::parse(text) {
        Ok(place) => place,
        Err(NotAPlace { message, help }) => return assert!(!message.is_empty() && !help.is_empty()),
    };
    assert!(place.path.starts_with('/') && is_stable(&place.path), "{text:?}");
    let host = match &place.host {
        HostPattern::Exact(host) => host.clone(),
        HostPattern::Below(host) => format!("a.b.{host}"),
        HostPattern::Any => "any.example".to_owned(),
    };
    if !matches!(place.host, HostPattern::Below(_)) {
        assert_eq!(host::canonical(&host).as_deref(), Some(&*host), "{text:?}");
    }
    assert!(place.host.takes(&host), "{text:?}");
    assert_eq!(
        HostPattern::parse(&place.host.to_string()),
        Ok(place.host.clone()),
        "{text:?}"
    );

    let mut table = Table::default();
    let number = table.push(7);
    assert!(table.place(&place, number).is_ok(), "{text:?}");
    assert!(table.place(&place, number).is_err(), "{text:?}");
    let found = table.find(&host, &place.path);
    assert!(
        found.is_some_and(|found| *found.item == 7 && found.rest.is_empty()),
        "{text:?}"
    );
    let below = format!("{}/x/y", place.path.trim_end_matches('/'));
    if place.subtree && !place.path[1..].ends_with('/') {
        assert_eq!(
            table.find(&host, &below).map(|found| found.rest),
            Some("x/y"),
            "{text:?}"
        );
    }
    if !place.subtree {
        assert!(table.find(&host, &below).is_none(), "{text:?}");
    }
    let elsewhere = "elsewhere.test";
    assert_eq!(
        table.find(elsewhere, &place.path).is_some(),
        place.host.takes(elsewhere),
        "{text:?}"
    );
}

/// A request that is taken is asked in the canonical form.
fn request(host: &[u8], target: &[u8]) {
    let (Ok(host), Ok(target)) = (HeaderValue::from_bytes(host), Uri::try_from(target)) else {
        return;
    };
    for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
        let mut parts = Request::new(()).into_parts().0;
        parts.uri = target.clone();
        parts.version = version;
        parts.headers.insert(http::header::HOST, host.clone());
        match request::read(&request::Head::from(&parts), &Limits::default()) {
            Ok(asked) => {
                assert_eq!(host::canonical(&asked.host), Some(asked.host.clone()), "{target:?}");
                assert!(asked.path.starts_with('/') && is_stable(&asked.path), "{target:?}");
                assert_eq!(Some(&asked.path), path::canonical(target.path()).as_ref(), "{target:?}");
                assert_eq!(asked.query, Query::new(target.query().unwrap_or_default()));
                if target.authority().is_none() {
                    assert_eq!(Some(asked.host), host.to_str().ok().and_then(host::canonical));
                }
            }
            Err(refusal) => assert!(
                matches!(
                    refusal,
                    Refusal::BadRequest | Refusal::TargetTooLong | Refusal::TrafficAdvice
                ),
                "{refusal:?}"
            ),
        }
    }
}
