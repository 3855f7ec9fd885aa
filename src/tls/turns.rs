//! Turns: so many may be held at a time, and who came last gets the next.
//!
//! In a flood the last one in is served as if there were none, and those who wait for their turn are mostly the flood; in order
//! of coming everybody would wait for the whole of it. The other side of it is that the first to come may not get a turn at all:
//! whoever waits is to have a limit of time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Turns, and those who wait for one.
#[derive(Clone, Debug)]
pub(super) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    free: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// One turn; dropped, it goes to the next.
#[derive(Debug)]
pub(super) struct Turn(Turns);

impl Turns {
    pub(super) fn new(free: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free,
            waiting: VecDeque::new(),
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
            // Those who wait no more are mostly the first.
            while state.waiting.front().is_some_and(oneshot::Sender::is_closed) {
                state.waiting.pop_front();
            }
            let (give, turn) = oneshot::channel();
            state.waiting.push_back(give);
            turn
        };
        turn.await.expect("a sender goes when it has sent, or was not heard")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let next = loop {
            match state.waiting.pop_back() {
                Some(next) if next.is_closed() => {}
                next => break next,
            }
        };
        let Some(next) = next else {
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

    #[test]
    fn the_last_to_come_is_the_next() {
        let turns = Turns::new(1);
        let [mut first, mut second, mut third, mut fourth] = std::array::from_fn(|_| Box::pin(turns.next()));
        let Poll::Ready(held) = poll(&mut first) else {
            panic!("it is free")
        };
        assert!(poll(&mut second).is_pending() && poll(&mut third).is_pending() && poll(&mut fourth).is_pending());
        drop(fourth);
        drop(held);
        assert!(poll(&mut second).is_pending());
        let Poll::Ready(held) = poll(&mut third) else {
            panic!("the last who waits")
        };
        drop(held);
        // A turn on its way to somebody who leaves is not lost.
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
