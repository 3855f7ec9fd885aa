//! Tests of `location`: what each macro becomes at each spot, and what no value can do.

use std::time::UNIX_EPOCH;

use http::Uri;
use proptest::prelude::*;

use super::*;
use crate::{about::Unknown, click_id::ClickId, hit_id::HitId, offer_ids::OfferIds};

fn values(query: &str) -> Values<'_> {
    Values {
        about: &Unknown,
        ip: "2001:db8::1".parse().expect("an address"),
        user_agent: b"Mozilla/5.0 (\xff)",
        referrer: b"https://a.example/?x=1&y=2",
        host: "go.example.com",
        path: "/s/a%2Fb/c",
        rest: "a%2Fb/c",
        query: Query::new(query),
        hit_id: HitId::new(UNIX_EPOCH),
        offer: Some(OfferIds {
            offer: 1,
            campaign: 2,
            promo: 3,
        }),
        reason: "targeting",
    }
}

fn traffic(template: &str, forward: Forward, query: &str, click_id: &str) -> String {
    let params = [
        ("goal".into(), "a b".into()),
        ("click_id".into(), "not this one".into()),
    ];
    let url = TrafficUrl::parse(template, forward).expect("a traffic URL");
    let id = ClickId::try_from(click_id).expect("a click id");
    let click = ClickValues {
        id: &id,
        session_id: Some("s/1"),
        params: &params,
    };
    url.location(&values(query), click).as_str().to_owned()
}

#[test]
fn every_macro_at_its_spot() {
    for (template, expected) in [
        ("https://a.example/?c={click_id}", "https://a.example/?c=id%20%261"),
        ("https://a.example/{click_id}/x", "https://a.example/id%20%261/x"),
        (
            "https://a.example?c={click_id}#{session_id}",
            "https://a.example?c=id%20%261#s%2F1",
        ),
        ("HTTPS://A.example:443/?c={click_id}", "https://a.example/?c=id%20%261"),
        (
            "https://b\u{fc}cher.example:8443/\u{fc}?c={click_id}",
            "https://xn--bcher-kva.example:8443/%C3%BC?c=id%20%261",
        ),
        (
            "https://a.example/{offer_id}/{campaign_id}/{promo_id}?c={click_id}",
            "https://a.example/1/2/3?c=id%20%261",
        ),
        (
            "https://a.example/?c={click_id}&ip={ip}&h={host}",
            "https://a.example/?c=id%20%261&ip=2001%3Adb8%3A%3A1&h=go.example.com",
        ),
        (
            "https://a.example/?c={click_id}&ua={user_agent}",
            "https://a.example/?c=id%20%261&ua=Mozilla%2F5.0%20%28%FF%29",
        ),
        (
            "https://a.example/?c={click_id}&r={referrer}",
            "https://a.example/?c=id%20%261&r=https%3A%2F%2Fa.example%2F%3Fx%3D1%26y%3D2",
        ),
        ("https://a.example{x}/?c={click_id}", ""),
        (
            "https://a.example/in/{rest}?c={click_id}",
            "https://a.example/in/a%2Fb/c?c=id%20%261",
        ),
        ("https://a.example{path}?c={click_id}", ""),
        (
            "https://a.example/p{path}?c={click_id}&p={path}",
            "https://a.example/p/s/a%2Fb/c?c=id%20%261&p=%2Fs%2Fa%2Fb%2Fc",
        ),
        (
            "https://a.example/?c={click_id}&g={goal}&n={none}",
            "https://a.example/?c=id%20%261&g=a%20b&n=",
        ),
        (
            "https://a.example/?c={click_id}&s={subid1}&u={utm_source}&z={query.zone}",
            "https://a.example/?c=id%20%261&s=a+b%2B&u=%D0%B9&z=",
        ),
        (
            "https://a.example/{subid1}?c={click_id}",
            "https://a.example/a%20b%2B?c=id%20%261",
        ),
        (
            "https://a.example/?c={click_id}&q={query.brace}",
            "https://a.example/?c=id%20%261&q=%7Bclick_id%7D",
        ),
        (
            "https://a.example/?c={click_id}#{subid1}{path}",
            "https://a.example/?c=id%20%261#a%20b%2B%2Fs%2Fa%2Fb%2Fc",
        ),
        (
            "https://a.example/?c={click_id}#a#b",
            "https://a.example/?c=id%20%261#a%23b",
        ),
        (
            "https://a.example/?a[]=1|2&c={click_id}",
            "https://a.example/?a%5B%5D=1%7C2&c=id%20%261",
        ),
    ] {
        if expected.is_empty() {
            assert!(TrafficUrl::parse(template, Forward::Nothing).is_err(), "{template}");
            continue;
        }
        let query = "subid1=a+b%2B&utm_source=%D0%B9&brace={click_id}";
        assert_eq!(
            traffic(template, Forward::Nothing, query, "id &1"),
            expected,
            "{template}"
        );
    }
}

#[test]
fn a_traffic_url_needs_its_click_id() {
    for text in [
        "https://a.example/",
        "https://a.example/?c=%7Bclick_id%7D",
        "https://a.example/?c={query.click_id}",
    ] {
        let found = TrafficUrl::parse(text, Forward::Nothing).map(|_| ());
        assert_eq!(found, Err(TrafficMistake::NoClickId), "{text}");
    }
}

#[test]
fn a_value_of_dots_takes_nothing_away() {
    for (query, expected) in [
        ("subid1=..", "https://a.example/1//x"),
        ("subid1=%2e%2E", "https://a.example/1//x"),
        ("subid1=.", "https://a.example/1//x"),
        ("subid1=...", "https://a.example/1/.../x"),
        ("subid1=../..", "https://a.example/1/..%2F../x"),
    ] {
        let location = traffic("https://a.example/{click_id}/{subid1}/x", Forward::Nothing, query, "1");
        assert_eq!(location, expected, "{query}");
    }
}

#[test]
fn forwarding() {
    let names = || Forward::Names(["gclid".into(), "c".into()].into());
    for (template, forward, query, expected) in [
        (
            "https://a.example/?c={click_id}",
            names(),
            "x=1&gclid=a%2Bb+c&gclid=2",
            "https://a.example/?c=1&gclid=a%2Bb+c&gclid=2",
        ),
        (
            "https://a.example/?c={click_id}",
            names(),
            "c=evil&%63=evil",
            "https://a.example/?c=1",
        ),
        (
            "https://a.example/{click_id}#f",
            names(),
            "gclid=1",
            "https://a.example/1?gclid=1#f",
        ),
        (
            "https://a.example/{click_id}?",
            Forward::All,
            "a&b=&c=1=2",
            "https://a.example/1?a&b=&c=1%3D2",
        ),
        (
            "https://a.example/?c={click_id}&to=https://b.example/?",
            Forward::All,
            "a=1",
            "https://a.example/?c=1&to=https://b.example/?&a=1",
        ),
        (
            "https://a.example/?c={click_id}",
            Forward::All,
            "a=#&b=%zz",
            "https://a.example/?c=1&a=%23&b=%25zz",
        ),
        (
            "https://a.example/?c={click_id}",
            Forward::Nothing,
            "gclid=1",
            "https://a.example/?c=1",
        ),
    ] {
        assert_eq!(traffic(template, forward, query, "1"), expected, "{template} {query}");
    }
}

#[test]
fn a_value_sent_to_the_tracker() {
    for (text, expected) in [
        ("my-blog", "my-blog"),
        ("a b&c=d", "a%20b%26c%3Dd"),
        ("{query.zone}", "z+1"),
        ("{query.none}", ""),
        ("{host}-{offer_id}", "go.example.com-1"),
    ] {
        let mut out = Vec::new();
        SendValue::parse(text)
            .expect("a value")
            .write(&values("zone=z+1"), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{text}");
    }
    assert!(SendValue::parse("{click_id}").is_err());
    assert!(SendValue::parse("{reason}").is_err());
}

proptest! {
    #[test]
    fn no_value_leaves_its_place(
        template in prop::sample::select(vec![
            "https://a.example:8443/?c={click_id}&q={query.q}&r={referrer}&u={user_agent}&p={path}#{query.q}",
            "https://a.example:8443/{click_id}/{query.q}/{rest}/{user_agent}",
            "https://a.example:8443/{goal}?{query.q}={click_id}",
        ]),
        click_id in "\\PC{1,60}".prop_filter("dot segments are no click ids", |id| ClickId::try_from(id.as_str()).is_ok()),
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        query in "[ -~]{0,60}",
        path in "[ -~]{0,40}",
    ) {
        let canonical = crate::link::path::canonical(&format!("/{path}")).map(std::borrow::Cow::into_owned).unwrap_or_default();
        let url = TrafficUrl::parse(template, Forward::All).expect("a traffic URL");
        let id = ClickId::try_from(click_id.as_str()).expect("a click id");
        let params = [("goal".into(), String::from_utf8_lossy(&bytes).into())];
        let values = Values { user_agent: &bytes, referrer: &bytes, path: &canonical, rest: canonical.trim_start_matches('/'), ..values(&query) };
        let location = url.location(&values, ClickValues { id: &id, session_id: None, params: &params });
        let uri: Uri = location.as_str().parse().expect("a URI");
        prop_assert_eq!(uri.scheme_str(), Some("https"));
        prop_assert_eq!(uri.authority().map(http::uri::Authority::as_str), Some("a.example:8443"));
        prop_assert!(location.as_str().bytes().all(|b| b.is_ascii_graphic()));
        prop_assert!(uri.path().split('/').all(|s| !matches!(&*percent::decode_path(s.as_bytes()), b"." | b"..")));
        let mut encoded = Vec::new();
        percent::encode(click_id.as_bytes(), &mut encoded);
        prop_assert!(location.as_str().contains(&*String::from_utf8_lossy(&encoded)));
    }

    #[test]
    fn any_text_is_a_template_or_a_mistake_inside_it(text in "(https://a\\.example/)?[ -~é{}%#?]{0,60}") {
        for usage in [Use::Traffic, Use::Tracking, Use::Trafficback, Use::Visitor] {
            match FallbackUrl::parse(&text, usage) {
                Ok(url) => {
                    let location = url.location(&values("a=b"));
                    prop_assert!(location.as_str().parse::<Uri>().is_ok(), "{}", location.as_str());
                }
                Err(mistakes) => for mistake in mistakes {
                    prop_assert!(mistake.at.end <= text.len() && mistake.at.start <= mistake.at.end);
                    prop_assert!(text.get(mistake.at).is_some());
                }
            }
        }
    }
}
