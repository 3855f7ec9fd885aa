//! The sandbox: a stand-in Click API, for `onehop demo`, `onehop sandbox` and for affiliates to develop against.
//!
//! It owns the tracker's side of the contract: what a call must hold, what is answered, and faults on demand. The
//! address it listens on, signals and the command line around [`Options`] belong to the commands; nothing here knows
//! the edge. Clicks live in memory and are gone when it ends.
//!
//! `contract` is the tracker itself and takes its time as an argument; `server` alone does I/O.

mod answer;
mod call;
mod clicks;
mod contract;
mod faults;
mod log;
mod offers;
mod options;
mod query;
mod server;

pub use offers::{
    CAMPAIGN_INACTIVE, CAPPED, CLICK_API_DISABLED, FAILING, HANGING, OFFER_INACTIVE, OFFERS_HELP, PHONES_ONLY,
};
pub use options::{DEFAULT_KEY, Key, Options};
pub use server::{EXPORT, PATH, serve};
