//! A tracker that fails at everything is left alone, and found again when it is back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinSet;

use crate::support::{Act, ClickApi, Edge, click, click_api::error, eventually, one_link, program::Folder};

const OPEN: &str = r#"onehop_click_api_breaker{tracker="main",state="open"} "#;
const CLOSED: &str = r#"onehop_click_api_breaker{tracker="main",state="closed"} "#;
const SPARED: &str = r#"onehop_click_api_spared_total{tracker="main",by="breaker"} "#;

/// Hits of so many visitors at once, none of whom came before; their reasons, and the longest that one took.
async fn hits(edge: &Edge, round: usize, visitors: usize) -> (Vec<String>, Duration) {
    let mut hits = JoinSet::new();
    for number in 0..visitors {
        let visitor = edge.visitor().from(&format!("2001:db8::{round:x}:{number:x}"));
        hits.spawn(async move {
            let answer = visitor.get("/go").await;
            (answer.location().to_owned(), answer.took)
        });
    }
    let ended = hits.join_all().await;
    let longest = ended.iter().map(|(_, took)| *took).max().unwrap_or_default();
    (ended.into_iter().map(|(location, _)| location).collect(), longest)
}

#[tokio::test]
async fn one_that_fails_at_everything_is_left_alone_until_it_is_back() {
    for (fault, back) in [
        (error(500, "x"), "https://back.example/?why=tracker_error"),
        (Act::Reset, "https://back.example/?why=unreachable"),
        (Act::SendAndHang(Vec::new()), "https://back.example/?why=timeout"),
    ] {
        let folder = Folder::new();
        let is_down = Arc::new(AtomicBool::new(true));
        let down = Arc::clone(&is_down);
        let script = move |_: &_| {
            if down.load(Ordering::SeqCst) {
                fault.clone()
            } else {
                click("1")
            }
        };
        let tracker = ClickApi::start(script).await;
        let configuration = one_link(&tracker) + "\n[click_log]\npath = \"clicks.jsonl\"\n";
        let edge = Edge::start_in(folder.path(), &configuration);
        assert_eq!(edge.metric(CLOSED), 1);
        let mut round = 0;
        while edge.metric(OPEN) == 0 {
            let (ends, _) = hits(&edge, round, 20).await;
            assert!(ends.iter().all(|end| end == back), "{ends:?}");
            round += 1;
            assert!(round < 500, "it does not open");
        }
        let before = tracker.calls().len();
        let mut asked = 0;
        for _ in 0..5 {
            round += 1;
            let (ends, _) = hits(&edge, round, 50).await;
            assert!(ends.iter().all(|end| end == back), "{ends:?}");
            asked = tracker.calls().len() - before;
        }
        assert!(asked <= 3, "{asked}");
        assert!(edge.metric(SPARED) >= 240, "{}", edge.metric(SPARED));

        is_down.store(false, Ordering::SeqCst);
        eventually("it is found again", async || {
            round += 1;
            hits(&edge, round, 1).await;
            edge.metric(CLOSED) == 1
        })
        .await;
        let (ends, _) = hits(&edge, round + 1, 50).await;
        assert!(ends.iter().all(|end| end.ends_with("click_id=1")), "{ends:?}");
        edge.stop().await;
        let log = std::fs::read_to_string(folder.path().join("clicks.jsonl")).expect("a log");
        let spared = log
            .lines()
            .filter(|line| line.contains("\"spared\":\"breaker\""))
            .count();
        assert!(spared >= 240, "{spared}");
        assert!(
            log.lines()
                .any(|line| line.contains("\"attempts\":0") && line.contains("\"spared\""))
        );
    }
}

#[tokio::test]
async fn one_that_gives_a_click_now_and_then_is_asked() {
    let script = |call: &crate::support::click_api::Call| {
        if call.number % 40 == 39 {
            click("1")
        } else {
            error(500, "x")
        }
    };
    let tracker = ClickApi::start(script).await;
    let edge = Edge::start(&one_link(&tracker));
    let began = std::time::Instant::now();
    let mut round = 0;
    while began.elapsed() < Duration::from_millis(1500) {
        hits(&edge, round, 20).await;
        round += 1;
    }
    assert!(tracker.calls().len() > 400, "{}", tracker.calls().len());
    assert_eq!((edge.metric(CLOSED), edge.metric(SPARED)), (1, 0));
}
