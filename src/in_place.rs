//! Futures that are made in their boxes. A leaf.

use std::pin::Pin;

/// What is made, in a box: [`Box::pin`] moves a future there, as large as it is.
#[inline]
pub fn pinned<F>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::into_pin(Box::write(Box::new_uninit(), make()))
}
