//! Who clicked: the real IP, the User-Agent and the referrer, as the exact bytes sent; and whether anyone clicked at all.
//!
//! Pure: reads a peer address and request headers, knows nothing of links or clicks.

pub mod bots;
pub mod forwarded;
pub mod real_ip;
pub mod speculative;

use std::net::IpAddr;

use http::header::{HeaderMap, HeaderValue, REFERER, USER_AGENT};

pub use self::{
    bots::Bots,
    real_ip::{RealIp, RealIpHeader},
};

/// Who is at the other end, by the address that counts and the headers that the tracker is told.
#[derive(Clone, Debug)]
pub struct Visitor<'a> {
    /// The visitor's address, IPv4-mapped ones as IPv4.
    pub ip: IpAddr,
    /// `User-Agent`; `None` when it is absent or empty.
    pub user_agent: Option<&'a HeaderValue>,
    /// `Referer`; `None` when it is absent or empty.
    pub referrer: Option<&'a HeaderValue>,
}

impl<'a> Visitor<'a> {
    /// Reads a request's headers; `peer` is the other end of its connection.
    pub fn read(real_ip: &RealIp, peer: IpAddr, headers: &'a HeaderMap) -> Self {
        let told = |name| headers.get(name).filter(|value: &&HeaderValue| !value.is_empty());
        Self {
            ip: real_ip.of(peer, headers),
            user_agent: told(USER_AGENT),
            referrer: told(REFERER),
        }
    }
}
