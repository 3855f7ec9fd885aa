//! What a tracker said of an offer that holds for every visitor: off, at its cap, or not to be had. Such a word is kept for a
//! while; then one hit asks again, and the others go by the old word until it has its answer. Of an offer that nobody has asked for
//! yet, the first hit asks, and others wait a moment for what it hears.

use std::{
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use hashbrown::{HashMap, hash_map};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::answer::{Answer, Scope};
use crate::offer_ids::OfferIds;

/// How long the first hit of an offer is waited for: longer than a call usually takes; and a part of what it takes at most, so that
/// what is left is enough to ask.
const FIRST_WAIT: Duration = Duration::from_millis(300);
const FIRST_WAIT_PART: u32 = 4;

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
    /// Of offers that have been asked for; most have none.
    said: RwLock<HashMap<OfferKey, Option<Box<Word>>>>,
    /// Offers that are being asked for the first time. The sender is gone when the answer has been heard.
    firsts: Mutex<HashMap<OfferKey, watch::Receiver<()>>>,
}

struct Word {
    answer: Answer,
    /// Until when nobody asks again.
    until: Instant,
    /// Until when a hit that asks again is waited for.
    asked_until: Instant,
}

/// How a hit stands to an offer that nobody has had an answer for yet.
enum First<'a> {
    /// It is the one who asks.
    Asks(Asking<'a>),
    /// Another asks.
    Waits(watch::Receiver<()>),
}

/// The first hit of an offer is under way. Dropped, nobody waits for it any more.
pub(super) struct Asking<'a> {
    words: &'a Words,
    offer: OfferKey,
    _heard: watch::Sender<()>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        // Nothing under the lock can panic half way.
        let mut firsts = self.words.firsts.lock().unwrap_or_else(PoisonError::into_inner);
        firsts.remove(&self.offer);
    }
}

impl Words {
    /// None yet. Each is kept for `ttl`, with zero none is; a call takes `patience` at most.
    pub(super) fn new(ttl: Duration, patience: Duration) -> Self {
        Self {
            ttl,
            patience,
            said: RwLock::default(),
            firsts: Mutex::default(),
        }
    }

    /// The word for an offer, if the hit is not to ask. A hit that is told nothing asks.
    pub(super) fn of(&self, offer: OfferKey, now: Instant) -> Option<Answer> {
        let goes_by = |word: &Word| (now < word.until || now < word.asked_until).then(|| word.answer.clone());
        {
            let said = self.read();
            let word = said.get(&offer)?.as_ref()?;
            if let Some(answer) = goes_by(word) {
                return Some(answer);
            }
        }
        let mut said = self.write();
        let word = said.get_mut(&offer)?.as_mut()?;
        // Another may have been told to ask in between.
        let answer = goes_by(word);
        if answer.is_none() {
            word.asked_until = now + self.patience;
        }
        answer
    }

    /// What the first hit of an offer hears, if it holds for every visitor; else nothing, and who is the first has it held on to
    /// while it asks.
    ///
    /// Dropped while it waits, it changes nothing.
    pub(super) async fn of_first(&self, offer: OfferKey, now: Instant) -> Result<Option<Asking<'_>>, Answer> {
        if self.ttl.is_zero() {
            return Ok(None);
        }
        match self.first(offer) {
            None => Ok(None),
            Some(First::Asks(asking)) => Ok(Some(asking)),
            Some(First::Waits(mut heard)) => {
                // It ends by an error when the sender is gone.
                let _ = timeout_at(now + FIRST_WAIT.min(self.patience / FIRST_WAIT_PART), heard.changed()).await;
                self.of(offer, Instant::now()).map_or(Ok(None), Err)
            }
        }
    }

    fn first(&self, offer: OfferKey) -> Option<First<'_>> {
        let is_known = || self.read().contains_key(&offer);
        if is_known() {
            return None;
        }
        let mut firsts = self.firsts.lock().unwrap_or_else(PoisonError::into_inner);
        match firsts.entry(offer) {
            hash_map::Entry::Occupied(first) => Some(First::Waits(first.get().clone())),
            // Its answer may have been heard in between.
            hash_map::Entry::Vacant(_) if is_known() => None,
            hash_map::Entry::Vacant(free) => {
                let (sender, heard) = watch::channel(());
                free.insert(heard);
                Some(First::Asks(Asking {
                    words: self,
                    offer,
                    _heard: sender,
                }))
            }
        }
    }

    /// What a call came to.
    pub(super) fn heard(&self, offer: OfferKey, answer: &Answer, now: Instant) {
        if self.ttl.is_zero() {
            return;
        }
        let scope = answer.scope();
        if scope == Scope::Offer {
            let word = Word {
                answer: answer.clone(),
                until: now + self.ttl,
                asked_until: now,
            };
            self.write().insert(offer, Some(Box::new(word)));
            return;
        }
        // Most calls are of offers of which there is no word.
        if matches!(self.read().get(&offer), Some(None)) {
            return;
        }
        let mut said = self.write();
        let said = said.entry(offer).or_default();
        match (scope, said.as_mut()) {
            (Scope::Click, Some(_)) => *said = None,
            // That this visitor is not wanted says nothing of the others: the next one asks.
            (Scope::Visitor, Some(word)) => word.asked_until = now,
            // As good as no answer: the old word holds for another while.
            (Scope::Tracker, Some(word)) => word.until = now + self.ttl,
            (_, None) | (Scope::Offer, _) => {}
        }
    }

    // Nothing under the lock can panic half way.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<OfferKey, Option<Box<Word>>>> {
        self.said.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<OfferKey, Option<Box<Word>>>> {
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

    #[tokio::test(start_paused = true)]
    async fn who_comes_beside_the_first_goes_by_what_it_hears() {
        let words = Words::new(TTL, PATIENCE);
        let now = Instant::now();
        for (answer, is_for_all) in [(overcap(), true), (click(), false)] {
            let first = words
                .of_first(OFFER, now)
                .await
                .expect("no word yet")
                .expect("the first");
            let (second, ()) = tokio::join!(words.of_first(OFFER, now), async {
                words.heard(OFFER, &answer, now);
                drop(first);
            });
            assert_eq!(second.is_err(), is_for_all);
            assert_eq!(now.elapsed(), Duration::ZERO, "not longer than it takes");
            // The next ones do not wait.
            assert!(words.of_first(OFFER, now).await.expect("nobody to wait for").is_none());
            words.write().remove(&OFFER);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_is_not_waited_for_long() {
        let words = Words::new(TTL, PATIENCE);
        let now = Instant::now();
        let first = words.of_first(OFFER, now).await.expect("no word yet");
        assert!(first.is_some());
        assert!(words.of_first(OFFER, now).await.expect("no word yet").is_none());
        assert!(now.elapsed() >= FIRST_WAIT && now.elapsed() < 2 * FIRST_WAIT);
        drop(first);
        assert!(
            words.of_first(OFFER, now).await.expect("no word yet").is_some(),
            "it heard nothing"
        );
    }
}
