//! Which addresses are tried, in which order, and when the resolver is asked.

use std::sync::atomic::Ordering;

use tokio::time::advance;

use super::{
    super::scripted::{Act, NAME, Says, Scripted, address},
    *,
};

const A: &str = "192.0.2.1";
const B: &str = "192.0.2.2";
const C: &str = "2001:db8::1";
const D: &str = "2001:db8::2";

fn names(network: &Arc<Scripted>) -> Arc<Names> {
    let network: Arc<dyn Network> = Arc::<Scripted>::clone(network);
    Arc::new(Names::new(NAME, 443, network, Arc::default()))
}

fn in_order(names: &Names) -> Vec<SocketAddr> {
    names.in_order(Instant::now())
}

#[tokio::test(start_paused = true)]
async fn families_take_turns_and_what_failed_comes_last_for_a_while() {
    let refused = |text| (text, Act::Refuse);
    let network = Scripted::new(&[refused(C), refused(D), refused(A), refused(B), refused(C)]);
    let names = names(&network);
    assert_eq!(in_order(&names), []);
    assert_eq!(names.ask(Instant::now()).await, Ok(()));
    assert_eq!(in_order(&names), [C, A, D, B].map(address));
    names.set_aside(address(C), Instant::now());
    advance(Duration::from_secs(1)).await;
    names.set_aside(address(D), Instant::now());
    assert_eq!(
        in_order(&names),
        [A, B, C, D].map(address),
        "what failed first is tried before what failed last"
    );
    advance(Duration::from_secs(29)).await;
    assert_eq!(in_order(&names), [C, A, B, D].map(address));
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_fails_leaves_the_last_addresses() {
    let network = Scripted::new(&[(A, Act::Refuse)]);
    let names = names(&network);
    network.say(Says::Fails);
    assert_eq!(
        names.ask(Instant::now()).await,
        Err(CallError::Unreachable("its name does not resolve"))
    );
    network.say(Says::Addresses(Vec::new()));
    assert_eq!(
        names.ask(Instant::now()).await,
        Err(CallError::Unreachable("its name has no address"))
    );
    network.now(&[(A, Act::Refuse)]);
    assert_eq!(names.ask(Instant::now()).await, Ok(()));
    for says in [Says::Fails, Says::Addresses(Vec::new()), Says::Hangs] {
        advance(YOUNG).await;
        network.say(says);
        assert!(names.ask(Instant::now()).await.is_err());
        assert_eq!(in_order(&names), [address(A)]);
    }
}

#[tokio::test(start_paused = true)]
async fn one_question_is_for_all_and_not_repeated_at_once() {
    let network = Scripted::new(&[(A, Act::Refuse)]);
    let names = names(&network);
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let names = Arc::clone(&names);
        asking.spawn(async move { names.ask(Instant::now()).await });
    }
    assert!(asking.join_all().await.iter().all(Result::is_ok));
    let questions = || network.questions.load(Ordering::Relaxed);
    assert_eq!(questions(), 1);
    assert_eq!(names.ask(Instant::now()).await, Ok(()));
    assert_eq!(questions(), 1);
    advance(Duration::from_millis(29_999)).await;
    names.renew_when_due(Instant::now());
    assert_eq!(names.due(), Some(Instant::now() + Duration::from_millis(1)));
    advance(Duration::from_millis(1)).await;
    names.renew_when_due(Instant::now());
    names.renew_when_due(Instant::now());
    advance(Duration::from_millis(1)).await;
    assert_eq!(questions(), 2);
}

#[tokio::test]
async fn an_address_needs_no_resolver() {
    let network: Arc<dyn Network> = Scripted::new(&[]);
    let names = Arc::new(Names::new("2001:db8::1", 443, network, Arc::default()));
    assert_eq!(in_order(&names), [address(C)]);
    assert_eq!(names.ask(Instant::now()).await, Ok(()));
    assert!(!names.may_change());
    assert_eq!(names.due(), None);
}
