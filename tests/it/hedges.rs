//! A second request beside one that is slow: who gets whose answer, how many there are, and what becomes of the loser.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use crate::support::{
    Act, ClickApi, DEADLINE_MS, Edge, click,
    click_api::{Call, error},
    click_bytes, eventually, one_link,
    program::Folder,
    trafficback,
};

/// One link, and when a second request goes out.
fn hedging(tracker: &ClickApi, after: &str) -> String {
    one_link(tracker).replace("[click]", &format!("[click]\nhedge_after = \"{after}\""))
}

/// An edge whose tracker does the first thing first, and the second from then on.
async fn edge(first: Act, then: Act, after: &str) -> (ClickApi, Edge) {
    let script = move |call: &Call| if call.number == 0 { first.clone() } else { then.clone() };
    let tracker = ClickApi::start(script).await;
    let edge = Edge::start(&hedging(&tracker, after));
    (tracker, edge)
}

/// A click whose last byte comes after so many milliseconds.
fn late(id: &str, millis: u64) -> Act {
    let bytes = click_bytes(id);
    let (head, last) = bytes.split_at(bytes.len() - 1);
    Act::Drip(head.to_vec(), last.to_vec(), Duration::from_millis(millis))
}

fn hedges(edge: &Edge) -> u64 {
    edge.metric(r#"onehop_click_api_attempts_total{tracker="main",kind="hedge"} "#)
}

fn won(edge: &Edge) -> u64 {
    edge.metric(r#"onehop_click_api_hedges_won_total{tracker="main"} "#)
}

fn is_stopped(edge: &Edge) -> bool {
    edge.metric(r#"onehop_click_api_hedging_stopped{tracker="main"} "#) == 1
}

#[tokio::test]
async fn the_second_request_goes_out_on_another_connection_and_wins() {
    for then in [click("1"), trafficback("targeting"), error(403, "x")] {
        let go = Arc::new(Notify::new());
        let first = Act::WaitAndSend(Arc::clone(&go), click_bytes("1"));
        let (tracker, edge) = edge(first, then, "50ms").await;
        let answer = edge.visitor().get("/go").await;
        assert!(!answer.location().contains("timeout"), "{}", answer.location());
        assert!(
            answer.took < Duration::from_millis(DEADLINE_MS / 2),
            "{:?}",
            answer.took
        );
        assert_eq!((tracker.calls().len(), tracker.connections()), (2, 2));
        assert_eq!((hedges(&edge), won(&edge)), (1, 1));
        let targets: Vec<_> = tracker.calls().iter().map(|call| call.target().to_owned()).collect();
        assert_eq!(targets[0], targets[1]);
        go.notify_one();
    }
}

#[tokio::test]
async fn the_first_may_still_be_the_quicker() {
    let (go, late) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let first = Act::WaitAndSend(Arc::clone(&go), click_bytes("1"));
    let (tracker, edge) = edge(first, Act::WaitAndSend(Arc::clone(&late), click_bytes("1")), "50ms").await;
    let visitor = edge.visitor();
    let asking = tokio::spawn(async move { visitor.get("/go").await });
    tracker.called(2).await;
    go.notify_one();
    let answer = asking.await.expect("an answer");
    assert_eq!(answer.location(), "https://advertiser.example/?click_id=1");
    assert_eq!((hedges(&edge), won(&edge)), (1, 0));
    late.notify_one();
}

#[tokio::test]
async fn a_second_that_fails_does_not_end_the_first() {
    for then in [Act::Close, error(500, "x"), Act::SendAndClose(b"junk\r\n\r\n".to_vec())] {
        let go = Arc::new(Notify::new());
        let first = Act::WaitAndSend(Arc::clone(&go), click_bytes("1"));
        let (tracker, edge) = edge(first, then, "50ms").await;
        let visitor = edge.visitor();
        let asking = tokio::spawn(async move { visitor.get("/go").await });
        tracker.called(2).await;
        go.notify_one();
        let answer = asking.await.expect("an answer");
        assert_eq!(answer.location(), "https://advertiser.example/?click_id=1");
        assert_eq!(tracker.calls().len(), 2);
    }
}

#[tokio::test]
async fn two_clicks_of_one_visitor_end_it() {
    let go = Arc::new(Notify::new());
    let first = Act::WaitAndSend(Arc::clone(&go), click_bytes("one"));
    let script = move |call: &Call| match call.number {
        0 => first.clone(),
        // The next slow one.
        2 => late("other", 100),
        _ => click("other"),
    };
    let tracker = ClickApi::start(script).await;
    let edge = Edge::start(&hedging(&tracker, "50ms"));
    assert!(edge.visitor().get("/go").await.location().ends_with("=other"));
    assert!(!is_stopped(&edge));
    go.notify_one();
    eventually("the two are compared", async || is_stopped(&edge)).await;
    let visitor = edge.visitor().from("192.0.2.77");
    assert!(visitor.get("/go").await.location().ends_with("=other"));
    assert_eq!((tracker.calls().len(), hedges(&edge)), (3, 1));
}

#[tokio::test]
async fn the_same_click_twice_is_as_it_should_be() {
    let go = Arc::new(Notify::new());
    let first = Act::WaitAndSend(Arc::clone(&go), click_bytes("one"));
    let (tracker, edge) = edge(first, click("one"), "50ms").await;
    assert!(edge.visitor().get("/go").await.location().ends_with("=one"));
    go.notify_one();
    // The connection of the loser is kept once its answer has been read: two visitors at a time need no third one.
    let idle = r#"onehop_click_api_in_flight{tracker="main"} "#;
    eventually("the loser has ended", async || edge.metric(idle) == 0).await;
    assert!(!is_stopped(&edge));
    assert_eq!(tracker.connections(), 2);
}

#[tokio::test]
async fn off_sends_one_request() {
    let (tracker, edge) = edge(Act::SendAndHang(Vec::new()), click("1"), "off").await;
    assert_eq!(edge.visitor().get("/go").await.reason(), "timeout");
    assert_eq!((tracker.calls().len(), hedges(&edge)), (1, 0));
}

#[tokio::test]
async fn auto_waits_until_it_knows_the_tracker() {
    const KNOWN: usize = 65;
    let script = |call: &Call| match call.number {
        0 | KNOWN => Act::SendAndHang(Vec::new()),
        _ => click("1"),
    };
    let tracker = ClickApi::start(script).await;
    let edge = Edge::start(&one_link(&tracker));
    let from = |number: usize| edge.visitor().from(&format!("192.0.2.{number}"));
    assert_eq!(from(0).get("/go").await.reason(), "timeout");
    assert_eq!(tracker.calls().len(), 1, "nothing is known yet");
    for number in 1..KNOWN {
        assert!(from(number).get("/go").await.location().ends_with("=1"));
    }
    let answer = from(KNOWN).get("/go").await;
    assert!(answer.location().ends_with("=1"));
    assert!(answer.took < Duration::from_millis(DEADLINE_MS), "{:?}", answer.took);
    assert_eq!((hedges(&edge), won(&edge)), (1, 1));
}

#[tokio::test]
async fn an_attempt_that_hangs_leaves_time_for_a_next_one() {
    const KNOWN: usize = 70;
    let script = |call: &Call| match call.number {
        KNOWN => Act::SendAndHang(Vec::new()),
        _ => click("1"),
    };
    let tracker = ClickApi::start(script).await;
    let edge = Edge::start(&hedging(&tracker, "off"));
    for number in 0..=KNOWN {
        let answer = edge.visitor().from(&format!("192.0.2.{number}")).get("/go").await;
        assert!(answer.location().ends_with("=1"), "{number}");
        assert!(answer.took < Duration::from_millis(DEADLINE_MS), "{:?}", answer.took);
    }
    assert_eq!(tracker.calls().len(), KNOWN + 2);
}

#[tokio::test]
async fn a_slow_tracker_sees_few_second_requests() {
    const HITS: u64 = 60;
    let tracker = ClickApi::always(late("1", 60)).await;
    let edge = Edge::start(&hedging(&tracker, "20ms"));
    for number in 0..HITS {
        let visitor = edge.visitor().from(&format!("192.0.2.{number}"));
        assert!(visitor.get("/go").await.location().ends_with("=1"));
    }
    // Ten to begin with, and a twentieth of the calls.
    let hedges = hedges(&edge);
    assert!((10..=10 + HITS / 20 + 1).contains(&hedges), "{hedges}");
}

#[tokio::test]
async fn the_log_says_what_became_of_it() {
    let folder = Folder::new();
    let script = |call: &Call| match call.number {
        0 => Act::SendAndHang(Vec::new()),
        _ => click("1"),
    };
    let tracker = ClickApi::start(script).await;
    let configuration = hedging(&tracker, "50ms") + "\n[click_log]\npath = \"clicks.jsonl\"\n";
    let edge = Edge::start_in(folder.path(), &configuration);
    edge.visitor().get("/go").await;
    edge.visitor().from("192.0.2.9").get("/go").await;
    edge.stop().await;
    let text = std::fs::read_to_string(folder.path().join("clicks.jsonl")).expect("a log");
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!((&lines[0]["attempts"], &lines[0]["hedge"]), (&2.into(), &"won".into()));
    assert_eq!(
        (&lines[1]["attempts"], &lines[1]["hedge"]),
        (&1.into(), &serde_json::Value::Null)
    );
}
