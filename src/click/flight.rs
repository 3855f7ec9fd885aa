//! Calls under way, so that any number of simultaneous hits of one visitor on one offer make one.
//!
//! A flight belongs to nobody who waits for it: whoever leaves, it goes on, and whoever comes joins it. The one who began it
//! carries it along as long as it waits, which saves most calls a task of their own.

use std::{
    collections::{HashMap, hash_map},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll},
};

use tokio::{runtime::Handle, sync::Notify};

use super::{
    answer::{Answer, Failure},
    cache::{HashMade, Key},
    progress::{Effort, Progress},
};
use crate::in_place;

/// Locks that flights share out, a power of two; the work inside one is a look-up.
const SHARDS: usize = 16;

/// The flights that have not landed.
pub(super) struct Flights {
    shards: Box<[Mutex<Shard>]>,
}

/// Flights by the bytes of their keys.
type Shard = HashMap<Box<[u8]>, Arc<Flight>, HashMade>;

/// What is known of one flight.
#[derive(Default)]
struct Flight {
    answer: OnceLock<Answer>,
    landed: Notify,
    progress: Progress,
}

/// What waits for one flight.
pub(super) struct Waiting(Arc<Flight>);

/// The one who makes the call. Dropped without [`Lead::land`], as by a panic, it lands as a failure.
pub(super) struct Lead {
    flights: Arc<Flights>,
    key: Box<Key>,
    flight: Arc<Flight>,
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
    pub(super) fn board(self: &Arc<Self>, key: Key, answered: impl FnOnce(&Key) -> Option<Answer>) -> Boarded {
        let mut flights = self.shard(&key);
        match flights.entry(key.as_bytes().into()) {
            hash_map::Entry::Occupied(flight) => Boarded::Joined(Waiting(Arc::clone(flight.get()))),
            hash_map::Entry::Vacant(free) => {
                if let Some(answer) = answered(&key) {
                    return Boarded::Answered(answer);
                }
                let flight = Arc::clone(free.insert(Arc::default()));
                drop(flights);
                let lead = Lead {
                    flights: Arc::clone(self),
                    key: Box::new(key),
                    flight: Arc::clone(&flight),
                };
                Boarded::Lead(lead, Waiting(flight))
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

    /// As others see the flight.
    pub(super) fn waiting(&self) -> Waiting {
        Waiting(Arc::clone(&self.flight))
    }

    /// Gives the answer to all who wait. Whoever comes later begins a new flight.
    pub(super) fn land(self, answer: Answer) {
        self.end(answer);
    }

    fn end(&self, answer: Answer) {
        if self.flight.answer.set(answer).is_ok() {
            self.flights.shard(&self.key).remove(self.key.as_bytes());
            self.flight.landed.notify_waiters();
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.end(Answer::Failed(Failure::Unreachable("the call was given up")));
    }
}

impl Waiting {
    /// The flight's answer. Dropped, it leaves the flight as it is.
    pub(super) async fn answer(&self) -> Answer {
        loop {
            let landed = self.0.landed.notified();
            if let Some(answer) = self.0.answer.get() {
                return answer.clone();
            }
            landed.await;
        }
    }

    /// What is done for the call.
    pub(super) fn progress(&self) -> &Progress {
        &self.0.progress
    }

    /// Whether it landed by what the tracker said to another visitor.
    pub(super) fn is_by_word(&self) -> bool {
        self.0.progress.is_by_word()
    }

    /// What the flight has taken so far.
    pub(super) fn effort(&self) -> Effort {
        self.0.progress.effort()
    }

    fn has_landed(&self) -> bool {
        self.0.answer.get().is_some()
    }
}

/// A call that the one who waits carries along. Dropped before its end, it goes on by itself.
pub(super) struct Carried<F: Future<Output = ()> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output = ()> + Send + 'static> Carried<F> {
    pub(super) fn new(call: impl FnOnce() -> F) -> Self {
        Self(Some(in_place::pinned(call)))
    }

    /// Goes on with the call until its flight has landed.
    ///
    /// Dropped, it loses nothing.
    pub(super) async fn until_landed(&mut self, waiting: &Waiting) {
        std::future::poll_fn(|context| self.poll(context, waiting)).await;
    }

    fn poll(&mut self, context: &mut Context<'_>, waiting: &Waiting) -> Poll<()> {
        if let Some(call) = &mut self.0 {
            // What is dropped after a panic is not looked into.
            let polled = catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context)));
            if !matches!(polled, Ok(Poll::Pending)) {
                self.0 = None;
            }
        }
        if self.0.is_none() || waiting.has_landed() {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl<F: Future<Output = ()> + Send + 'static> Drop for Carried<F> {
    fn drop(&mut self) {
        // Without a runtime the edge is ending, and the call with it.
        if let (Some(call), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(call);
        }
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
        let (lead_one, first) = lead(flights.board(key(), |_| None));
        drop(first);
        let Boarded::Joined(second) = flights.board(key(), |_| None) else {
            panic!("a flight to join expected");
        };
        let answer = Answer::Trafficback(Trafficback::Targeting);
        lead_one.land(answer.clone());
        assert_eq!(second.answer().await, answer);
        lead(flights.board(key(), |_| None));
    }

    #[tokio::test]
    async fn a_lead_that_is_lost_strands_nobody() {
        let flights = Arc::new(Flights::new());
        let (lead_one, waiting) = lead(flights.board(key(), |_| None));
        drop(lead_one);
        assert!(matches!(
            waiting.answer().await,
            Answer::Failed(Failure::Unreachable(_))
        ));
        lead(flights.board(key(), |_| None));
    }

    #[test]
    fn an_answer_that_came_meanwhile_is_taken() {
        let flights = Arc::new(Flights::new());
        let answer = Answer::Failed(Failure::Overload);
        let boarded = flights.board(key(), |_| Some(answer));
        assert!(matches!(boarded, Boarded::Answered(_)));
        lead(flights.board(key(), |_| None));
    }

    #[tokio::test]
    async fn a_call_goes_on_when_the_one_who_carries_it_leaves() {
        let flights = Arc::new(Flights::new());
        let (lead_one, waiting) = lead(flights.board(key(), |_| None));
        let (word, heard) = tokio::sync::oneshot::channel();
        let answer = Answer::Trafficback(Trafficback::Targeting);
        let said = answer.clone();
        let mut carried = Carried::new(|| async move {
            let _ = heard.await;
            lead_one.land(said);
        });
        let soon = tokio::time::timeout(std::time::Duration::from_millis(1), carried.until_landed(&waiting));
        assert!(soon.await.is_err());
        drop(carried);
        word.send(()).expect("somebody who hears it");
        assert_eq!(waiting.answer().await, answer);
    }

    #[tokio::test]
    async fn what_is_left_to_do_after_the_landing_is_not_waited_for() {
        let flights = Arc::new(Flights::new());
        let (lead_one, waiting) = lead(flights.board(key(), |_| None));
        let (done, is_done) = tokio::sync::oneshot::channel();
        let (word, heard) = tokio::sync::oneshot::channel();
        let mut carried = Carried::new(|| async move {
            lead_one.land(Answer::Failed(Failure::Overload));
            let _ = heard.await;
            let _ = done.send(());
        });
        carried.until_landed(&waiting).await;
        drop(carried);
        word.send(()).expect("somebody who hears it");
        is_done.await.expect("it has gone on");
    }

    #[tokio::test]
    async fn a_call_that_panics_is_a_failure() {
        let flights = Arc::new(Flights::new());
        let (lead_one, waiting) = lead(flights.board(key(), |_| None));
        let mut carried = Carried::new(|| async move {
            let _lead = lead_one;
            panic!("no call");
        });
        carried.until_landed(&waiting).await;
        assert!(matches!(
            waiting.answer().await,
            Answer::Failed(Failure::Unreachable(_))
        ));
    }
}
