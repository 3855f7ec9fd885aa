//! Addresses in forwarding headers: the entries of `X-Forwarded-For` and the `for` nodes of `Forwarded` (RFC 7239).
//!
//! Pure parsers of one header line each. Whom to believe is `real_ip`'s. The parser of `Forwarded` is ours because the
//! one that could be had splits at commas inside quotes, where a stranger's text may stand.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// What one entry of a forwarding header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// An address, canonical.
    Address(IpAddr),
    /// Something that is no address: an obfuscated identifier, `unknown`, garbage.
    Unusable,
}

/// Reads an address with or without a port, an IPv6 one with or without brackets; IPv4-mapped ones become IPv4.
pub fn address(text: &str) -> Option<IpAddr> {
    let ip = if let Ok(ip) = text.parse::<IpAddr>() {
        ip
    } else if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        IpAddr::V6(inner.parse::<Ipv6Addr>().ok()?)
    } else {
        match text.parse::<SocketAddr>().ok()? {
            SocketAddr::V6(_) if text.contains('%') => return None,
            at => at.ip(),
        }
    };
    Some(ip.to_canonical())
}

/// The entries of one `X-Forwarded-For` line, from the right. Empty list elements are ignored (RFC 9110, section
/// 5.6.1.2).
pub fn x_forwarded_for(line: &[u8]) -> impl Iterator<Item = Entry> {
    line.rsplit(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
        .map(|element| entry(str::from_utf8(element).ok().and_then(address)))
}

fn entry(address: Option<IpAddr>) -> Entry {
    address.map_or(Entry::Unusable, Entry::Address)
}

/// The `for` nodes of one `Forwarded` line, from the left; an element without one is unusable. `None` when the line
/// breaks the grammar of RFC 7239, section 4: of such a line no part can be told from a stranger's.
pub fn forwarded(line: &[u8]) -> Option<Vec<Entry>> {
    let mut rest = line;
    let mut entries = Vec::new();
    loop {
        let (found, after) = element(rest)?;
        entries.extend(found);
        match after.split_first() {
            None => return Some(entries),
            Some((b',', after)) => rest = after,
            Some(_) => return None,
        }
    }
}

/// One `forwarded-element`, up to the comma or the end; `Some(None)`-like for an empty one, which lists ignore.
fn element(text: &[u8]) -> Option<(Option<Entry>, &[u8])> {
    let mut rest = skip_spaces(text);
    let mut node = None;
    let mut pairs = 0_usize;
    loop {
        if !matches!(rest.first(), None | Some(b',' | b';')) {
            let (name, after) = token(rest)?;
            let (value, after) = value(after.strip_prefix(b"=")?)?;
            pairs += 1;
            if name.eq_ignore_ascii_case(b"for") {
                // "Each parameter MUST NOT occur more than once per field-value" (section 4): of two, neither counts.
                node = Some(if node.is_none() {
                    entry(str::from_utf8(&value).ok().and_then(node_address))
                } else {
                    Entry::Unusable
                });
            }
            rest = after;
        }
        rest = skip_spaces(rest);
        match rest.first() {
            Some(b';') => rest = skip_spaces(&rest[1..]),
            _ if pairs == 0 => return Some((None, rest)),
            _ => return Some((Some(node.unwrap_or(Entry::Unusable)), rest)),
        }
    }
}

/// A node of section 6: IPv6 addresses stand in brackets, a port may be obfuscated (`_` and letters).
fn node_address(node: &str) -> Option<IpAddr> {
    let (name, port) = match node.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && (!name.contains(':') || name.ends_with(']')) => (name, Some(port)),
        _ => (node, None),
    };
    let usable = port.is_none_or(|port| {
        // What Rust reads as a number may have a sign.
        (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
            || port.strip_prefix('_').is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            })
    });
    address(name).filter(|_| usable)
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[spaces..]
}

fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|&&byte| is_token(byte)).count();
    (length > 0).then(|| text.split_at(length))
}

/// `tchar` of RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// A token or a quoted string. Brackets and colons, which a token has not, are taken too: proxies write bare nodes with
/// ports (`for=192.0.2.1:80`), and neither ends an element.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let length = text
            .iter()
            .take_while(|&&byte| is_token(byte) || matches!(byte, b':' | b'[' | b']'))
            .count();
        return (length > 0).then(|| (text[..length].to_vec(), &text[length..]));
    };
    let mut value = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            b'"' => return Some((value, &quoted[at + 1..])),
            b'\\' => value.push(*bytes.next()?.1),
            _ => value.push(byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> Entry {
        Entry::Address(text.parse().expect("an address"))
    }

    #[test]
    fn addresses_in_every_dress() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("192.0.2.1:8080", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("[::ffff:c000:201]:1", Some("192.0.2.1")),
            ("192.0.2.1:", None),
            ("192.0.2.1:65536", None),
            ("192.0.2.1:-1", None),
            ("[192.0.2.1]", None),
            ("[2001:db8::1", None),
            ("fe80::1%eth0", None),
            ("[fe80::1%2]:80", None),
            ("[fe80::1%0]:80", None),
            ("192.0.2.1:+80", None),
            ("010.0.0.1", None),
            ("999.1.1.1", None),
            ("1.2.3", None),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(
                address(text),
                expected.map(|e| e.parse().expect("an address")),
                "{text}"
            );
        }
    }

    #[test]
    fn x_forwarded_for_is_read_from_the_right() {
        let entries: Vec<_> = x_forwarded_for(b"evil, 192.0.2.1:80 ,, [2001:db8::1]\t,\xff").collect();
        assert_eq!(
            entries,
            [Entry::Unusable, ip("2001:db8::1"), ip("192.0.2.1"), Entry::Unusable]
        );
    }

    #[test]
    fn forwarded_as_rfc_7239_writes_it() {
        for (line, expected) in [
            (r#"for="_gazonk""#, vec![Entry::Unusable]),
            (r#"For="[2001:db8:cafe::17]:4711""#, vec![ip("2001:db8:cafe::17")]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", vec![ip("192.0.2.60")]),
            (
                "for=192.0.2.43, for=198.51.100.17",
                vec![ip("192.0.2.43"), ip("198.51.100.17")],
            ),
            ("for=unknown, for=_hidden, for=_SEVKISEK", vec![Entry::Unusable; 3]),
            (r#"for="192.0.2.43:_port";host="a,for=1.2.3.4""#, vec![ip("192.0.2.43")]),
            (r#"for="192.0.2.43:+80""#, vec![Entry::Unusable]),
            (r#"for="[2001:db8::1]:+80""#, vec![Entry::Unusable]),
            (r#"host="\"";for="\1\92.0.2.1""#, vec![ip("192.0.2.1")]),
            ("proto=https", vec![Entry::Unusable]),
            ("for=192.0.2.1;for=192.0.2.2", vec![Entry::Unusable]),
            (", ,for=192.0.2.1,", vec![ip("192.0.2.1")]),
            ("for=192.0.2.1:80 ; proto=http", vec![ip("192.0.2.1")]),
            (r#"for="2001:db8::1""#, vec![ip("2001:db8::1")]),
            ("", vec![]),
        ] {
            assert_eq!(forwarded(line.as_bytes()), Some(expected), "{line}");
        }
    }

    #[test]
    fn a_line_that_breaks_the_grammar_says_nothing() {
        for line in [
            r#"for="192.0.2.1"#,
            r#"for="evil, for=192.0.2.1;by="x""#,
            "for",
            "for=",
            "=192.0.2.1",
            "for = 192.0.2.1",
            "for=192.0.2.1 for=192.0.2.2",
            r#"for="192.0.2.1"x"#,
            "for=\\",
        ] {
            assert_eq!(forwarded(line.as_bytes()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = forwarded(&line);
            let _ = x_forwarded_for(&line).count();
        }
    }
}
