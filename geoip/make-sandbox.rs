//! Makes `geoip/sandbox.mmdb`, the small database of places to develop and test against: `cargo run --example sandbox-mmdb`.
//!
//! Holds no real address: the networks and autonomous systems are those that are set aside for documentation.

use std::time::{Duration, UNIX_EPOCH};

use mmdb_writer::{Ipv4Aliasing, Value, Writer};

/// Each network, and what its record says: continent, country, autonomous system.
pub(crate) const NETWORKS: [(&str, &str, &str, u32); 10] = [
    ("127.0.0.0/8", "EU", "DE", 64496),
    ("::1/128", "EU", "DE", 64496),
    ("192.0.2.0/24", "EU", "DE", 64496),
    ("198.51.100.0/24", "NA", "US", 64497),
    ("203.0.113.0/26", "EU", "AT", 64498),
    ("203.0.113.64/26", "EU", "CH", 64499),
    ("203.0.113.128/26", "EU", "GB", 64500),
    ("203.0.113.192/26", "EU", "FR", 64501),
    ("2001:db8::/33", "EU", "DE", 64496),
    ("2001:db8:8000::/33", "NA", "US", 64497),
];

/// The bytes of the file, always the same.
pub(crate) fn sandbox() -> Vec<u8> {
    let mut writer = Writer::builder("onehop-Sandbox")
        .description(&[("en", "Documentation networks in made-up places")])
        // An alias of IPv4 in IPv6 would only make the file larger: IPv4-mapped addresses are looked up as IPv4.
        .ipv4_aliasing(Ipv4Aliasing::Disabled)
        .build_epoch(UNIX_EPOCH + Duration::from_hours(490_896)) // 1 January 2026
        .build();
    for (network, continent, country, asn) in NETWORKS {
        let record = Value::map([
            ("continent", Value::map([("code", continent)])),
            ("country", Value::map([("iso_code", country)])),
            ("country_code", Value::from(country)),
            ("autonomous_system_number", Value::from(asn)),
        ]);
        let network: ipnet::IpNet = network.parse().expect("a network");
        writer.insert_value(network, record).expect("a network of its own");
    }
    writer.to_bytes().expect("a small tree")
}

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/sandbox.mmdb");
    std::fs::write(path, sandbox()).expect("the file is written");
}
