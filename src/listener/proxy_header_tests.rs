//! Tables of headers, good and bad, and what holds of all bytes.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::{CRC32C, Parsed, V2_SIGNATURE, crc32c, parse};

/// A header of version 2.
pub(crate) fn v2(version_and_command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).expect("a short block").to_be_bytes();
    [V2_SIGNATURE, &[version_and_command, family], &length, block].concat()
}

/// Source 192.0.2.1:4660, destination 198.51.100.1:443.
pub(crate) const INET: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 1, 0x12, 0x34, 0x01, 0xBB];

/// Source and destination, and their ports as above.
fn inet6(source: &str) -> Vec<u8> {
    let source: std::net::Ipv6Addr = source.parse().expect("an address");
    let destination: std::net::Ipv6Addr = "2001:db8::443".parse().expect("an address");
    [&source.octets()[..], &destination.octets(), &[0x12, 0x34, 0x01, 0xBB]].concat()
}

/// A field of version 2.
fn field(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a short value").to_be_bytes();
    [&[kind], &length[..], value].concat()
}

/// A header of IPv4 with a checksum, which is right but for `wrong`.
fn with_checksum(before: &[u8], behind: &[u8], wrong: u32) -> Vec<u8> {
    let block = [&INET, before, &field(CRC32C, &[0; 4]), behind].concat();
    let mut header = v2(0x21, 0x11, &block);
    let sum = crc32c(header.iter().copied()) ^ wrong;
    let at = header.len() - behind.len() - 4;
    header[at..at + 4].copy_from_slice(&sum.to_be_bytes());
    header
}

fn header(bytes: &[u8]) -> Result<Option<SocketAddr>, &'static str> {
    match parse(bytes) {
        Parsed::Header { consumed, source } => {
            assert_eq!(consumed, bytes.len());
            Ok(source)
        }
        Parsed::Malformed(why) => Err(why),
        Parsed::Incomplete { more } => panic!("{more} more"),
    }
}

const BEGINNING: &str = "it begins with no PROXY header";
const ADDRESS: &str = "an address is none of its family";
const PORT: &str = "a port is none";
const FAMILY: &str = "its family is none of TCP4, TCP6 and UNKNOWN";

/// Lines, and whom they speak for: `-` for the peer.
const LINES: &[(&str, Result<&str, &str>)] = &[
    ("PROXY TCP4 192.0.2.1 198.51.100.1 4660 443\r\n", Ok("192.0.2.1:4660")),
    ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", Ok("0.0.0.0:0")),
    (
        "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
        Ok("255.255.255.255:65535"),
    ),
    (
        "PROXY TCP6 2001:db8::1 2001:db8::2 4660 443\r\n",
        Ok("[2001:db8::1]:4660"),
    ),
    ("PROXY TCP6 2001:DB8::A :: 1 2\r\n", Ok("[2001:db8::a]:1")),
    ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", Ok("192.0.2.1:1")),
    ("PROXY TCP6 ::ffff:c000:201 ::1 1 2\r\n", Ok("192.0.2.1:1")),
    ("PROXY UNKNOWN\r\n", Ok("-")),
    ("PROXY UNKNOWN 192.0.2.1 198.51.100.1 1 2\r\n", Ok("-")),
    ("PROXY UNKNOWN what \t ever\r\n", Ok("-")),
    (
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        Ok("-"),
    ),
    (
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 655350\r\n",
        Err("its line is longer than 107 bytes"),
    ),
    ("PROXY TCP4 999.1.1.1 198.51.100.1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP4 192.0.2.01 198.51.100.1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP4 192.0.2 198.51.100.1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP4 0xc0.0.2.1 198.51.100.1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP4 192.0.2.1 999.51.100.1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP6 192.0.2.1 198.51.100.1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP6 2001:db8::1 198.51.100.1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP6 2001:db8:::1 ::1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP6 [2001:db8::1] ::1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n", Err(ADDRESS)),
    ("PROXY TCP4\t192.0.2.1 198.51.100.1 1 2\r\n", Err(FAMILY)),
    ("PROXY TCP4 192.0.2.1 198.51.100.1  1 2\r\n", Err(PORT)),
    ("PROXY TCP4 192.0.2.1 198.51.100.1 1\r\n", Err(PORT)),
    ("PROXY TCP4 192.0.2.1 198.51.100.1 1 65536\r\n", Err(PORT)),
    ("PROXY TCP4 192.0.2.1 198.51.100.1 01 2\r\n", Err(PORT)),
    ("PROXY TCP4 192.0.2.1 198.51.100.1 00 2\r\n", Err(PORT)),
    ("PROXY TCP4 192.0.2.1 198.51.100.1 +1 2\r\n", Err(PORT)),
    ("PROXY TCP4 192.0.2.1 198.51.100.1 -1 2\r\n", Err(PORT)),
    ("PROXY TCP4 192.0.2.1 198.51.100.1 1 \r\n", Err(PORT)),
    (
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 \r\n",
        Err("its line goes on behind the ports"),
    ),
    (
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n",
        Err("its line goes on behind the ports"),
    ),
    ("PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\r\n", Err(PORT)),
    (
        "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\n",
        Err("its line ends with no carriage return"),
    ),
    (
        "PROXY UNKNOWN with a\nline within\r\n",
        Err("its line ends with no carriage return"),
    ),
    ("PROXY TCP4\r\n", Err(ADDRESS)),
    ("PROXY tcp4 192.0.2.1 198.51.100.1 1 2\r\n", Err(FAMILY)),
    ("PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n", Err(FAMILY)),
    ("PROXY UNKNOWNS\r\n", Err(FAMILY)),
    ("PROXY  UNKNOWN\r\n", Err(FAMILY)),
    ("PROXY \r\n", Err(FAMILY)),
    ("PROXY\r\n", Err(BEGINNING)),
    ("proxy TCP4 192.0.2.1 198.51.100.1 1 2\r\n", Err(BEGINNING)),
    (" PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n", Err(BEGINNING)),
    ("GET / HTTP/1.1\r\n", Err(BEGINNING)),
    ("\r\nGET / HTTP/1.1\r\n", Err(BEGINNING)),
    ("\u{16}\u{3}\u{1}", Err(BEGINNING)),
];

#[test]
fn version_1() {
    for (line, expected) in LINES {
        let expected = expected.map(|source| source.parse::<SocketAddr>().ok());
        assert_eq!(header(line.as_bytes()), expected, "{line:?}");
    }
    assert_eq!(
        header(b"PROXY UNKNOWN \xff\r\n"),
        Err("its line is no text"),
        "bytes that are no text"
    );
}

/// A header of version 2: what it is for, its bytes, and whom it speaks for or why it does not.
type Header = (&'static str, Vec<u8>, Result<&'static str, &'static str>);

fn headers() -> Vec<Header> {
    [taken(), refused(), with_refused_fields()].concat()
}

/// IPv4 addresses, and more.
fn block(more: &[u8]) -> Vec<u8> {
    [&INET, more].concat()
}

fn taken() -> Vec<Header> {
    let noise = field(0x04, b"padding");
    vec![
        ("IPv4", v2(0x21, 0x11, &INET), Ok("192.0.2.1:4660")),
        ("IPv6", v2(0x21, 0x21, &inet6("2001:db8::1")), Ok("[2001:db8::1]:4660")),
        (
            "IPv4 as IPv6",
            v2(0x21, 0x21, &inet6("::ffff:192.0.2.1")),
            Ok("192.0.2.1:4660"),
        ),
        ("fields", v2(0x21, 0x11, &block(&noise)), Ok("192.0.2.1:4660")),
        (
            "an empty field",
            v2(0x21, 0x11, &block(&field(0xEA, b""))),
            Ok("192.0.2.1:4660"),
        ),
        ("a checksum", with_checksum(b"", b"", 0), Ok("192.0.2.1:4660")),
        (
            "a checksum among fields",
            with_checksum(&noise, &noise, 0),
            Ok("192.0.2.1:4660"),
        ),
        ("a UNIX socket", v2(0x21, 0x31, &[0; 216]), Ok("-")),
        ("LOCAL", v2(0x20, 0x00, b""), Ok("-")),
        ("LOCAL, with addresses", v2(0x20, 0x11, &INET), Ok("-")),
        ("LOCAL, whatever the family", v2(0x20, 0xFF, b"any bytes"), Ok("-")),
        ("no family", v2(0x21, 0x00, b""), Ok("-")),
        ("no family, and bytes", v2(0x21, 0x00, b"any bytes"), Ok("-")),
        (
            "the longest",
            v2(0x21, 0x11, &block(&field(0x04, &[0; 4065]))),
            Ok("192.0.2.1:4660"),
        ),
    ]
}

fn refused() -> Vec<Header> {
    vec![
        (
            "longer",
            v2(0x21, 0x11, &block(&field(0x04, &[0; 4066]))),
            Err("it is longer than 4096 bytes"),
        ),
        (
            "64 KB",
            v2(0x21, 0x11, &[0; 0xFFFF]),
            Err("it is longer than 4096 bytes"),
        ),
        ("version 1", v2(0x11, 0x11, &INET), Err("its version is not 2")),
        ("version 3", v2(0x31, 0x11, &INET), Err("its version is not 2")),
        (
            "another command",
            v2(0x22, 0x11, &INET),
            Err("its command is neither LOCAL nor PROXY"),
        ),
        ("datagrams", v2(0x21, 0x12, &INET), Err("it speaks for datagrams")),
        (
            "datagrams of IPv6",
            v2(0x21, 0x22, &inet6("::1")),
            Err("it speaks for datagrams"),
        ),
        (
            "datagrams of UNIX",
            v2(0x21, 0x32, &[0; 216]),
            Err("it speaks for datagrams"),
        ),
        (
            "no transport",
            v2(0x21, 0x10, &INET),
            Err("its family and transport are no pair that there is"),
        ),
        (
            "no family, but a transport",
            v2(0x21, 0x01, b""),
            Err("its family and transport are no pair that there is"),
        ),
        (
            "another transport",
            v2(0x21, 0x13, &INET),
            Err("its family and transport are no pair that there is"),
        ),
        (
            "another family",
            v2(0x21, 0x41, &INET),
            Err("its family and transport are no pair that there is"),
        ),
        (
            "no addresses",
            v2(0x21, 0x11, b""),
            Err("it is too short for its addresses"),
        ),
        (
            "half an address",
            v2(0x21, 0x11, &INET[..11]),
            Err("it is too short for its addresses"),
        ),
        (
            "IPv4 addresses for IPv6",
            v2(0x21, 0x21, &INET),
            Err("it is too short for its addresses"),
        ),
        (
            "half a UNIX address",
            v2(0x21, 0x31, &[0; 215]),
            Err("it is too short for its addresses"),
        ),
    ]
}

fn with_refused_fields() -> Vec<Header> {
    let noise = field(0x04, b"padding");
    vec![
        (
            "a field's kind alone",
            v2(0x21, 0x11, &block(&[4])),
            Err("a field behind its addresses is cut off"),
        ),
        (
            "half a field's length",
            v2(0x21, 0x11, &block(&[4, 0])),
            Err("a field behind its addresses is cut off"),
        ),
        (
            "a field that overruns",
            v2(0x21, 0x11, &block(&[4, 0, 2, 0])),
            Err("a field behind its addresses is longer than the header"),
        ),
        (
            "a UNIX socket's field that overruns",
            v2(0x21, 0x31, &[&[0; 216][..], &[4, 0, 2, 0]].concat()),
            Err("a field behind its addresses is longer than the header"),
        ),
        (
            "a wrong checksum",
            with_checksum(b"", b"", 1),
            Err("its checksum is that of other bytes"),
        ),
        (
            "a wrong checksum among fields",
            with_checksum(&noise, &noise, 1 << 31),
            Err("its checksum is that of other bytes"),
        ),
        (
            "a short checksum",
            v2(0x21, 0x11, &block(&field(CRC32C, &[0; 3]))),
            Err("its checksum has not four bytes"),
        ),
        (
            "two checksums",
            with_checksum(&field(CRC32C, &[0; 4]), b"", 0),
            Err("it has two checksums"),
        ),
    ]
}

#[test]
fn version_2() {
    for (name, bytes, expected) in headers() {
        let expected = expected.map(|source| source.parse::<SocketAddr>().ok());
        assert_eq!(header(&bytes), expected, "{name}");
    }
}

/// The checksum of RFC 3720, appendix B.4, and of everyone's test.
#[test]
fn the_checksum_is_that_of_the_standard() {
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xE306_9283);
    assert_eq!(crc32c([0; 32].into_iter()), 0x8A91_36AA);
    assert_eq!(crc32c([0xFF; 32].into_iter()), 0x62A8_AB43);
}

/// All headers of the tables.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let lines = LINES.iter().map(|(line, _)| line.as_bytes().to_vec());
    lines.chain(headers().into_iter().map(|(_, bytes, _)| bytes)).collect()
}

#[test]
fn it_asks_for_no_byte_of_the_visitors_and_a_verdict_stays() {
    for bytes in all() {
        let whole = parse(&bytes);
        let followed = [&bytes[..], b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(parse(&followed), whole, "{bytes:?}");
        for end in 0..bytes.len() {
            match (parse(&bytes[..end]), whole) {
                (Parsed::Incomplete { more }, Parsed::Header { consumed, .. }) => {
                    assert!(more > 0 && end + more <= consumed, "{end}: {more} of {bytes:?}");
                }
                (Parsed::Incomplete { more }, _) => assert!(more > 0, "{end}: {bytes:?}"),
                (early, _) => assert_eq!(early, whole, "{end}: {bytes:?}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_have_a_verdict_that_stays(
        start in 0_usize..3,
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        end in any::<prop::sample::Index>(),
    ) {
        let start: &[u8] = [&b""[..], b"PROXY TCP4 ", V2_SIGNATURE][start];
        let bytes = [start, &bytes].concat();
        let whole = parse(&bytes);
        if let Parsed::Header { consumed, .. } = whole {
            prop_assert!(consumed <= bytes.len());
        }
        match parse(&bytes[..end.index(bytes.len() + 1)]) {
            Parsed::Incomplete { more } => prop_assert!(more > 0),
            early => prop_assert_eq!(early, whole),
        }
    }

    #[test]
    fn lines_of_its_words_have_a_verdict_that_stays(
        words in proptest::collection::vec(
            prop::sample::select(vec![
                "PROXY", "TCP4", "TCP6", "UNKNOWN", " ", "192.0.2.1", "::1", "0", "65535", "01", "\r", "\n", "\r\n",
            ]),
            0..14,
        ),
        end in any::<prop::sample::Index>(),
    ) {
        let line = words.concat();
        let early = parse(&line.as_bytes()[..end.index(line.len() + 1)]);
        let whole = parse(line.as_bytes());
        prop_assert!(matches!(early, Parsed::Incomplete { .. }) || early == whole, "{:?}: {:?} {:?}", line, early, whole);
    }
}
