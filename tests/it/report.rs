//! `onehop report`: what an edge wrote, counted.

use std::process::Output;

use serde_json::Value;

use crate::support::{
    ClickApi, Edge, click,
    program::{Folder, output},
    trafficback, with_link,
};

const LINKS: &str = r#"
    [click_log]
    path = "clicks.jsonl"
    [[link]]
    at = "go.example.com/go"
      [[link.offer]]
      name = "first"
      offer_id = 1
      campaign_id = 2
      promo_id = 3
      traffic_url = "https://advertiser.example/?c={click_id}"
"#;

fn told(said: &Output) -> String {
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout.clone()).expect("text")
}

#[tokio::test]
async fn the_sums_of_a_report_are_those_of_the_visitors() {
    let tracker = ClickApi::start(|call| {
        if call.number < 20 {
            click(&format!("click {}", call.number))
        } else {
            trafficback("overcap")
        }
    })
    .await;
    let folder = Folder::new();
    let configuration = with_link(&tracker, LINKS);
    let edge = Edge::start_in(folder.path(), &configuration);
    let visitor = edge.visitor();
    let (mut to_advertiser, mut back) = (0, 0);
    for number in 0..30 {
        for _ in 0..2 {
            let answer = visitor.clone().from(&format!("192.0.2.{number}")).get("/go").await;
            if answer.location().starts_with("https://advertiser.example/") {
                to_advertiser += 1;
            } else {
                back += 1;
            }
        }
    }
    visitor.get("/none").await;
    edge.stop().await;

    let report: Value =
        serde_json::from_str(&told(&output(&["report", "--json", "clicks.jsonl"], folder.path()))).expect("JSON");
    let all = &report["all"];
    assert_eq!(all["hits"], 61);
    assert_eq!(
        (&all["advertiser"], &all["trafficback"]),
        (&to_advertiser.into(), &back.into())
    );
    assert_eq!(
        (&all["clicks"], &all["repeats"], &all["unmatched"]),
        (&20.into(), &20.into(), &1.into())
    );
    assert_eq!(report["by"]["offer"][0]["name"], "first");
    assert_eq!(report["by"]["reason"][0]["name"], "advertiser");

    // The configuration names the log, and a table is for a person.
    folder.write("onehop.toml", configuration);
    let table = told(&output(&["report", "--by", "link", "--top", "1"], folder.path()));
    assert!(table.contains("go.example.com/go  ████"), "{table}");
    let csv = told(&output(
        &["report", "--csv", "--by", "offer", "clicks.jsonl"],
        folder.path(),
    ));
    assert!(csv.contains("offer,\"first\",60,40,20,false,20,20,"), "{csv}");
}

#[test]
fn what_is_no_click_log_is_told() {
    let folder = Folder::new();
    folder.write(
        "some.jsonl",
        "{\"time\":\"2026-11-23T00:00:00.000Z\",\"outcome\":\"refused\"}\n\nnonsense\n{}\n",
    );
    let said = output(&["report", "some.jsonl", "none.jsonl"], folder.path());
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(1));
    assert!(
        complaint.contains("some.jsonl:3: no line of a click log"),
        "{complaint}"
    );
    assert!(
        complaint.contains("some.jsonl:4: no line of a click log"),
        "{complaint}"
    );
    assert!(complaint.contains("none.jsonl cannot be read"), "{complaint}");
    assert!(String::from_utf8_lossy(&said.stdout).contains("Hits from 2026-11-23"));
    let said = output(&["report"], folder.path());
    assert!(String::from_utf8_lossy(&said.stderr).contains("name a click log"));
    assert_eq!(
        output(&["report", "--zone", "Mars"], folder.path()).status.code(),
        Some(2)
    );
}
