//! `onehop reconcile`: what an edge wrote beside what its tracker counts.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::sync::Notify;

use crate::support::{
    Act, ClickApi, Edge, click, click_bytes, eventually,
    program::{Folder, output},
    trafficback, with_link,
};

const LINKS: &str = r#"
    [click_log]
    path = "clicks.jsonl"
    [[link]]
    at = "/go"
      [[link.offer]]
      offer_id = 1
      campaign_id = 2
      promo_id = 3
      traffic_url = "https://advertiser.example/?c={click_id}"
"#;

/// A click as the tracker has it: id, offer, IP, second since 1970, User-Agent.
type Made = (String, String, String, u64, String);

fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed();
    since.expect("it is later than 1970").as_secs()
}

/// What the command says of the log in this folder, as JSON.
fn reconcile(folder: &Folder, arguments: &[&str]) -> Value {
    let arguments = [
        &["reconcile", "--network", "network.csv", "--json", "clicks.jsonl"],
        arguments,
    ]
    .concat();
    let said = output(&arguments, folder.path());
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).expect("JSON")
}

fn number(told: &Value, side: &str, cause: &str) -> u64 {
    told[side][cause]["number"]
        .as_u64()
        .unwrap_or_else(|| panic!("{side} {cause}: {told}"))
}

/// The numbers of a side that are not 0.
fn numbers(told: &Value, side: &str) -> HashMap<String, u64> {
    let causes = told[side].as_object().expect("causes");
    let numbers = causes
        .iter()
        .map(|(cause, told)| (cause.clone(), told["number"].as_u64().expect("a number")));
    numbers.filter(|(_, number)| *number > 0).collect()
}

fn expected(numbers: &[(&str, u64)]) -> HashMap<String, u64> {
    numbers
        .iter()
        .map(|(cause, number)| ((*cause).to_owned(), *number))
        .collect()
}

/// A tracker with a list of its own: it makes a click of each visitor that it wants, and answers those of 198.51.100.x too late.
async fn tracker(list: Arc<Mutex<Vec<Made>>>, go: Arc<Notify>) -> ClickApi {
    ClickApi::start(move |call| {
        let word = |name: &str| String::from_utf8(call.parameter(name).expect("it is told")).expect("text");
        let ip = word("user_ip");
        if ip.starts_with("203.0.113.") {
            return trafficback("targeting");
        }
        let mut made = list.lock().expect("no panic");
        let known = made.iter().find(|click| click.2 == ip).map(|click| click.0.clone());
        let id = known.unwrap_or_else(|| {
            let id = format!("Click,\"{}\"", made.len());
            made.push((id.clone(), word("offer_id"), ip.clone(), now(), word("user_useragent")));
            id
        });
        if ip.starts_with("198.51.100.") {
            return Act::WaitAndSend(Arc::clone(&go), click_bytes(&id));
        }
        click(&id)
    })
    .await
}

/// A text as a field of an export.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The tracker's export: two clicks are lost in it, and two were made by others.
fn export(made: &[Made]) -> String {
    let mut rows = vec!["\u{feff}Click ID;Created At;Offer ID;IP;User Agent;Payout".to_owned()];
    let kept = made
        .iter()
        .filter(|click| click.2 != "192.0.2.7" && click.2 != "192.0.2.8");
    rows.extend(
        kept.map(|(id, offer, ip, at, user_agent)| {
            format!("{};{at};{offer};{ip};{};0,5", quoted(id), quoted(user_agent))
        }),
    );
    let at = made[13].3;
    rows.push(format!("stranger;{at};1;192.0.2.200;x;0"));
    rows.push(format!("other offer;{at};77;192.0.2.1;x;0"));
    rows.join("\r\n")
}

#[tokio::test]
async fn each_gap_between_log_and_tracker_has_the_cause_that_it_has() {
    let made: Arc<Mutex<Vec<Made>>> = Arc::default();
    let late = Arc::new(Notify::new());
    let tracker = tracker(Arc::clone(&made), Arc::clone(&late)).await;
    let folder = Folder::new();
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, LINKS).replace("500ms", "150ms"));
    let visitor = edge.visitor();
    // Ten visitors click; three of them reload, and behind the address of two others comes somebody else.
    for ip in 0..10 {
        let visitor = visitor.clone().from(&format!("192.0.2.{ip}"));
        visitor.get("/go?subid1=first").await;
        if ip < 3 {
            visitor.get("/go?subid1=first").await;
        }
        if (4..6).contains(&ip) {
            visitor.get("/go?subid1=second").await;
        }
    }
    // Four go elsewhere before the tracker answers; five are not wanted; one is nowhere.
    for ip in 0..4 {
        let answer = visitor.clone().from(&format!("198.51.100.{ip}")).get("/go").await;
        assert_eq!(answer.reason(), "timeout");
    }
    for ip in 0..5 {
        visitor.clone().from(&format!("203.0.113.{ip}")).get("/go").await;
    }
    visitor.get("/nowhere").await;
    eventually("answers that nobody waits for", async || {
        late.notify_waiters();
        edge.metric(r#"onehop_click_api_requests_total{tracker="main",result="click"} "#) >= 10
    })
    .await;
    edge.stop().await;

    let made = made.lock().expect("no panic").clone();
    assert_eq!(made.len(), 14);
    folder.write("network.csv", export(&made));
    let told = reconcile(&folder, &[]);
    let hits = [
        ("in_export", 8),
        ("repeat", 3),
        ("shared", 2),
        ("only_here", 2),
        ("unanswered", 4),
        ("no_click", 6),
    ];
    assert_eq!(numbers(&told, "hits"), expected(&hits), "{told}");
    let clicks = [
        ("in_log", 8),
        ("unfollowed", 4),
        ("only_there", 1),
        ("offer_not_here", 1),
    ];
    assert_eq!(numbers(&told, "clicks"), expected(&clicks), "{told}");
    assert_eq!(
        (&told["log"]["hits"], &told["network"]["rows"]),
        (&25.into(), &14.into())
    );
    assert_eq!(told["clicks"]["only_there"]["examples"][0]["id"], "stranger");
    let certainty = told["clicks"]["unfollowed"]["meaning"].as_str().expect("a text");
    assert!(
        certainty.contains("matched by offer, IP, User-Agent, time"),
        "{certainty}"
    );

    // The clicks of one offer are all that is looked at.
    let told_of_77 = reconcile(&folder, &["--offer", "77"]);
    assert_eq!(numbers(&told_of_77, "clicks"), expected(&[("offer_not_here", 1)]));
    assert_eq!(number(&told_of_77, "hits", "in_export"), 0);
    assert!(number(&told_of_77, "hits", "other_offer") >= 15);

    // Those of a cause, for the network's support.
    let list = |cause: &str| {
        let said = output(
            &["reconcile", "--network", "network.csv", "--list", cause, "clicks.jsonl"],
            folder.path(),
        );
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8(said.stdout).expect("text")
    };
    let lines: Vec<String> = list("only_here").lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let id = &made.iter().find(|click| click.2 == "192.0.2.7").expect("a click").0;
    assert!(
        lines[1].starts_with(&format!("{},", quoted(id))) && lines[1].contains(",1,2,clicks.jsonl:"),
        "{lines:?}"
    );
    assert_eq!(list("unfollowed").lines().count(), 5);

    // The same as counts of a day.
    let day = told["log"]["first"].as_str().expect("a time")[..10].to_owned();
    let is_one_day = told["log"]["last"].as_str().expect("a time").starts_with(&day);
    folder.write("network.csv", format!("Day\tClicks\n{day}\t13\n"));
    let told = reconcile(&folder, &[]);
    if is_one_day {
        let clicks = [("in_log", 10), ("unfollowed", 3)];
        assert_eq!(numbers(&told, "clicks"), expected(&clicks), "{told}");
        assert_eq!(number(&told, "hits", "in_export"), 10);
    }
    assert_eq!(numbers(&told, "hits").values().sum::<u64>(), 25);
    assert_eq!(numbers(&told, "clicks").values().sum::<u64>(), 13);
}

#[test]
fn what_cannot_be_compared_is_told() {
    let folder = Folder::new();
    folder.write(
        "clicks.jsonl",
        "{\"time\":\"2026-11-23T00:00:00.000Z\",\"outcome\":\"advertiser\",\"click_id\":\"a\"}\nnonsense\n",
    );
    folder.write("network.csv", "Click ID,Day\na,2026-11-23\nb,2026-11-23\n");
    folder.write("odd.csv", "\u{1b}[31mwho;what\n1;2\n");
    folder.write("days.csv", "day,clicks\n2026-11-23,2\n");
    for (arguments, status, words) in [
        (
            &["--network", "network.csv", "clicks.jsonl"][..],
            0,
            "clicks.jsonl:2: no line of a click log",
        ),
        (
            &["--network", "network.csv", "none.jsonl"],
            1,
            "none.jsonl cannot be read",
        ),
        (&["--network", "none.csv", "clicks.jsonl"], 1, "none.csv cannot be read"),
        (
            &["--network", "odd.csv", "clicks.jsonl"],
            1,
            "odd.csv:1: it has no column of click ids",
        ),
        (&["--network", "network.csv"], 1, "name a click log"),
        (&["--network", "-", "-"], 1, "not both"),
        (
            &["--network", "days.csv", "--list", "only_there", "clicks.jsonl"],
            1,
            "no click ids",
        ),
        (
            &["--network", "network.csv", "--id-column", "Id", "clicks.jsonl"],
            1,
            "no column \"Id\"",
        ),
        (&["clicks.jsonl"], 2, "--network"),
        (
            &["--network", "network.csv", "--list", "luck", "clicks.jsonl"],
            2,
            "only_here",
        ),
        (
            &["--network", "network.csv", "--zone", "Mars", "clicks.jsonl"],
            2,
            "no time zone",
        ),
    ] {
        let said = output(&[&["reconcile"], arguments].concat(), folder.path());
        let complaint = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(status), "{arguments:?}: {complaint}");
        assert!(complaint.contains(words), "{arguments:?}: {complaint}");
        assert!(!complaint.contains('\u{1b}'), "{complaint}");
    }
    let said = output(
        &["reconcile", "--network", "network.csv", "clicks.jsonl"],
        folder.path(),
    );
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(
        text.contains("50.0 % of the network's clicks are in the log: 1 of 2."),
        "{text}"
    );
}
