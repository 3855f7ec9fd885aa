//! A set of networks, asked whether an address is in it.
//!
//! Addresses are canonical: an IPv4-mapped IPv6 address and its IPv4 address are one.

use std::{io::Write as _, net::IpAddr, str::FromStr};

use ipnet::IpNet;

/// Networks as sorted intervals that neither overlap nor touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Box<[(u128, u128)]>);

/// Text that is neither an address nor a network in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANetwork;

/// Reads `10.0.0.0/8`, `2001:db8::/32`, or a lone address.
pub fn parse(text: &str) -> Result<IpNet, NotANetwork> {
    IpNet::from_str(text)
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| NotANetwork)
}

/// Appends an address as its own formatting has it; an IPv4 one at a tenth of the cost.
pub fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            for octet in ip.octets() {
                let end = out.len() + 2 + usize::from(octet > 9) + usize::from(octet > 99);
                out.extend_from_slice(&DOTTED[usize::from(octet)]);
                out.truncate(end);
            }
            out.pop();
        }
        // Writing to a vector does not fail.
        IpAddr::V6(ip) => drop(write!(out, "{ip}")),
    }
}

/// Each byte in decimal digits with a dot behind them.
static DOTTED: [[u8; 4]; 256] = {
    const DIGITS: &[u8; 10] = b"0123456789";
    let mut table = [[b'.'; 4]; 256];
    let mut octet = 0;
    while octet < 256 {
        let [hundreds, tens, ones] = [DIGITS[octet / 100], DIGITS[octet / 10 % 10], DIGITS[octet % 10]];
        table[octet] = match octet {
            0..10 => [ones, b'.', b'.', b'.'],
            10..100 => [tens, ones, b'.', b'.'],
            _ => [hundreds, tens, ones, b'.'],
        };
        octet += 1;
    }
    table
};

impl Networks {
    /// The union of `networks`.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut intervals: Vec<(u128, u128)> = networks
            .into_iter()
            .map(|network| (number(network.network()), number(network.broadcast())))
            .collect();
        intervals.sort_unstable();
        let mut merged: Vec<(u128, u128)> = Vec::with_capacity(intervals.len());
        for (first, last) in intervals {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self(merged.into())
    }

    /// Whether one of the networks holds `ip`.
    pub fn contain(&self, ip: IpAddr) -> bool {
        let ip = number(ip);
        let after = self.0.partition_point(|&(first, _)| first <= ip);
        after > 0 && ip <= self.0[after - 1].1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An IPv4 address is its mapped IPv6 address (RFC 4291, section 2.5.5.2).
fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Networks {
        Networks::new(texts.iter().map(|text| parse(text).expect("a network")))
    }

    #[test]
    fn addresses_are_written_as_others_write_them() {
        for text in [
            "0.0.0.0",
            "192.0.2.1",
            "255.255.255.255",
            "10.20.30.40",
            "2001:db8::1",
            "::ffff:192.0.2.1",
        ] {
            let ip: IpAddr = text.parse().expect("an address");
            let mut written = Vec::new();
            write_ip(ip, &mut written);
            assert_eq!(String::from_utf8(written).expect("text"), ip.to_string());
        }
    }

    #[test]
    fn every_octet_is_written_as_others_write_it() {
        for octet in 0..=255 {
            let ip = IpAddr::from([octet, 255 - octet, octet / 3, octet]);
            let mut written = b"at ".to_vec();
            write_ip(ip, &mut written);
            assert_eq!(String::from_utf8(written).expect("text"), format!("at {ip}"));
        }
    }

    #[test]
    fn edges_belong_and_neighbours_do_not() {
        let networks = networks(&["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "192.0.2.7"]);
        for (ip, inside) in [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("9.255.255.255", false),
            ("11.0.0.0", false),
            ("::ffff:10.2.3.4", true),
            ("::10.2.3.4", false),
            ("2001:db8::1", true),
            ("2001:db9::", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
        ] {
            assert_eq!(networks.contain(ip.parse().expect("an address")), inside, "{ip}");
        }
    }

    #[test]
    fn the_whole_of_both_families() {
        let networks = networks(&["::/0", "0.0.0.0/0"]);
        assert!(networks.contain("255.255.255.255".parse().expect("an address")));
        assert!(!Networks::default().contain("127.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn only_networks_and_addresses() {
        for text in ["", "10.0.0.0/33", "10.0.0", "example.com", "010.0.0.1", "10.0.0.0/8 "] {
            assert_eq!(parse(text), Err(NotANetwork), "{text}");
        }
    }
}
