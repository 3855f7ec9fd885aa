//! Who may come in: a bound on open connections in all, on those of one address, and on open files.
//!
//! Who comes beyond it is closed at once, and those who are being served go on. Not owned: accepting (`listener`).

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Limits;
use crate::observe::{Metrics, metrics::TurnedAway};

/// The open connections.
pub struct Crowd(Mutex<Inside>);

struct Inside {
    connections: u32,
    per_address: u32,
    /// The first number that no visitor's descriptor may have.
    files: u32,
    all: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// A place of one connection, given back when it is dropped.
pub struct Place {
    crowd: Arc<Crowd>,
    /// Whose it is, where that is counted.
    whose: Option<IpAddr>,
}

impl Crowd {
    /// Nobody yet. `files` is how many files may be open for visitors; the kernel gives the lowest free number, so that a
    /// connection's number says how many are.
    pub fn new(limits: &Limits, files: u32) -> Self {
        Self(Mutex::new(Inside {
            connections: limits.connections,
            per_address: limits.connections_per_address,
            files,
            all: 0,
            by_address: HashMap::new(),
        }))
    }

    /// Has these limits from now on. Who is in stays.
    pub fn have(&self, limits: &Limits, files: u32) {
        let mut inside = self.inside();
        inside.connections = limits.connections;
        inside.per_address = limits.connections_per_address;
        inside.files = files;
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from this address with this descriptor, if there is one. `is_proxy` speaks for many.
    pub(super) fn enter(
        self: &Arc<Self>,
        peer: IpAddr,
        is_proxy: bool,
        descriptor: u32,
        metrics: &Metrics,
    ) -> Option<Place> {
        let mut inside = self.inside();
        let why = if descriptor >= inside.files {
            TurnedAway::Files
        } else if inside.all >= inside.connections {
            TurnedAway::Connections
        } else {
            let whose = (!is_proxy).then(|| network(peer));
            if whose.is_none_or(|whose| inside.add(whose)) {
                inside.all += 1;
                return Some(Place {
                    crowd: Arc::clone(self),
                    whose,
                });
            }
            TurnedAway::Address
        };
        turn_away(inside, why, metrics);
        None
    }
}

impl Inside {
    /// Whether there is a place for one more of an address; then it is taken.
    fn add(&mut self, whose: IpAddr) -> bool {
        let its = self.by_address.entry(whose).or_default();
        let fits = *its < self.per_address;
        *its += u32::from(fits);
        fits
    }
}

impl Place {
    /// Counts a connection that a proxy has announced as its visitor's from now on; false when it is one too many, and is to be
    /// closed.
    pub fn is_of(&mut self, visitor: IpAddr, metrics: &Metrics) -> bool {
        let whose = network(visitor);
        let mut inside = self.crowd.inside();
        if !inside.add(whose) {
            turn_away(inside, TurnedAway::Address, metrics);
            return false;
        }
        drop(inside);
        self.whose = Some(whose);
        true
    }
}

fn turn_away(inside: MutexGuard<'_, Inside>, why: TurnedAway, metrics: &Metrics) {
    let open = inside.all;
    drop(inside);
    tracing::warn!(target: "onehop::peers", open, why = why.why(), "connections are turned away: {}", why.remedy());
    metrics.turned_away(why);
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.crowd.inside();
        inside.all -= 1;
        if let Some(whose) = self.whose
            && let Some(its) = inside.by_address.get_mut(&whose)
        {
            *its -= 1;
            if *its == 0 {
                inside.by_address.remove(&whose);
            }
        }
    }
}

/// Whose connections count together: one IPv4 address, and one IPv6 /64, since a line of its own has as many addresses as it
/// wants (RFC 6177).
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(connections: u32, per_address: u32) -> Arc<Crowd> {
        let limits = Limits {
            connections,
            connections_per_address: per_address,
            ..Limits::default()
        };
        Arc::new(Crowd::new(&limits, 50))
    }

    #[test]
    fn places_are_counted_by_address_and_given_back() {
        let (crowd, metrics) = (crowd(5, 2), Metrics::default());
        let enter = |ip: &str, is_proxy| crowd.enter(ip.parse().expect("an address"), is_proxy, 9, &metrics);
        let one = enter("192.0.2.1", false).expect("the first");
        let _two = enter("::ffff:192.0.2.1", false).expect("the second");
        assert!(enter("192.0.2.1", false).is_none(), "mapped addresses are one");
        drop(one);
        let _again = enter("192.0.2.1", false).expect("one has gone");
        let _six = enter("2001:db8::1", false).expect("another");
        let _seven = enter("2001:db8::ffff:0:0:2", false).expect("the same line");
        assert!(enter("2001:db8:0:0:1::", false).is_none(), "of one /64");
        let _proxy = enter("192.0.2.1", true).expect("a proxy speaks for many");
        assert!(enter("192.0.2.9", false).is_none(), "five in all");
        assert!(enter("192.0.2.9", true).is_none(), "and for proxies too");
    }

    #[test]
    fn nobody_is_remembered_who_has_gone() {
        let (crowd, metrics) = (crowd(9, 9), Metrics::default());
        let places: Vec<_> = (0..9)
            .map(|n| crowd.enter(IpAddr::from([192, 0, 2, n]), false, 9, &metrics))
            .collect();
        drop(places);
        let inside = crowd.inside();
        assert_eq!((inside.all, inside.by_address.len()), (0, 0));
    }

    #[test]
    fn files_run_out_before_they_have_run_out() {
        let (crowd, metrics) = (crowd(9, 9), Metrics::default());
        let peer = IpAddr::from([192, 0, 2, 1]);
        assert!(crowd.enter(peer, false, 50, &metrics).is_none());
        assert!(crowd.enter(peer, false, 49, &metrics).is_some());
    }
}
