//! The stand-in tracker: a query and the time in, an answer out. Faults, delays and HTTP are not its business.

use super::answer::{Answer, Reason};
use super::call::Call;
use super::clicks::Clicks;
use super::offers::{self, CAPPED};
use super::options::Key;
use super::query::Query;
use fastrand::Rng;
use serde_json::{Map, Value};
use std::time::Instant;

/// Some 30 MB of clicks, whatever is sent.
const CLICKS: usize = 100_000;

/// What an affiliate may want to see again in a traffic URL.
const ECHOED: [&str; 2] = ["utm_source", "subid1"];

pub(super) struct Tracker {
    key: Key,
    cap: u64,
    /// Clicks of the capped offer so far.
    taken: u64,
    clicks: Clicks,
    rng: Rng,
}

impl Tracker {
    pub(super) fn new(key: Key, cap: u64, rng: Rng) -> Self {
        Self {
            key,
            cap,
            taken: 0,
            clicks: Clicks::new(CLICKS),
            rng,
        }
    }

    /// `now` may not run backwards from call to call.
    pub(super) fn answer(&mut self, query: &Query, now: Instant) -> Answer {
        let call = match Call::read(query, &self.key) {
            Ok(call) => call,
            Err(refused) => return refused,
        };
        if let Some(refused) = offers::refusal(&call) {
            return refused;
        }
        // A known click comes before the cap: it is counted already.
        let known = self.clicks.find(&call, now).cloned();
        let exists = known.is_some();
        let click = match known {
            Some(click) => click,
            None if self.full(&call) => return Answer::Trafficback(Reason::Overcap),
            None => self.clicks.create(&call, now, &mut self.rng),
        };
        if call.offer_id == CAPPED && !exists {
            self.taken += 1;
        }
        let params = params(query, &click.click_id, call.offer_id);
        Answer::Click {
            click_id: click.click_id,
            session_id: click.session_id,
            exists,
            params,
        }
    }

    /// The clicks that are remembered.
    pub(super) fn clicks(&self) -> &Clicks {
        &self.clicks
    }

    fn full(&self, call: &Call) -> bool {
        call.offer_id == CAPPED && self.taken >= self.cap
    }
}

fn params(query: &Query, click_id: &str, offer_id: u64) -> Map<String, Value> {
    let mut params = Map::new();
    params.insert("click_id".into(), click_id.into());
    // A number on purpose: an edge has to cope with more than strings.
    params.insert("offer_id".into(), offer_id.into());
    for name in ECHOED {
        if let Some(value) = query.text(name) {
            params.insert(name.into(), value.into());
        }
    }
    params
}

#[cfg(test)]
#[path = "contract_tests.rs"]
mod tests;
