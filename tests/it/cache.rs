//! Clicks that are had already, and calls that are shared.

use std::sync::Arc;

use tokio::{sync::Notify, task::JoinSet};

use crate::connections::{ask, http2};
use crate::support::{Act, ClickApi, Edge, click, click_api::answer, click_bytes, one_link, trafficback, with_link};

/// A click of its own for each call.
async fn numbered() -> ClickApi {
    ClickApi::start(|call| click(&call.number.to_string())).await
}

#[tokio::test]
async fn the_same_visitor_has_the_same_click() {
    let tracker = numbered().await;
    let edge = Edge::start(&one_link(&tracker));
    let visitor = edge.visitor();
    let first = visitor.get("/go?subid1=a").await.location().to_owned();
    assert_eq!(visitor.get("/go?subid1=b").await.location(), first);
    assert_eq!(visitor.clone().host("other.example").get("/go").await.location(), first);
    assert_eq!(tracker.calls().len(), 1);
    let metric = |result| edge.metric(&format!(r#"onehop_click_cache_total{{result="{result}"}} "#));
    assert_eq!((metric("miss"), metric("hit")), (1, 2));
    assert_eq!(edge.metric(r#"onehop_click_api_seconds_count{tracker="main"} "#), 1);
    assert_eq!(edge.metric(r#"onehop_hit_seconds_count{outcome="advertiser"} "#), 3);
}

#[tokio::test]
async fn another_visitor_has_another() {
    let tracker = numbered().await;
    let edge = Edge::start(&one_link(&tracker));
    let visitor = edge.visitor();
    visitor.get("/go").await;
    visitor.clone().from("192.0.2.2").get("/go").await;
    visitor
        .clone()
        .user_agent("Mozilla/5.0 (X11; Linux x86_64) ")
        .get("/go")
        .await;
    visitor
        .clone()
        .user_agent("Mozilla/5.0 (x11; Linux x86_64)")
        .get("/go")
        .await;
    visitor.clone().from("::ffff:192.0.2.1").get("/go").await;
    assert_eq!(
        tracker.calls().len(),
        3,
        "white space around a value and the writing of an address are none"
    );
}

#[tokio::test]
async fn offers_do_not_share_clicks_and_promos_do() {
    let offer = |at: &str, offer: u32, campaign: u32, promo: u32| {
        format!(
            r#"
            [[link]]
            at = "{at}"
              [[link.offer]]
              offer_id = {offer}
              campaign_id = {campaign}
              promo_id = {promo}
              traffic_url = "https://advertiser.example/?c={{click_id}}"
            "#
        )
    };
    let links = [
        offer("/a", 1, 23, 1),
        offer("/b", 12, 3, 1),
        offer("/c", 1, 3, 1),
        offer("/d", 1, 3, 2),
    ];
    let tracker = numbered().await;
    let edge = Edge::start(&with_link(&tracker, &links.concat()));
    let mut locations = Vec::new();
    for path in ["/a", "/b", "/c", "/d"] {
        locations.push(edge.visitor().get(path).await.location().to_owned());
    }
    assert_eq!(tracker.calls().len(), 3);
    assert_eq!(locations[2], locations[3], "the tracker's own key has no promo");
}

#[tokio::test]
async fn trackers_do_not_share_clicks() {
    let links: String = ["main", "other"]
        .map(|tracker| {
            format!(
                r#"
                [[link]]
                at = "/{tracker}"
                tracker = "{tracker}"
                  [[link.offer]]
                  offer_id = 1
                  campaign_id = 2
                  promo_id = 3
                  traffic_url = "https://advertiser.example/?c={{click_id}}"
                "#
            )
        })
        .concat();
    let main = ClickApi::always(click("of-main")).await;
    let other = ClickApi::always(click("of-other")).await;
    let second = format!("[tracker.other]\nurl = \"{}\"\nsecure_key = \"k\"\n", other.url());
    let edge = Edge::start(&(with_link(&main, &links) + &second));
    for _ in 0..2 {
        for tracker in ["main", "other"] {
            let answer = edge.visitor().get(&format!("/{tracker}")).await;
            assert!(
                answer.location().ends_with(&format!("=of-{tracker}")),
                "{}",
                answer.head
            );
        }
    }
    assert_eq!((main.calls().len(), other.calls().len()), (1, 1));
}

#[tokio::test]
async fn only_clicks_are_kept() {
    for act in [
        trafficback("targeting"),
        Act::Send(answer(404, "")),
        Act::Send(answer(200, "x")),
    ] {
        let tracker = ClickApi::start(move |call| if call.number == 0 { act.clone() } else { click("1") }).await;
        let edge = Edge::start(&one_link(&tracker));
        edge.visitor().get("/go").await.reason();
        assert!(edge.visitor().get("/go").await.location().ends_with("=1"));
    }
}

#[tokio::test]
async fn lifetimes() {
    let existing = r#"{"status":"success","data":{"click_id":"a","exists":true}}"#;
    for (settings, act, calls) in [
        ("ttl = \"0s\"", click("1"), 2),
        ("ttl = \"0s\"", Act::Send(answer(200, existing)), 2),
        ("ttl_when_exists = \"0s\"", click("1"), 1),
        ("ttl_when_exists = \"0s\"", Act::Send(answer(200, existing)), 2),
        ("ttl_when_exists = \"60s\"", Act::Send(answer(200, existing)), 1),
        ("cache_entries = 0", click("1"), 2),
    ] {
        let tracker = ClickApi::always(act).await;
        let edge = Edge::start(&one_link(&tracker).replace("[click]", &format!("[click]\n{settings}")));
        edge.visitor().get("/go").await.location();
        edge.visitor().get("/go").await.location();
        assert_eq!(tracker.calls().len(), calls, "{settings}");
    }
}

#[tokio::test]
async fn a_thousand_hits_at_once_make_one_call() {
    let go = Arc::new(Notify::new());
    let bytes = click_bytes("shared");
    let tracker = ClickApi::always(Act::WaitAndSend(Arc::clone(&go), bytes)).await;
    let edge = Edge::start(&one_link(&tracker).replace("500ms", "20s"));
    let visitor = edge.visitor().without("X-Forwarded-For");
    // The first of them makes the call, and goes away.
    let first = visitor.send("/go").await;
    tracker.called(1).await;
    drop(first);
    let mut hits = JoinSet::new();
    for _ in 0..20 {
        let sender = http2(&edge).await;
        for _ in 0..50 {
            let mut sender = sender.clone();
            hits.spawn(async move { ask(&mut sender, "GET", "/go", "Mozilla/5.0 (X11; Linux x86_64)").await });
        }
        // Streams are taken in their order: when this one is answered, those before it wait for the tracker.
        assert_eq!(
            ask(&mut sender.clone(), "GET", "/none", "Mozilla/5.0").await.status(),
            404
        );
    }
    go.notify_one();
    while let Some(answer) = hits.join_next().await {
        let answer = answer.expect("no panic");
        assert_eq!(
            answer.headers()["location"],
            "https://advertiser.example/?click_id=shared"
        );
    }
    assert_eq!(tracker.calls().len(), 1);
    assert_eq!(edge.metric(r#"onehop_click_cache_total{result="joined"} "#), 1000);
}
