//! The addresses of a tracker's host: the last good ones, which are renewed beside the calls, and those set aside.
//!
//! Does not connect; whoever does tells which address failed.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, timeout},
};

use super::{client::CallError, network::Network};

/// Balancers that move by DNS give their answers a minute or less.
pub(super) const RENEW_AFTER: Duration = Duration::from_secs(30);
/// A resolver that says nothing for so long is asked anew; it gives up by itself after about this.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// An answer this young is not asked for again, however many calls fail.
const YOUNG: Duration = Duration::from_secs(1);
/// For so long an address that failed is tried after all others.
const ASIDE: Duration = Duration::from_secs(30);

/// What is known of one host.
pub(super) struct Names {
    host: Box<str>,
    port: u16,
    network: Arc<dyn Network>,
    /// Read on the way of each call.
    known: ArcSwap<Vec<SocketAddr>>,
    state: Mutex<State>,
    /// How many questions have come to an end.
    ended: watch::Sender<u64>,
    /// Told when the addresses change.
    changed: Arc<Notify>,
}

struct State {
    /// The host is an address itself.
    is_fixed: bool,
    is_asking: bool,
    /// When the last question came to an end.
    asked: Option<Instant>,
    /// What the last question came to.
    came_to: Result<(), CallError>,
    aside: Vec<(SocketAddr, Instant)>,
}

impl Names {
    pub(super) fn new(host: &str, port: u16, network: Arc<dyn Network>, changed: Arc<Notify>) -> Self {
        let itself = host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port));
        Self {
            host: host.into(),
            port,
            network,
            known: ArcSwap::from_pointee(Vec::from_iter(itself)),
            state: Mutex::new(State {
                is_fixed: itself.is_some(),
                is_asking: false,
                asked: None,
                came_to: Ok(()),
                aside: Vec::new(),
            }),
            ended: watch::Sender::new(0),
            changed,
        }
    }

    /// Whether new requests may go to an address.
    pub(super) fn has(&self, address: &SocketAddr) -> bool {
        self.known.load().contains(address)
    }

    /// The known addresses in the order in which they are tried.
    pub(super) fn in_order(&self, now: Instant) -> Vec<SocketAddr> {
        let known = self.known.load();
        let mut state = self.state();
        state.aside.retain(|(_, since)| now < *since + ASIDE);
        let mut ordered = interleaved(&known);
        // Those that failed longest ago come first among themselves.
        ordered.sort_by_key(|address| {
            let aside = state.aside.iter().find(|(failed, _)| failed == address);
            aside.map(|(_, since)| *since)
        });
        ordered
    }

    /// Has an address tried after all others for a while.
    pub(super) fn set_aside(&self, address: SocketAddr, now: Instant) {
        let mut state = self.state();
        state.aside.retain(|(failed, _)| *failed != address);
        state.aside.push((address, now));
    }

    /// Asks the resolver beside everything else, if what is known is old.
    pub(super) fn renew_when_due(self: &Arc<Self>, now: Instant) {
        self.ask_unless_younger(RENEW_AFTER, now);
    }

    /// When [`Names::renew_when_due`] asks next; `None` while it is asking, or when it never does.
    pub(super) fn due(&self) -> Option<Instant> {
        let state = self.state();
        if state.is_fixed || state.is_asking {
            return None;
        }
        state.asked.map(|asked| asked + RENEW_AFTER)
    }

    /// Whether another answer may be had than that which is known.
    pub(super) fn may_change(&self) -> bool {
        !self.state().is_fixed
    }

    /// Asks the resolver, but for what it has just said, and waits for the end of that. What it came to.
    ///
    /// Dropped at the await, it leaves the question to the others.
    pub(super) async fn ask(self: &Arc<Self>, now: Instant) -> Result<(), CallError> {
        let mut ended = self.ended.subscribe();
        if self.ask_unless_younger(YOUNG, now) {
            // Its sender is in `self`.
            let _ = ended.changed().await;
        }
        self.state().came_to
    }

    /// Whether a question is under way now.
    fn ask_unless_younger(self: &Arc<Self>, age: Duration, now: Instant) -> bool {
        let mut state = self.state();
        // Without an address an old answer helps nobody.
        let is_young = state.asked.is_some_and(|asked| now < asked + age) && !self.known.load().is_empty();
        if state.is_fixed || (is_young && !state.is_asking) {
            return false;
        }
        if !std::mem::replace(&mut state.is_asking, true) {
            tokio::spawn(Arc::clone(self).asking());
        }
        true
    }

    /// One question, on a task of its own, so that whoever has no time left leaves it to the others.
    async fn asking(self: Arc<Self>) {
        let answer = timeout(ASK_LIMIT, self.network.resolve(&self.host, self.port)).await;
        let came_to = match answer {
            Err(_) => Err(CallError::Unreachable("its name was not resolved in time")),
            Ok(Err(_)) => Err(CallError::Unreachable("its name does not resolve")),
            Ok(Ok(addresses)) if addresses.is_empty() => Err(CallError::Unreachable("its name has no address")),
            Ok(Ok(addresses)) => {
                let is_same = {
                    let known = self.known.load();
                    known.len() == addresses.len() && addresses.iter().all(|address| known.contains(address))
                };
                self.known.store(Arc::new(addresses));
                if !is_same {
                    self.changed.notify_one();
                }
                Ok(())
            }
        };
        {
            let mut state = self.state();
            state.is_asking = false;
            state.asked = Some(Instant::now());
            state.came_to = came_to;
        }
        self.ended.send_modify(|ended| *ended += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The families in turn, beginning with the preferred one (RFC 8305, section 4).
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_first_family = |address: &&SocketAddr| {
        addresses
            .first()
            .is_some_and(|first| first.is_ipv6() == address.is_ipv6())
    };
    let (first, second): (Vec<&SocketAddr>, Vec<&SocketAddr>) = addresses.iter().partition(is_first_family);
    let mut ordered: Vec<SocketAddr> = Vec::with_capacity(addresses.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        let before = ordered.len();
        for address in first.next().into_iter().chain(second.next()) {
            if !ordered.contains(address) {
                ordered.push(*address);
            }
        }
        if ordered.len() == before && first.len() == 0 && second.len() == 0 {
            return ordered;
        }
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
