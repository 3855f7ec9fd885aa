//! What a tracker said of an offer that holds for every visitor: off, at its cap, or not to be had. Such a word is kept for a
//! while; then one hit asks again, and the others go by the old word until it has its answer.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::answer::{Answer, Scope};
use crate::offer_ids::OfferIds;

/// An offer of a tracker's, by the tracker's number. The promo is a part of it, as a wrong one is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OfferKey {
    pub(super) tracker: u32,
    pub(super) ids: OfferIds,
}

/// The words of all trackers; as many as there are offers at most.
pub(super) struct Words {
    ttl: Duration,
    /// As long as a call takes at most.
    patience: Duration,
    said: RwLock<HashMap<OfferKey, Word>>,
}

struct Word {
    answer: Answer,
    /// Until when nobody asks again.
    until: Instant,
    /// Until when a hit that asks again is waited for.
    asked_until: Instant,
}

impl Words {
    /// None yet. Each is kept for `ttl`, with zero none is; a call takes `patience` at most.
    pub(super) fn new(ttl: Duration, patience: Duration) -> Self {
        Self {
            ttl,
            patience,
            said: RwLock::default(),
        }
    }

    /// The word for an offer, if the hit is not to ask. A hit that is told nothing asks.
    pub(super) fn of(&self, offer: OfferKey, now: Instant) -> Option<Answer> {
        let goes_by = |word: &Word| (now < word.until || now < word.asked_until).then(|| word.answer.clone());
        {
            let said = self.read();
            let word = said.get(&offer)?;
            if let Some(answer) = goes_by(word) {
                return Some(answer);
            }
        }
        let mut said = self.write();
        let word = said.get_mut(&offer)?;
        // Another may have been told to ask in between.
        let answer = goes_by(word);
        if answer.is_none() {
            word.asked_until = now + self.patience;
        }
        answer
    }

    /// What a call came to.
    pub(super) fn heard(&self, offer: OfferKey, answer: &Answer, now: Instant) {
        match answer.scope() {
            Scope::Offer if self.ttl.is_zero() => {}
            Scope::Offer => {
                let word = Word {
                    answer: answer.clone(),
                    until: now + self.ttl,
                    asked_until: now,
                };
                self.write().insert(offer, word);
            }
            // Most calls are of offers of which there is no word.
            _ if !self.read().contains_key(&offer) => {}
            Scope::Click => {
                self.write().remove(&offer);
            }
            // That this visitor is not wanted says nothing of the others: the next one asks.
            Scope::Visitor => {
                if let Some(word) = self.write().get_mut(&offer) {
                    word.asked_until = now;
                }
            }
            // As good as no answer: the old word holds for another while.
            Scope::Tracker => {
                if let Some(word) = self.write().get_mut(&offer) {
                    word.until = now + self.ttl;
                }
            }
        }
    }

    // Nothing under the lock can panic half way.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<OfferKey, Word>> {
        self.said.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<OfferKey, Word>> {
        self.said.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        click::answer::{Click, Denial, Failure, Trafficback},
        click_id::ClickId,
    };

    const TTL: Duration = Duration::from_secs(10);
    const PATIENCE: Duration = Duration::from_secs(2);
    const OFFER: OfferKey = OfferKey {
        tracker: 0,
        ids: OfferIds {
            offer: 1,
            campaign: 2,
            promo: 3,
        },
    };

    fn overcap() -> Answer {
        Answer::Trafficback(Trafficback::Overcap)
    }

    fn click() -> Answer {
        Answer::Click(Arc::new(Click {
            id: ClickId::try_from("1").expect("a click id"),
            session_id: None,
            params: Box::default(),
            existed: false,
        }))
    }

    #[test]
    fn a_word_holds_for_its_time_and_then_one_asks() {
        let words = Words::new(TTL, PATIENCE);
        let now = Instant::now();
        assert_eq!(words.of(OFFER, now), None);
        words.heard(OFFER, &overcap(), now);
        assert_eq!(words.of(OFFER, now + TTL - Duration::from_nanos(1)), Some(overcap()));
        let later = now + TTL;
        assert_eq!(words.of(OFFER, later), None, "the one who asks");
        assert_eq!(words.of(OFFER, later), Some(overcap()), "another meanwhile");
        // The one who asks is never heard of again: the next one asks.
        assert_eq!(words.of(OFFER, later + PATIENCE), None);
        assert_eq!(words.of(OFFER, later + PATIENCE), Some(overcap()));
        words.heard(OFFER, &click(), later + PATIENCE);
        assert_eq!(words.of(OFFER, later + PATIENCE), None);
        assert_eq!(words.of(OFFER, later + PATIENCE), None, "everyone asks again");
    }

    #[test]
    fn what_holds_for_everyone() {
        for (answer, is_kept) in [
            (Answer::Trafficback(Trafficback::OfferInactive), true),
            (Answer::Trafficback(Trafficback::CampaignInactive), true),
            (overcap(), true),
            (Answer::Trafficback(Trafficback::Targeting), false),
            (Answer::Trafficback(Trafficback::Other("x".into())), false),
            (Answer::Failed(Failure::Rejected(Some("offer_id"))), true),
            (Answer::Failed(Failure::Rejected(None)), false),
            (Answer::Failed(Failure::Rejected(Some("user_ip"))), false),
            (Answer::Failed(Failure::Rejected(Some("user_useragent"))), false),
            (Answer::Failed(Failure::Denied(Denial::Offer)), true),
            (Answer::Failed(Failure::Denied(Denial::Key)), true),
            (Answer::Failed(Failure::Denied(Denial::Unsaid)), false),
            (Answer::Failed(Failure::Tracker(500)), false),
            (Answer::Failed(Failure::Timeout), false),
            (click(), false),
        ] {
            let words = Words::new(TTL, PATIENCE);
            let now = Instant::now();
            words.heard(OFFER, &answer, now);
            assert_eq!(words.of(OFFER, now).is_some(), is_kept, "{answer:?}");
            let none = Words::new(Duration::ZERO, PATIENCE);
            none.heard(OFFER, &answer, now);
            assert_eq!(none.of(OFFER, now), None);
        }
    }

    #[test]
    fn other_offers_have_their_own() {
        let words = Words::new(TTL, PATIENCE);
        let now = Instant::now();
        words.heard(OFFER, &overcap(), now);
        let other = |change: fn(&mut OfferKey)| {
            let mut key = OFFER;
            change(&mut key);
            words.of(key, now)
        };
        assert_eq!(other(|key| key.tracker = 1), None);
        assert_eq!(other(|key| key.ids.offer = 9), None);
        assert_eq!(other(|key| key.ids.campaign = 9), None);
        assert_eq!(other(|key| key.ids.promo = 9), None);
    }

    #[test]
    fn a_visitors_own_answer_lets_the_next_one_ask() {
        let words = Words::new(TTL, PATIENCE);
        let now = Instant::now();
        words.heard(OFFER, &overcap(), now);
        let later = now + TTL;
        assert_eq!(words.of(OFFER, later), None);
        words.heard(OFFER, &Answer::Trafficback(Trafficback::Targeting), later);
        assert_eq!(words.of(OFFER, later), None, "the next one asks");
        assert_eq!(words.of(OFFER, later), Some(overcap()));
    }

    #[test]
    fn a_tracker_that_fails_leaves_the_old_word() {
        let words = Words::new(TTL, PATIENCE);
        let now = Instant::now();
        words.heard(OFFER, &overcap(), now);
        let later = now + TTL;
        assert_eq!(words.of(OFFER, later), None);
        words.heard(OFFER, &Answer::Failed(Failure::Timeout), later);
        assert_eq!(words.of(OFFER, later + TTL - Duration::from_nanos(1)), Some(overcap()));
        assert_eq!(words.of(OFFER, later + TTL), None);
    }
}
