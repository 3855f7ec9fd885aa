//! What a line for programs tells: which fields it has, and how it writes the visitor's address.

use std::{
    hash::{BuildHasher, RandomState},
    io::Write as _,
    net::IpAddr,
};

use crate::{networks, query::TAGS};

/// Bits of an address that stay when it is truncated: a household or an office is in them, and no one computer.
const KEPT_V4: u32 = 24;
const KEPT_V6: u32 = 48;

/// The fields that every line has: by these it is joined with others, and counted.
pub const ALWAYS: [&str; 3] = ["time", "hit_id", "outcome"];

/// Names the fields that can be left out, beside those of [`TAGS`], each with its key as it stands in a line.
macro_rules! fields {
    ($($field:ident = $name:literal),+ $(,)?) => {
        /// A field that can be left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field {
            $($field),+
        }

        const NAMES: &[&str] = &[$($name),+];

        impl Field {
            /// With comma and colon.
            #[inline]
            pub(super) fn key(self) -> &'static str {
                match self {
                    $(Self::$field => concat!(",\"", $name, "\":")),+
                }
            }

            /// The same with the quote that begins a text.
            #[inline]
            pub(super) fn key_of_text(self) -> &'static str {
                match self {
                    $(Self::$field => concat!(",\"", $name, "\":\"")),+
                }
            }

            /// The whole field, where it has no value.
            #[inline]
            pub(super) fn null(self) -> &'static str {
                match self {
                    $(Self::$field => concat!(",\"", $name, "\":null")),+
                }
            }
        }
    };
}

fields! {
    Reason = "reason",
    Host = "host",
    Path = "path",
    Link = "link",
    Offer = "offer",
    Tracker = "tracker",
    OfferId = "offer_id",
    CampaignId = "campaign_id",
    PromoId = "promo_id",
    ClickId = "click_id",
    Cache = "cache",
    Attempts = "attempts",
    Ip = "ip",
    Country = "country",
    Device = "device",
    UserAgent = "user_agent",
    Referrer = "referrer",
    ApiMs = "api_ms",
    TotalMs = "total_ms",
    TraceId = "trace_id",
    Hedge = "hedge",
    Spared = "spared",
    QueueMs = "queue_ms",
    TrackerReason = "tracker_reason",
}

/// The fields that are left out, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped(u64);

impl Dropped {
    /// Every name that can be left out.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().chain(&TAGS).copied()
    }

    /// Leaves out a field; `false` if none that can be left out has this name.
    #[must_use]
    pub fn add(&mut self, name: &str) -> bool {
        let at = Self::names().position(|known| known == name);
        self.0 |= at.map_or(0, |at| 1 << at);
        at.is_some()
    }

    #[inline]
    pub(super) fn has(self, field: Field) -> bool {
        self.0 >> field as u32 & 1 == 1
    }

    #[inline]
    pub(super) fn has_any(self, fields: &[Field]) -> bool {
        fields.iter().any(|field| self.has(*field))
    }

    pub(super) fn has_tag(self, name: &str) -> bool {
        let tags = self.0 >> NAMES.len();
        tags != 0
            && TAGS
                .iter()
                .position(|tag| *tag == name)
                .is_some_and(|at| tags >> at & 1 == 1)
    }
}

/// What is told of a visitor's address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IpForm {
    /// All of it.
    #[default]
    Full,
    /// Its network.
    Truncated,
    /// A word in its place.
    Hashed,
}

/// How lines for programs look.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub(super) dropped: Dropped,
    ip: Ip,
}

#[derive(Clone, Debug, Default)]
enum Ip {
    #[default]
    Full,
    Truncated,
    /// By `SipHash`: of a faster hash, whoever knows the word of one address can compute the key, and with it every address.
    Hashed(RandomState),
}

impl Shape {
    /// With a key of its own where addresses are hashed.
    pub fn new(ip: IpForm, dropped: Dropped) -> Self {
        let ip = match ip {
            IpForm::Full => Ip::Full,
            IpForm::Truncated => Ip::Truncated,
            IpForm::Hashed => Ip::Hashed(RandomState::new()),
        };
        Self { dropped, ip }
    }

    /// Appends what is told of an address.
    pub(super) fn write_ip(&self, ip: IpAddr, out: &mut Vec<u8>) {
        match &self.ip {
            Ip::Full => networks::write_ip(ip, out),
            Ip::Truncated => networks::write_ip(truncated(ip), out),
            // Writing to a vector does not fail.
            Ip::Hashed(key) => drop(write!(out, "{:016x}", key.hash_one(ip.to_canonical()))),
        }
    }
}

/// An address without what is behind its network.
fn truncated(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() & u32::MAX << (u32::BITS - KEPT_V4)).into()),
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & u128::MAX << (u128::BITS - KEPT_V6)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(shape: &Shape, ip: &str) -> String {
        let mut out = Vec::new();
        shape.write_ip(ip.parse().expect("an address"), &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_truncated_address_is_its_networks() {
        let shape = Shape::new(IpForm::Truncated, Dropped::default());
        for (ip, network) in [
            ("192.0.2.255", "192.0.2.0"),
            ("255.255.255.255", "255.255.255.0"),
            ("10.1.2.0", "10.1.2.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("ffff:ffff:ffff:ffff::1", "ffff:ffff:ffff::"),
            ("::1", "::"),
            ("::ffff:192.0.2.7", "192.0.2.0"),
        ] {
            assert_eq!(written(&shape, ip), network);
        }
    }

    #[test]
    fn a_hashed_address_is_one_word_in_a_run_and_another_in_the_next() {
        let run = || Shape::new(IpForm::Hashed, Dropped::default());
        let (one, other) = (run(), run());
        for ip in ["192.0.2.1", "2001:db8::1"] {
            let word = written(&one, ip);
            assert_eq!(word.len(), 16);
            assert!(
                word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
                "{word}"
            );
            assert_eq!(word, written(&one, ip));
            assert_ne!(word, written(&other, ip));
        }
        assert_ne!(written(&one, "192.0.2.1"), written(&one, "192.0.2.2"));
        assert_eq!(written(&one, "192.0.2.1"), written(&one, "::ffff:192.0.2.1"));
    }

    #[test]
    fn each_name_drops_its_own_field() {
        assert!(Dropped::names().count() <= u64::BITS as usize);
        for name in Dropped::names() {
            let mut dropped = Dropped::default();
            assert!(dropped.add(name), "{name}");
            assert_eq!(dropped.0.count_ones(), 1, "{name}");
            assert_eq!(
                TAGS.into_iter()
                    .filter(|tag| dropped.has_tag(tag))
                    .collect::<Vec<_>>()
                    .concat(),
                { if TAGS.contains(&name) { name } else { "" } }
            );
        }
        for name in ALWAYS.into_iter().chain(["", "utm_*", "subid7"]) {
            assert!(!Dropped::default().add(name), "{name}");
        }
    }
}
