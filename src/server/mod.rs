//! One connection of a visitor: its protocol, its requests, its answers.
//!
//! Owns hyper on the visitors' side. `reply` alone writes statuses; `hit` decides.

mod connection;
mod crowd;
mod date;
mod frames;
mod heads;
pub mod limits;
mod patience;
mod preface;
mod progress;
pub mod reply;
pub mod request;
mod requests;
mod watched;
mod way;

pub use self::{
    connection::Server,
    crowd::{Crowd, Place},
    limits::Limits,
    way::{Covers, Protocol, Tls, Way},
};
