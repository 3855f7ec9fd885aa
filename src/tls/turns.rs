//! Turns: so many may be held at a time; whoever waits gets the next in the order of coming, and in a flood the last who came.
//!
//! In order of coming everybody would wait for the whole of a flood; the last one in is served as if there were none, and those who
//! wait are mostly the flood. But then the first to come may not get a turn at all, so that whoever waits is to have a limit of
//! time, and some turns are the first one's: where the wait was a moment's only, as after a pause of the machine, the order of
//! coming is back soon.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

/// Where the first has waited for longer, more come than can be served.
const FLOOD: Duration = Duration::from_millis(100);
/// In a flood each of so many turns is the first one's.
const FIRST_OF: u32 = 8;

/// Turns, and those who wait for one.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    /// In the order of coming, with the time of it.
    waiting: VecDeque<(Instant, oneshot::Sender<Turn>)>,
    /// Turns that were given in floods.
    in_floods: u32,
}

impl State {
    /// Who has the next turn, of those who still wait.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        self.forget_who_left();
        let (since, _) = self.waiting.front()?;
        let is_flood = since.elapsed() >= FLOOD;
        self.in_floods = self.in_floods.wrapping_add(is_flood.into());
        if !is_flood || self.in_floods.is_multiple_of(FIRST_OF) {
            return self.waiting.pop_front().map(|(_, next)| next);
        }
        while let Some((_, last)) = self.waiting.pop_back() {
            if !last.is_closed() {
                return Some(last);
            }
        }
        None
    }

    /// Those who wait no more are mostly the first.
    fn forget_who_left(&mut self) {
        while self.waiting.front().is_some_and(|(_, first)| first.is_closed()) {
            self.waiting.pop_front();
        }
    }
}

/// One turn; dropped, it goes to the next.
#[derive(Debug)]
pub(super) struct Turn(Turns);

impl Turns {
    pub(super) fn new(free: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free,
            waiting: VecDeque::new(),
            in_floods: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn.
    ///
    /// Dropped at its await, it does not wait any more, and a turn that was on its way to it goes to the next.
    pub(super) async fn next(&self) -> Turn {
        let turn = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Turn(self.clone());
            }
            state.forget_who_left();
            let (give, turn) = oneshot::channel();
            state.waiting.push_back((Instant::now(), give));
            turn
        };
        turn.await.expect("a sender goes when it has sent, or was not heard")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let Some(next) = state.next() else {
            state.free += 1;
            return;
        };
        drop(state);
        // One that is not heard any more drops it once more.
        let _ = next.send(Self(self.0.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// So many who wait, of whom those with an even number leave; a turn that is given on by each who gets it: who gets it, in order.
    async fn order(number: usize, waits: Duration) -> Vec<usize> {
        let turns = Turns::new(1);
        let mut held = Some(turns.next().await);
        let mut waiting: Vec<_> = (0..number).map(|_| Some(Box::pin(turns.next()))).collect();
        for one in waiting.iter_mut().flatten() {
            assert!(poll(one).is_pending());
        }
        waiting.iter_mut().step_by(2).for_each(|one| *one = None);
        tokio::time::advance(waits).await;
        let mut order = Vec::new();
        while held.take().is_some() {
            for (number, one) in waiting.iter_mut().enumerate() {
                if let Some(Poll::Ready(turn)) = one.as_mut().map(poll) {
                    (*one, held) = (None, Some(turn));
                    order.push(number);
                    break;
                }
            }
        }
        // Nobody waits, and the turn is free.
        assert!(waiting.iter().all(Option::is_none) && poll(&mut Box::pin(turns.next())).is_ready());
        order
    }

    #[tokio::test(start_paused = true)]
    async fn first_come_first_served() {
        let expected: Vec<usize> = (0..40).skip(1).step_by(2).collect();
        assert_eq!(order(40, FLOOD / 2).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_flood_the_last_to_come_is_the_next_and_now_and_then_the_first() {
        assert_eq!(
            order(40, FLOOD).await,
            [
                39, 37, 35, 33, 31, 29, 27, 1, 25, 23, 21, 19, 17, 15, 13, 3, 11, 9, 7, 5
            ]
        );
    }

    #[test]
    fn a_turn_on_its_way_to_somebody_who_leaves_is_not_lost() {
        let turns = Turns::new(1);
        let [mut first, mut second] = std::array::from_fn(|_| Box::pin(turns.next()));
        let held = poll(&mut first);
        assert!(held.is_ready() && poll(&mut second).is_pending());
        drop(held);
        drop(second);
        assert!(poll(&mut Box::pin(turns.next())).is_ready());
    }

    #[test]
    fn who_has_left_is_forgotten() {
        let turns = Turns::new(0);
        for _ in 0..100 {
            let mut waiting = Box::pin(turns.next());
            assert!(poll(&mut waiting).is_pending());
        }
        assert_eq!(turns.state().waiting.len(), 1);
    }
}
