//! What an X.509 certificate says of itself (RFC 5280): names, dates, and its kind of key.
//!
//! rustls says whether a certificate is one, and tells of none of these, so that few fields are walked to here; a crate that
//! reads all of X.509 would be a dozen crates more. rustls' own reader of names would not do: it passes over wildcards before
//! a single label, as in `*.internal`, which some clients take. Pure.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, civil, tz::TimeZone};
use rustls::server::ParsedCertificate;
use rustls_pki_types::CertificateDer;

use super::names::Names;

/// What a certificate says.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) names: Names,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
    pub(super) key: Key,
    /// Whether it names itself as its issuer.
    pub(super) is_own_issuer: bool,
}

/// Kinds of keys, those first that are chosen first: the faster to sign with, of those that all browsers take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    P256,
    P384,
    Rsa {
        bits: usize,
    },
    P521,
    Ed25519,
    /// One that rustls may know.
    Other,
}

/// Reads a certificate; `None` if it is none, or of a version before 3, which has no names.
pub(super) fn read(certificate: &CertificateDer<'_>) -> Option<Said> {
    if !is_sound(certificate) {
        return None;
    }
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (signed, _) = expect(SEQUENCE, certificate)?;
    let (_version, rest) = expect(CONTEXT_0, signed)?;
    let (_serial, rest) = expect(INTEGER, rest)?;
    let (_algorithm, rest) = expect(SEQUENCE, rest)?;
    let (issuer, rest) = expect(SEQUENCE, rest)?;
    let (validity, rest) = expect(SEQUENCE, rest)?;
    let (subject, rest) = expect(SEQUENCE, rest)?;
    let (info, rest) = expect(SEQUENCE, rest)?;
    let (not_before, not_after) = times(validity)?;
    let mut names = Names::default();
    if let Some((extensions, _)) = expect(CONTEXT_3, rest) {
        names = alternative_names(extensions)?;
    }
    Some(Said {
        names,
        not_before,
        not_after,
        key: key(info)?,
        is_own_issuer: issuer == subject,
    })
}

/// Whether rustls can read a certificate.
pub(super) fn is_sound(certificate: &CertificateDer<'_>) -> bool {
    ParsedCertificate::try_from(certificate).is_ok()
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The version's tag.
const CONTEXT_0: u8 = 0xA0;
/// The extensions'.
const CONTEXT_3: u8 = 0xA3;

/// One element of DER: its tag, its content, and what follows it.
pub(super) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&length, bytes) = bytes.split_first()?;
    let (length, bytes) = match length {
        0x81 => (usize::from(*bytes.first()?), bytes.get(1..)?),
        0x82 => {
            let (length, bytes) = bytes.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), bytes)
        }
        short @ ..=0x7F => (usize::from(short), bytes),
        _ => return None, // 64 KB and more
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of an element of one tag, and what follows it.
fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    element(bytes)
        .filter(|(found, ..)| *found == tag)
        .map(|(_, content, rest)| (content, rest))
}

/// `notBefore` and `notAfter` (section 4.1.2.5).
fn times(validity: &[u8]) -> Option<(SystemTime, SystemTime)> {
    let (tag, not_before, rest) = element(validity)?;
    let not_before = time(tag, not_before)?;
    let (tag, not_after, _) = element(rest)?;
    Some((not_before, time(tag, not_after)?))
}

/// The names among the extensions (section 4.2.1.6): of hosts and addresses; others are no business of TLS.
fn alternative_names(extensions: &[u8]) -> Option<Names> {
    const ALTERNATIVE_NAMES: &[u8] = b"\x55\x1d\x11";
    let (mut rest, _) = expect(SEQUENCE, extensions)?;
    while !rest.is_empty() {
        let (extension, next) = expect(SEQUENCE, rest)?;
        rest = next;
        let (object, value) = expect(OBJECT, extension)?;
        if object == ALTERNATIVE_NAMES {
            let value = expect(BOOLEAN, value).map_or(value, |(_is_critical, value)| value);
            let (value, _) = expect(OCTETS, value)?;
            let (names, _) = expect(SEQUENCE, value)?;
            return general_names(names);
        }
    }
    Some(Names::default())
}

fn general_names(mut rest: &[u8]) -> Option<Names> {
    const HOST: u8 = 0x82;
    const ADDRESS: u8 = 0x87;
    let (mut hosts, mut addresses) = (Vec::new(), Vec::new());
    while !rest.is_empty() {
        let (tag, name, next) = element(rest)?;
        rest = next;
        match tag {
            HOST => hosts.extend(str::from_utf8(name).ok().filter(|name| is_host(name))),
            ADDRESS => {
                let v4 = <[u8; 4]>::try_from(name).map(IpAddr::from);
                addresses.extend(v4.or_else(|_| <[u8; 16]>::try_from(name).map(IpAddr::from)));
            }
            _ => {}
        }
    }
    Some(Names::new(hosts.into_iter(), addresses))
}

/// A host, or a wildcard in the place of its first label. Underscores are in names that resolve.
fn is_host(name: &str) -> bool {
    let host = name.strip_prefix("*.").unwrap_or(name);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_letter);
    host.strip_suffix('.').unwrap_or(host).split('.').all(is_label)
}

/// `YYMMDDHHMMSSZ` until 2049, `YYYYMMDDHHMMSSZ` then (section 4.1.2.5).
fn time(tag: u8, digits: &[u8]) -> Option<SystemTime> {
    let digits = digits.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| {
        digits
            .iter()
            .fold(0_i16, |number, digit| number * 10 + i16::from(digit - b'0'))
    };
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let year = number(&digits[..2]);
            (if year < 50 { 2000 + year } else { 1900 + year }, &digits[2..])
        }
        (GENERALIZED_TIME, 14) => (number(&digits[..4]), &digits[4..]),
        _ => return None,
    };
    let mut pairs = rest.chunks(2).filter_map(|pair| i8::try_from(number(pair)).ok());
    let mut next = || pairs.next();
    let at = civil::DateTime::new(year, next()?, next()?, next()?, next()?, next()?, 0).ok()?;
    // "No well-defined expiration date" is the last second of 9999, which is later than clocks here count.
    let at = TimeZone::UTC.to_timestamp(at).unwrap_or(Timestamp::MAX);
    let seconds = u64::try_from(at.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// The kind of what is in a `SubjectPublicKeyInfo` (RFC 3279, section 2.3; RFC 5480; RFC 8410).
fn key(info: &[u8]) -> Option<Key> {
    let (algorithm, rest) = expect(SEQUENCE, info)?;
    let (object, parameters) = expect(OBJECT, algorithm)?;
    let curve = || expect(OBJECT, parameters).map(|(curve, _)| curve);
    Some(match object {
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" => {
            let (bits, _) = expect(BIT_STRING, rest)?;
            let (key, _) = expect(SEQUENCE, bits.get(1..)?)?;
            let (modulus, _) = expect(INTEGER, key)?;
            let zeros: usize = modulus.iter().take_while(|&&byte| byte == 0).count();
            let significant = &modulus[zeros..];
            let of_first = significant.first().map_or(0, |first| first.leading_zeros() as usize);
            Key::Rsa {
                bits: significant.len() * 8 - of_first,
            }
        }
        b"\x2a\x86\x48\xce\x3d\x02\x01" => match curve()? {
            b"\x2a\x86\x48\xce\x3d\x03\x01\x07" => Key::P256,
            b"\x2b\x81\x04\x00\x22" => Key::P384,
            b"\x2b\x81\x04\x00\x23" => Key::P521,
            _ => Key::Other,
        },
        b"\x2b\x65\x70" => Key::Ed25519,
        _ => Key::Other,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(tag: u8, digits: &str) -> Option<u64> {
        let at = time(tag, digits.as_bytes())?;
        Some(at.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs())
    }

    #[test]
    fn dates() {
        for (tag, digits, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "240229120000Z", Some(1_709_208_000)),
            (UTC_TIME, "500101000000Z", Some(0)), // 1950: over before anybody asked
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (UTC_TIME, "230229120000Z", None),
            (UTC_TIME, "2401011200Z", None),
            (UTC_TIME, "240101120000", None),
            (UTC_TIME, "240101120000+0100", None),
            (UTC_TIME, "20500101000000Z", None),
            (GENERALIZED_TIME, "500101000000Z", None),
            (UTC_TIME, "2401-1120000Z", None),
            (INTEGER, "240101120000Z", None),
        ] {
            assert_eq!(seconds(tag, digits), expected, "{digits}");
        }
        assert!(seconds(GENERALIZED_TIME, "99991231235959Z").is_some_and(|at| at > 253_402_000_000));
    }

    #[test]
    fn hosts_and_addresses_are_names_and_others_are_not() {
        let names = [
            (0x82, &b"a.example"[..]),
            (0x82, b"*.internal"),
            (0x82, b"_x.example."),
            (0x82, b"*"),
            (0x82, b"a*.example"),
            (0x82, b"b..example"),
            (0x82, b"b c"),
            (0x82, b"\xff"),
            (0x82, b""),
            (0x87, &[192, 0, 2, 1]),
            (0x87, &[192, 0, 2]),
            (0x81, b"mail@c.example"),
        ];
        let bytes: Vec<u8> = names
            .iter()
            .flat_map(|(tag, name)| [&[*tag, u8::try_from(name.len()).expect("short")], *name].concat())
            .collect();
        let expected = Names::new(
            ["a.example", "*.internal", "_x.example"].into_iter(),
            vec![IpAddr::from([192, 0, 2, 1])],
        );
        assert_eq!(general_names(&bytes), Some(expected));
        assert_eq!(general_names(&bytes[..bytes.len() - 1]), None, "cut off");
    }

    /// The file is of `openssl req -x509 -newkey rsa:1024 -nodes -subj /CN=weak.example -addext
    /// subjectAltName=DNS:weak.example -days 36500`; nothing here makes keys that weak, and its key was thrown away.
    #[test]
    fn a_weak_key_is_measured() {
        let pem = include_bytes!("tests/rsa-1024.crt");
        let der = <CertificateDer<'_> as rustls_pki_types::pem::PemObject>::from_pem_slice(pem).expect("a certificate");
        assert_eq!(read(&der).expect("a certificate").key, Key::Rsa { bits: 1024 });
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (times(&bytes), key(&bytes), alternative_names(&bytes), general_names(&bytes));
            prop_assert!(read(&CertificateDer::from(bytes)).is_none());
        }
    }
}
