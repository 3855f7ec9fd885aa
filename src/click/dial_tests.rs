//! The race of a tracker's addresses.

use tokio::time::advance;

use super::{
    super::scripted::{Act, Authority, NAME, Says, Scripted, Tracker, address, plain},
    *,
};

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";
const C: &str = "192.0.2.3";
const LIMIT: Duration = Duration::from_secs(1);
const REFUSED: CallError = CallError::Unreachable("it refused the connection");
const LATE: CallError = CallError::Unreachable("it took no connection in time");

fn serve() -> Act {
    Act::Serve(Tracker::default())
}

struct Dialer {
    endpoint: Endpoint,
    network: Arc<Scripted>,
    names: Arc<Names>,
}

impl Dialer {
    fn new(endpoint: Endpoint, acts: &[(&str, Act)]) -> Self {
        let network = Scripted::new(acts);
        let seam: Arc<dyn Network> = Arc::<Scripted>::clone(&network);
        let names = Arc::new(Names::new(NAME, 443, seam, Arc::default()));
        Self {
            endpoint,
            network,
            names,
        }
    }

    /// The address that won, or why none did; and how long that took.
    async fn dial(&self) -> (Result<SocketAddr, CallError>, Duration) {
        let began = Instant::now();
        let dialled = dial(&self.endpoint, &self.names, &*self.network, began + LIMIT).await;
        (dialled.map(|dialled| dialled.address), began.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_address_is_tried_after_its_time_or_at_once_after_a_failure() {
    let soon = Duration::from_millis(10);
    let late = Act::ServeAfter(soon, Tracker::default());
    let dialer = Dialer::new(plain(), &[(A, Act::Hang), (B, Act::Refuse), (C, late)]);
    let began = Instant::now();
    let (won, took) = dialer.dial().await;
    assert_eq!(won, Ok(address(C)));
    assert_eq!(took, ATTEMPT_DELAY + soon);
    let second = began + ATTEMPT_DELAY;
    let expected = [(A, began), (B, second), (C, second)].map(|(text, at)| (address(text), at));
    assert_eq!(dialer.network.connects(), expected);
    // Both that did not win are out of the way of the next call.
    assert_eq!(dialer.dial().await, (Ok(address(C)), soon));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_only_slow_may_win() {
    let slow = Act::ServeAfter(Duration::from_millis(400), Tracker::default());
    let dialer = Dialer::new(plain(), &[(A, slow), (B, Act::Hang)]);
    assert_eq!(dialer.dial().await, (Ok(address(A)), Duration::from_millis(400)));
    assert_eq!(dialer.names.in_order(Instant::now()), [A, B].map(address));
}

#[tokio::test(start_paused = true)]
async fn when_every_address_fails_others_are_asked_for() {
    for (act, expected) in [(Act::Refuse, Duration::ZERO), (Act::Hang, ATTEMPT_DELAY)] {
        let dialer = Dialer::new(plain(), &[(A, serve())]);
        assert_eq!(dialer.dial().await.0, Ok(address(A)));
        dialer.network.act(A, act);
        dialer.network.now(&[(B, serve())]);
        advance(Duration::from_secs(10)).await;
        assert_eq!(dialer.dial().await, (Ok(address(B)), expected));
    }
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_fails_or_hangs_is_in_nobodys_way() {
    for says in [Says::Fails, Says::Hangs] {
        let dialer = Dialer::new(plain(), &[(A, serve())]);
        assert_eq!(dialer.dial().await.0, Ok(address(A)));
        dialer.network.say(says);
        advance(Duration::from_mins(10)).await;
        assert_eq!(dialer.dial().await, (Ok(address(A)), Duration::ZERO));
        dialer.network.act(A, Act::Refuse);
        let (failed, took) = dialer.dial().await;
        assert_eq!(failed, Err(REFUSED));
        assert!(took <= OTHERS_LIMIT, "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_takes_longer_than_its_limit() {
    let dialer = Dialer::new(plain(), &[(A, Act::Hang), (B, Act::Refuse), (C, Act::Hang)]);
    assert_eq!(dialer.dial().await, (Err(LATE), LIMIT));
    let dialer = Dialer::new(plain(), &[]);
    dialer.network.say(Says::Hangs);
    let unresolved = CallError::Unreachable("its name was not resolved in time");
    assert_eq!(dialer.dial().await, (Err(unresolved), LIMIT));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_certificate_does_not_win() {
    let authority = Authority::new();
    let right = Act::Serve(authority.tracker(NAME, &[]));
    let wrong = Act::Serve(authority.tracker("other.test", &[]));
    let unknown = Act::Serve(Authority::new().tracker(NAME, &[]));
    let no_tls = Act::Serve(Tracker {
        closes: true,
        ..Tracker::default()
    });
    let won = async |acts: &[(&str, Act)]| Dialer::new(authority.endpoint(), acts).dial().await.0;
    assert_eq!(won(&[(A, wrong.clone()), (B, right.clone())]).await, Ok(address(B)));
    assert_eq!(
        won(&[(A, unknown.clone()), (B, no_tls.clone()), (C, right)]).await,
        Ok(address(C))
    );
    for acts in [&[(A, wrong.clone()), (B, unknown)][..], &[(A, wrong.clone())]] {
        assert!(matches!(won(acts).await, Err(CallError::NotTrusted(_))));
    }
    let others = [(A, Act::Refuse), (B, no_tls)];
    for other in others {
        assert!(matches!(
            won(&[(other.0, other.1), (C, wrong.clone())]).await,
            Err(CallError::Unreachable(_))
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_loses_to_the_next_address() {
    let authority = Authority::new();
    let right = Act::Serve(authority.tracker(NAME, &["h2"]));
    let dialer = Dialer::new(authority.endpoint(), &[(A, Act::Mute), (B, right)]);
    assert_eq!(dialer.dial().await, (Ok(address(B)), ATTEMPT_DELAY));
}
