//! Which connection a request goes out on: kept ones, shared ones, and those made before anyone asks.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf},
    task::JoinSet,
    time::sleep,
};

use super::{
    super::scripted::{Act, Authority, NAME, Scripted, Tracker, plain, target},
    *,
};

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";
const LIMIT: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HTTP1: &[&str] = &["http/1.1"];
const HTTP2: &[&str] = &["h2", "http/1.1"];

fn client(endpoint: Endpoint, network: &Arc<Scripted>) -> Arc<Client> {
    let seam: Arc<dyn Network> = Arc::<Scripted>::clone(network);
    Arc::new(Client::new(endpoint, seam))
}

/// A client over TLS with a tracker at one address that speaks so.
fn over_tls(alpn: &[&str], change: fn(&mut Tracker)) -> (Arc<Client>, Arc<Scripted>) {
    let authority = Authority::new();
    let mut tracker = authority.tracker(NAME, alpn);
    change(&mut tracker);
    let network = Scripted::new(&[(A, Act::Serve(tracker))]);
    (client(authority.endpoint(), &network), network)
}

/// A request on a kept connection, else on a fresh one; the address that answered.
async fn ask_on(client: &Client, seat: &Seat) -> Result<String, CallError> {
    let target = target();
    let replied = match client.kept(&target, Instant::now(), seat, None).await {
        Some(replied) => replied.map_err(|lost| lost.error),
        None => client.fresh(&target, seat, Instant::now() + LIMIT).await,
    };
    let (reply, lease) = replied?;
    if let Some(lease) = lease {
        client.release(lease, Instant::now());
    }
    let body = reply.body.expect("a whole body");
    Ok(String::from_utf8(body.to_vec()).expect("an address"))
}

async fn ask(client: &Client) -> Result<String, CallError> {
    ask_on(client, &Seat::default()).await
}

/// So many requests at once.
async fn burst(client: &Arc<Client>, requests: usize) {
    let mut asking = JoinSet::new();
    for _ in 0..requests {
        let client = Arc::clone(client);
        asking.spawn(async move { ask(&client).await });
    }
    while let Some(answer) = asking.join_next().await {
        assert_eq!(answer.expect("no panic").as_deref(), Ok(A));
    }
}

/// Lets everything happen that needs no time.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// One client over HTTP/1.1 and one over HTTP/2, with a tracker at one address, and what serves another like it.
fn over_each() -> [(Arc<Client>, Arc<Scripted>, Act); 2] {
    let authority = Authority::new();
    [
        (plain(), Tracker::default()),
        (authority.endpoint(), authority.tracker(NAME, HTTP2)),
    ]
    .map(|(endpoint, tracker)| {
        let act = Act::Serve(tracker);
        let network = Scripted::new(&[(A, act.clone())]);
        (client(endpoint, &network), network, act)
    })
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_until_it_is_silent_or_old() {
    for (client, network, _) in over_each() {
        let made = || network.connects().len();
        for _ in 0..3 {
            assert_eq!(ask(&client).await.as_deref(), Ok(A));
            sleep(Duration::from_secs(54)).await;
        }
        assert_eq!(made(), 1);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(ask(&client).await.as_deref(), Ok(A));
        assert_eq!(made(), 2, "a silent one is not used");
        let began = Instant::now();
        while made() == 2 && began.elapsed() < MIN_AGE * 3 {
            assert_eq!(ask(&client).await.as_deref(), Ok(A));
            sleep(Duration::from_secs(1)).await;
        }
        let age = began.elapsed();
        assert!(
            (MIN_AGE..MIN_AGE * 2 + Duration::from_secs(2)).contains(&age),
            "{age:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_moves_takes_its_connections_along() {
    for is_watched in [false, true] {
        for (client, network, act) in over_each() {
            let watching = is_watched.then(|| tokio::spawn(keep_warm(Arc::downgrade(&client))));
            assert_eq!(ask(&client).await.as_deref(), Ok(A));
            network.now(&[(B, act)]);
            assert_eq!(
                ask(&client).await.as_deref(),
                Ok(A),
                "the answer of the resolver is young"
            );
            sleep(Duration::from_secs(31)).await;
            if !is_watched {
                client.names.renew_when_due(Instant::now());
                settle().await;
            }
            assert_eq!(ask(&client).await.as_deref(), Ok(B));
            if let Some(watching) = watching {
                watching.abort();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_tracker_closed_is_not_used() {
    for (client, network, _) in over_each() {
        for _ in 0..20 {
            assert_eq!(ask(&client).await.as_deref(), Ok(A));
            network.close_all();
            settle().await;
        }
        assert_eq!(network.connects().len(), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_breaks_connections_is_set_aside() {
    let broken = Tracker {
        closes: true,
        ..Tracker::default()
    };
    let network = Scripted::new(&[(A, Act::Serve(broken)), (B, Act::Serve(Tracker::default()))]);
    let client = client(plain(), &network);
    assert!(matches!(ask(&client).await, Err(CallError::Unreachable(_))));
    assert_eq!(ask(&client).await.as_deref(), Ok(B));
}

#[tokio::test(start_paused = true)]
async fn spares_are_ready_until_nobody_has_come_for_a_while() {
    let (client, network) = over_tls(HTTP1, |_| ());
    let made = || network.connects().len();
    let warm = tokio::spawn(keep_warm(Arc::downgrade(&client)));
    settle().await;
    assert_eq!(made(), 2);
    // Both spares at once: a third request would find none, and two more are made.
    burst(&client, 2).await;
    settle().await;
    let after_burst = made();
    assert!((2..=4).contains(&after_burst), "{after_burst}");
    for _ in 0..30 {
        sleep(Duration::from_secs(20)).await;
        let before = client.next.load(Ordering::Relaxed);
        let seat = Seat::default();
        assert_eq!(ask_on(&client, &seat).await.as_deref(), Ok(A));
        assert!(seat.number() < before, "the visitor paid for a handshake");
    }
    sleep(10 * MINUTE).await;
    let quiet = made();
    sleep(60 * MINUTE).await;
    assert_eq!(made(), quiet, "nobody comes");
    assert_eq!(ask(&client).await.as_deref(), Ok(A));
    settle().await;
    assert!(made() > quiet + 1, "somebody came");
    drop(client);
    warm.await.expect("it ends with the client");
}

#[tokio::test(start_paused = true)]
async fn a_tracker_without_tls_gets_no_spares() {
    let network = Scripted::new(&[(A, Act::Serve(Tracker::default()))]);
    let client = client(plain(), &network);
    tokio::spawn(keep_warm(Arc::downgrade(&client)));
    sleep(MINUTE).await;
    assert_eq!(network.connects(), []);
    assert_eq!(network.questions.load(Ordering::Relaxed), 2, "but its name is known");
}

#[tokio::test(start_paused = true)]
async fn spares_that_die_or_cannot_be_made_are_no_storm() {
    for alpn in [HTTP1, HTTP2] {
        for refuses in [false, true] {
            let (client, network) = over_tls(alpn, |tracker| tracker.closes = true);
            if refuses {
                network.act(A, Act::Refuse);
            }
            tokio::spawn(keep_warm(Arc::downgrade(&client)));
            sleep(MINUTE).await;
            let made = network.connects().len();
            assert!((4..=16).contains(&made), "{made} {alpn:?} {refuses}");
            // Visitors who come all the time do not make it one.
            let began = made;
            for _ in 0..600 {
                let kept = client.kept(&target(), Instant::now(), &Seat::default(), None).await;
                assert!(kept.is_none_or(|replied| replied.is_err()));
                sleep(Duration::from_millis(100)).await;
            }
            let made = network.connects().len() - began;
            assert!(made <= 60, "{made} {alpn:?} {refuses}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_trackers_clock_is_read_over_both() {
    for alpn in [HTTP2, &["http/1.1"]] {
        let (client, _) = over_tls(alpn, |_| ());
        let by = Instant::now() + LIMIT;
        let (reply, _) = client.fresh(&target(), &Seat::default(), by).await.expect("a reply");
        let date = reply.date.expect("a date");
        let date = str::from_utf8(&date).expect("text");
        assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_connection_is_for_many_requests_over_http2() {
    let (client, network) = over_tls(HTTP2, |tracker| tracker.takes = Duration::from_millis(100));
    let made = || network.connects().len();
    assert_eq!(ask(&client).await.as_deref(), Ok(A));
    burst(&client, 64).await;
    assert_eq!(made(), 1);
    let began = Instant::now();
    burst(&client, 65).await;
    assert_eq!(made(), 2, "one more than a connection takes");
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_burst_without_a_connection_shares_what_it_makes() {
    let (client, network) = over_tls(HTTP2, |tracker| tracker.takes = Duration::from_millis(100));
    assert_eq!(ask(&client).await.as_deref(), Ok(A));
    sleep(MINUTE).await;
    burst(&client, 200).await;
    let made = network.connects().len();
    assert_eq!(made, 1 + MAX_DIALS, "64 requests each");
}

#[tokio::test(start_paused = true)]
async fn a_repeat_goes_out_on_another_connection() {
    let (client, network) = over_tls(HTTP2, |tracker| tracker.takes = Duration::from_millis(100));
    let (target, first, second) = (target(), Seat::default(), Seat::default());
    assert_eq!(ask_on(&client, &first).await.as_deref(), Ok(A));
    assert!(
        client
            .kept(&target, Instant::now(), &second, Some(&first))
            .await
            .is_none()
    );
    assert!(client.fresh(&target, &second, Instant::now() + LIMIT).await.is_ok());
    assert_ne!(first.number(), second.number());
    let (third, fourth) = (Seat::default(), Seat::default());
    assert!(
        client
            .kept(&target, Instant::now(), &third, Some(&first))
            .await
            .is_some_and(|got| got.is_ok())
    );
    assert_eq!(third.number(), second.number());
    assert!(
        client
            .kept(&target, Instant::now(), &fourth, Some(&second))
            .await
            .is_some_and(|got| got.is_ok())
    );
    assert_eq!(fourth.number(), first.number());
    assert_eq!(network.connects().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_frees_its_place_alone() {
    let (client, network) = over_tls(HTTP2, |tracker| tracker.takes = Duration::from_millis(100));
    assert_eq!(ask(&client).await.as_deref(), Ok(A));
    for _ in 0..200 {
        let given_up = tokio::time::timeout(Duration::from_millis(10), ask(&client)).await;
        assert!(given_up.is_err());
    }
    burst(&client, 64).await;
    assert_eq!(network.connects().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_shared_connection_on_which_nothing_is_heard_takes_no_more() {
    let (client, network) = over_tls(HTTP2, |tracker| tracker.takes = Duration::from_mins(1));
    let asking = |limit| tokio::time::timeout(Duration::from_millis(limit), ask(&client));
    // While one waits in vain, the next goes elsewhere …
    let (one, other) = tokio::join!(asking(900), async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        asking(10).await
    });
    assert!(one.is_err() && other.is_err());
    assert_eq!(network.connects().len(), 2);
    // … and when it has given up, nobody comes back to it.
    assert!(asking(10).await.is_err());
    assert!(asking(10).await.is_err());
    assert_eq!(
        network.connects().len(),
        2,
        "the second one, on which nobody has waited for long"
    );
}

/// A stream of which the runtime has not heard yet what has come.
struct Unheard {
    stream: DuplexStream,
    has_come: Arc<AtomicBool>,
}

impl AsyncRead for Unheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.has_come.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Unheard {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Stream for Unheard {
    fn is_quiet(&mut self) -> bool {
        !self.has_come.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn through_tls_a_connection_on_which_something_came_is_not_quiet() {
    let authority = Authority::new();
    let acceptor = authority.tracker(NAME, HTTP1).tls.expect("TLS");
    let (near, far) = tokio::io::duplex(64 * 1024);
    let has_come = Arc::new(AtomicBool::new(false));
    let near = Unheard {
        stream: near,
        has_come: Arc::clone(&has_come),
    };
    let endpoint = authority.endpoint();
    let (wire, far) = tokio::join!(endpoint.secure(Box::new(near)), acceptor.accept(far));
    let (mut near, mut far) = (wire.expect("a connection").stream, far.expect("a connection"));
    // Its tickets are no answer.
    far.flush().await.expect("room");
    assert!(near.is_quiet());

    has_come.store(true, Ordering::Relaxed);
    assert!(!near.is_quiet(), "what the runtime has not heard of");
    has_come.store(false, Ordering::Relaxed);
    assert!(near.is_quiet());

    // Two records at once, of which the first alone is wanted.
    far.write_all(b"one").await.expect("room");
    far.flush().await.expect("room");
    far.write_all(b"two").await.expect("room");
    far.flush().await.expect("room");
    let mut wanted = [0; 3];
    near.read_exact(&mut wanted).await.expect("the first");
    assert!(
        !near.is_quiet(),
        "what has been read off the socket, and not been asked for"
    );
}
