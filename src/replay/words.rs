//! What trackers said of offers to everyone, as lines that came before tell.

use std::collections::HashMap;

use super::then::{Key, Then, answer_of};
use crate::{click::Answer, offer_ids::OfferIds, outcome::Reason};

/// A word that is older is not gone by, in seconds: caps are raised, offers are turned on.
const NEAR: u64 = 600;
/// Far more offers than configurations have.
const MAX_OFFERS: usize = 1_000_000;

/// The latest word of each offer: when, and what.
#[derive(Default)]
pub(super) struct Words {
    said: HashMap<Box<str>, HashMap<OfferIds, (i64, Reason)>>,
    offers: usize,
}

/// Whether what is called so holds for every visitor of an offer.
fn is_for_all(reason: Reason) -> bool {
    match reason {
        Reason::OfferInactive | Reason::CampaignInactive | Reason::Overcap | Reason::Rejected | Reason::Denied => true,
        Reason::Targeting
        | Reason::Other
        | Reason::NoOffer
        | Reason::Bot
        | Reason::Head
        | Reason::NoUserAgent
        | Reason::TrackerError
        | Reason::Unreachable
        | Reason::Timeout
        | Reason::BadAnswer
        | Reason::Overload => false,
    }
}

impl Words {
    /// Hears what a hit's offer was said to be.
    pub(super) fn hear(&mut self, then: &Then<'_>) {
        let Some(Key { tracker, ids }) = then.decided else {
            return;
        };
        match then.reason.filter(|reason| is_for_all(*reason)) {
            Some(reason) => {
                if !self.said.contains_key(tracker) {
                    self.said.insert(tracker.into(), HashMap::new());
                }
                let offers = self.said.get_mut(tracker).expect("it has just been put there");
                if self.offers < MAX_OFFERS || offers.contains_key(&ids) {
                    let is_new = offers.insert(ids, (then.second, reason)).is_none();
                    self.offers += usize::from(is_new);
                }
            }
            // It is to be had again.
            None if then.reason.is_none() => {
                let is_gone = self
                    .said
                    .get_mut(tracker)
                    .is_some_and(|offers| offers.remove(&ids).is_some());
                self.offers -= usize::from(is_gone);
            }
            None => {}
        }
    }

    /// What holds for everyone of an offer at a time, in seconds.
    pub(super) fn of(&self, Key { tracker, ids }: Key<'_>, second: i64) -> Option<Answer> {
        let (at, reason) = self.said.get(tracker)?.get(&ids)?;
        let is_near = at.abs_diff(second) <= NEAR;
        answer_of(*reason, None).filter(|_| is_near)
    }
}
