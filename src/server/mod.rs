//! One connection of a visitor: its protocol, its requests, its answers.
//!
//! Owns hyper on the visitors' side. `reply` alone writes statuses; `hit` decides.

mod connection;
mod preface;
pub mod reply;
pub mod request;
mod way;

pub use self::{
    connection::{Limits, Server},
    way::{Covers, Protocol, Tls, Way},
};
