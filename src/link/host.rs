//! One canonical form of a host, so that case, port, trailing dot and the writing of an address never matter.

use std::{borrow::Cow, net::Ipv6Addr};

/// A DNS name has 253 characters at most (RFC 1035, section 2.3.4); an address fewer.
const MAX_BYTES: usize = 253;

/// What each byte may be in a name.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        #[expect(clippy::cast_possible_truncation, reason = "below 128")]
        let it = byte as u8;
        kinds[byte] = match it {
            b'.' => OF_NAME | DOT,
            b'A'..=b'Z' => OF_NAME | UPPER,
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => OF_NAME,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};
const OF_NAME: u8 = 1;
const DOT: u8 = 2;
const UPPER: u8 = 4;

/// The host of an authority (`Host` of RFC 9110, section 7.2): lower case, without port and trailing dot. `None` when
/// it is no host: empty, with user information, a bad port, or bytes that no name has.
pub fn canonical(authority: &str) -> Option<Cow<'_, str>> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (inner, port) = rest.split_once(']')?;
        let ip: Ipv6Addr = inner.parse().ok()?;
        return is_port_part(port).then(|| Cow::Owned(format!("[{ip}]")));
    }
    let name_ends = authority.bytes().position(|byte| byte == b':');
    let (name, port) = authority.split_at(name_ends.unwrap_or(authority.len()));
    if !is_port_part(port) {
        return None;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    // All that every byte is, that some byte is, and that two in a row are; at the front stands a dot.
    let (mut all, mut any, mut twice, mut before) = (OF_NAME, 0, 0, DOT);
    // Without an end before the end, which would have to be foreseen.
    for byte in name.bytes() {
        let kind = KINDS[usize::from(byte)];
        all &= kind;
        any |= kind;
        twice |= kind & before;
        before = kind;
    }
    let is_host = all == OF_NAME && (twice | before) & DOT == 0;
    (is_host && name.len() <= MAX_BYTES).then(|| {
        let has_upper = any & UPPER != 0;
        if has_upper {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    })
}

/// Nothing, or a colon and a port, which may be empty (RFC 3986, section 3.2.3).
fn is_port_part(text: &str) -> bool {
    match text.strip_prefix(':') {
        None => text.is_empty(),
        Some("") => true,
        Some(port) => port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form() {
        for (authority, expected) in [
            ("go.example.com", Some("go.example.com")),
            ("GO.Example.COM:8080", Some("go.example.com")),
            ("go.example.com.", Some("go.example.com")),
            ("go.example.com.:443", Some("go.example.com")),
            ("go.example.com:", Some("go.example.com")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("[0:0::1]:80", Some("[::1]")),
            ("[2001:DB8::1]", Some("[2001:db8::1]")),
            ("", None),
            (".", None),
            ("a..", None),
            ("a..:80", None),
            (":80", None),
            ("a..b", None),
            (".a", None),
            ("a b", None),
            ("a/b", None),
            ("user@host", None),
            ("host:80:80", None),
            ("host:80a", None),
            ("host:+80", None),
            ("host:65536", None),
            ("bücher.example", None),
            ("a,b", None),
            ("[::1", None),
            ("[::1]x", None),
            ("::1", None),
        ] {
            assert_eq!(canonical(authority).as_deref(), expected, "{authority}");
        }
        assert_eq!(canonical(&"a".repeat(254)), None);
    }
}
