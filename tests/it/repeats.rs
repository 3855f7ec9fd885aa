//! A call that failed is repeated where that may help, within the visitor's time and the tracker's measure.

use std::time::Duration;

use crate::support::{
    Act, ClickApi, DEADLINE_MS, Edge, Visitor, click,
    click_api::{answer, error},
    one_link, trafficback,
};

/// An edge whose tracker acts so at first, and then gives clicks; and how often it was asked.
async fn after(acts: Vec<Act>) -> (ClickApi, Edge) {
    let tracker = ClickApi::start(move |call| acts.get(call.number).cloned().unwrap_or_else(|| click("1"))).await;
    let edge = Edge::start(&one_link(&tracker));
    (tracker, edge)
}

/// A status with a header more.
fn status(code: u16, header: &str) -> Act {
    let Act::Send(bytes) = Act::Send(answer(code, "{}")) else {
        unreachable!("an answer is sent")
    };
    let text = String::from_utf8(bytes).expect("ASCII");
    Act::Send(text.replacen("\r\n", &format!("\r\n{header}\r\n"), 1).into_bytes())
}

#[tokio::test]
async fn what_a_repeat_may_help() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    for (what, acts, calls) in [
        ("500", vec![error(500, "x")], 2),
        ("503 twice", vec![error(503, "x"), error(503, "x")], 3),
        ("a page of a balancer", vec![Act::Send(answer(502, "<html>"))], 2),
        (
            "500 told over 200",
            vec![Act::Send(answer(200, r#"{"status":"error","code":500}"#))],
            2,
        ),
        ("closed", vec![Act::Close], 2),
        ("reset", vec![Act::Reset], 2),
        ("cut short", vec![Act::SendAndClose(short)], 2),
        ("429", vec![status(429, "x: y")], 2),
        ("429, at once", vec![status(429, "retry-after: 0")], 2),
        (
            "429, by a date, which is not read",
            vec![status(429, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT")],
            2,
        ),
    ] {
        let (tracker, edge) = after(acts).await;
        let got = edge.visitor().get("/go").await;
        assert_eq!(got.location(), "https://advertiser.example/?click_id=1", "{what}");
        assert_eq!(tracker.calls().len(), calls, "{what}");
        let targets: Vec<_> = tracker.calls().iter().map(|call| call.target().to_owned()).collect();
        assert!(
            targets.iter().all(|target| *target == targets[0]),
            "{what}: the same request"
        );
        let asked = edge.metric(r#"onehop_click_api_requests_total{tracker="main",result="click"} "#);
        assert_eq!(asked, 1, "{what}: one call, whatever its attempts");
    }
}

#[tokio::test]
async fn what_no_repeat_helps() {
    for (act, reason) in [
        (trafficback("targeting"), "targeting"),
        (error(400, "x"), "rejected"),
        (error(403, "x"), "denied"),
        (Act::Send(answer(404, "x")), "tracker_error"),
        (Act::Send(answer(200, "x")), "bad_answer"),
        (Act::SendAndClose(b"SSH-2.0-OpenSSH_9\r\n".to_vec()), "bad_answer"),
        // Longer than the visitor's time.
        (status(429, "retry-after: 1"), "tracker_error"),
        (status(503, "retry-after: 18446744073709551615"), "tracker_error"),
        (status(503, "retry-after: 99999999999999999999"), "tracker_error"),
    ] {
        let (tracker, edge) = after(vec![act]).await;
        assert_eq!(edge.visitor().get("/go").await.reason(), reason);
        assert_eq!(tracker.calls().len(), 1, "{reason}");
    }
}

#[tokio::test]
async fn three_attempts_and_no_more() {
    let tracker = ClickApi::always(error(500, "x")).await;
    let edge = Edge::start(&one_link(&tracker));
    let answer = edge.visitor().get("/go").await;
    assert_eq!(answer.reason(), "tracker_error");
    assert_eq!(tracker.calls().len(), 3);
    assert!(answer.took < Duration::from_millis(DEADLINE_MS), "{:?}", answer.took);
}

#[tokio::test]
async fn repeats_take_nothing_from_the_deadline() {
    // Each attempt takes most of the time, so that a repeat does not end in it.
    let Act::Send(failure) = error(500, "x") else {
        unreachable!("an error is sent")
    };
    let (head, last) = failure.split_at(failure.len() - 1);
    let slow = Act::Drip(head.to_vec(), last.to_vec(), Duration::from_millis(DEADLINE_MS * 3 / 5));
    let tracker = ClickApi::always(slow).await;
    let edge = Edge::start(&one_link(&tracker));
    let answer = edge.visitor().get("/go").await;
    assert_eq!(answer.reason(), "timeout");
    assert!(
        answer.took <= Duration::from_millis(DEADLINE_MS + 100),
        "{:?}",
        answer.took
    );
    assert_eq!(tracker.calls().len(), 2);
}

#[tokio::test]
async fn a_tracker_that_fails_sees_no_storm() {
    // Fewer than those after which it is left alone.
    const HITS: usize = 90;
    let tracker = ClickApi::always(error(500, "x")).await;
    let edge = Edge::start(&one_link(&tracker));
    let began = std::time::Instant::now();
    let ask = async |visitor: Visitor, number: usize| {
        let visitor = visitor.from(&format!("198.51.{}.{}", number / 200, number % 200));
        assert_eq!(visitor.get("/go").await.reason(), "tracker_error");
    };
    for number in 0..HITS {
        ask(edge.visitor(), number).await;
    }
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("a few") + 1;
    // A full budget, a fifth of the calls, and ten a second.
    let most = HITS + 100 + HITS / 5 + 10 * seconds;
    let calls = tracker.calls().len();
    assert!((HITS + 100..=most).contains(&calls), "{calls} of at most {most}");
}
