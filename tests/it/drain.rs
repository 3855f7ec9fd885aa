//! The end: who was accepted is answered, and nobody else is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, sync::Notify, task::JoinSet};

use crate::connections::{ask, http2};
use crate::support::{
    Act, ClickApi, Edge, Program, Visitor, click, click_bytes, eventually, one_link, program::Folder,
    visitor::read_answer,
};

#[tokio::test]
async fn hits_in_flight_and_requests_on_their_way_are_answered() {
    let go = Arc::new(Notify::new());
    let bytes = click_bytes("late");
    let tracker = ClickApi::always(Act::WaitAndSend(Arc::clone(&go), bytes)).await;
    let edge = Edge::start(&one_link(&tracker).replace("500ms", "20s"));
    let visitor = edge.visitor();
    let mut in_flight = visitor.send("/go").await;
    tracker.called(1).await;
    let mut kept = visitor.connect().await;
    assert_eq!(visitor.get_on(&mut kept, "/none").await.status, 404);
    let address = edge.address;

    let stopping = tokio::spawn(edge.stop());
    // A request on a kept connection is answered while it drains, as the last of its connection.
    eventually("a last answer", async || {
        let answer = visitor.get_on(&mut kept, "/none").await;
        assert_eq!(answer.status, 404);
        answer.header("connection") == Some("close")
    })
    .await;
    assert!(!stopping.is_finished());
    go.notify_one();
    let answer = read_answer(&mut in_flight, Instant::now()).await;
    assert!(answer.location().ends_with("=late"));
    assert_eq!(answer.header("connection"), Some("close"));
    stopping.await.expect("no panic");
    TcpStream::connect(address).await.expect_err("nobody listens any more");
}

#[tokio::test]
async fn an_http2_connection_ends_with_its_last_answer() {
    let go = Arc::new(Notify::new());
    let bytes = click_bytes("late");
    let tracker = ClickApi::always(Act::WaitAndSend(Arc::clone(&go), bytes)).await;
    let edge = Edge::start(&one_link(&tracker).replace("500ms", "20s"));
    let sender = http2(&edge).await;
    let mut asking = sender.clone();
    let asked = tokio::spawn(async move { ask(&mut asking, "GET", "/go", "Mozilla/5.0").await });
    tracker.called(1).await;
    let address = edge.address;
    let stopping = tokio::spawn(edge.stop());
    eventually("a refused connection", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    go.notify_one();
    let answer = asked.await.expect("an answer");
    assert_eq!(
        answer.headers()["location"],
        "https://advertiser.example/?click_id=late"
    );
    // `sender` would keep the connection open, and the edge up to `limits.drain`.
    let stopped = tokio::time::timeout(Duration::from_secs(10), stopping).await;
    stopped.expect("an end").expect("no panic");
    drop(sender);
}

#[tokio::test]
async fn draining_has_its_end() {
    let tracker = ClickApi::always(Act::SendAndHang(Vec::new())).await;
    let configuration = one_link(&tracker).replace("500ms", "60s") + "[limits]\ndrain = \"100ms\"\n";
    let edge = Edge::start(&configuration);
    let visitor = edge.visitor();
    let _waiting = visitor.send("/go").await;
    tracker.called(1).await;
    let began = Instant::now();
    edge.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10));
}

/// 200 visitors ask without a pause, on kept connections and on new ones, while the program is told to stop. A request on
/// a connection that was accepted is answered; a connection that is refused was not accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_nothing() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    let configuration = one_link(&tracker).replace("[listen]", "[listen]\nadmin = \"127.0.0.1:0\"");
    folder.write("onehop.toml", configuration);
    let program = Program::start(&["run"], folder.path(), &[]);
    let address = program.hear("listening on http://").parse().expect("an address");
    let admin = program.hear("metrics on http://").parse().expect("an address");
    assert_eq!(Visitor::new(admin).get("/readyz").await.status, 200);

    let ended = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let mut visitors = JoinSet::new();
    for n in 0..200 {
        let visitor = Visitor::new(address).from(&format!("192.0.2.{n}"));
        let (ended, answered) = (Arc::clone(&ended), Arc::clone(&answered));
        let keeps = n % 2 == 0;
        visitors.spawn(async move {
            while !ended.load(Ordering::SeqCst) {
                let Ok(mut stream) = TcpStream::connect(address).await else {
                    return;
                };
                loop {
                    let answer = visitor.get_on(&mut stream, "/go").await;
                    assert!(answer.location().ends_with("=1"));
                    answered.fetch_add(1, Ordering::SeqCst);
                    if !keeps || answer.header("connection") == Some("close") {
                        break;
                    }
                }
            }
        });
    }
    eventually("2000 answers", async || answered.load(Ordering::SeqCst) >= 2000).await;
    program.signal("TERM");
    let (status, said) = tokio::task::spawn_blocking(|| program.wait()).await.expect("no panic");
    ended.store(true, Ordering::SeqCst);
    while let Some(visitor) = visitors.join_next().await {
        visitor.expect("each request that was accepted is answered");
    }
    assert!(status.success(), "{said}");
    assert!(said.contains("stopped"), "{said}");
}

#[tokio::test]
async fn not_ready_while_draining() {
    let tracker = ClickApi::always(Act::SendAndHang(Vec::new())).await;
    let folder = Folder::new();
    let configuration = one_link(&tracker)
        .replace("500ms", "20s")
        .replace("[listen]", "[listen]\nadmin = \"127.0.0.1:0\"");
    folder.write("onehop.toml", configuration);
    let program = Program::start(&["run"], folder.path(), &[]);
    let address = program.hear("listening on http://").parse().expect("an address");
    let admin: std::net::SocketAddr = program.hear("metrics on http://").parse().expect("an address");
    let visitor = Visitor::new(address);
    let _waiting = visitor.send("/go").await;
    tracker.called(1).await;
    program.signal("TERM");
    program.hear("draining");
    // The word is given before readiness is taken back; both before any wait.
    let operator = Visitor::new(admin);
    eventually("not ready", async || operator.get("/readyz").await.status == 503).await;
    assert_eq!(operator.get("/healthz").await.status, 200);
    assert_eq!(operator.get("/nothing").await.status, 404);
    assert_eq!(operator.clone().method("POST").get("/metrics").await.status, 405);
}

/// Diagnostics and click log into pipes that nobody reads: hits go on, and stopping ends.
#[tokio::test]
async fn blocked_pipes_stall_neither_hits_nor_the_end() {
    // Each call is a line of diagnostics; together they are longer than a pipe.
    let id = "x".repeat(256);
    let tracker = ClickApi::always(click(&id)).await;
    let folder = Folder::new();
    let configuration = one_link(&tracker) + "[click_log]\npath = \"/dev/stdout\"\n[limits]\ndrain = \"1s\"\n";
    folder.write("onehop.toml", configuration);
    let (mut program, address) = Program::unheard_after(
        "listening on http://",
        &["run"],
        folder.path(),
        &[("RUST_LOG", "trace")],
    );
    let address = address.parse().expect("an address");
    let long = "x".repeat(2000);
    for n in 0..400 {
        let visitor = Visitor::new(address).from(&format!("2001:db8::{n:x}"));
        let answer = visitor.user_agent(&long).get("/go").await;
        assert!(answer.location().ends_with(&id), "hit {n}: {}", answer.head);
    }
    program.signal("TERM");
    let status = tokio::task::spawn_blocking(move || program.end()).await;
    assert!(status.expect("an end").success());
}
