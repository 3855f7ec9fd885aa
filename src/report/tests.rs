//! Hits out of lines, and what is told of them.

use serde_json::json;

use super::*;

fn line(time: &str, outcome: &str, more: &serde_json::Value) -> String {
    let mut line = json!({"time": time, "outcome": outcome});
    let fields = line.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    line.to_string()
}

fn report(by: &[By], zone: &str, lines: &[String]) -> Report {
    let by: Vec<Rows> = by.iter().map(|by| (*by).into()).collect();
    let mut report = Report::new(&by, Vec::new(), TimeZone::get(zone).expect("a zone"));
    for line in lines {
        let line = Line::read(line.as_bytes()).expect("a line");
        assert!(report.add(&line));
    }
    report
}

fn some() -> Vec<String> {
    let click = |id: &str| json!({"link": "a.example/x", "offer": "one", "click_id": id, "country": "DE", "device": "phone", "total_ms": 10.0});
    let nothing = |reason: &str| json!({"link": "a.example/y", "reason": reason, "offer_id": 7, "tracker": "main", "total_ms": 1000.0});
    vec![
        line("2026-11-22T23:30:00.000Z", "advertiser", &click("1")),
        line("2026-11-22T23:30:01.000Z", "advertiser", &click("1")),
        line("2026-11-23T00:00:00.000Z", "advertiser", &click("2")),
        line("2026-11-22T22:59:59.999Z", "trafficback", &nothing("overcap")),
        line("2026-11-23T01:00:00.000Z", "trafficback", &nothing("timeout")),
        line("2026-11-23T01:00:00.000Z", "tracking", &nothing("tracker_error")),
        line("2026-11-23T01:00:00.000Z", "unmatched", &json!({"link": null})),
    ]
}

#[test]
fn hits_are_counted_by_what_they_have_in_common() {
    let report = report(&By::ALL, "UTC", &some());
    let all = report.all.summary();
    assert_eq!(
        [
            all.hits,
            all.advertiser,
            all.clicks,
            all.repeats,
            all.trafficback,
            all.tracking,
            all.unmatched,
            all.failures
        ],
        [7, 3, 2, 1, 2, 1, 1, 2]
    );
    assert!(!all.clicks_estimated && all.p50_ms.is_some());
    let names = |by: By| -> Vec<(String, u64)> {
        let rows = report.rows(&by.into(), usize::MAX).0;
        rows.into_iter()
            .map(|(name, row)| (name.to_owned(), row.hits()))
            .collect()
    };
    let expected = |rows: &[(&str, u64)]| -> Vec<(String, u64)> {
        rows.iter().map(|(name, hits)| ((*name).to_owned(), *hits)).collect()
    };
    assert_eq!(
        names(By::Link),
        expected(&[("a.example/x", 3), ("a.example/y", 3), ("(none)", 1)])
    );
    assert_eq!(names(By::Offer), expected(&[("main 7", 3), ("one", 3), ("(none)", 1)]));
    assert_eq!(names(By::Day), expected(&[("2026-11-22", 3), ("2026-11-23", 4)]));
    assert_eq!(names(By::Country), expected(&[("(none)", 4), ("DE", 3)]));
    assert_eq!(
        names(By::Reason),
        expected(&[
            ("advertiser", 3),
            ("tracking tracker_error", 1),
            ("trafficback overcap", 1),
            ("trafficback timeout", 1),
            ("unmatched", 1)
        ])
    );
    assert_eq!(
        report.times(),
        Some(("2026-11-22T22:59:59.999Z", "2026-11-23T01:00:00.000Z"))
    );
}

#[test]
fn days_are_those_of_the_zone() {
    let report = report(&[By::Day], "Europe/Berlin", &some());
    let days = report.rows(&By::Day.into(), usize::MAX).0;
    let days: Vec<_> = days.into_iter().map(|(day, row)| (day, row.hits())).collect();
    assert_eq!(days, [("2026-11-22", 1), ("2026-11-23", 6)]);
}

#[test]
fn what_is_no_hit_is_not_counted() {
    let mut report = Report::new(&[], Vec::new(), TimeZone::UTC);
    for line in [
        line("yesterday", "advertiser", &json!({})),
        line("2026-11-23T00:00:00.000Z", "won", &json!({})),
    ] {
        let line = Line::read(line.as_bytes()).expect("a line");
        assert!(!report.add(&line));
    }
    assert_eq!(table(&report, 10), "No hits.\n");
}

#[test]
fn rows_beyond_the_most_are_one() {
    let mut report = Report::new(&[By::Link.into()], Vec::new(), TimeZone::UTC);
    for number in 0..MAX_ROWS + 5 {
        let line = line(
            "2026-11-23T00:00:00.000Z",
            "refused",
            &json!({"link": number.to_string()}),
        );
        assert!(report.add(&Line::read(line.as_bytes()).expect("a line")));
    }
    let (rows, number) = report.rows(&By::Link.into(), 1);
    assert_eq!((rows[0].0, rows[0].1.hits(), number), (OTHERS, 5, MAX_ROWS + 1));
}

#[test]
fn a_table_has_bars_and_obeys_nobody() {
    let mut lines = some();
    lines.push(line(
        "2026-11-23T02:00:00.000Z",
        "refused",
        &json!({"link": "\u{1b}[31m=red,\"x\""}),
    ));
    let report = report(&[By::Link], "UTC", &lines);
    let text = table(&report, 2);
    assert!(text.contains("a.example/x  ████████████████"), "{text}");
    assert!(text.contains("… and 2 more"), "{text}");
    assert!(!table(&report, 10).contains('\u{1b}'));
    let csv = csv(&report);
    assert!(csv.contains("link,\"\u{1b}[31m=red,\"\"x\"\"\",1,0,"), "{csv}");
    assert_eq!(csv.lines().count(), 2 + 4);
    let json = json(&report);
    assert_eq!(
        (&json["all"]["hits"], &json["by"]["link"][0]["name"]),
        (&8.into(), &"a.example/x".into())
    );
}

#[test]
fn only_what_is_wanted_is_counted() {
    for (wanted, hits) in [
        (&["reason=overcap"][..], 1),
        (&["outcome=trafficback", "offer=main 7"], 2),
        (&["link=(none)"], 1),
        (&["day=2026-11-22", "country=DE"], 2),
        (&["country=FR"], 0),
    ] {
        let read = wanted.iter().map(|text| text.parse().expect("words")).collect();
        let mut report = Report::new(&[], read, TimeZone::UTC);
        for line in some() {
            assert!(report.add(&Line::read(line.as_bytes()).expect("a line")));
        }
        assert_eq!(report.all.hits(), hits, "{wanted:?}");
    }
    assert!("reason".parse::<Where>().is_err() && "click=1".parse::<Where>().is_err());
}

#[test]
fn a_row_may_be_of_several() {
    let both: Rows = "link+country".parse().expect("a table");
    let mut report = Report::new(std::slice::from_ref(&both), Vec::new(), TimeZone::UTC);
    for line in some() {
        assert!(report.add(&Line::read(line.as_bytes()).expect("a line")));
    }
    let rows = report.rows(&both, usize::MAX).0;
    let rows: Vec<_> = rows.iter().map(|(name, row)| (*name, row.hits())).collect();
    assert_eq!(
        rows,
        [
            ("a.example/x / DE", 3),
            ("a.example/y / (none)", 3),
            ("(none) / (none)", 1)
        ]
    );
    assert_eq!(json(&report)["by"]["link+country"][0]["name"], "a.example/x / DE");
    assert!("link+place".parse::<Rows>().is_err());
}

#[test]
fn a_word_that_no_hit_has_is_told_of() {
    for (asked, expected) in [
        ("link=y", "None of 7 hits is of this: link=y (there is a.example/y)\n"),
        ("country=fr", "None of 7 hits is of this: country=FR (there is DE)\n"),
    ] {
        let mut report = Report::new(&[], vec![asked.parse().expect("a word")], TimeZone::UTC);
        for line in some() {
            assert!(report.add(&Line::read(line.as_bytes()).expect("a line")));
        }
        assert_eq!(table(&report, 10), expected);
    }
    for (asked, expected) in [
        ("reason=cap", "reason is one of offer_inactive, "),
        ("device=mobile", "device is one of phone, "),
        ("place=x", "write it like "),
    ] {
        let wrong = asked.parse::<Where>().expect_err("no such word");
        assert!(wrong.starts_with(expected), "{wrong}");
    }
}
