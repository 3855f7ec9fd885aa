//! The clicks of the last 300 seconds, in a bounded memory. Who may have a click is not decided here.

use super::call::Call;
use fastrand::Rng;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long the same visitor has the same click, counted from its creation.
const WINDOW: Duration = Duration::from_mins(5);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Click {
    pub click_id: String,
    pub session_id: String,
}

/// What makes two calls one click. The User-Agent is there as a keyed hash, so that an entry has a fixed size
/// whatever callers send; a collision would need the same offer, campaign and IP as well.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Visit {
    offer_id: u64,
    campaign_id: u64,
    ip: IpAddr,
    user_agent: u64,
}

pub(super) struct Clicks {
    known: HashMap<Visit, Click>,
    /// Oldest first. Since a repeat does not lengthen a click's life, creation order is expiry order.
    order: VecDeque<(Instant, Visit)>,
    limit: usize,
    hasher: RandomState,
}

impl Clicks {
    /// Above `limit` clicks the oldest is forgotten early.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            known: HashMap::new(),
            order: VecDeque::new(),
            limit,
            hasher: RandomState::new(),
        }
    }

    /// The click that this call already has.
    pub(super) fn find(&mut self, call: &Call, now: Instant) -> Option<&Click> {
        while let Some((created, _)) = self.order.front()
            && now.saturating_duration_since(*created) >= WINDOW
        {
            self.forget_oldest();
        }
        self.known.get(&self.visit(call))
    }

    /// A new click for a call that has none.
    pub(super) fn create(&mut self, call: &Call, now: Instant, rng: &mut Rng) -> Click {
        while self.order.len() >= self.limit.max(1) {
            self.forget_oldest();
        }
        let click = Click {
            click_id: uuid(rng),
            session_id: uuid(rng),
        };
        let visit = self.visit(call);
        self.order.push_back((now, visit));
        self.known.insert(visit, click.clone());
        click
    }

    /// Those that are remembered, the oldest first: how old each is, its offer, campaign and IP, and its id.
    pub(super) fn all(&self, now: Instant) -> impl Iterator<Item = (Duration, u64, u64, IpAddr, &str)> {
        self.order.iter().filter_map(move |(created, visit)| {
            let click = self.known.get(visit)?;
            let age = now.saturating_duration_since(*created);
            Some((age, visit.offer_id, visit.campaign_id, visit.ip, &*click.click_id))
        })
    }

    fn forget_oldest(&mut self) {
        if let Some((_, visit)) = self.order.pop_front() {
            self.known.remove(&visit);
        }
    }

    fn visit(&self, call: &Call) -> Visit {
        Visit {
            offer_id: call.offer_id,
            campaign_id: call.campaign_id,
            ip: call.ip,
            user_agent: self.hasher.hash_one(call.user_agent),
        }
    }
}

/// A random UUID (RFC 9562, version 4).
fn uuid(rng: &mut Rng) -> String {
    let bits = rng.u128(..);
    let (low, middle, high) = (bits >> 96, bits >> 80 & 0xffff, bits >> 64 & 0xfff);
    let (variant, node) = (bits >> 48 & 0x3fff | 0x8000, bits & 0xffff_ffff_ffff);
    format!("{low:08x}-{middle:04x}-4{high:03x}-{variant:04x}-{node:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(offer_id: u64, campaign_id: u64, ip: &str, user_agent: &'static [u8]) -> Call<'static> {
        Call {
            offer_id,
            campaign_id,
            ip: ip.parse().unwrap(),
            user_agent,
        }
    }

    #[test]
    fn a_click_lives_for_300_seconds_from_its_creation() {
        let (mut clicks, mut rng, start) = (Clicks::new(9), Rng::with_seed(1), Instant::now());
        let call = call(1, 2, "192.0.2.1", b"x");
        assert_eq!(clicks.find(&call, start), None);
        let click = clicks.create(&call, start, &mut rng);
        for seconds in [0, 150, 299] {
            let now = start + Duration::from_secs(seconds);
            assert_eq!(clicks.find(&call, now), Some(&click), "{seconds}");
        }
        assert_eq!(clicks.find(&call, start + Duration::from_mins(5)), None);
        assert_eq!((clicks.known.len(), clicks.order.len()), (0, 0));
    }

    #[test]
    fn offer_campaign_ip_and_user_agent_each_tell_clicks_apart() {
        let (mut clicks, mut rng, now) = (Clicks::new(9), Rng::with_seed(1), Instant::now());
        let first = clicks.create(&call(1, 2, "192.0.2.1", b"x"), now, &mut rng);
        for other in [
            call(9, 2, "192.0.2.1", b"x"),
            call(1, 9, "192.0.2.1", b"x"),
            call(1, 2, "192.0.2.9", b"x"),
            call(1, 2, "192.0.2.1", b"y"),
        ] {
            assert_eq!(clicks.find(&other, now), None, "{other:?}");
        }
        assert_eq!(clicks.find(&call(1, 2, "192.0.2.1", b"x"), now), Some(&first));
    }

    #[test]
    fn above_the_limit_the_oldest_is_forgotten() {
        let (mut clicks, mut rng, now) = (Clicks::new(3), Rng::with_seed(1), Instant::now());
        for offer_id in 1..=5 {
            clicks.create(&call(offer_id, 1, "192.0.2.1", b"x"), now, &mut rng);
        }
        let kept: Vec<u64> = (1..=5)
            .filter(|id| clicks.find(&call(*id, 1, "192.0.2.1", b"x"), now).is_some())
            .collect();
        assert_eq!(kept, [3, 4, 5]);
        assert_eq!((clicks.known.len(), clicks.order.len()), (3, 3));
    }

    #[test]
    fn ids_are_random_uuids() {
        let mut rng = Rng::with_seed(1);
        let ids: Vec<String> = (0..100).map(|_| uuid(&mut rng)).collect();
        for id in &ids {
            let lengths: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(&id[14..15], "4", "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
            assert!(id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()));
        }
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 100);
    }
}
