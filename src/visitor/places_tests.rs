//! Tests of `places`: every layout, what is refused and in which words, and damaged files of every kind.

use std::time::Instant;

use mmdb_writer::{IpVersion, RecordSize, Value, Writer};
use proptest::prelude::*;

use super::{
    super::places_file::{Kind, children},
    *,
};

#[path = "../../geoip/make-sandbox.rs"]
#[expect(dead_code, reason = "its `main`")]
mod make_sandbox;

const SANDBOX: &[u8] = include_bytes!("../../geoip/sandbox.mmdb");

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

/// A database of IPv4 with a record for each network.
fn made(kind: &str, records: impl IntoIterator<Item = (&'static str, Value)>) -> Vec<u8> {
    let mut writer = Writer::builder(kind).ip_version(IpVersion::V4).build();
    for (network, record) in records {
        let network: ipnet::IpNet = network.parse().expect(network);
        writer.insert_value(network, record).expect("a network of IPv4");
    }
    writer.to_bytes().expect("a small tree")
}

fn of_countries(bytes: Vec<u8>) -> CountryDatabase {
    CountryDatabase::from_bytes(bytes).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn of_numbers(bytes: Vec<u8>) -> AsnDatabase {
    AsnDatabase::from_bytes(bytes).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn nested(country: &str) -> Value {
    Value::map([("country", Value::map([("iso_code", country)]))])
}

#[test]
fn the_sandbox_is_what_its_program_makes() {
    assert_eq!(make_sandbox::sandbox(), SANDBOX, "cargo run --example sandbox-mmdb");
    assert!(SANDBOX.len() < 2048, "{}", SANDBOX.len());
}

#[test]
fn the_sandbox_knows_each_of_its_networks_in_both_layouts() {
    let mut countries = of_countries(SANDBOX.to_vec());
    let numbers = of_numbers(SANDBOX.to_vec());
    assert_eq!(countries.layout, COUNTRY_LAYOUTS[0]);
    for layout in COUNTRY_LAYOUTS {
        countries.layout = layout;
        for (network, continent, country, asn) in make_sandbox::NETWORKS {
            let network: ipnet::IpNet = network.parse().expect(network);
            for ip in [network.network(), network.broadcast()] {
                assert_eq!(countries.country(ip), Country::parse(country), "{ip}");
                assert_eq!(countries.continent(ip), Continent::parse(continent), "{ip}");
                assert_eq!(numbers.asn(ip), Some(asn), "{ip}");
            }
        }
        for elsewhere in [
            "126.255.255.255",
            "128.0.0.0",
            "192.0.3.0",
            "203.0.112.255",
            "::2",
            "2001:db9::",
        ] {
            assert_eq!(countries.country(ip(elsewhere)), None, "{elsewhere}");
            assert_eq!(countries.continent(ip(elsewhere)), None, "{elsewhere}");
            assert_eq!(numbers.asn(ip(elsewhere)), None, "{elsewhere}");
        }
    }
}

#[test]
fn places_ask_the_databases_there_are() {
    let none = Places::default();
    let here = ip("192.0.2.1");
    assert_eq!(
        (none.country(here), none.continent(here), none.asn(here)),
        (None, None, None)
    );
    let both = Places {
        country: Some(Arc::new(of_countries(SANDBOX.to_vec()))),
        asn: Some(Arc::new(of_numbers(SANDBOX.to_vec()))),
    };
    assert_eq!(both.country(here), Country::parse("DE"));
    assert_eq!(both.continent(here), Some(Continent::Europe));
    assert_eq!(both.asn(here), Some(64496));
}

#[test]
fn the_files_of_maxmind_and_dbip_are_nested() {
    let part = Value::map([("continent", Value::map([("code", "AF")]))]);
    let whole = Value::map([
        ("continent", Value::map([("code", "AS")])),
        ("country", Value::map([("iso_code", "CY")])),
        ("registered_country", Value::map([("iso_code", "DE")])),
    ]);
    let countries = of_countries(made(
        "GeoLite2-Country",
        [
            ("10.0.0.0/8", part),
            ("11.0.0.0/8", whole),
            ("12.0.0.0/8", nested("FR")),
            ("13.0.0.0/8", nested("EU")),
        ],
    ));
    assert_eq!(countries.layout, COUNTRY_LAYOUTS[0]);
    let at = |text| (countries.country(ip(text)), countries.continent(ip(text)));
    assert_eq!(at("10.0.0.1"), (None, Some(Continent::Africa)), "a continent alone");
    // The database's word, though Cyprus is in Europe by the table.
    assert_eq!(at("11.0.0.1"), (Country::parse("CY"), Some(Continent::Asia)));
    assert_eq!(
        at("12.0.0.1"),
        (Country::parse("FR"), Some(Continent::Europe)),
        "the table's"
    );
    assert_eq!(at("13.0.0.1"), (None, None), "no country's code");
    assert_eq!(at("2001:db8::1"), (None, None), "IPv6 in a file of IPv4");
}

#[test]
fn other_files_are_flat() {
    let countries = of_countries(made(
        "country",
        [
            ("10.0.0.0/8", Value::map([("country_code", "")])),
            ("11.0.0.0/8", Value::map([("country_code", "mx")])),
        ],
    ));
    assert_eq!(countries.layout, COUNTRY_LAYOUTS[1]);
    assert_eq!(countries.country(ip("10.0.0.1")), None);
    assert_eq!(countries.country(ip("11.0.0.1")), Country::parse("MX"));
    assert_eq!(countries.continent(ip("11.0.0.1")), Some(Continent::NorthAmerica));
    // A country's name under the key that is a map elsewhere, its number as text.
    let lite = made(
        "ipinfo lite",
        [(
            "10.0.0.0/8",
            Value::map([
                ("asn", "AS64496"),
                ("continent_code", "EU"),
                ("country", "Germany"),
                ("country_code", "DE"),
            ]),
        )],
    );
    assert_eq!(of_numbers(lite.clone()).asn(ip("10.0.0.1")), Some(64496));
    assert_eq!(of_countries(lite).continent(ip("10.0.0.1")), Some(Continent::Europe));
}

#[test]
fn numbers_are_read_in_every_form() {
    for (written, read) in [
        (Value::from(64496_u32), Some(64496)),
        (Value::from(64_u16), Some(64)),
        (Value::U64(4_294_967_295), Some(u32::MAX)),
        (Value::U64(4_294_967_296), None),
        (Value::from(0_u32), None),
        (Value::from("AS64496"), Some(64496)),
        (Value::from("64496"), Some(64496)),
        (Value::from("none"), None),
        (Value::Bool(true), None),
    ] {
        for key in ["autonomous_system_number", "asn"] {
            let name = format!("{written:?}");
            let other = Value::map([(key, Value::from(1_u32))]);
            let database = of_numbers(made(
                "ASN",
                [
                    ("10.0.0.0/8", Value::map([(key, written.clone())])),
                    ("11.0.0.0/8", other),
                ],
            ));
            assert_eq!(database.asn(ip("10.0.0.1")), read, "{name}");
            assert_eq!(database.asn(ip("11.0.0.1")), Some(1));
        }
    }
}

/// The words for a file as `geoip.country`, and as `geoip.asn`.
fn refused(bytes: &[u8]) -> [String; 2] {
    let countries = CountryDatabase::from_bytes(bytes.to_vec()).map(|_| ());
    let numbers = AsnDatabase::from_bytes(bytes.to_vec()).map(|_| ());
    [countries, numbers].map(|taken| taken.map_or_else(|wrong| wrong.to_string(), |()| "taken".to_owned()))
}

#[test]
fn a_file_of_the_other_kind_is_told_where_it_belongs() {
    let numbers = made(
        "GeoLite2-ASN",
        [(
            "10.0.0.0/8",
            Value::map([
                ("autonomous_system_number", Value::from(64496_u32)),
                ("autonomous_system_organization", Value::from("Example")),
            ]),
        )],
    );
    assert_eq!(
        refused(&numbers),
        [
            "it is a \"GeoLite2-ASN\" whose records have `autonomous_system_number`, `autonomous_system_organization`: it \
             holds autonomous systems: name it as geoip.asn",
            "taken"
        ]
    );
    assert_eq!(
        refused(&made("GeoLite2-Country", [("10.0.0.0/8", nested("DE"))])),
        [
            "taken",
            "it is a \"GeoLite2-Country\" whose records have `country`: it holds countries: name it as geoip.country"
        ]
    );
}

#[test]
fn a_file_of_neither_kind_is_refused() {
    let strange = made(
        "Anonymous",
        [("10.0.0.0/8", Value::map([("is_vpn", Value::Bool(true))]))],
    );
    assert_eq!(
        refused(&strange),
        [
            "it is a \"Anonymous\" whose records have `is_vpn`: it holds no countries where they are looked for, in \
             `country.iso_code` and `country_code`: use a database of countries or cities",
            "it is a \"Anonymous\" whose records have `is_vpn`: it holds no autonomous systems where they are looked for, \
             in `autonomous_system_number` and `asn`: use a database of those"
        ]
    );
    // Records that are no maps, and codes of no country.
    for record in [Value::from("DE"), nested("ZZ"), Value::map([("country_code", 7_u32)])] {
        let [countries, _] = refused(&made("Strange", [("10.0.0.0/8", record)]));
        assert!(countries.contains("holds no countries"), "{countries}");
    }
    assert!(refused(&made("None", []))[0].contains("holds no networks"));
}

#[test]
fn what_is_no_database_is_told_what_it_is() {
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, kind) in [
        (&b"\x1f\x8b\x08\0\0"[..], Kind::Gzip),
        (b"PK\x03\x04\0", Kind::Archive),
        (&tar, Kind::Archive),
        (b"1.0.0.0,1.0.0.255,AU\n", Kind::Text),
        (b"\0\0\x01", Kind::Unknown),
        (&SANDBOX[..SANDBOX.len() / 2], Kind::Unknown),
    ] {
        let wrong = CountryDatabase::from_bytes(bytes.to_vec()).expect_err("no database");
        assert_eq!(wrong, NotADatabase::Other(kind));
    }
    assert_eq!(refused(b""), ["the file is empty: fetch it again"; 2]);
}

#[test]
fn no_cut_is_taken() {
    for cut in 0..SANDBOX.len() {
        let [end_missing, _] = refused(&SANDBOX[..cut]);
        assert_ne!(end_missing, "taken", "{cut}");
    }
    // The start is missing, or a piece in the middle: the tree reaches into the data, or points behind them.
    for at in (0..SANDBOX.len() - 400).step_by(97) {
        for long in [1, 64, 300] {
            let bytes = [&SANDBOX[..at], &SANDBOX[at + long..]].concat();
            assert_ne!(refused(&bytes)[0], "taken", "{long} bytes at {at}");
        }
    }
}

/// A record anywhere in a large file that points behind the data: found though not each network is looked at.
#[test]
fn a_hole_in_a_large_file_is_found() {
    let mut writer = Writer::builder("Large").ip_version(IpVersion::V4).build();
    for (at, country) in (0..223 * 64_u16).zip(["DE", "US", "FR"].into_iter().cycle()) {
        let [first, second] = [at / 64, at % 64].map(|byte| u8::try_from(byte).expect("a byte"));
        let network = ipnet::Ipv4Net::new([1 + first, second, 0, 0].into(), 24).expect("a network");
        writer
            .insert_value(network, nested(country))
            .expect("a network of IPv4");
    }
    let good = writer.to_bytes().expect("a tree");
    of_countries(good.clone());
    let hole = good.len() / 2..good.len() / 2 + 4096;
    let mut holed = good;
    holed[hole].fill(0xee);
    assert!(refused(&holed)[0].contains("damaged"), "{:?}", refused(&holed));
}

/// As the format's description draws them.
#[test]
fn a_node_has_two_records() {
    let bytes = [0x12, 0x34, 0x56, 0xab, 0x78, 0x9a, 0xbc, 0xde];
    assert_eq!(children(&bytes[..6]), [0x0012_3456, 0x00ab_789a]);
    assert_eq!(children(&bytes[..7]), [0x0a12_3456, 0x0b78_9abc]);
    assert_eq!(children(&bytes), [0x1234_56ab, 0x789a_bcde]);
}

/// Trees of every width, and of both families, where some networks have the record of others.
#[test]
fn each_record_is_seen_once() {
    let sizes = [RecordSize::Bits24, RecordSize::Bits28, RecordSize::Bits32];
    for (size, version) in sizes.into_iter().zip([IpVersion::V4, IpVersion::V6, IpVersion::V6]) {
        let mut writer = Writer::builder("Large").ip_version(version).record_size(size).build();
        for at in 0..2000_u16 {
            let [first, second] = at.to_be_bytes();
            let network = ipnet::Ipv4Net::new([32 + first, second, 0, 0].into(), 24).expect("a network");
            let value = Value::from(u32::from(at % 1500));
            writer.insert_value(network, value).expect("a network");
        }
        let file = File::open(writer.to_bytes().expect("a tree")).expect("a database");
        let mut seen = Vec::new();
        let survey = file.survey(|record| {
            seen.extend(record.get::<u32>(&[])?);
            Ok(())
        });
        survey.expect("a whole database");
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..1500), "{size:?}");
    }
}

/// A tree where every node but the last leads to the next on both sides: 2^99 ways, none to a record.
#[test]
fn a_tree_of_countless_ways_is_refused_soon() {
    let nodes = 100_u32;
    let mut tree = Vec::new();
    for next in 1..=nodes {
        tree.extend_from_slice(&next.to_be_bytes()[1..]);
        tree.extend_from_slice(&next.to_be_bytes()[1..]);
    }
    let end = SANDBOX
        .windows(3)
        .rposition(|window| window == b"\xab\xcd\xef")
        .expect("a marker");
    // The sandbox's description, with another count of nodes.
    let mut description = SANDBOX[end..].to_vec();
    let count = description
        .windows(10)
        .position(|window| window == b"node_count")
        .expect("a count")
        + 10;
    assert_eq!(description[count] >> 5, 6, "an integer of 32 bits");
    let long = usize::from(description[count] & 31);
    description.splice(count..=count + long, [0xc1, 100]);
    let bytes = [&tree[..], &[0; 16], &[0xe0], &description].concat();
    let start = Instant::now();
    assert!(refused(&bytes)[0].contains("no networks"), "{:?}", refused(&bytes));
    assert!(start.elapsed().as_secs() < 20);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever the bytes, they are refused or asked without a panic or an endless loop.
    #[test]
    fn damage_never_panics(
        flips in proptest::collection::vec((0..SANDBOX.len(), any::<u8>()), 0..24),
        cut in proptest::option::weighted(0.2, 0..SANDBOX.len()),
        asked in any::<[u8; 16]>(),
    ) {
        let mut bytes = SANDBOX.to_vec();
        for (at, byte) in flips {
            bytes[at] = byte;
        }
        if let Some(at) = cut {
            bytes.remove(at);
        }
        let [a, b, c, d, ..] = asked;
        let asked = [IpAddr::from(asked), IpAddr::from([a, b, c, d])];
        let known = make_sandbox::NETWORKS.map(|(network, ..)| ip(network.split('/').next().expect("an address")));
        let countries = CountryDatabase::from_bytes(bytes.clone());
        let numbers = AsnDatabase::from_bytes(bytes);
        for ip in asked.into_iter().chain(known) {
            let _ = countries.as_ref().map(|database| (database.country(ip), database.continent(ip)));
            let _ = numbers.as_ref().map(|database| database.asn(ip));
        }
        let _ = countries.map_err(|wrong| wrong.to_string());
    }
}
