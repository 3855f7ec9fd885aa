//! Asking for a click: from the cache, from a call under way, or from the tracker.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{
    answer::{Answer, Failure},
    attempts::Call,
    cache::{Cache, Key},
    flight::{Boarded, Carried, Flights, Lead, Waiting},
    progress::{Effort, SparedBy},
    tracker::{Care, Event, Tracker},
    wire::{Target, Told, Who},
    words::{OfferKey, Words},
};
use crate::{hit_id::HitIds, in_place, keyed_hash::KeyedHash, offer_ids::OfferIds};

/// How long clicks are kept, and how long calls may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How trackers are called.
    pub care: Care,
    /// How many clicks are kept.
    pub cache_entries: usize,
    /// How long a new click is kept: the tracker's own window for repeated visitors.
    pub ttl: Duration,
    /// How long a click is kept that the tracker had already.
    pub ttl_when_exists: Duration,
    /// How long an answer is kept that holds for every visitor of an offer.
    pub offer_ttl: Duration,
}

/// An offer, as the Click API is asked for it. Made for each hit, of what the offer keeps anyway.
#[derive(Clone, Copy)]
pub struct OfferRequest<'a> {
    /// Who is asked.
    pub tracker: &'a Arc<Tracker>,
    /// For what.
    pub ids: OfferIds,
}

impl OfferRequest<'_> {
    /// The request as a URL for a person to read, without its key.
    pub fn shown(&self, who: &Who<'_>, told: &Told) -> String {
        let target = self.tracker.prefix.shown(self.ids, who, told);
        format!("{}{target}", self.tracker.client.origin())
    }

    fn offer(&self) -> OfferKey {
        OfferKey {
            tracker: self.tracker.number,
            ids: self.ids,
        }
    }

    fn key(&self, hash: &KeyedHash, ip: IpAddr, user_agent: &[u8]) -> Key {
        let OfferIds { offer, campaign, .. } = self.ids;
        Key::new(hash, self.tracker.number, offer, campaign, ip, user_agent)
    }
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheUse {
    /// A click already had.
    Hit,
    /// A call of its own.
    Miss,
    /// A call that was under way.
    Joined,
    /// What the tracker said of the offer to another visitor.
    Offer,
}

/// An answer, and what it took.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The answer.
    pub answer: Answer,
    /// Where it came from.
    pub cache: CacheUse,
    /// What was done for it, by whomever.
    pub effort: Effort,
    /// How long it was waited for.
    pub waited: Duration,
}

impl Asked {
    fn kept(answer: Answer, cache: CacheUse) -> Self {
        Self {
            answer,
            cache,
            effort: Effort::default(),
            waited: Duration::ZERO,
        }
    }
}

/// All clicks: those had, and those on their way.
pub struct ClickApi {
    settings: Settings,
    hash: KeyedHash,
    cache: Arc<Cache>,
    flights: Arc<Flights>,
    words: Words,
}

impl ClickApi {
    /// Without clicks yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            hash: KeyedHash::new(),
            cache: Arc::new(Cache::new(settings.cache_entries)),
            flights: Arc::new(Flights::new()),
            words: Words::new(settings.offer_ttl, settings.care.deadline),
        }
    }

    /// The same clicks under other settings: what is had is had, and who waits for a call is joined. A cache of another size
    /// begins anew.
    pub fn under(self: &Arc<Self>, settings: Settings) -> Arc<Self> {
        if settings == self.settings {
            return Arc::clone(self);
        }
        let cache = if settings.cache_entries == self.settings.cache_entries {
            Arc::clone(&self.cache)
        } else {
            Arc::new(Cache::new(settings.cache_entries))
        };
        Arc::new(Self {
            settings,
            hash: self.hash.clone(),
            cache,
            flights: Arc::clone(&self.flights),
            words: Words::new(settings.offer_ttl, settings.care.deadline),
        })
    }

    /// The longest that a visitor waits.
    pub fn deadline(&self) -> Duration {
        self.settings.care.deadline
    }

    /// Asks for a click, at a time that is `began`. `told` is asked only when a request is made, and until when to wait only when
    /// there is something to wait for.
    ///
    /// What the tracker has just said of the offer to another visitor is taken as said to this one, who has no click yet.
    ///
    /// Dropped at an await, it leaves the call to those who wait with it, and its click to the cache.
    pub fn ask(
        self: &Arc<Self>,
        offer: OfferRequest<'_>,
        who: &Who<'_>,
        began: Instant,
        told: impl FnOnce() -> Told,
        until: impl FnOnce() -> Instant,
    ) -> impl Future<Output = Asked> {
        let key = offer.key(&self.hash, who.ip, who.user_agent);
        let asked = match self.had(&key, offer, began) {
            Some(asked) => Ok(asked),
            // Most hits have it: they are not to carry the room for a call.
            None => Err(in_place::pinned(|| self.wait_for(key, offer, who, began, told, until))),
        };
        async move {
            match asked {
                Ok(asked) => asked,
                Err(waiting) => waiting.await,
            }
        }
    }

    /// What there is without a call.
    fn had(&self, key: &Key, offer: OfferRequest<'_>, began: Instant) -> Option<Asked> {
        let click = |click| Asked::kept(Answer::Click(click), CacheUse::Hit);
        let word = |word| Asked::kept(word, CacheUse::Offer);
        let had = self.cache.get(key, began).map(click);
        had.or_else(|| self.words.of(offer.offer(), began).map(word))
    }

    /// Joins the call for a click, or makes it.
    ///
    /// Dropped at an await, it leaves the call to those who wait with it, and its click to the cache.
    async fn wait_for(
        self: &Arc<Self>,
        key: Key,
        offer: OfferRequest<'_>,
        who: &Who<'_>,
        began: Instant,
        told: impl FnOnce() -> Told,
        until: impl FnOnce() -> Instant,
    ) -> Asked {
        let by = until();
        let kept = |key: &Key| self.cache.get(key, began).map(Answer::Click);
        let mut carried = None;
        let (cache, waiting) = match self.flights.board(key, kept) {
            Boarded::Answered(answer) => return Asked::kept(answer, CacheUse::Hit),
            Boarded::Joined(waiting) => (CacheUse::Joined, waiting),
            Boarded::Lead(lead, waiting) => {
                match offer.tracker.prefix.target(offer.ids, who, &told()) {
                    Some(target) => {
                        let tracker = Arc::clone(offer.tracker);
                        let wanted = Wanted {
                            began,
                            by,
                            hit: who.hit,
                        };
                        let call = || Arc::clone(self).fly(lead, tracker, offer.offer(), target, wanted);
                        carried = Some(Carried::new(call));
                    }
                    None => lead.land(Answer::Failed(Failure::Rejected(None))),
                }
                (CacheUse::Miss, waiting)
            }
        };
        // A call of one's own that ends in time needs no other clock.
        let answer = if carried.is_some() && by >= began + self.settings.care.deadline {
            until_landed(carried.as_mut(), &waiting).await
        } else {
            let answer = timeout_at(by, until_landed(carried.as_mut(), &waiting)).await;
            answer.unwrap_or(Answer::Failed(Failure::Timeout))
        };
        let cache = if waiting.is_by_word() { CacheUse::Offer } else { cache };
        Asked {
            answer,
            cache,
            effort: waiting.effort(),
            waited: began.elapsed(),
        }
    }

    /// A call. It ends whoever waits for it, at the deadline at the latest.
    async fn fly(self: Arc<Self>, lead: Lead, tracker: Arc<Tracker>, offer: OfferKey, target: Target, wanted: Wanted) {
        let began = wanted.began;
        let flight = lead.waiting();
        let asking = match self.words.of_first(offer, began).await {
            Ok(asking) => asking,
            Err(word) => {
                flight.progress().by_word();
                return lead.land(word);
            }
        };
        let call = Call {
            tracker: &tracker,
            target: &target,
            progress: flight.progress(),
            began,
            by: began + self.settings.care.deadline,
            wanted_by: wanted.by,
            hit: wanted.hit,
        };
        let land = |answer: Answer, now: Instant| {
            if let Answer::Click(click) = &answer {
                let ttl = if click.existed {
                    self.settings.ttl_when_exists.min(self.settings.ttl)
                } else {
                    self.settings.ttl
                };
                self.cache.put(lead.key(), Arc::clone(click), now, ttl);
            }
            self.words.heard(offer, &answer, now);
            drop(asking);
            if flight.effort().spared != Some(SparedBy::Breaker) {
                tracker.gate.tell(&Event::Called {
                    answer: &answer,
                    took: now - began,
                    hit: wanted.hit,
                });
            }
            lead.land(answer);
        };
        call.make(land).await;
    }
}

/// Of whoever makes a call.
struct Wanted {
    began: Instant,
    by: Instant,
    hit: HitIds,
}

/// The answer of a flight, of which the call may be one's own.
///
/// Dropped, it loses nothing.
async fn until_landed<F: Future<Output = ()> + Send + 'static>(
    carried: Option<&mut Carried<F>>,
    waiting: &Waiting,
) -> Answer {
    if let Some(carried) = carried {
        carried.until_landed(waiting).await;
    }
    waiting.answer().await
}
