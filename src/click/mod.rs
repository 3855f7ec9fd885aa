//! The Click API: for one visitor and one offer, a click, a trafficback, or a failure.
//!
//! Owns the contract with the tracker (`wire`, and `plain` for what most answers are), the connections to it (`client`, of
//! `endpoint`, `network`, `names`, `dial`, `connection`, `http1`, `pool` and `warm`), one call with its limits (`attempts`), the
//! sharing of calls under way (`flight`), of clicks already had (`cache`) and of what is said of an offer to everyone (`words`).
//! `probe` goes the same way by single steps, for whoever looks what is wrong.
//! Knows nothing of links or redirects.

pub mod answer;
pub mod api;
mod attempts;
mod breaker;
mod budget;
pub mod cache;
pub mod client;
mod connection;
mod dial;
mod endpoint;
mod flight;
mod gate;
mod http1;
pub mod limit;
mod names;
mod network;
mod pace;
mod plain;
mod pool;
pub mod probe;
mod progress;
#[cfg(test)]
#[path = "scripted_tests.rs"]
mod scripted;
pub mod secret;
pub mod tracker;
mod warm;
pub mod wire;
mod words;

pub use self::{
    answer::{Answer, Click, Denial, Failure, Trafficback},
    api::{Asked, CacheUse, ClickApi, Settings},
    breaker::BreakerState,
    gate::HedgeAfter,
    progress::{Effort, Hedge, SparedBy},
    secret::SecretKey,
    tracker::{Attempt, Care, Event, Tracker},
    wire::{Told, Who},
};
