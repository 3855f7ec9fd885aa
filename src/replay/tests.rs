//! Lines, sent through configurations.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::{click::Answer, config, hit, outcome::Reason};

const TRACKER: &str = "[tracker.main]\nurl = \"http://127.0.0.1:9/x\"\nsecure_key = \"k\"\n\
                       [defaults]\ntrafficback_url = \"https://back.example/?why={reason}\"\n";

/// A configuration of one link, `order` and all, with offers of these ids and more keys.
fn one_link(order: &str, offers: &[(u64, &str)]) -> String {
    let offers = offers.iter().map(|(id, more)| {
        format!(
            "[[link.offer]]\nname = \"o{id}\"\noffer_id = {id}\ncampaign_id = 2\npromo_id = 3\n\
             traffic_url = \"https://a.example/{id}?c={{click_id}}&s={{subid1}}&h={{hit_id}}\"\n{more}\n"
        )
    });
    let offers: String = offers.collect();
    format!("{TRACKER}[[link]]\nat = \"go.example.com/x\"\n{order}\n{offers}")
}

fn way(text: &str) -> Way {
    let read = config::read_text(Path::new("test.toml"), text, &[], &|_| Box::new(|_| ()));
    let config = read.config.unwrap_or_else(|| panic!("{}", read.text));
    Way {
        hides_addresses: false,
        limits: config.limits,
        edge: config.into_edge(),
    }
}

/// A click on offer 1, but for these fields; those that are `"gone"` are left out.
fn line(fields: &Value) -> String {
    let mut line = json!({
        "time": "2026-11-23T10:00:00.000Z", "hit_id": "0123456789abcdef0123456789abcdef", "outcome": "advertiser", "reason": null,
        "host": "go.example.com", "path": "/x", "link": "go.example.com/x", "offer": "o1", "tracker": "main", "offer_id": 1,
        "campaign_id": 2, "promo_id": 3, "click_id": "the click", "ip": "192.0.2.1", "country": null, "device": "desktop",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)", "referrer": null,
    });
    let line_fields = line.as_object_mut().expect("an object");
    line_fields.extend(fields.as_object().expect("an object").clone());
    line_fields.retain(|_, value| value != "gone");
    line.to_string()
}

fn add(replay: &mut Replay, fields: &Value) -> Verdict {
    replay
        .add(&Whole::read(line(fields).as_bytes()).expect("a line"))
        .expect("a hit")
}

fn elsewhere(certainty: Certainty, location: &str) -> Verdict {
    Verdict::Elsewhere(certainty, Some(location.to_owned()))
}

#[test]
fn every_answer_is_called_by_the_reason_that_it_is_made_of() {
    for reason in Reason::ALL {
        match then::answer_of(reason, None) {
            Some(Answer::Trafficback(why)) => assert_eq!(hit::trafficback_reason(&why), reason),
            Some(Answer::Failed(why)) => assert_eq!(hit::failure_reason(&why), reason),
            Some(Answer::Click(_)) => panic!("{reason:?}"),
            None => assert!(matches!(
                reason,
                Reason::NoOffer | Reason::Bot | Reason::Head | Reason::NoUserAgent
            )),
        }
    }
}

#[test]
fn a_hit_is_made_again_of_its_line() {
    let old = one_link("", &[(1, "")]);
    let mut replay = Replay::new(way(&old.replace("a.example", "b.example")), Some(way(&old)));
    let there = "https://b.example/1?c=the%20click&s=a%26b&h=0123456789abcdef0123456789abcdef";
    assert_eq!(
        add(&mut replay, &json!({"subid1": "a&b"})),
        elsewhere(Certainty::Certain, there)
    );
    // What the affiliate's `send` said in the visitor's place is not the visitor's.
    let send = one_link("", &[(1, "send = { subid1 = \"own\" }")]);
    let mut replay = Replay::new(way(&send.replace("a.example", "b.example")), Some(way(&send)));
    let there = there.replace("a%26b", "");
    assert_eq!(
        add(&mut replay, &json!({"subid1": "own"})),
        elsewhere(Certainty::Certain, &there)
    );
}

#[test]
fn what_is_no_hit_or_cannot_be_one_again_is_counted_apart() {
    let mut replay = Replay::new(way(&one_link("", &[(1, "")])), None);
    assert_eq!(add(&mut replay, &json!({"outcome": "refused"})), Verdict::Refused);
    for field in ["ip", "user_agent", "host", "path"] {
        assert_eq!(add(&mut replay, &json!({field: "gone"})), Verdict::Incomplete(field));
    }
    assert!(matches!(
        add(&mut replay, &json!({"promo_id": "gone"})),
        Verdict::Incomplete(_)
    ));
    assert!(matches!(
        add(&mut replay, &json!({"outcome": "trafficback", "reason": "gone"})),
        Verdict::Incomplete("reason")
    ));
    for fields in [json!({"time": "yesterday"}), json!({"outcome": "won"})] {
        assert!(
            replay
                .add(&Whole::read(line(&fields).as_bytes()).expect("a line"))
                .is_err()
        );
    }
    assert_eq!(add(&mut replay, &json!({})), Verdict::Same(Certainty::Certain));
    let told = json(&replay, Path::new("new.toml"));
    assert_eq!(
        (&told["hits"], &told["replayed"], &told["not_replayed"]["refused"]),
        (&8.into(), &1.into(), &1.into())
    );
}

#[test]
fn without_the_configuration_of_then_an_offer_asked_in_vain_is_an_assumption() {
    let both = one_link("", &[(7, ""), (1, "")]);
    let mut replay = Replay::new(way(&both), None);
    let there = "https://a.example/7?c=CLICK_ID&s=&h=0123456789abcdef0123456789abcdef";
    assert_eq!(add(&mut replay, &json!({})), elsewhere(Certainty::Assumed, there));
    let mut replay = Replay::new(way(&both), Some(way(&both)));
    assert_eq!(add(&mut replay, &json!({})), Verdict::Same(Certainty::Certain));
    let mut replay = Replay::new(way(&both), Some(way(&one_link("", &[(2, "")]))));
    assert_eq!(add(&mut replay, &json!({})), Verdict::Unlike);
}

#[test]
fn the_time_is_that_of_the_hit() {
    let text = one_link("", &[(1, "when = { time = { from = \"09:59\", to = \"10:01\" } }")]);
    let mut replay = Replay::new(way(&text), None);
    assert_eq!(add(&mut replay, &json!({})), Verdict::Same(Certainty::Certain));
    let later = json!({"time": "2026-11-23T10:01:00.000Z"});
    let back = "https://back.example/?why=no_offer";
    assert_eq!(add(&mut replay, &later), elsewhere(Certainty::Certain, back));
}

#[test]
fn what_one_tracker_said_is_not_what_another_says() {
    let second = "[tracker.second]\nurl = \"http://127.0.0.1:9/x\"\nsecure_key = \"k\"\n";
    let text = format!("{second}{}", one_link("", &[(1, "tracker = \"second\"")]));
    let mut replay = Replay::new(way(&text), None);
    let back = json!({"outcome": "trafficback", "reason": "targeting", "click_id": null});
    assert!(matches!(
        add(&mut replay, &back),
        Verdict::Elsewhere(Certainty::Assumed, _)
    ));
}

#[test]
fn what_others_were_told_of_an_offer_holds_for_a_while() {
    let old = one_link("", &[(1, "")]);
    let new = one_link("", &[(7, ""), (1, "")]);
    let mut replay = Replay::new(way(&new), Some(way(&old)));
    let overcap = json!({"outcome": "trafficback", "reason": "overcap", "offer_id": 7, "click_id": null});
    assert_eq!(add(&mut replay, &overcap), Verdict::Unlike);
    assert_eq!(add(&mut replay, &json!({})), Verdict::Same(Certainty::Likely));
    let later = json!({"time": "2026-11-23T10:10:01.000Z"});
    assert!(matches!(
        add(&mut replay, &later),
        Verdict::Elsewhere(Certainty::Assumed, _)
    ));
    add(&mut replay, &overcap);
    add(&mut replay, &json!({"offer_id": 7}));
    assert!(matches!(
        add(&mut replay, &json!({})),
        Verdict::Elsewhere(Certainty::Assumed, _)
    ));
}

#[test]
fn what_no_log_has_makes_a_verdict_unclear() {
    let hidden = json!({"ip": "0123456789abcdef"});
    let drawn = "order = \"weighted\"";
    for (order, rule, fields, key) in [
        ("", "when = { language = \"de\" }", json!({}), Some("language")),
        ("", "when = { query = { zone = \"1\" } }", json!({}), Some("query")),
        ("", "when = { query = { subid1 = \"1\" } }", json!({}), None),
        (
            "",
            "when = { referrer = \"a.example\" }",
            json!({"referrer": "gone"}),
            Some("referrer"),
        ),
        ("", "when = { referrer = \"a.example\" }", json!({}), None),
        ("", "when = { ip = [\"192.0.2.0/24\"] }", hidden.clone(), Some("ip")),
        (drawn, "", hidden.clone(), Some("ip")),
        (drawn, "", json!({}), None),
        ("", "", hidden, None),
    ] {
        let text = one_link(order, &[(1, ""), (9, rule)]);
        let mut replay = Replay::new(way(&text), None);
        add(&mut replay, &fields);
        let unknown: Vec<&str> = replay.tally.unknown.keys().copied().collect();
        assert_eq!(unknown, Vec::from_iter(key), "{order} {rule} {fields}");
        if let Some(key) = key {
            assert_eq!(replay.tally.unknown[key], 1);
        }
    }
    let mut replay = Replay::new(way(&one_link("", &[(5, "unless = { language = \"de\" }")])), None);
    assert!(matches!(
        add(&mut replay, &json!({})),
        Verdict::Elsewhere(Certainty::Unclear, _)
    ));
}

#[test]
fn a_country_is_what_it_was_then() {
    let places = "[geoip]\ncountry = \"geoip/sandbox.mmdb\"\n";
    let text = format!(
        "{places}{}",
        one_link("", &[(1, "when = { country = \"FR\", continent = \"EU\" }")])
    );
    let mut replay = Replay::new(way(&text), None);
    // The database has Germany for this address.
    assert_eq!(
        add(&mut replay, &json!({"country": "FR"})),
        Verdict::Same(Certainty::Certain)
    );
    assert!(matches!(
        add(&mut replay, &json!({"country": null})),
        Verdict::Elsewhere(..)
    ));
}

#[test]
fn a_hit_is_in_one_group_and_the_sums_agree() {
    let old = one_link("", &[(1, ""), (2, "")]);
    let new = one_link("", &[(1, "unless = { device = \"phone\" }")]);
    let mut replay = Replay::new(way(&new), Some(way(&old)));
    let phone = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36";
    for number in 0..5 {
        add(
            &mut replay,
            &json!({"user_agent": format!("{phone} {number}"), "ip": "2001:db8::1"}),
        );
        add(&mut replay, &json!({"ip": format!("192.0.2.{number}")}));
    }
    for _ in 0..3 {
        add(&mut replay, &json!({"offer_id": 2, "offer": "o2"}));
    }
    assert_eq!(replay.elsewhere(), (8, 13));
    let groups = replay.tally.changes.sorted();
    let told: Vec<_> = groups
        .iter()
        .map(|(change, group)| {
            let why = change.why.as_deref().unwrap_or_default();
            (
                group.hits(),
                group.examples.len(),
                format!("{} → {}", change.from, change.to),
                why,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                5,
                2,
                "advertiser o1 → trafficback no_offer".to_owned(),
                "`unless` excludes device phone"
            ),
            (
                3,
                2,
                "advertiser o2 → trafficback targeting o1".to_owned(),
                "the link does not have the offer"
            ),
        ]
    );
    // Why the first offer gave these no click is not known.
    assert_eq!(replay.tally.elsewhere, [5, 0, 3, 0]);
}

#[test]
fn a_group_tells_where_its_hits_are_from() {
    let mut replay = Replay::new(way(&one_link("", &[(2, "")])), None);
    let hits = ["AT", "FR", "DE", "DE", "IT", "AT", "DE", "IT", "nowhere"];
    for (number, country) in hits.iter().enumerate() {
        let device = ["phone", "desktop", "phone", "desktop", "phone", "toaster"][number % 6];
        add(&mut replay, &json!({"country": country, "device": device}));
    }
    let text = table(&replay, Path::new("new.toml"), 9);
    assert!(
        text.contains("\n           most from DE 3, AT 2, IT 2; phone 5, desktop 3\n"),
        "{text}"
    );
    assert!(
        text.contains("it is sure that they leave the offer that they had"),
        "{text}"
    );
    let told = &json(&replay, Path::new("new.toml"))["changes"][0];
    assert_eq!(told["countries"][0], json!({"country": "DE", "hits": 3}));
    assert_eq!(told["countries"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        told["devices"],
        json!([{"device": "phone", "hits": 5}, {"device": "desktop", "hits": 3}])
    );
    // What is shown whole needs no sum.
    let mut replay = Replay::new(way(&one_link("", &[(2, "")])), None);
    add(&mut replay, &json!({"country": "DE"}));
    assert!(!table(&replay, Path::new("new.toml"), 9).contains("most from"));
}

#[test]
fn groups_beyond_the_most_are_one() {
    let mut replay = Replay::new(way(&one_link("", &[(1, "")])), None);
    for number in 0..10_003 {
        add(&mut replay, &json!({"offer": format!("{number}"), "link": "elsewhere"}));
    }
    let groups = replay.tally.changes.sorted();
    assert_eq!((groups.len(), groups[0].1.hits()), (10_001, 3));
    assert!(table(&replay, Path::new("new.toml"), 1).contains("(others)"));
}

#[test]
fn no_text_of_a_visitors_moves_the_terminal_or_leaves_its_quotes() {
    let mut replay = Replay::new(way(&one_link("", &[(1, "unless = { device = \"desktop\" }")])), None);
    let evil = "-a'; rm \u{1b}[31m\nhits forged";
    let fields = json!({"user_agent": evil, "referrer": evil, "hit_id": evil, "device": evil, "country": evil, "offer": evil, "link": evil});
    add(&mut replay, &fields);
    let text = table(&replay, Path::new("it's new.toml"), 9);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("hits")), "{text}");
    assert!(
        text.contains(r"-c 'it'\''s new.toml' --at 2026-11-23T10:00:00.000Z --ip 192.0.2.1 --user-agent='-a'\''; rm "),
        "{text}"
    );
}
