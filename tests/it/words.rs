//! What a tracker says of an offer to everyone is asked for once, not by each visitor.

use std::sync::Arc;

use tokio::{sync::Notify, task::JoinSet};

use crate::support::{
    Act, ClickApi, Edge, click,
    click_api::{Call, answer, error},
    click_bytes, eventually, one_link,
    program::Folder,
    trafficback, with_link,
};

/// One link, and for how long words are kept.
fn keeping(tracker: &ClickApi, ttl: &str) -> String {
    one_link(tracker).replace("[click]", &format!("[click]\noffer_ttl = \"{ttl}\""))
}

fn rejected(field: &str) -> Act {
    error(400, &format!("Field request.{field} is not valid"))
}

#[tokio::test]
async fn what_holds_for_everyone_is_asked_once_and_the_rest_by_each() {
    for (answer, reason, calls) in [
        (trafficback("overcap"), "overcap", 1),
        (trafficback("offer_inactive"), "offer_inactive", 1),
        (trafficback("campaign_inactive"), "campaign_inactive", 1),
        (rejected("offer_id"), "rejected", 1),
        (error(403, "Click api disabled for this offer"), "denied", 1),
        (trafficback("targeting"), "targeting", 5),
        (trafficback("something new"), "other", 5),
        (rejected("user_useragent"), "rejected", 5),
        (rejected("user_referrer"), "rejected", 5),
        (Act::Send(answer(403, "<html>a firewall's page</html>")), "denied", 5),
        (error(404, "x"), "tracker_error", 5),
    ] {
        let tracker = ClickApi::start(move |_| answer.clone()).await;
        let edge = Edge::start(&keeping(&tracker, "10m"));
        for number in 1..=5 {
            let visitor = edge.visitor().from(&format!("192.0.2.{number}"));
            assert_eq!(visitor.get("/go").await.reason(), reason);
        }
        assert_eq!(tracker.calls().len(), calls, "{reason}");
        let said = edge.metric(r#"onehop_click_cache_total{result="offer"} "#);
        assert_eq!(said, 5 - calls as u64, "{reason}");
    }
}

#[tokio::test]
async fn a_visitor_with_a_click_keeps_it_when_the_cap_is_reached() {
    let tracker = ClickApi::start(|call| {
        if call.number == 0 {
            click("1")
        } else {
            trafficback("overcap")
        }
    })
    .await;
    let edge = Edge::start(&keeping(&tracker, "10m"));
    let first = edge.visitor();
    let location = first.get("/go").await.location().to_owned();
    let second = first.clone().from("192.0.2.2");
    assert_eq!(second.get("/go").await.reason(), "overcap");
    assert_eq!(first.get("/go").await.location(), location);
}

#[tokio::test]
async fn the_next_offer_is_tried_at_once() {
    let script = |call: &Call| match call.parameter("offer_id").as_deref() {
        Some(b"1") => trafficback("overcap"),
        _ => click(&call.number.to_string()),
    };
    let tracker = ClickApi::start(script).await;
    let offer = |id: u32| {
        format!(
            "[[link.offer]]\noffer_id = {id}\ncampaign_id = 2\npromo_id = 3\ntraffic_url = \"https://advertiser.example/{id}?c={{click_id}}\"\n"
        )
    };
    let folder = Folder::new();
    let links = format!(
        "[click_log]\npath = \"clicks.jsonl\"\n[[link]]\nat = \"/go\"\n{}{}",
        offer(1),
        offer(2)
    );
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, &links));
    for number in 1..=3 {
        let answer = edge.visitor().from(&format!("192.0.2.{number}")).get("/go").await;
        assert!(answer.location().starts_with("https://advertiser.example/2?c="));
    }
    assert_eq!(tracker.calls().len(), 4);
    assert_eq!(edge.metric(r#"onehop_click_cache_total{result="offer"} "#), 2);
    edge.stop().await;
    let attempts: Vec<_> = folder
        .read("clicks.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["attempts"].as_u64())
        .collect();
    assert_eq!(attempts, [Some(2), Some(1), Some(1)]);
}

#[tokio::test]
async fn after_its_time_one_asks_and_the_others_go_by_the_old_word() {
    let gate = Arc::new(Notify::new());
    let waits = Arc::clone(&gate);
    let tracker = ClickApi::start(move |call| match call.number {
        0 => trafficback("overcap"),
        1 => Act::WaitAndSend(Arc::clone(&waits), click_bytes("again")),
        n => click(&n.to_string()),
    })
    .await;
    let configuration = keeping(&tracker, "1ms").replace("deadline = \"500ms\"", "deadline = \"20s\"");
    let edge = Edge::start(&configuration);
    let visitor = |number: u32| edge.visitor().from(&format!("192.0.2.{number}"));
    assert_eq!(visitor(0).get("/go").await.reason(), "overcap");
    // Once the word is over, one hit asks; the tracker takes its time.
    let (mut hits, mut number) = (JoinSet::new(), 0);
    eventually("a second call", async || {
        number += 1;
        let visitor = visitor(number);
        hits.spawn(async move { visitor.get("/go").await.location().to_owned() });
        tracker.calls().len() == 2
    })
    .await;
    for number in 200..210 {
        assert_eq!(visitor(number).get("/go").await.reason(), "overcap");
    }
    assert_eq!(tracker.calls().len(), 2);
    gate.notify_one();
    let mut clicks = Vec::new();
    while let Some(location) = hits.join_next().await {
        let location = location.expect("no panic");
        if location != "https://back.example/?why=overcap" {
            clicks.push(location);
        }
    }
    assert_eq!(clicks, ["https://advertiser.example/?click_id=again"]);
    // The offer is to be had again, by everyone.
    let next = visitor(210).get("/go").await.location().to_owned();
    assert_eq!(next, "https://advertiser.example/?click_id=2");
}

#[tokio::test]
async fn a_capped_offer_costs_few_calls_whoever_comes() {
    let tracker = ClickApi::start(|_| trafficback("overcap")).await;
    let edge = Edge::start(&keeping(&tracker, "10m"));
    assert_eq!(edge.visitor().get("/go").await.reason(), "overcap");
    let mut hits = JoinSet::new();
    for worker in 0..20 {
        let visitor = edge.visitor();
        hits.spawn(async move {
            for number in 0..50 {
                let visitor = visitor.clone().from(&format!("198.51.{worker}.{number}"));
                assert_eq!(visitor.get("/go").await.reason(), "overcap");
            }
        });
    }
    while let Some(done) = hits.join_next().await {
        done.expect("no panic");
    }
    assert_eq!(tracker.calls().len(), 1);
}

#[tokio::test]
async fn with_zero_everyone_asks() {
    let tracker = ClickApi::start(|_| trafficback("overcap")).await;
    let edge = Edge::start(&keeping(&tracker, "0s"));
    for number in 1..=3 {
        edge.visitor()
            .from(&format!("192.0.2.{number}"))
            .get("/go")
            .await
            .reason();
    }
    assert_eq!(tracker.calls().len(), 3);
}
