//! Queries and percent-encoding: held against those of `url`, and what the tracker is told of them.
//!
//! The lines of a seed: a query, any value, a User-Agent, a referrer.

use std::borrow::Cow;

use onehop::{
    click::{
        SecretKey, Told, Who,
        wire::{Prefix, tags},
    },
    hit_id::HitIds,
    offer_ids::OfferIds,
    percent,
    query::{Query, TAGS},
};
use url::{Url, form_urlencoded};

use super::{lines, text};

pub fn check(bytes: &[u8]) {
    let [query, value, user_agent, referrer] = lines(bytes);
    let query = Query::new(text(query));
    pairs(query, text(lines::<2>(bytes)[0]));
    encoded(value);
    written(text(value));
    told(query, user_agent, referrer);
}

/// Every byte but these is escaped.
fn is_encoded(bytes: &[u8], others: &[u8]) -> bool {
    percent::well_formed(bytes)
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(byte) || others.contains(byte))
}

fn decoded(text: &str) -> Cow<'_, str> {
    match percent::decode_form(text.as_bytes()) {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

fn pairs(query: Query<'_>, text: &str) {
    let ours: Vec<_> = query
        .pairs()
        .map(|pair| (decoded(pair.name), decoded(pair.value.unwrap_or_default())))
        .collect();
    let theirs: Vec<_> = form_urlencoded::parse(text.as_bytes()).collect();
    assert_eq!(ours, theirs, "{text:?}");
    for (name, _) in &theirs {
        let Some(found) = query.get(name) else {
            // A name that is no text is nobody's.
            assert!(name.contains('\u{fffd}'), "{text:?}");
            continue;
        };
        let first = theirs.iter().find(|(other, _)| other == name);
        assert!(
            first.is_some_and(|first| first.1 == decoded(found)) || name.contains('\u{fffd}'),
            "{text:?}"
        );
    }
    for pair in query.pairs() {
        for piece in [pair.name, pair.value.unwrap_or_default()] {
            let bytes: Vec<u8> = percent::form_bytes(piece.as_bytes()).collect();
            assert_eq!(bytes, *percent::decode_form(piece.as_bytes()), "{piece:?}");
        }
    }
}

fn encoded(value: &[u8]) {
    let mut out = Vec::new();
    percent::encode(value, &mut out);
    assert!(is_encoded(&out, b""), "{}", value.escape_ascii());
    assert_eq!(*percent::decode_form(&out), *value);
    assert_eq!(*percent::decode_path(&out), *value);

    let mut kept = Vec::new();
    percent::keep_query_value(value, &mut kept);
    assert!(is_encoded(&kept, b"+"), "{}", value.escape_ascii());
    assert_eq!(percent::decode_form(&kept), percent::decode_form(value));
    assert_eq!(percent::decode_path(&kept), percent::decode_path(value));
    let mut again = Vec::new();
    percent::keep_query_value(&kept, &mut again);
    assert_eq!(again, kept);
}

fn written(text: &str) {
    let out = percent::encode_written(text);
    assert!(out.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    assert_eq!(percent::encode_written(&out), out, "{text:?}");
    assert_eq!(
        percent::decode_path(out.as_bytes()),
        percent::decode_path(text.as_bytes()),
        "{text:?}"
    );
}

/// The visitor sets values, and no names: whoever reads the request finds each parameter once, with what the visitor sent.
fn told(query: Query<'_>, user_agent: &[u8], referrer: &[u8]) {
    let key = SecretKey::new("key").unwrap_or_else(|_| unreachable!("a key"));
    let mut told = Told::default();
    let mut expected: Vec<(String, String)> = [("secure_key", "…"), ("offer_id", "1"), ("campaign_id", "2")]
        .iter()
        .chain(&[("promo_id", "3"), ("user_ip", "2001:db8::1")])
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut expect = |name: &str, value: &[u8]| expected.push((name.into(), String::from_utf8_lossy(value).into()));
    expect("user_useragent", user_agent);
    expect("user_referrer", referrer);
    for (name, value) in tags(query) {
        assert!(TAGS.contains(&name));
        assert_eq!(query.get(name), Some(value));
        let mut out = Vec::new();
        percent::keep_query_value(value.as_bytes(), &mut out);
        told.add(name, out);
        told.add(name, b"again".to_vec());
        expect(name, &percent::decode_form(value.as_bytes()));
    }
    let ids = OfferIds {
        offer: 1,
        campaign: 2,
        promo: 3,
    };
    let who = Who {
        ip: "2001:db8::1".parse().expect("an address"),
        user_agent,
        referrer: Some(referrer),
        hit: HitIds::default(),
    };
    let prefix = Prefix::new("/api/click/create", &key);
    assert!(
        prefix.target(ids, &who, &told).is_some() || query.pairs().count() + user_agent.len() + referrer.len() > 10_000
    );
    let url = Url::parse(&format!("https://tracker.example{}", prefix.shown(ids, &who, &told))).expect("a URL");
    let mut found: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert_eq!((url.path(), url.fragment()), ("/api/click/create", None));
    for pairs in [&mut found, &mut expected] {
        pairs.sort();
    }
    assert_eq!(found, expected);
}
