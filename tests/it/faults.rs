//! A tracker that fails in every way: the visitor gets a 302 within the deadline, with the right reason.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use crate::support::{
    Act, ClickApi, DEADLINE_MS, Edge, click, click_api::answer, click_bytes, one_link, one_link_with, trafficback,
};

/// What the issue of waiting allows beyond the deadline.
const SLACK: Duration = Duration::from_millis(100);

async fn reason_within_the_deadline(act: Act) -> String {
    let tracker = ClickApi::always(act).await;
    let edge = Edge::start(&one_link(&tracker));
    let answer = edge.visitor().get("/go").await;
    let longest = Duration::from_millis(DEADLINE_MS) + SLACK;
    assert!(answer.took <= longest, "{:?}: {}", answer.took, answer.head);
    answer.reason().to_owned()
}

#[tokio::test]
async fn broken_connections_and_broken_answers() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n";
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    for (what, act, reason) in [
        ("closes", Act::Close, "unreachable"),
        ("resets", Act::Reset, "unreachable"),
        (
            "closes in the head",
            Act::SendAndClose(b"HTTP/1.1 200 OK\r\nconte".to_vec()),
            "unreachable",
        ),
        (
            "closes in the body",
            Act::SendAndClose(format!("{head}{{").into_bytes()),
            "bad_answer",
        ),
        ("hangs", Act::SendAndHang(Vec::new()), "timeout"),
        (
            "hangs in the head",
            Act::SendAndHang(b"HTTP/1.1 200 OK\r\n".to_vec()),
            "timeout",
        ),
        ("hangs in the body", Act::SendAndHang(head.into()), "timeout"),
        (
            "speaks no HTTP",
            Act::SendAndClose(b"SSH-2.0-OpenSSH_9\r\n".to_vec()),
            "bad_answer",
        ),
        (
            "two lengths",
            Act::SendAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}".to_vec()),
            "bad_answer",
        ),
        (
            "interim answers for ever",
            Act::Endless(Vec::new(), interim.into()),
            "timeout",
        ),
        (
            "50 MB with a length",
            Act::Endless(
                b"HTTP/1.1 200 OK\r\ncontent-length: 52428800\r\n\r\n".to_vec(),
                vec![b' '; 65_536],
            ),
            "bad_answer",
        ),
        (
            "chunks for ever",
            Act::Endless(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
                b"1000\r\n"
                    .iter()
                    .copied()
                    .chain(vec![b' '; 4096])
                    .chain(*b"\r\n")
                    .collect(),
            ),
            "bad_answer",
        ),
        (
            "a byte at a time",
            Act::Drip(head.into(), vec![b' '; 100], Duration::from_millis(50)),
            "timeout",
        ),
        (
            "an error with a huge page",
            Act::Endless(
                b"HTTP/1.1 503 x\r\ncontent-length: 52428800\r\n\r\n".to_vec(),
                vec![b' '; 65_536],
            ),
            "tracker_error",
        ),
    ] {
        assert_eq!(reason_within_the_deadline(act).await, reason, "{what}");
    }
}

/// Two offers of one tracker: the first is answered late, but in time, the second never.
#[tokio::test]
async fn one_deadline_is_for_all_offers() {
    let Act::Send(mut first) = trafficback("overcap") else {
        unreachable!("a trafficback is sent")
    };
    let last = first.split_off(first.len() - 1);
    let tracker = ClickApi::start(move |call| match call.number {
        0 => Act::Drip(first.clone(), last.clone(), Duration::from_millis(DEADLINE_MS * 3 / 5)),
        _ => Act::SendAndHang(Vec::new()),
    })
    .await;
    let another = "[[link.offer]]\noffer_id = 9\ncampaign_id = 2\npromo_id = 3\n\
                   traffic_url = \"https://advertiser.example/{click_id}\"\n";
    let edge = Edge::start(&(one_link(&tracker) + another));
    let answer = edge.visitor().get("/go").await;
    assert_eq!(answer.reason(), "overcap");
    assert_eq!(tracker.calls().len(), 2);
    let longest = Duration::from_millis(DEADLINE_MS) + SLACK;
    assert!(answer.took <= longest, "{:?}: {}", answer.took, answer.head);
}

#[tokio::test]
async fn a_tracker_that_hangs_leaves_time_for_another() {
    let tracker = ClickApi::always(Act::SendAndHang(Vec::new())).await;
    let other = ClickApi::always(click("2")).await;
    let another = format!(
        "[[link.offer]]\noffer_id = 9\ncampaign_id = 2\npromo_id = 3\ntracker = \"other\"\n\
         traffic_url = \"https://advertiser.example/{{click_id}}\"\n\
         [tracker.other]\nurl = \"{}\"\nsecure_key = \"k\"\n",
        other.url()
    );
    let configuration = one_link(&tracker).replace("[defaults]", "[defaults]\ntracker = \"main\"");
    let edge = Edge::start(&(configuration.clone() + &another));
    let answer = edge.visitor().get("/go").await;
    assert_eq!(answer.location(), "https://advertiser.example/2");
    assert!(answer.took < Duration::from_millis(DEADLINE_MS), "{:?}", answer.took);
    // Nothing is left for one that has no offer for this visitor, or that has failed.
    let not_for_all = another.replace("traffic_url", "when = { query = { x = \"1\" } }\ntraffic_url");
    let edge = Edge::start(&(configuration + &not_for_all));
    let answer = edge.visitor().get("/go").await;
    assert_eq!(answer.reason(), "timeout");
    assert!(answer.took >= Duration::from_millis(DEADLINE_MS), "{:?}", answer.took);
}

#[tokio::test]
async fn a_port_where_nobody_listens() {
    let tracker = ClickApi::always(Act::Close).await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let nobody = free.local_addr().expect("an address");
    drop(free);
    let configuration = one_link(&tracker).replace(&tracker.url(), &format!("http://{nobody}/"));
    let edge = Edge::start(&configuration);
    assert_eq!(edge.visitor().get("/go").await.reason(), "unreachable");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = ClickApi::always(click("stolen")).await;
    let location = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
        elsewhere.url()
    );
    let tracker = ClickApi::always(Act::Send(location.into_bytes())).await;
    let edge = Edge::start(&one_link(&tracker));
    assert_eq!(edge.visitor().get("/go").await.reason(), "tracker_error");
    assert_eq!(elsewhere.connections(), 0);
}

/// Visitors come one by one until the tracker has had so many calls on kept connections. A connection is kept once its
/// answer has been read whole, which no visitor waits for, so that some visitors may find none.
async fn visit_until_kept(tracker: &ClickApi, edge: &Edge, times: usize) {
    for n in 0..2000 {
        let answer = edge.visitor().from(&format!("2001:db8::{n:x}")).get("/go").await;
        assert!(answer.location().ends_with("=alive"), "visitor {n}: {}", answer.head);
        let on_kept = tracker.calls().iter().filter(|call| call.on_connection > 0).count();
        if on_kept >= times {
            return;
        }
    }
    panic!(
        "{} connections for {} calls",
        tracker.connections(),
        tracker.calls().len()
    );
}

#[tokio::test]
async fn a_connection_is_kept_and_used_again() {
    let tracker = ClickApi::always(click("alive")).await;
    let edge = Edge::start(&one_link(&tracker));
    visit_until_kept(&tracker, &edge, 20).await;
}

#[tokio::test]
async fn a_kept_connection_that_died_costs_no_visitor() {
    let idle = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for death in [
        Act::Close,
        Act::Reset,
        Act::SendAndClose(b"HTTP/1.1 2".to_vec()),
        Act::SendAndClose(idle.to_vec()),
        Act::SendAndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec()),
    ] {
        let tracker = ClickApi::start(move |call| match call.on_connection {
            0 => click("alive"),
            _ => death.clone(),
        })
        .await;
        let edge = Edge::start(&one_link(&tracker));
        visit_until_kept(&tracker, &edge, 5).await;
        assert_eq!(edge.hits("trafficback", "unreachable"), 0);
    }
}

#[tokio::test]
async fn a_tracker_that_closes_each_time() {
    let bytes = click_bytes("1");
    let tracker = ClickApi::always(Act::SendAndClose(bytes)).await;
    let edge = Edge::start(&one_link(&tracker));
    for n in 1..=9 {
        edge.visitor().from(&format!("192.0.2.{n}")).get("/go").await.location();
    }
    assert_eq!(edge.hits("advertiser", ""), 9);
}

#[tokio::test]
async fn a_failure_goes_to_the_tracking_url_and_a_trafficback_does_not() {
    let url = r#"tracking_url = "https://tracker.example/c/{offer_id}?s={subid1}""#;
    let tracking = "https://tracker.example/c/1?s=a%20b";
    let back = "https://back.example/?why=overcap";
    for (act, expected, outcome, reason) in [
        (Act::Send(answer(500, "")), tracking, "tracking", "tracker_error"),
        (Act::Close, tracking, "tracking", "unreachable"),
        (Act::Send(answer(403, "")), tracking, "tracking", "denied"),
        (trafficback("overcap"), back, "trafficback", "overcap"),
    ] {
        let tracker = ClickApi::always(act).await;
        let edge = Edge::start(&one_link_with(&tracker, url));
        assert_eq!(edge.visitor().get("/go?subid1=a%20b").await.location(), expected);
        assert_eq!(edge.hits(outcome, reason), 1, "{outcome} {reason}");
    }
}

#[tokio::test]
async fn nobody_is_asked_when_too_many_calls_hang() {
    let tracker = ClickApi::always(Act::SendAndHang(Vec::new())).await;
    let edge = Edge::start(&one_link(&tracker).replace("500ms", "20s"));
    let waiting = usize::try_from(onehop::click::limit::MOST).expect("a count");
    let mut visitors = Vec::new();
    for n in 0..waiting {
        let visitor = edge.visitor().from(&format!("2001:db8::{n:x}"));
        visitors.push(visitor.send("/go").await);
    }
    tracker.called(waiting).await;
    assert_eq!(edge.visitor().get("/go").await.reason(), "overload");
}

#[tokio::test]
async fn a_late_answer_is_kept_for_the_next_hit() {
    let go = Arc::new(Notify::new());
    let bytes = click_bytes("late");
    let act = Act::WaitAndSend(Arc::clone(&go), bytes);
    let tracker = ClickApi::always(act).await;
    let edge = Edge::start(&one_link(&tracker));
    let visitor = edge.visitor();
    let leaving = tokio::spawn({
        let visitor = visitor.clone();
        async move { visitor.get("/go").await }
    });
    tracker.called(1).await;
    leaving.abort();
    go.notify_one();
    assert!(visitor.get("/go").await.location().ends_with("=late"));
    assert_eq!(tracker.calls().len(), 1);
}
