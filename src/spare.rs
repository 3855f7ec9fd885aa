//! Room for bytes that a thread keeps from one hit for the next, where it lies in the nearest caches of its core. A leaf.

use std::{
    cell::RefCell,
    mem,
    ops::{Deref, DerefMut},
};

/// Of a request and its answer, and of one more of each.
const KEPT: usize = 4;
/// Larger room is given back to the allocator.
const MOST_BYTES: usize = 4096;

thread_local! {
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes. Where there are none yet, no room is held for them; what there is goes back to be used again when they are dropped.
#[derive(Debug, Default)]
pub struct Spare(Vec<u8>);

impl Spare {
    /// With room for some bytes at least.
    pub fn with_room(bytes: usize) -> Self {
        let mut room = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        room.reserve(bytes);
        Self(room)
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        if !(1..=MOST_BYTES).contains(&self.0.capacity()) {
            return;
        }
        let mut room = mem::take(&mut self.0);
        room.clear();
        // A thread that ends has none any more.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < KEPT {
                spare.push(room);
            }
        });
    }
}

impl From<Spare> for Vec<u8> {
    fn from(mut spare: Spare) -> Self {
        mem::take(&mut spare.0)
    }
}

impl Deref for Spare {
    type Target = Vec<u8>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Spare {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Vec<usize> {
        SPARE.with_borrow(|spare| spare.iter().map(Vec::capacity).collect())
    }

    #[test]
    fn room_is_kept_within_bounds_and_empty() {
        assert_eq!(Spare::default().capacity(), 0);
        let mut first = Spare::with_room(100);
        first.extend_from_slice(b"what one visitor sent");
        let room = first.capacity();
        drop(first);
        assert_eq!(kept(), [room]);
        let again = Spare::with_room(1);
        assert_eq!((again.len(), again.capacity(), kept()), (0, room, vec![]));
        drop(again);
        drop(Spare::with_room(MOST_BYTES + 1));
        assert!(kept().is_empty());
        drop((0..KEPT + 3).map(|_| Spare::with_room(10)).collect::<Vec<_>>());
        assert_eq!(kept().len(), KEPT);
        assert!(SPARE.with_borrow(|spare| spare.iter().all(Vec::is_empty)));
    }
}
