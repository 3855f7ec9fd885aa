//! Tests of `targeting`: each key with its edges, and that nothing a visitor sends is too much for it.

use http::{HeaderMap, HeaderValue, header::ACCEPT_LANGUAGE};
use proptest::prelude::*;

use super::*;
use crate::{about::Unknown, device::Agent, language::Languages, networks};

/// A visitor of whom everything is known.
#[derive(Debug)]
struct Known(HeaderMap);

impl About for Known {
    fn country(&self) -> Option<Country> {
        Country::parse("AT")
    }

    fn continent(&self) -> Option<Continent> {
        Continent::parse("EU")
    }

    fn asn(&self) -> Option<u32> {
        Some(64496)
    }

    fn agent(&self) -> Agent {
        Agent {
            device: Some(Device::Phone),
            os: Some(Os::Android),
            browser: Some(Browser::Chrome),
        }
    }

    fn languages(&self) -> Languages<'_> {
        Languages::of((&self.0).into())
    }
}

fn known() -> Known {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("de-AT,de;q=0.9,en;q=0"));
    Known(headers)
}

fn subject(about: &dyn About) -> Subject<'_> {
    Subject {
        about,
        ip: "192.0.2.1".parse().expect("an address"),
        referrer: b"https://user@Blog.example.com:8443/a?b#c",
        query: Query::new("debug=1&zone=a%2Bb+c&empty=&bare&zone=second"),
        // A Sunday, 10:00 in UTC.
        at: 1_795_341_600,
    }
}

fn countries(codes: &[&str]) -> Condition {
    Condition::Country(
        codes
            .iter()
            .map(|code| Country::parse(code).expect("a country"))
            .collect(),
    )
}

fn query(name: &str, values: &[&str]) -> Condition {
    Condition::Query(
        name.into(),
        values.iter().map(|value| ValuePattern::new(value)).collect(),
    )
}

fn referrer(hosts: &[&str]) -> Condition {
    Condition::Referrer(
        hosts
            .iter()
            .map(|host| HostPattern::parse(host).expect("a host"))
            .collect(),
    )
}

fn ip(text: &str) -> Condition {
    Condition::Ip(Networks::new([networks::parse(text).expect("a network")]), text.into())
}

fn languages(words: &[&str]) -> Condition {
    Condition::Language(words.iter().map(|&word| word.into()).collect())
}

#[test]
fn each_key_with_its_edges() {
    let known = known();
    for (condition, expected) in [
        (countries(&["DE", "AT"]), true),
        (countries(&["DE"]), false),
        (Condition::Continent([Continent::Europe].into()), true),
        (Condition::Continent([Continent::Asia, Continent::Africa].into()), false),
        (Condition::Asn([1, 64496].into()), true),
        (Condition::Asn([64497].into()), false),
        (ip("192.0.2.0/24"), true),
        (ip("192.0.2.1"), true),
        (ip("192.0.2.2/31"), false),
        (ip("2001:db8::/32"), false),
        (Condition::Device([Device::Tablet, Device::Phone].into()), true),
        (Condition::Device([Device::Desktop].into()), false),
        (Condition::Os([Os::Android].into()), true),
        (Condition::Os([Os::Ios].into()), false),
        (Condition::Browser([Browser::Chrome].into()), true),
        (Condition::Browser([Browser::Samsung].into()), false),
        (languages(&["de"]), true),
        (languages(&["de-at"]), true),
        (languages(&["de-DE"]), false),
        (languages(&["fr", "en"]), false),
        (referrer(&["blog.example.com"]), true),
        (referrer(&["*.example.com"]), true),
        (referrer(&["*.blog.example.com"]), false),
        (referrer(&["example.com"]), false),
        (referrer(&["*.ample.com"]), false),
        (referrer(&["*"]), true),
        (query("debug", &["1"]), true),
        (query("debug", &["0", "2"]), false),
        (query("Debug", &["1"]), false),
        (query("zone", &["a+b c"]), true),
        (query("zone", &["second"]), false),
        (query("zone", &["*"]), true),
        (query("empty", &["*"]), true),
        (query("empty", &[""]), true),
        (query("bare", &["*"]), true),
        (query("none", &["*"]), false),
        (query("none", &[""]), false),
    ] {
        assert_eq!(condition.holds(&subject(&known)), expected, "{condition}");
    }
}

#[test]
fn what_is_not_known_meets_no_condition() {
    let nobody = Subject {
        referrer: b"",
        query: Query::new(""),
        ..subject(&Unknown)
    };
    for condition in [
        countries(&["DE", "AT"]),
        Condition::Continent(Continent::ALL.into()),
        Condition::Asn([0].into()),
        Condition::Device(Device::ALL.into()),
        Condition::Os(Os::ALL.into()),
        Condition::Browser(Browser::ALL.into()),
        languages(&["de"]),
        referrer(&["*"]),
        query("debug", &["*"]),
        Condition::Time([].into()),
    ] {
        assert!(!condition.holds(&nobody), "{condition}");
        assert_eq!(condition.found(&nobody), "", "{condition}");
        let unless = Rule {
            unless: true,
            condition,
        };
        assert!(Rules::new(vec![unless]).fit(&nobody).is_ok());
    }
}

#[test]
fn referrers_by_their_host() {
    for (url, host) in [
        ("https://blog.example.com", Some("blog.example.com")),
        (
            "https://blog.example.com.:443?x=https://evil.example/",
            Some("blog.example.com"),
        ),
        ("https://blog.example.com@evil.example/", Some("evil.example")),
        ("https://blog.example.com\\@evil.example/", Some("blog.example.com")),
        ("android-app://com.example.app/", Some("com.example.app")),
        ("https://[2001:DB8::1]/", Some("[2001:db8::1]")),
        ("blog.example.com", None),
        ("about:blank", None),
        ("https:///path", None),
        ("", None),
    ] {
        assert_eq!(host_of(url.as_bytes()).as_deref(), host, "{url}");
    }
    assert_eq!(host_of(b"https://\xff/"), None);
}

#[test]
fn stars_in_values() {
    for (pattern, value, expected) in [
        ("*", "", true),
        ("*", "a", true),
        ("a*", "a", true),
        ("a*", "abc", true),
        ("a*", "ba", false),
        ("*a", "ba", true),
        ("*a", "ab", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("a**c", "abc", true),
        ("*ab*ab", "ab-ab", true),
        ("*ab*ab", "ab", false),
        ("a", "A", false),
        ("", "", true),
    ] {
        assert_eq!(
            ValuePattern::new(pattern).takes(value.as_bytes()),
            expected,
            "{pattern} {value}"
        );
    }
}

#[test]
fn all_of_when_and_none_of_unless() {
    let known = known();
    let rule = |unless, condition| Rule { unless, condition };
    let (meets, misses) = (|| query("debug", &["1"]), || countries(&["US"]));
    for (rules, broken) in [
        (vec![], None),
        (vec![rule(false, meets())], None),
        (
            vec![rule(false, meets()), rule(false, misses())],
            Some((false, "country")),
        ),
        (
            vec![rule(false, misses()), rule(true, meets())],
            Some((false, "country")),
        ),
        (vec![rule(true, misses()), rule(true, meets())], Some((true, "query"))),
        (vec![rule(false, meets()), rule(true, misses())], None),
    ] {
        let rules = Rules::new(rules);
        let found = rules.fit(&subject(&known)).err();
        assert_eq!(found.map(|rule| (rule.unless, rule.condition.key())), broken);
    }
}

#[test]
fn a_rule_in_words() {
    let known = known();
    for (condition, wanted, found) in [
        (countries(&["DE", "FR"]), "country DE or FR", "AT"),
        (query("debug", &["0", "a*"]), "query debug=0 or debug=a*", "debug=1"),
        (
            referrer(&["*.other.example"]),
            "referrer *.other.example",
            "blog.example.com",
        ),
        (languages(&["fr"]), "language fr", "de-AT,de;q=0.9,en;q=0"),
        (ip("10.0.0.0/8"), "ip 10.0.0.0/8", "192.0.2.1"),
        (Condition::Device([Device::Tv].into()), "device tv", "phone"),
    ] {
        assert_eq!(condition.to_string(), wanted);
        assert_eq!(condition.found(&subject(&known)), found, "{wanted}");
    }
}

proptest! {
    #[test]
    fn no_header_bytes_panic(
        language in proptest::collection::vec(any::<u8>(), 0..100),
        referrer_bytes in proptest::collection::vec(any::<u8>(), 0..100),
        text in "[ -~]{0,60}",
        at in any::<i64>(),
    ) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(&language) {
            headers.insert(ACCEPT_LANGUAGE, value);
        }
        let known = Known(headers);
        let subject = Subject { referrer: &referrer_bytes, query: Query::new(&text), at, ..subject(&known) };
        for condition in [languages(&["de"]), referrer(&["*.example.com", "*"]), query("a", &["*a*b", &text])] {
            condition.holds(&subject);
            condition.found(&subject);
        }
    }

    #[test]
    fn a_pattern_takes_what_it_is_made_of(parts in proptest::collection::vec("[ab]{0,3}", 1..4), between in "[ab]{0,4}") {
        let pattern = ValuePattern::new(&parts.join("*"));
        prop_assert!(pattern.takes(parts.join(&between).as_bytes()) || parts.len() == 1);
    }
}
