//! Calls under way, so that any number of simultaneous hits of one visitor on one offer make one.
//!
//! A flight belongs to nobody who waits for it: whoever leaves, it goes on, and whoever comes joins it.

use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{
    answer::{Answer, Failure},
    cache::{HashMade, Key},
    progress::{Effort, Progress},
};

/// Locks that flights share out, a power of two; the work inside one is a look-up.
const SHARDS: usize = 16;

/// The flights that have not landed.
pub(super) struct Flights {
    shards: Box<[Mutex<Shard>]>,
}

/// Flights by the bytes of their keys.
type Shard = HashMap<Box<[u8]>, Waiting, HashMade>;

/// What waits for one flight.
#[derive(Clone)]
pub(super) struct Waiting {
    landed: watch::Receiver<Option<Answer>>,
    progress: Arc<Progress>,
}

/// The one who makes the call. Dropped without [`Lead::land`], as by a panic, it lands as a failure.
pub(super) struct Lead {
    flights: Arc<Flights>,
    key: Box<Key>,
    landed: watch::Sender<Option<Answer>>,
    /// What is done for the call.
    pub(super) progress: Arc<Progress>,
}

/// A place in a flight.
pub(super) enum Boarded {
    /// The flight is new: its lead is to make the call.
    Lead(Lead, Waiting),
    /// The call is being made.
    Joined(Waiting),
    /// There is an answer already.
    Answered(Answer),
}

impl Flights {
    pub(super) fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Joins the flight of a key, or begins one. `answered` is asked in between, under the lock: a flight may have
    /// landed since the caller looked, and its answer is kept before it is gone from here.
    pub(super) fn board(self: &Arc<Self>, key: &Key, answered: impl FnOnce() -> Option<Answer>) -> Boarded {
        let mut flights = self.shard(key);
        match flights.entry(key.as_bytes().into()) {
            hash_map::Entry::Occupied(flight) => Boarded::Joined(flight.get().clone()),
            hash_map::Entry::Vacant(free) => {
                if let Some(answer) = answered() {
                    return Boarded::Answered(answer);
                }
                let (sender, landed) = watch::channel(None);
                let progress = Arc::<Progress>::default();
                let waiting = Waiting {
                    landed,
                    progress: Arc::clone(&progress),
                };
                free.insert(waiting.clone());
                let lead = Lead {
                    flights: Arc::clone(self),
                    key: Box::new(key.clone()),
                    landed: sender,
                    progress,
                };
                Boarded::Lead(lead, waiting)
            }
        }
    }

    fn shard(&self, key: &Key) -> MutexGuard<'_, Shard> {
        // Nothing in here can panic half way.
        self.shards[key.shard(SHARDS)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead {
    /// What the clicks of this flight are kept under.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Gives the answer to all who wait. Whoever comes later begins a new flight.
    pub(super) fn land(self, answer: Answer) {
        self.flights.shard(&self.key).remove(self.key.as_bytes());
        self.landed.send_replace(Some(answer));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if self.landed.borrow().is_none() {
            self.flights.shard(&self.key).remove(self.key.as_bytes());
        }
    }
}

impl Waiting {
    /// The flight's answer. Dropped, it leaves the flight as it is.
    pub(super) async fn answer(&mut self) -> Answer {
        let landed = self.landed.wait_for(Option::is_some).await;
        landed
            .ok()
            .and_then(|answer| answer.clone())
            .unwrap_or(Answer::Failed(Failure::Unreachable("the call was given up")))
    }

    /// Whether it landed by what the tracker said to another visitor.
    pub(super) fn is_by_word(&self) -> bool {
        self.progress.is_by_word()
    }

    /// What the flight has taken so far.
    pub(super) fn effort(&self) -> Effort {
        self.progress.effort()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::click::answer::Trafficback;

    fn key() -> Key {
        Key::new(
            &crate::click::cache::HASHER,
            0,
            1,
            2,
            "192.0.2.1".parse().expect("an address"),
            b"a",
        )
    }

    fn lead(boarded: Boarded) -> (Lead, Waiting) {
        match boarded {
            Boarded::Lead(lead, waiting) => (lead, waiting),
            Boarded::Joined(_) | Boarded::Answered(_) => panic!("a new flight expected"),
        }
    }

    #[tokio::test]
    async fn all_who_wait_share_the_answer() {
        let flights = Arc::new(Flights::new());
        let (lead_one, first) = lead(flights.board(&key(), || None));
        drop(first);
        let Boarded::Joined(mut second) = flights.board(&key(), || None) else {
            panic!("a flight to join expected");
        };
        let answer = Answer::Trafficback(Trafficback::Targeting);
        lead_one.land(answer.clone());
        assert_eq!(second.answer().await, answer);
        lead(flights.board(&key(), || None));
    }

    #[tokio::test]
    async fn a_lead_that_is_lost_strands_nobody() {
        let flights = Arc::new(Flights::new());
        let (lead_one, mut waiting) = lead(flights.board(&key(), || None));
        drop(lead_one);
        assert!(matches!(
            waiting.answer().await,
            Answer::Failed(Failure::Unreachable(_))
        ));
        lead(flights.board(&key(), || None));
    }

    #[test]
    fn an_answer_that_came_meanwhile_is_taken() {
        let flights = Arc::new(Flights::new());
        let answer = Answer::Failed(Failure::Overload);
        let boarded = flights.board(&key(), || Some(answer));
        assert!(matches!(boarded, Boarded::Answered(_)));
        lead(flights.board(&key(), || None));
    }
}
