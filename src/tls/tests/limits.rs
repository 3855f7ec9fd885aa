//! Those who are too slow, and too many.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    task::{JoinSet, yield_now},
    time::{Instant, sleep},
};

use super::{client, shake};
use crate::tls::{Acceptor, Failure, Store, development};

fn acceptor(turns: usize) -> Acceptor {
    Acceptor::with_turns(Arc::new(Store::new(development())), turns)
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_half_is_sent_away() {
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let (mut visitor, edge) = duplex(1024);
        visitor.write_all(sent).await.expect("room");
        let begun = Instant::now();
        let failure = acceptor(1).accept(edge).await.expect_err("no handshake");
        assert!(matches!(failure, Failure::TooSlow), "{failure}");
        assert_eq!(begun.elapsed().as_secs(), 10);
        assert_eq!(visitor.read(&mut [0; 1]).await.expect("no fault"), 0, "closed");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_handshake_can_be_set() {
    let (_visitor, edge) = duplex(1024);
    let begun = Instant::now();
    let acceptor = acceptor(1).within(Duration::from_millis(300));
    let failure = acceptor.accept(edge).await.expect_err("no handshake");
    assert!(matches!(failure, Failure::TooSlow), "{failure}");
    assert_eq!(begun.elapsed().as_millis(), 300);
}

/// Those who wait, for as long as they may, keep nobody out.
#[tokio::test(start_paused = true)]
async fn the_silent_hold_no_turn() {
    let acceptor = Arc::new(acceptor(1));
    let mut silent = Vec::new();
    let mut waiting = JoinSet::new();
    for half in [&b""[..], b"\x16\x03\x01\x02\x00\x01"].into_iter().cycle().take(100) {
        let (mut visitor, edge) = duplex(1024);
        visitor.write_all(half).await.expect("room");
        silent.push(visitor);
        let acceptor = Arc::clone(&acceptor);
        waiting.spawn(async move { acceptor.accept(edge).await.is_ok() });
    }
    // One who stops in the middle, with the server's answer on its way.
    let (mut visitor, edge) = duplex(64);
    let stopped = {
        let name = rustls_pki_types::ServerName::try_from("localhost").expect("a name");
        let mut connection = rustls::ClientConnection::new(Arc::new(client()), name).expect("a connection");
        let mut hello = Vec::new();
        connection.write_tls(&mut hello).expect("a hello");
        hello
    };
    let acceptor_of_it = Arc::clone(&acceptor);
    waiting.spawn(async move { acceptor_of_it.accept(edge).await.is_ok() });
    visitor.write_all(&stopped).await.expect("an edge");
    sleep(Duration::from_millis(10)).await;
    let begun = Instant::now();
    let (_, accepted) = shake(&acceptor, &Arc::new(client()), "localhost").await;
    assert!(
        accepted.is_ok() && begun.elapsed() < Duration::from_millis(100),
        "{:?}",
        begun.elapsed()
    );
    drop((silent, visitor));
    while let Some(is_ok) = waiting.join_next().await {
        assert!(!is_ok.expect("no panic"));
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_turn_comes_it_is_dropped() {
    let begun = Instant::now();
    let (visitor, accepted) = shake(&acceptor(0), &Arc::new(client()), "localhost").await;
    assert!(matches!(accepted, Err(Failure::Busy)), "{accepted:?}");
    assert!(visitor.is_err());
    assert_eq!(begun.elapsed().as_secs(), 1);
}

/// However many wait to work, another task's next poll comes after a stroke for each turn.
#[tokio::test]
async fn work_stands_behind_what_can_run() {
    const TURNS: usize = 2;
    let acceptor = Arc::new(acceptor(TURNS));
    let strokes = Arc::new(AtomicUsize::new(0));
    let mut flood = JoinSet::new();
    for _ in 0..200 {
        let (acceptor, strokes) = (Arc::clone(&acceptor), Arc::clone(&strokes));
        flood.spawn(async move {
            let work = async { strokes.fetch_add(1, Ordering::Relaxed) };
            acceptor.by_turns(work).await.is_ok()
        });
    }
    let mut most = 0;
    let mut before = 0;
    while strokes.load(Ordering::Relaxed) < 200 {
        yield_now().await;
        let now = strokes.load(Ordering::Relaxed);
        most = most.max(now - before);
        before = now;
    }
    assert!((1..=TURNS).contains(&most), "{most}");
    while let Some(is_ok) = flood.join_next().await {
        assert!(is_ok.expect("no panic"));
    }
}

/// Work that waits for others is polled when it is woken, and not before; its turn is free meanwhile.
#[tokio::test]
async fn work_that_waits_is_woken() {
    let acceptor = Arc::new(acceptor(1));
    let (say, hear) = tokio::sync::oneshot::channel();
    let waiting = {
        let acceptor = Arc::clone(&acceptor);
        tokio::spawn(async move { acceptor.by_turns(hear).await.is_ok_and(|heard| heard == Ok(7)) })
    };
    for _ in 0..10 {
        yield_now().await;
    }
    assert!(acceptor.by_turns(async {}).await.is_ok());
    say.send(7).expect("somebody who hears");
    assert!(waiting.await.expect("no panic"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_are_all_served() {
    let acceptor = Arc::new(acceptor(2));
    let client = Arc::new(client());
    let mut visits = JoinSet::new();
    for _ in 0..100 {
        let (acceptor, client) = (Arc::clone(&acceptor), Arc::clone(&client));
        visits.spawn(async move {
            let (visitor, accepted) = shake(&acceptor, &client, "localhost").await;
            visitor.is_ok() && accepted.is_ok()
        });
    }
    let mut served = 0;
    while let Some(is_ok) = visits.join_next().await {
        served += usize::from(is_ok.expect("no panic"));
    }
    assert_eq!(served, 100);
}
