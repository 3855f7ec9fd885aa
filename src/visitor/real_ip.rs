//! The visitor's real address, from the peer and from what trusted proxies say.
//!
//! The only reader of forwarded headers. A header of a peer that is not trusted is never looked at.

use std::net::IpAddr;

use http::HeaderName;

use super::forwarded::{self, Entry};
use crate::{
    headers::{Headers, Several},
    networks::Networks,
};

/// A chain of proxies longer than this is nobody's real one; the walk ends at the last of them.
pub const MAX_HOPS: usize = 32;

/// Which header the trusted proxies write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RealIpHeader {
    /// `X-Forwarded-For`: a list, each proxy appends.
    XForwardedFor,
    /// `Forwarded` (RFC 7239): a list, each proxy appends.
    Forwarded,
    /// A header with one address, such as `CF-Connecting-IP`.
    Single(HeaderName),
}

impl RealIpHeader {
    /// The header's name.
    pub fn name(&self) -> &HeaderName {
        match self {
            Self::XForwardedFor => &X_FORWARDED_FOR,
            Self::Forwarded => &http::header::FORWARDED,
            Self::Single(name) => name,
        }
    }
}

/// How the visitor's address is decided.
#[derive(Clone, Debug)]
pub struct RealIp {
    /// The proxies that are believed.
    pub trusted: Networks,
    /// Where they say for whom they speak.
    pub header: RealIpHeader,
}

/// What decided about a visitor's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The peer is no trusted proxy: it is the visitor, whatever it writes.
    PeerIsNoProxy,
    /// The peer is a trusted proxy, and its header is not there.
    NothingIsSaid,
    /// The first address of a list, from the right, that is no trusted proxy.
    FirstStranger,
    /// All addresses of a list are trusted proxies; the leftmost counts.
    AllAreProxies,
    /// An entry of a list is no address; the last one before it counts.
    EntryIsUnusable,
    /// The list is longer than any chain of proxies; the last one that was read counts.
    TooManyHops,
    /// The only value of a header with one address.
    OnlyValue,
    /// A header of one address has no, or several; the peer counts.
    ValueIsUnusable,
}

impl RealIp {
    /// The visitor's canonical address. `peer` is the other end of the connection.
    pub fn of(&self, peer: IpAddr, headers: Headers<'_>) -> IpAddr {
        self.decide(peer, headers).0
    }

    /// The visitor's canonical address, and why it is this one.
    pub fn decide(&self, peer: IpAddr, headers: Headers<'_>) -> (IpAddr, Because) {
        let peer = peer.to_canonical();
        if !self.trusted.contain(peer) {
            return (peer, Because::PeerIsNoProxy);
        }
        match &self.header {
            RealIpHeader::XForwardedFor => {
                if let Ok(line) = headers.only(&X_FORWARDED_FOR) {
                    return self.walk(peer, forwarded::x_forwarded_for(line.unwrap_or_default()));
                }
                let lines = lines(headers, &X_FORWARDED_FOR);
                self.walk(peer, lines.flat_map(forwarded::x_forwarded_for))
            }
            RealIpHeader::Forwarded => {
                let lines = lines(headers, &http::header::FORWARDED);
                let entries = lines.flat_map(|line| {
                    forwarded::forwarded(line)
                        .unwrap_or_else(|| vec![Entry::Unusable])
                        .into_iter()
                        .rev()
                });
                self.walk(peer, entries)
            }
            RealIpHeader::Single(name) => {
                let only = match headers.only(name) {
                    Ok(None) => return (peer, Because::NothingIsSaid),
                    Ok(Some(line)) => str::from_utf8(line.trim_ascii()).ok(),
                    Err(Several) => None,
                };
                match only.and_then(forwarded::address) {
                    Some(ip) => (ip, Because::OnlyValue),
                    None => (peer, Because::ValueIsUnusable),
                }
            }
        }
    }

    /// Walks the entries from the nearest hop outwards. Each entry was written by the hop before it, so it counts while
    /// that hop is trusted; the first address that is not trusted is the visitor. An unusable entry ends the walk at the
    /// last address that was trusted to speak.
    fn walk(&self, peer: IpAddr, entries: impl Iterator<Item = Entry>) -> (IpAddr, Because) {
        let mut speaker = (peer, Because::NothingIsSaid);
        for (hop, entry) in entries.enumerate() {
            if hop == MAX_HOPS {
                return (speaker.0, Because::TooManyHops);
            }
            match entry {
                Entry::Unusable => return (speaker.0, Because::EntryIsUnusable),
                Entry::Address(ip) if self.trusted.contain(ip) => speaker = (ip, Because::AllAreProxies),
                Entry::Address(ip) => return (ip, Because::FirstStranger),
            }
        }
        speaker
    }
}

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// All lines of a header, the last one first: together they are one list (RFC 9110, section 5.3).
fn lines<'a, 'n>(headers: Headers<'a>, name: &'n HeaderName) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
    headers.all(name).rev()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::networks;

    fn real_ip(header: RealIpHeader) -> RealIp {
        RealIp {
            trusted: Networks::new(
                ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|n| networks::parse(n).expect("a network")),
            ),
            header,
        }
    }

    fn decide(header: RealIpHeader, name: &'static str, peer: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().expect("a header value"));
        }
        real_ip(header)
            .of(peer.parse().expect("an address"), (&headers).into())
            .to_string()
    }

    #[test]
    fn x_forwarded_for() {
        for (peer, lines, expected, why) in [
            (
                "198.51.100.1",
                &["192.0.2.1"][..],
                "198.51.100.1",
                "a stranger is not believed",
            ),
            ("10.0.0.1", &[], "10.0.0.1", "nobody is spoken for"),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1", "one hop"),
            (
                "::ffff:10.0.0.1",
                &["::ffff:192.0.2.1"],
                "192.0.2.1",
                "mapped addresses are IPv4",
            ),
            (
                "::ffff:198.51.100.1",
                &["192.0.2.1"],
                "198.51.100.1",
                "a stranger's own too",
            ),
            (
                "10.0.0.1",
                &["6.6.6.6, 192.0.2.1"],
                "192.0.2.1",
                "what a stranger prepended is his own word",
            ),
            (
                "10.0.0.1",
                &["6.6.6.6, 192.0.2.1, 10.2.3.4, 10.0.0.9"],
                "192.0.2.1",
                "trusted ones are skipped",
            ),
            (
                "10.0.0.1",
                &["6.6.6.6", "192.0.2.1", "10.0.0.9"],
                "192.0.2.1",
                "lines are one list",
            ),
            ("10.0.0.1", &["192.0.2.1:1234"], "192.0.2.1", "a port"),
            (
                "10.0.0.1",
                &["[2001:db8::1]:1234"],
                "2001:db8::1",
                "brackets and a port",
            ),
            (
                "10.0.0.1",
                &["6.6.6.6, unknown, 10.0.0.9"],
                "10.0.0.9",
                "an unusable entry ends the walk",
            ),
            ("10.0.0.1", &["6.6.6.6, unknown"], "10.0.0.1", "at the peer, if need be"),
            ("10.0.0.1", &["6.6.6.6, '; drop"], "10.0.0.1", "garbage"),
            (
                "10.0.0.1",
                &["10.1.1.1, 10.0.0.9"],
                "10.1.1.1",
                "all trusted: the furthest",
            ),
            ("10.0.0.1", &[""], "10.0.0.1", "an empty list"),
            ("2001:db8:ffff::1", &["192.0.2.1"], "192.0.2.1", "an IPv6 proxy"),
        ] {
            let ip = decide(RealIpHeader::XForwardedFor, "x-forwarded-for", peer, lines);
            assert_eq!(ip, expected, "{why}: {lines:?}");
        }
    }

    #[test]
    fn the_walk_is_bounded() {
        let line = format!("192.0.2.1{}", ", 10.0.0.9".repeat(1000));
        let ip = decide(RealIpHeader::XForwardedFor, "x-forwarded-for", "10.0.0.1", &[&line]);
        assert_eq!(ip, "10.0.0.9");
    }

    #[test]
    fn forwarded() {
        for (peer, lines, expected, why) in [
            (
                "198.51.100.1",
                &["for=192.0.2.1"][..],
                "198.51.100.1",
                "a stranger is not believed",
            ),
            ("10.0.0.1", &["for=192.0.2.1;proto=https"], "192.0.2.1", "one hop"),
            (
                "10.0.0.1",
                &["for=6.6.6.6, for=\"[2001:db8::1]:80\", for=10.0.0.9"],
                "2001:db8::1",
                "quoted",
            ),
            (
                "10.0.0.1",
                &["for=192.0.2.1", "for=10.0.0.9"],
                "192.0.2.1",
                "lines are one list",
            ),
            (
                "10.0.0.1",
                &["for=6.6.6.6, for=_hidden, for=10.0.0.9"],
                "10.0.0.9",
                "obfuscated",
            ),
            (
                "10.0.0.1",
                &["for=6.6.6.6, proto=https"],
                "10.0.0.1",
                "an element without a node",
            ),
            (
                "10.0.0.1",
                &["for=\"6.6.6.6", "for=192.0.2.1"],
                "192.0.2.1",
                "a broken line further out does not matter",
            ),
            (
                "10.0.0.1",
                &["for=\"6.6.6.6, for=192.0.2.1"],
                "10.0.0.1",
                "a broken line is not believed",
            ),
            (
                "10.0.0.1",
                &["for=6.6.6.6", "for=\"192.0.2.1"],
                "10.0.0.1",
                "nor what stands further out",
            ),
        ] {
            let ip = decide(RealIpHeader::Forwarded, "forwarded", peer, lines);
            assert_eq!(ip, expected, "{why}: {lines:?}");
        }
    }

    #[test]
    fn a_single_address_header() {
        let header = RealIpHeader::Single(HeaderName::from_static("cf-connecting-ip"));
        for (peer, lines, expected, why) in [
            (
                "198.51.100.1",
                &["192.0.2.1"][..],
                "198.51.100.1",
                "a stranger is not believed",
            ),
            ("10.0.0.1", &["192.0.2.1"], "192.0.2.1", "one address"),
            ("10.0.0.1", &["192.0.2.1", "192.0.2.2"], "10.0.0.1", "of two, neither"),
            ("10.0.0.1", &["192.0.2.1, 192.0.2.2"], "10.0.0.1", "nor of a list"),
            ("10.0.0.1", &[], "10.0.0.1", "none"),
            (
                "10.0.0.1",
                &["10.0.0.7"],
                "10.0.0.7",
                "a trusted one is the word of a trusted one",
            ),
        ] {
            assert_eq!(
                decide(header.clone(), "cf-connecting-ip", peer, lines),
                expected,
                "{why}"
            );
        }
    }

    #[test]
    fn only_the_configured_header_is_read() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "192.0.2.1".parse().expect("a header value"));
        headers.insert("x_forwarded_for", "192.0.2.2".parse().expect("a header value"));
        let peer = "10.0.0.1".parse().expect("an address");
        assert_eq!(real_ip(RealIpHeader::Forwarded).of(peer, (&headers).into()), peer);
    }
}
