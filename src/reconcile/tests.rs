//! Logs beside exports, by hand and at random.

use std::{collections::HashMap, fs};

use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A line of a log; fields that are not given are those of a first click.
fn line(time: &str, more: &Value) -> String {
    let mut line = json!({
        "time": time, "hit_id": "h", "outcome": "advertiser", "link": "a.example/x", "path": "/x", "tracker": "main", "offer_id": 1,
        "campaign_id": 2, "cache": "miss", "attempts": 1, "ip": "192.0.2.1", "user_agent": "A", "referrer": null, "total_ms": 10.0,
    });
    let fields = line.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    line.to_string()
}

fn timeout(time: &str, ip: &str) -> String {
    line(
        time,
        &json!({"outcome": "trafficback", "reason": "timeout", "click_id": null, "ip": ip, "total_ms": 500.0}),
    )
}

fn click(time: &str, id: &str) -> String {
    line(time, &json!({"click_id": id}))
}

struct Told {
    compared: Compared,
    hits: Vec<Cause>,
    rows: Vec<Cause>,
}

impl Told {
    fn seems(&self) -> Option<String> {
        self.compared.ahead.map(|ahead| ahead.to_string())
    }

    fn number(&self, cause: Cause) -> u64 {
        self.compared.tally.of(cause)
    }
}

fn compare(export: &str, zone: &str, tracker: Option<&str>, log: &[String]) -> Told {
    compare_offer(export, zone, tracker, None, log)
}

fn compare_offer(export: &str, zone: &str, tracker: Option<&str>, offer: Option<u64>, log: &[String]) -> Told {
    let name = format!("onehop-reconcile-{}-{:016x}", std::process::id(), fastrand::u64(..));
    let path = std::env::temp_dir().join(name);
    fs::write(&path, export).expect("a file");
    let asked = Asked {
        columns: Named::default(),
        zone: TimeZone::get(zone).expect("a zone"),
        order: None,
        offer,
    };
    let export = Export::open(&path, &asked).expect("an export");
    let mut reconcile = Reconcile::new(export, tracker.map(str::to_owned)).expect("rows");
    let hits = log.iter().enumerate().map(|(number, line)| {
        let line = Whole::read(line.as_bytes()).expect("a line");
        reconcile
            .add(&line, Path::new("log"), number as u64 + 1)
            .expect("a hit")
    });
    let hits: Vec<Cause> = hits.collect();
    let mut rows = Vec::new();
    let compared = reconcile.end(|cause, _| rows.push(cause)).expect("rows");
    fs::remove_file(&path).expect("a file");
    assert_eq!(compared.tally.sum(true), log.len() as u64);
    Told { compared, hits, rows }
}

#[test]
fn each_hit_and_each_click_has_its_cause() {
    use Cause::*;
    let at = |more: Value| line("2026-11-22T10:04:00.000Z", &more);
    let hits = [
        (click("2026-11-22T10:00:00.000Z", "both"), InExport),
        (click("2026-11-22T10:01:00.000Z", "both"), Repeat),
        (at(json!({"click_id": "both", "subid1": "x"})), Shared),
        (
            at(json!({"click_id": "both", "referrer": "https://r.example/"})),
            Shared,
        ),
        (click("2026-11-22T10:02:00.000Z", "here"), OnlyHere),
        (click("2026-11-22T10:03:00.000Z", "here"), Repeat),
        (click("2026-11-22T09:00:00.000Z", "early"), OutsideExport),
        (click("2026-11-22T10:04:00.000Z", "case"), InOtherLetters),
        (at(json!({"click_id": "o", "offer_id": 9})), OfferNotThere),
        (at(json!({"click_id": "t", "tracker": "other"})), OtherTracker),
        (
            at(json!({"click_id": "twice", "attempts": 2, "ip": "192.0.2.9"})),
            InExport,
        ),
        (at(json!({"outcome": "tracking", "ip": "192.0.2.8"})), TrackingLink),
        (timeout("2026-11-22T10:05:00.000Z", "192.0.2.2"), Unanswered),
        (timeout("2026-11-22T10:05:30.000Z", "192.0.2.3"), Unanswered),
        (
            at(json!({"outcome": "refused", "offer_id": null, "ip": "192.0.2.4"})),
            Unanswered,
        ),
        (at(json!({"outcome": "refused", "total_ms": 0.1})), NoClick),
        (at(json!({"outcome": "trafficback", "reason": "overcap"})), NoClick),
        (
            at(json!({"outcome": "trafficback", "reason": "timeout", "attempts": 0})),
            NoClick,
        ),
        (
            at(json!({"outcome": "unmatched", "link": null, "tracker": null})),
            NoClick,
        ),
        (at(json!({})), IdLeftOut),
    ];
    // By the clock of Moscow.
    let rows = [
        ("both,2026-11-22 13:00:01,1,192.0.2.1", InLog),
        ("both,2026-11-22 13:00:01,1,192.0.2.1", Duplicate),
        ("twice,2026-11-22 13:04:01,1,192.0.2.9", InLog),
        ("again,2026-11-22 13:04:01,1,192.0.2.9", AskedTwice),
        ("CASE ,2026-11-22 13:04:01,1,192.0.2.7", WrittenOtherwise),
        ("gone,2026-11-22 13:05:01,1,192.0.2.2", Unfollowed),
        ("more,2026-11-22 13:05:01,1,192.0.2.2", OnlyThere),
        ("much earlier,2026-11-22 12:50:01,1,192.0.2.3", OnlyThere),
        ("left,2026-11-22 13:06:01,1,192.0.2.4", Unfollowed),
        ("link,2026-11-22 13:04:01,1,192.0.2.8", Tracked),
        ("night,2026-11-23 03:00:00,1,192.0.2.1", OutsideLog),
        ("other,2026-11-22 13:04:01,77,192.0.2.1", OfferNotHere),
        (",sum,,", NoId),
    ];
    let export = rows.map(|(row, _)| row).join("\n");
    let export = format!("click_id,time,offer_id,ip\n{export}\n");
    let log: Vec<String> = hits.iter().map(|(line, _)| line.clone()).collect();
    let told = compare(&export, "Europe/Moscow", Some("main"), &log);
    let expected: Vec<Cause> = hits.iter().map(|(_, cause)| *cause).collect();
    assert_eq!(told.hits, expected);
    assert_eq!(told.rows, rows.iter().map(|(_, cause)| *cause).collect::<Vec<_>>());
    assert_eq!(told.seems(), None);
    let text = text(&told.compared);
    assert!(text.contains("(matched by offer, IP, time)"), "{text}");
    assert!(
        text.contains("such as here at 2026-11-22T10:02:00.000Z (log:5)"),
        "{text}"
    );
}

#[test]
fn without_columns_no_more_is_explained_than_calls_were_made() {
    let log = [
        timeout("2026-11-22T10:00:00.000Z", "192.0.2.1"),
        timeout("2026-11-23T10:00:00.000Z", "192.0.2.1"),
        timeout("2026-11-23T11:00:00.000Z", "192.0.2.2"),
    ];
    let told = compare(
        "clickid;date\na;2026-11-22\nb;2026-11-22\nc;2026-11-23\n",
        "UTC",
        None,
        &log,
    );
    assert_eq!(told.rows, [Cause::Unfollowed, Cause::OnlyThere, Cause::Unfollowed]);
    let certainty = told.compared.calls.certainty();
    assert!(
        certainty.starts_with("at most: as many calls of the same day"),
        "{certainty}"
    );
    let told = compare("clickid\na\nb\nc\nd\n", "UTC", None, &log);
    assert_eq!((told.number(Cause::Unfollowed), told.number(Cause::OnlyThere)), (3, 1));
}

#[test]
fn a_hidden_address_is_no_obstacle() {
    let log = [timeout("2026-11-22T10:00:00.000Z", "00c0ffee00c0ffee")];
    let told = compare(
        "clickid,time,ip,ua\na,2026-11-22 10:00:01,192.0.2.1,A\n",
        "UTC",
        None,
        &log,
    );
    assert_eq!(told.rows, [Cause::Unfollowed]);
}

#[test]
fn trackers_of_other_networks_are_found_out() {
    let log = [
        click("2026-11-22T10:00:00.000Z", "a"),
        line(
            "2026-11-22T10:00:00.000Z",
            &json!({"click_id": "b", "tracker": "second"}),
        ),
    ];
    let told = compare("clickid\na\n", "UTC", None, &log);
    assert!(text(&told.compared).contains("No click of tracker second is in the export"));
    assert!(
        compare("clickid\nx\n", "UTC", None, &log)
            .compared
            .strangers()
            .is_empty()
    );
    assert!(
        compare("clickid\na\n", "UTC", Some("main"), &log)
            .compared
            .strangers()
            .is_empty()
    );
}

#[test]
fn times_of_another_zone_are_found_out() {
    let log: Vec<String> = (0..10)
        .map(|n| click(&format!("2026-11-22T1{n}:00:00.000Z"), &format!("a{n}")))
        .collect();
    let rows: Vec<String> = (0..10).map(|n| format!("a{n},2026-11-22 {}:00:02\n", 13 + n)).collect();
    let rows = rows.concat();
    let export = format!("id клика,Дата и время\n{rows}");
    assert_eq!(compare(&export, "UTC", None, &log).seems().as_deref(), Some("UTC+3"));
    let in_capitals = export.replace('a', "A");
    assert_eq!(
        compare(&in_capitals, "UTC", None, &log).seems().as_deref(),
        Some("UTC+3")
    );
    assert_eq!(compare(&export, "Europe/Moscow", None, &log).seems(), None);
    assert_eq!(
        compare(&export, "Europe/Berlin", None, &log).seems().as_deref(),
        Some("UTC+3")
    );
}

#[test]
fn days_agree_in_their_own_zone() {
    // Each half hour has another number of clicks.
    let mut log = Vec::new();
    let zone = TimeZone::get("Europe/Moscow").expect("a zone");
    let mut days: HashMap<String, u64> = HashMap::new();
    let begin: Timestamp = "2026-11-20T00:10:00Z".parse().expect("a time");
    for half_hour in 0..48 * 5 {
        let at = begin + jiff::SignedDuration::from_mins(30 * half_hour);
        for number in 0..half_hour % 48 {
            log.push(click(&at.to_string(), &format!("{half_hour} {number}")));
            *days.entry(at.to_zoned(zone.clone()).date().to_string()).or_default() += 1;
        }
    }
    let rows: Vec<String> = days.iter().map(|(day, count)| format!("{day},{count}\n")).collect();
    let rows = rows.concat();
    let export = format!("day,clicks\n{rows}");
    let told = compare(&export, "Europe/Moscow", None, &log);
    assert_eq!((told.number(Cause::InLog), told.seems()), (log.len() as u64, None));
    let told = compare(&export, "UTC", None, &log);
    assert!(told.number(Cause::OnlyHere) > 0);
    assert_eq!(told.seems().as_deref(), Some("UTC+3"));
    assert!(text(&told.compared).contains("--zone Etc/GMT-3"));
}

#[test]
fn counts_say_as_much_as_they_can() {
    let mut log = vec![
        click("2026-11-21T23:59:59.000Z", "before"),
        click("2026-11-22T10:00:00.000Z", "a"),
        click("2026-11-22T10:00:01.000Z", "a"),
        click("2026-11-22T10:00:02.000Z", "b"),
        timeout("2026-11-22T10:00:03.000Z", "192.0.2.1"),
        click("2026-11-23T10:00:00.000Z", "c"),
        click("2026-11-23T10:00:00.000Z", "d"),
        line("2026-11-23T10:00:00.000Z", &json!({"click_id": "e", "offer_id": 9})),
    ];
    let export = "Date,Offer ID,Clicks\n2026-11-22,1,3\n2026-11-22,1,1\n2026-11-22,77,5\n2026-11-23,1,1\n2026-11-24,1,2\nTotal,,12\n";
    let told = compare(export, "UTC", None, &log);
    for (cause, number) in [
        (Cause::InExport, 3),
        (Cause::OnlyHere, 1),
        (Cause::Repeat, 1),
        (Cause::Unanswered, 1),
        (Cause::OutsideExport, 1),
        (Cause::OfferNotThere, 1),
        (Cause::InLog, 3),
        (Cause::Unfollowed, 1),
        (Cause::OnlyThere, 1),
        (Cause::OfferNotHere, 5),
        (Cause::OutsideLog, 2),
    ] {
        assert_eq!(told.number(cause), number, "{}", cause.as_str());
    }
    assert_eq!(told.compared.tally.sum(false), 12);
    let json = json(&told.compared);
    assert_eq!(json["days"][1]["theirs"], 4);
    assert_eq!(json["hits"]["repeat"]["number"], 1);
    // Nothing to read, and nothing read.
    log.clear();
    assert!(text(&compare(export, "UTC", None, &log).compared).starts_with("Log: no hits\n"));
    let empty = compare("day,clicks\n", "UTC", None, &[click("2026-11-22T10:00:00.000Z", "a")]);
    assert!(text(&empty.compared).contains("The export has no clicks."));
}

#[test]
fn what_an_export_leaves_out_is_not_here_alone() {
    let log = [
        click("2026-11-22T09:59:59.000Z", "early"),
        click("2026-11-22T10:00:00.000Z", "a"),
        click("2026-11-22T10:00:01.000Z", "lost"),
        line("2026-11-22T10:00:01.000Z", &json!({"click_id": "o", "offer_id": 9})),
        click("2026-11-22T10:01:00.000Z", "b"),
        click("2026-11-22T10:01:01.000Z", "late"),
        click("2026-11-22T10:20:00.000Z", "later"),
    ];
    let rows = "click_id,time,offer_id\na,2026-11-22 10:00:00,1\nb,2026-11-22 10:01:00,1\n";
    let told = compare(rows, "UTC", None, &log);
    let said = text(&told.compared);
    let head = "without an explanation; 1 are here alone.\nHere are also clicks that it cannot have: 1 of offers that the \
                export does not have, 1 before its first row, 2 after its last row.\n";
    assert!(said.contains(head), "{said}");
    let outside = &json(&told.compared)["hits"]["outside_export"];
    assert_eq!((&outside["before"], &outside["after"]), (&1.into(), &2.into()));
    // An answer may come a minute after the log's last hit.
    let told = compare(
        "click_id,time\na,2026-11-22 10:01:00\nb,2026-11-22 10:01:01\n",
        "UTC",
        None,
        &log[1..2],
    );
    assert_eq!(told.rows, [Cause::InLog, Cause::OutsideLog]);
    let told = compare("click_id,time\nc,2026-11-22 10:01:00\n", "UTC", None, &log[1..2]);
    assert_eq!(told.rows, [Cause::OnlyThere]);
}

#[test]
fn ids_in_other_letters_are_found() {
    let log: Vec<String> = ["ab-1", "AB-2", "aB-3", "aB-3", "lost"]
        .iter()
        .map(|id| click("2026-11-22T10:00:00.000Z", id))
        .collect();
    // By a clock that is not told, and of an offer that the log does not have.
    let rows = "click_id,time,offer_id\nAB-1,2026-11-22 13:00:00,77\nab-2,2026-11-22 13:00:00,77\n Ab-3,2026-11-22 13:00:00,77\n";
    let told = compare(rows, "UTC", None, &log);
    assert_eq!(told.rows, [Cause::WrittenOtherwise; 3]);
    let letters = Cause::InOtherLetters;
    assert_eq!(
        told.hits,
        [letters, letters, letters, Cause::Repeat, Cause::OfferNotThere]
    );
    let said = text(&told.compared);
    assert!(
        said.contains("100.0 % of the network's clicks are in the log: 3 of 3.\n0 are there alone")
            && said.contains("3 have their ids written otherwise")
            && !said.contains("No id is in both")
            && !said.contains("No click of tracker"),
        "{said}"
    );
    // Two ids that differ in letters alone are two clicks: the export has one of them.
    let log = ["ab", "Ab"].map(|id| click("2026-11-22T10:00:00.000Z", id));
    let told = compare("click_id\nAB\nAB\n", "UTC", None, &log);
    assert_eq!(told.hits, [letters, Cause::OnlyHere]);
    assert_eq!(told.rows, [Cause::WrittenOtherwise, Cause::Duplicate]);
}

#[test]
fn one_offer_is_compared_by_itself() {
    let log = [
        click("2026-11-22T10:00:00.000Z", "a"),
        line("2026-11-22T10:00:00.000Z", &json!({"click_id": "o", "offer_id": 9})),
    ];
    let rows = "click_id,offer_id\na,1\no,9\nx,9\nb,\n";
    let told = compare_offer(rows, "UTC", None, Some(1), &log);
    assert_eq!(told.hits, [Cause::InExport, Cause::OtherOffer]);
    assert_eq!(told.rows, [Cause::InLog, Cause::OnlyThere]);
    let told = compare_offer(
        "day,offer_id,clicks\n2026-11-22,1,1\n2026-11-22,9,7\n",
        "UTC",
        None,
        Some(1),
        &log,
    );
    assert_eq!(told.compared.tally.sum(false), 1);
    assert_eq!((told.number(Cause::InLog), told.number(Cause::OtherOffer)), (1, 1));
}

#[test]
fn no_terminal_obeys_an_export_or_a_log() {
    let log = [click("2026-11-22T10:00:00.000Z", "\u{1b}[31mhere")];
    let told = compare("clickid\n\u{1b}[31mthere\n", "UTC", None, &log);
    let text = text(&told.compared);
    assert!(
        text.contains("[31mhere") && text.contains("[31mthere") && !text.contains('\u{1b}'),
        "{text}"
    );
}

proptest! {
    /// Sums are whole, and what is in both is what sets say.
    #[test]
    fn every_hit_and_every_click_is_counted_once(
        hits in prop::collection::vec((0_u8..12, 0_u32..3, 0_u8..4, 0_u32..200), 0..60),
        rows in prop::collection::vec((0_u8..14, 0_u32..200), 0..60),
        has_times in any::<bool>(),
    ) {
        let time = |minute: u32| format!("2026-11-2{}T{:02}:{:02}:00Z", 2 + minute / 100, minute % 100 / 60, minute % 60);
        let log: Vec<String> = hits.iter().map(|(id, subid, kind, minute)| match kind {
            0 => timeout(&time(*minute), "192.0.2.1"),
            _ => line(&time(*minute), &json!({"click_id": id.to_string(), "subid1": subid.to_string()})),
        }).collect();
        let mut export = String::from(if has_times { "click_id,time\n" } else { "click_id\n" });
        for (id, minute) in &rows {
            let id = if *id == 13 { String::new() } else { id.to_string() };
            let row = if has_times { format!("{id},{}\n", time(*minute)) } else { format!("\"{id}\"\n") };
            export.push_str(&row);
        }
        let told = compare(&export, "UTC", None, &log);
        let here: HashSet<u8> = hits.iter().filter(|hit| hit.2 > 0).map(|hit| hit.0).collect();
        let there: HashSet<u8> = rows.iter().map(|row| row.0).filter(|id| *id != 13).collect();
        let both = here.intersection(&there).count() as u64;
        prop_assert_eq!(told.number(Cause::InExport), both);
        prop_assert_eq!(told.number(Cause::InLog), both);
        let only_here = told.number(Cause::OnlyHere) + told.number(Cause::OutsideExport);
        prop_assert_eq!(only_here, (here.len() as u64) - both);
        let clicks = hits.iter().filter(|hit| hit.2 > 0).count() as u64;
        prop_assert_eq!(told.number(Cause::Repeat) + told.number(Cause::Shared), clicks - here.len() as u64);
        let only_there = [Cause::OnlyThere, Cause::Unfollowed, Cause::OutsideLog].map(|cause| told.number(cause));
        prop_assert_eq!(only_there.iter().sum::<u64>(), there.len() as u64 - both);
        prop_assert!(told.number(Cause::Unfollowed) <= told.number(Cause::Unanswered));
        let kept = rows.iter().filter(|row| has_times || row.0 != 13).count() as u64;
        prop_assert_eq!(told.compared.tally.sum(false), kept);
        prop_assert_eq!(told.rows.len() as u64, kept);
    }
}
