//! Addresses that are no visitors' but a proxy's or CDN's, and what to write so that the visitors' own are seen.
//!
//! The ranges are those that Cloudflare (<https://www.cloudflare.com/ips/>) and Fastly (<https://api.fastly.com/public-ip-list>)
//! publish; they change about once a year. Others are known by their autonomous systems, if there is a database of these.

use std::net::IpAddr;

use crate::networks::{self, Networks};

const PRIVATE: [&str; 10] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
    "::/128",
];
const CLOUDFLARE: [&str; 22] = [
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
];
const FASTLY: [&str; 21] = [
    "23.235.32.0/20",
    "43.249.72.0/22",
    "103.244.50.0/24",
    "103.245.222.0/23",
    "103.245.224.0/24",
    "104.156.80.0/20",
    "140.248.64.0/18",
    "140.248.128.0/17",
    "146.75.0.0/17",
    "151.101.0.0/16",
    "157.52.64.0/18",
    "167.82.0.0/17",
    "167.82.128.0/20",
    "167.82.160.0/20",
    "167.82.224.0/20",
    "172.111.64.0/18",
    "185.31.16.0/22",
    "199.27.72.0/21",
    "199.232.0.0/16",
    "2a04:4e40::/32",
    "2a04:4e42::/32",
];

/// Whose addresses they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Of a network of the operator's own, or of this machine.
    Private,
    Cloudflare,
    Fastly,
    Akamai,
    /// `CloudFront`, or machines in its cloud.
    Amazon,
    Google,
    Imperva,
    Bunny,
    /// Anybody else's.
    Visitor,
}

impl Owner {
    /// All that are proxies, in the order of their discriminants.
    pub(super) const PROXIES: [Self; 8] = [
        Self::Private,
        Self::Cloudflare,
        Self::Fastly,
        Self::Akamai,
        Self::Amazon,
        Self::Google,
        Self::Imperva,
        Self::Bunny,
    ];

    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Cloudflare => "Cloudflare's",
            Self::Fastly => "Fastly's",
            Self::Akamai => "Akamai's",
            Self::Amazon => "Amazon's (CloudFront, or machines in its cloud)",
            Self::Google => "Google's (its load balancers, or machines in its cloud)",
            Self::Imperva => "Imperva's",
            Self::Bunny => "bunny.net's",
            Self::Visitor => "visitors'",
        }
    }

    /// The lines of a configuration that let the visitors' own addresses be seen. `seen` are the most frequent of these addresses.
    pub(super) fn mend(self, seen: &[&str]) -> String {
        match self {
            Self::Private => {
                let own: Vec<&str> = PRIVATE.into_iter().filter(|network| holds_one(network, seen)).collect();
                lines(if seen.len() <= 4 { seen } else { &own }, "x-forwarded-for")
            }
            Self::Cloudflare => lines(&CLOUDFLARE, "cf-connecting-ip"),
            Self::Fastly => lines(&FASTLY, "x-forwarded-for"),
            Self::Amazon => published(
                "https://ip-ranges.amazonaws.com/ip-ranges.json, service CLOUDFRONT",
                "x-forwarded-for",
            ),
            Self::Akamai => published("its Site Shield or Origin IP ACL", "true-client-ip"),
            Self::Google => published(
                "130.211.0.0/22 and 35.191.0.0/16 for its load balancers",
                "x-forwarded-for",
            ),
            Self::Imperva => published("https://my.imperva.com/api/integration/v1/ips", "incap-client-ip"),
            Self::Bunny => published("https://bunnycdn.com/api/system/edgeserverlist", "x-real-ip"),
            Self::Visitor => String::new(),
        }
    }
}

fn holds_one(network: &str, seen: &[&str]) -> bool {
    let networks = Networks::new(networks::parse(network));
    seen.iter()
        .filter_map(|address| address.parse::<IpAddr>().ok())
        .any(|address| networks.contain(address))
}

fn lines(networks: &[&str], header: &str) -> String {
    format!("[visitor]\ntrusted_proxies = {networks:?}\nreal_ip_header = \"{header}\"")
}

fn published(ranges: &str, header: &str) -> String {
    format!("name its ranges ({ranges}):\n[visitor]\ntrusted_proxies = [\"…\"]\nreal_ip_header = \"{header}\"")
}

/// The ranges that are built in.
#[derive(Debug)]
pub(super) struct Ranges([(Owner, Networks); 3]);

impl Default for Ranges {
    fn default() -> Self {
        let of = |list: &[&str]| Networks::new(list.iter().filter_map(|text| networks::parse(text).ok()));
        Self([
            (Owner::Private, of(&PRIVATE)),
            (Owner::Cloudflare, of(&CLOUDFLARE)),
            (Owner::Fastly, of(&FASTLY)),
        ])
    }
}

impl Ranges {
    /// Whose an address is, by the ranges, and by its autonomous system where that is known.
    pub(super) fn owner(&self, ip: IpAddr, asn: impl FnOnce() -> Option<u32>) -> Owner {
        let ip = ip.to_canonical();
        let known = self.0.iter().find(|(_, networks)| networks.contain(ip));
        known.map_or_else(|| asn().map_or(Owner::Visitor, of_system), |(owner, _)| *owner)
    }
}

fn of_system(asn: u32) -> Owner {
    match asn {
        13_335 => Owner::Cloudflare,
        54_113 => Owner::Fastly,
        12_222 | 16_625 | 16_702 | 20_940 | 21_342 | 32_787 | 35_994 => Owner::Akamai,
        14_618 | 16_509 => Owner::Amazon,
        15_169 | 396_982 => Owner::Google,
        19_551 => Owner::Imperva,
        200_325 => Owner::Bunny,
        _ => Owner::Visitor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_one_and_the_mend_is_a_configuration() {
        for list in [&PRIVATE[..], &CLOUDFLARE, &FASTLY] {
            for text in list {
                assert!(networks::parse(text).is_ok(), "{text}");
            }
        }
        for (owner, seen) in [
            (Owner::Private, &["10.0.3.7", "10.0.3.8"][..]),
            (
                Owner::Private,
                &["10.0.3.1", "10.0.3.2", "10.0.3.3", "10.0.3.4", "127.0.0.1"],
            ),
            (Owner::Cloudflare, &[]),
            (Owner::Fastly, &[]),
        ] {
            let written: toml::Value = toml::from_str(&owner.mend(seen)).expect("TOML");
            let named = written["visitor"]["trusted_proxies"].as_array().expect("a list");
            assert!(
                named
                    .iter()
                    .all(|text| networks::parse(text.as_str().unwrap_or_default()).is_ok())
            );
            assert!(!named.is_empty());
        }
        let few = Owner::Private.mend(&["10.0.3.7"]);
        assert!(few.contains("trusted_proxies = [\"10.0.3.7\"]"), "{few}");
        let many = Owner::Private.mend(&["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]);
        assert!(many.contains("trusted_proxies = [\"10.0.0.0/8\"]"), "{many}");
    }

    #[test]
    fn owners_of_addresses() {
        let ranges = Ranges::default();
        for (ip, asn, owner) in [
            ("10.1.2.3", None, Owner::Private),
            ("172.31.255.255", None, Owner::Private),
            ("172.32.0.0", None, Owner::Visitor),
            ("::ffff:192.168.0.1", None, Owner::Private),
            ("fd00::1", None, Owner::Private),
            ("172.64.0.1", None, Owner::Cloudflare),
            ("172.71.255.255", None, Owner::Cloudflare),
            ("172.72.0.0", None, Owner::Visitor),
            ("2606:4700::1", None, Owner::Cloudflare),
            ("151.101.1.140", None, Owner::Fastly),
            ("2a04:4e42::1", None, Owner::Fastly),
            ("192.0.2.1", Some(20_940), Owner::Akamai),
            ("192.0.2.1", Some(16_509), Owner::Amazon),
            ("192.0.2.1", Some(64_496), Owner::Visitor),
            ("192.0.2.1", None, Owner::Visitor),
        ] {
            assert_eq!(ranges.owner(ip.parse().expect("an address"), || asn), owner, "{ip}");
        }
        for (number, owner) in Owner::PROXIES.into_iter().enumerate() {
            assert_eq!(owner as usize, number);
        }
    }
}
