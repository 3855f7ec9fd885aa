//! Percent-encoding (RFC 3986, section 2) for the places where a value of somebody else's enters a URL of ours.
//!
//! Owns the sets of bytes that may stand unescaped. Does not know which value goes where.

use std::{borrow::Cow, net::IpAddr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::networks;

/// Text that a configuration's author wrote as part of a URL: only what no URI may hold (RFC 3986, appendix A) is
/// escaped; `%` is left, since the author's own escapes stand there.
const WRITTEN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@')
    .remove(b'/')
    .remove(b'?')
    .remove(b'#')
    .remove(b'%');

/// Appends `value` with every byte outside RFC 3986's `unreserved` escaped: what it becomes can end no component of a URL.
pub fn encode(value: &[u8], out: &mut Vec<u8>) {
    /// What is read at once: three times as much is less than 256.
    const PIECE: usize = 64;
    for piece in value.chunks(PIECE) {
        // As most ids are. Without an end before the end, so that the compiler makes it of whole registers.
        let is_plain = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~');
        if piece.iter().fold(true, |all, byte| all & is_plain(*byte)) {
            out.extend_from_slice(piece);
            continue;
        }
        // Each byte writes four and keeps one or three of them: branches would be foreseen wrongly. The length is a byte, so that
        // the compiler knows that there is room for four behind it.
        let mut encoded = [0; u8::MAX as usize + 4];
        let mut length = 0_u8;
        for byte in piece {
            let bytes = ENCODED[usize::from(*byte)];
            let at = usize::from(length);
            encoded[at..at + 4].copy_from_slice(&bytes);
            length = length.wrapping_add(bytes[3]);
        }
        out.extend_from_slice(&encoded[..usize::from(length)]);
    }
}

/// Appends an address, encoded as a value.
pub fn encode_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(_) => networks::write_ip(ip, out),
        IpAddr::V6(ip) => encode(ip.to_string().as_bytes(), out),
    }
}

/// What each byte becomes, in three bytes, and how many of them count.
static ENCODED: [[u8; 4]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut table = [[0; 4]; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let it = byte as u8;
        table[byte] = match it {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => [it, 0, 0, 1],
            _ => [b'%', DIGITS[byte >> 4], DIGITS[byte & 15], 3],
        };
        byte += 1;
    }
    table
};

/// A piece of a URL as its author wrote it, made a valid URI.
pub fn encode_written(text: &str) -> Cow<'_, str> {
    percent_encode(text.as_bytes(), WRITTEN).into()
}

/// Appends a value out of a query string, still encoded as its sender encoded it: whoever decodes the result reads
/// what whoever decodes `raw` reads, whether a `+` means a space to them or not. Escapes and `+` stay, bytes that would
/// end the value are escaped.
pub fn keep_query_value(raw: &[u8], out: &mut Vec<u8>) {
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'%' if escapes(after) => {
                out.extend_from_slice(&rest[..3]);
                rest = &rest[3..];
                continue;
            }
            b'+' => out.push(b'+'),
            _ => encode(&[byte], out),
        }
        rest = after;
    }
}

fn escapes(after_percent: &[u8]) -> bool {
    matches!(after_percent, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// Whether each `%` begins an escape of two hexadecimal digits.
pub fn well_formed(text: &[u8]) -> bool {
    text.iter()
        .enumerate()
        .all(|(at, &byte)| byte != b'%' || escapes(&text[at + 1..]))
}

/// One decoding of a name or value of a query string, read as a form (WHATWG URL, section 5.1): `+` is a space. What is
/// borrowed has nothing that is decoded.
#[inline]
pub fn decode_form(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        Cow::Borrowed(raw)
    } else if raw.contains(&b'+') {
        let spaced: Vec<u8> = raw.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        Cow::Owned(percent_decode(&spaced).collect())
    } else {
        percent_decode(raw).into()
    }
}

/// The bytes of [`decode_form`], one after the other.
pub fn form_bytes(raw: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        let (&byte, after) = rest.split_first()?;
        let escaped = if byte == b'%' {
            percent_decode(rest).next()
        } else {
            None
        };
        rest = if byte == b'%' && escapes(after) {
            &after[2..]
        } else {
            after
        };
        Some(match byte {
            b'+' => b' ',
            byte => escaped.unwrap_or(byte),
        })
    })
}

/// One decoding of a path, where `+` is itself.
pub fn decode_path(raw: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(raw).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(raw: &[u8]) -> String {
        let mut out = Vec::new();
        keep_query_value(raw, &mut out);
        String::from_utf8(out).expect("an encoded value is ASCII")
    }

    #[test]
    fn a_query_value_keeps_its_escapes() {
        for (raw, expected) in [
            ("plain", "plain"),
            ("a+b%2Bc", "a+b%2Bc"),
            ("%e4%BD", "%e4%BD"),
            ("a=b", "a%3Db"),
            ("100%", "100%25"),
            ("%zz%4", "%25zz%254"),
            ("{click_id}", "%7Bclick_id%7D"),
            ("a#b/c?d", "a%23b%2Fc%3Fd"),
        ] {
            assert_eq!(kept(raw.as_bytes()), expected, "{raw}");
        }
    }

    #[test]
    fn escapes_are_checked_to_the_last_byte() {
        assert!(well_formed(b"/a%20b"));
        assert!(!well_formed(b"/a%2"));
        assert!(!well_formed(b"%"));
        assert!(!well_formed(b"/%g0"));
    }

    proptest! {
        #[test]
        fn a_kept_value_reads_the_same_either_way(raw in proptest::collection::vec(any::<u8>(), 0..64)) {
            let kept = kept(&raw);
            prop_assert_eq!(decode_form(kept.as_bytes()), decode_form(&raw));
            prop_assert_eq!(decode_path(kept.as_bytes()), decode_path(&raw));
            prop_assert_eq!(form_bytes(&raw).collect::<Vec<_>>(), decode_form(&raw).into_owned());
            prop_assert!(kept.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%+".contains(&b)));
        }

        #[test]
        fn an_encoded_value_is_what_others_make_of_it(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            const DATA: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
            let mut out = Vec::new();
            encode(&value, &mut out);
            let others = percent_encode(&value, DATA).to_string();
            prop_assert_eq!(&*out, others.as_bytes());
            prop_assert_eq!(decode_form(&out).into_owned(), value);
        }
    }
}
