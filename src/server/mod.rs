//! One connection of a visitor: its protocol, its requests, its answers.
//!
//! Owns hyper on the visitors' side. Requests of HTTP/1.1 as browsers send them are read and answered in `requests`, and all others
//! of HTTP/1 by hyper in `connection`; HTTP/2 is `http2`. `reply` alone writes statuses; `hit` decides.

mod connection;
mod crowd;
mod date;
mod farewell;
mod heads;
mod http2;
pub mod limits;
mod patience;
mod plain_head;
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
