//! What is found in logs that are made for it.

use serde_json::{Value, json};

use super::*;
use crate::{networks, visitor::real_ip::RealIpHeader};

/// A hit that came to the advertiser, from a visitor of its own.
fn hit(number: usize) -> Value {
    json!({
        "time": format!("2026-11-23T00:{:02}:{:02}.000Z", number / 60 % 60, number % 60),
        "outcome": "advertiser",
        "host": "go.example.com",
        "path": "/go",
        "link": "go.example.com/go",
        "tracker": "main",
        "attempts": 1,
        "click_id": format!("click {number}"),
        "ip": format!("192.0.{}.{}", number / 250 % 250, number % 250),
        "user_agent": format!("Browser {}", number % 50),
        "total_ms": 1.5,
    })
}

/// Hits with changes, examined.
fn examined(known: Known, number: usize, change: impl Fn(usize, &mut Value)) -> Vec<Finding> {
    let mut log = Log::new(known);
    for number in 0..number {
        let mut line = hit(number);
        change(number, &mut line);
        let line = line.to_string();
        assert!(log.add(&Whole::read(line.as_bytes()).expect("a line")));
    }
    log.findings(0)
}

fn of(findings: &[Finding], check: Check) -> &Finding {
    let mut found = findings.iter().filter(|finding| finding.check == check);
    let first = found.next().unwrap_or_else(|| panic!("no {check:?} in {findings:#?}"));
    assert!(found.next().is_none(), "{findings:#?}");
    first
}

#[test]
fn an_ordinary_log_has_nothing_wrong() {
    let findings = examined(Known::default(), 1_000, |_, _| ());
    assert!(findings.iter().all(|finding| finding.mark == Mark::Ok), "{findings:#?}");
    let lines = of(&findings, Check::LogLines);
    assert_eq!(
        lines.found,
        "1000 hits from 2026-11-23T00:00:00.000Z to 2026-11-23T00:16:39.000Z"
    );
    assert_eq!(Log::default().findings(0)[0].mark, Mark::Unknown);
    assert_eq!(Log::default().findings(3).len(), 1);
}

#[test]
fn more_than_half_of_a_proxys_addresses_is_a_proxy() {
    let from = |share: usize, ip: &'static str| {
        examined(Known::default(), 1_000, move |number, line| {
            if number % 100 < share {
                line["ip"] = ip.into();
            }
        })
    };
    for (ip, words) in [
        (
            "10.0.3.7",
            "trusted_proxies = [\"10.0.3.7\"]\nreal_ip_header = \"x-forwarded-for\"",
        ),
        ("172.70.1.2", "real_ip_header = \"cf-connecting-ip\""),
        ("151.101.1.2", "real_ip_header = \"x-forwarded-for\""),
    ] {
        let findings = from(51, ip);
        let proxy = of(&findings, Check::LogProxies);
        assert_eq!(proxy.mark, Mark::Fail, "{proxy:?}");
        assert!(proxy.found.contains("51 %") && proxy.found.contains(ip), "{proxy:?}");
        assert!(
            proxy.mend.as_ref().is_some_and(|mend| mend.contains(words)),
            "{proxy:?}"
        );
        // It says why; that one address has most hits is no finding of its own.
        assert!(findings.iter().all(|finding| finding.check != Check::LogVisitors));
        assert_eq!(of(&from(50, ip), Check::LogProxies).mark, Mark::Ok);
    }
}

#[test]
fn a_proxy_that_is_trusted_writes_another_header() {
    let known = || Known {
        real_ip: Some(RealIp {
            trusted: networks::Networks::new(networks::parse("10.0.0.0/8")),
            header: RealIpHeader::Forwarded,
        }),
        asn: None,
    };
    let findings = examined(known(), 100, |_, line| line["ip"] = "10.0.3.7".into());
    let mend = of(&findings, Check::LogProxies).mend.clone().unwrap_or_default();
    assert!(mend.contains("already") && mend.contains("forwarded"), "{mend}");
    let findings = examined(known(), 100, |_, line| line["ip"] = "192.168.3.7".into());
    let mend = of(&findings, Check::LogProxies).mend.clone().unwrap_or_default();
    assert!(mend.contains("trusted_proxies = [\"192.168.3.7\"]"), "{mend}");
}

#[test]
fn few_hits_and_hits_without_a_link_say_nothing() {
    let findings = examined(Known::default(), 19, |_, line| line["ip"] = "10.0.3.7".into());
    assert!(
        findings.iter().all(|finding| finding.check != Check::LogProxies),
        "{findings:#?}"
    );
    let findings = examined(Known::default(), 1_000, |number, line| {
        if number % 2 == 0 {
            line["outcome"] = "unmatched".into();
            line["ip"] = "10.0.3.7".into();
        }
    });
    assert_eq!(of(&findings, Check::LogProxies).mark, Mark::Ok);
}

#[test]
fn unfilled_macros_are_told_by_link_and_field() {
    let findings = examined(Known::default(), 100, |number, line| {
        line["utm_source"] = "ads".into();
        if number < 30 {
            line["subid1"] = "zone-{zone_id}".into();
        }
        if number < 10 {
            line["utm_term"] = "__CLICKID__".into();
        }
    });
    let told: Vec<_> = findings
        .iter()
        .filter(|finding| finding.check == Check::LogMacros)
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        (told[0].mark, &*told[0].about, &*told[0].found),
        (
            Mark::Warn,
            "go.example.com/go",
            "subid1 has {zone_id} in 30 of 100 hits, as in `zone-{zone_id}`"
        )
    );
    assert!(told[1].found.starts_with("utm_term has __CLICKID__ in 10 of 100 hits"));
}

#[test]
fn one_visitor_with_a_fifth_of_the_hits() {
    let findings = |share: usize, agents: usize| {
        examined(Known::default(), 1_000, move |number, line| {
            if number % 100 < share {
                line["ip"] = "198.51.100.7".into();
                line["user_agent"] = format!("Monitor {}", number % agents).into();
            }
        })
    };
    let one = findings(20, 1);
    let one = of(&one, Check::LogVisitors);
    assert!(
        one.mark == Mark::Warn && one.found.contains("198.51.100.7 with the User-Agent \"Monitor 0\""),
        "{one:?}"
    );
    let many = findings(20, 10);
    let many = of(&many, Check::LogVisitors);
    assert!(
        many.mark == Mark::Warn && many.found.contains("with many User-Agents"),
        "{many:?}"
    );
    assert_eq!(of(&findings(19, 1), Check::LogVisitors).mark, Mark::Ok);
}

#[test]
fn one_click_for_very_many_hits() {
    let findings = |repeats: usize| {
        examined(Known::default(), 1_000, move |number, line| {
            if number < repeats {
                line["click_id"] = "same".into();
            }
        })
    };
    let told = findings(100);
    assert!(of(&told, Check::LogClicks).found.contains("same, stands for 100 hits"));
    assert!(findings(99).iter().all(|finding| finding.check != Check::LogClicks));
}

#[test]
fn links_that_bring_nothing_and_offers_that_are_refused() {
    let ends = |outcome: &'static str, reason: &'static str, every: usize| {
        examined(Known::default(), 100, move |number, line| {
            if number % every == 0 {
                line["outcome"] = outcome.into();
                line["reason"] = reason.into();
            }
        })
    };
    for (outcome, reason, every, mark) in [
        ("trafficback", "overcap", 1, Mark::Warn),
        ("trafficback", "overcap", 3, Mark::Warn),
        ("trafficback", "overcap", 4, Mark::Ok),
        // A tracking_url keeps them.
        ("tracking", "overcap", 2, Mark::Ok),
        ("trafficback", "denied", 1, Mark::Fail),
        ("tracking", "rejected", 1, Mark::Fail),
        ("trafficback", "denied", 50, Mark::Warn),
        // They ask for no click.
        ("trafficback", "bot", 1, Mark::Ok),
        ("trafficback", "head", 1, Mark::Ok),
        ("trafficback", "no_user_agent", 1, Mark::Ok),
    ] {
        let findings = ends(outcome, reason, every);
        let found = of(&findings, Check::LogLinks);
        assert_eq!(found.mark, mark, "{reason}: {found:?}");
        assert!(mark == Mark::Ok || found.found.contains(reason), "{found:?}");
    }
}

#[test]
fn why_a_link_sends_visitors_back() {
    let told = |reasons: &'static [&'static str]| {
        let findings = examined(Known::default(), 100, |number, line| {
            if let Some(reason) = reasons.get(number % 10).filter(|reason| !reason.is_empty()) {
                line["outcome"] = "trafficback".into();
                line["reason"] = (*reason).into();
            }
        });
        let found = of(&findings, Check::LogLinks).clone();
        (found.found, found.mend.unwrap_or_default())
    };
    let (found, mend) = told(&["overcap"; 9]);
    assert_eq!(
        found,
        "90 of 100 hits went back, by overcap: the offer's cap is reached"
    );
    assert!(
        mend.ends_with("onehop report --where link=go.example.com/go --where reason=overcap --by offer,day"),
        "{mend}"
    );
    let (found, mend) = told(&["targeting", "overcap", "no_offer", "no_offer"]);
    assert!(
        found.starts_with("40 of 100 hits went back, 20 of them by no_offer:"),
        "{found}"
    );
    assert!(mend.contains("without when"), "{mend}");
    // Bots are no part of it, neither of the hits nor of the reasons.
    let (found, _) = told(&["bot", "bot", "bot", "bot", "bot", "targeting", "targeting"]);
    assert!(found.starts_with("20 of 50 hits went back, by targeting:"), "{found}");
    let (found, _) = told(&["overcap", "overcap"]);
    assert_eq!(
        found,
        "no offer was refused, and no link sent a third of its hits back (looked at: 1 link of 20 hits or more)"
    );
}

#[test]
fn a_refused_offer_hides_no_cap() {
    let findings = examined(Known::default(), 100, |number, line| {
        line["outcome"] = "trafficback".into();
        line["reason"] = if number == 0 { "denied" } else { "overcap" }.into();
    });
    let found: Vec<_> = findings
        .iter()
        .filter(|finding| finding.check == Check::LogLinks)
        .map(|finding| &*finding.found)
        .collect();
    assert_eq!(
        found,
        [
            "1 of 100 hits ended as denied (403), 0 as rejected (400)",
            "99 of 100 hits went back, by overcap: the offer's cap is reached"
        ]
    );
}

#[test]
fn each_tracker_fails_for_itself_among_the_hits_that_asked_it() {
    let findings = examined(Known::default(), 2_000, |number, line| {
        if number % 10 == 0 {
            line["tracker"] = "second".into();
        }
        match number % 100 {
            0 => {
                line["outcome"] = "trafficback".into();
                line["reason"] = "timeout".into();
            }
            10 => line["cache"] = "joined".into(),
            _ => line["cache"] = "hit".into(),
        }
        line["attempts"] = u64::from(number % 100 == 0).into();
    });
    let found = of(&findings, Check::LogFailures);
    assert_eq!(
        (found.mark, &*found.about, &*found.found),
        (
            Mark::Warn,
            "second",
            "failed at 50 % of the 40 hits that asked it: 20 timeout"
        )
    );
    // The memory of its answers is not the tracker.
    let findings = examined(Known::default(), 1_000, |_, line| line["attempts"] = 0.into());
    assert!(findings.iter().all(|finding| finding.check != Check::LogFailures));
}

#[test]
fn failures_user_agents_and_places_without_a_link() {
    let mark = |check: Check, every: usize, outcome: &'static str, reason: &'static str| {
        let findings = examined(Known::default(), 1_000, move |number, line| {
            if number % every == 0 {
                line["outcome"] = outcome.into();
                line["reason"] = reason.into();
                line["path"] = "/shoos".into();
            }
        });
        let found = findings.into_iter().find(|finding| finding.check == check);
        found.map(|found| (found.mark, found.found))
    };
    let (found, told) = mark(Check::LogFailures, 100, "trafficback", "timeout").expect("a finding");
    assert!(
        found == Mark::Warn && told.contains("1 % of the 1000 hits that asked it") && told.contains("10 timeout"),
        "{told}"
    );
    let (found, _) = mark(Check::LogFailures, 101, "trafficback", "targeting").expect("a finding");
    assert_eq!(found, Mark::Ok);
    let (found, told) = mark(Check::LogUserAgents, 20, "trafficback", "no_user_agent").expect("a finding");
    assert!(found == Mark::Warn && told.starts_with("5 %"), "{told}");
    assert!(mark(Check::LogUserAgents, 21, "trafficback", "no_user_agent").is_none());
    let (found, told) = mark(Check::LogUnmatched, 20, "unmatched", "x").expect("a finding");
    assert!(
        found == Mark::Warn && told.contains("go.example.com/shoos (50)"),
        "{told}"
    );
    assert!(mark(Check::LogUnmatched, 21, "unmatched", "x").is_none());
}

#[test]
fn shares_are_said_as_they_are() {
    for (part, all, expected) in [
        (1, 2, "50 %"),
        (1, 3, "33.3 %"),
        (1, 10_000, "less than 0.1 %"),
        (0, 10, "0 %"),
        (0, 0, "0 %"),
        (u64::MAX, u64::MAX, "100 %"),
    ] {
        assert_eq!(percent(part, all), expected);
    }
}

#[test]
fn a_log_of_anything_keeps_its_memory() {
    let mut log = Log::default();
    for number in 0..3 * MAX_ROWS {
        let mut line = hit(number);
        line["link"] = format!("go.example.com/{number}").into();
        line["tracker"] = format!("tracker {number}").into();
        line["subid1"] = format!("{{macro_{}}}", "x".repeat(number % 40)).into();
        let line = line.to_string();
        assert!(log.add(&Whole::read(line.as_bytes()).expect("a line")));
    }
    assert_eq!((log.links.len(), log.macros.len()), (MAX_ROWS + 1, MAX_ROWS));
    assert_eq!(log.trackers.len(), MAX_ROWS + 1);
    let line = json!({"time": "t", "outcome": "nonsense"}).to_string();
    assert!(!log.add(&Whole::read(line.as_bytes()).expect("a line")));
}
