//! One canonical form of a path (RFC 3986, section 6.2.2), so that no spelling walks around a link.
//!
//! Escapes of unreserved characters are undone, other escapes written in upper case, dot segments resolved, bytes that
//! no path may hold escaped, one trailing slash dropped. Case and doubled slashes are the author's own.

use std::borrow::Cow;

use crate::percent;

/// The canonical form of a request's or a configuration's path, which begins with `/`. `None` when an escape is broken
/// or stands for NUL.
pub fn canonical(path: &str) -> Option<Cow<'_, str>> {
    if is_canonical(path.as_bytes()) {
        return Some(Cow::Borrowed(without_trailing_slash(path)));
    }
    if !percent::well_formed(path.as_bytes()) {
        return None;
    }
    let unescaped = unescape(path.as_bytes())?;
    let resolved = resolve_dots(&unescaped);
    Some(Cow::Owned(without_trailing_slash(&resolved).to_owned()))
}

/// Whether nothing is to be done but for a trailing slash: no escape, no byte to escape, no segment that begins with a dot.
fn is_canonical(path: &[u8]) -> bool {
    let mut after_slash = false;
    path.iter().all(|&byte| {
        let fits = PLAIN[usize::from(byte)] && !(after_slash && byte == b'.');
        after_slash = byte == b'/';
        fits
    })
}

fn without_trailing_slash(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some("") | None => path,
        Some(rest) => rest,
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// `pchar` and `/` of RFC 3986, escapes aside.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let listed = b"-._~/!$&'()*+,;=:@";
    let mut at = 0;
    while at < listed.len() {
        plain[listed[at] as usize] = true;
        at += 1;
    }
    let mut byte = 0;
    while byte < 128_u8 {
        plain[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    plain
};

/// Undoes what may be undone; `well_formed` has held.
fn unescape(path: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, escaped) = if let (b'%', [high, low, ..]) = (first, after) {
            let digit = |b: u8| (b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
            rest = &rest[3..];
            (digit(*high)? << 4 | digit(*low)?, true)
        } else {
            rest = after;
            (first, false)
        };
        if byte == 0 {
            return None;
        }
        if is_unreserved(byte) || (!escaped && PLAIN[usize::from(byte)]) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
            }
        }
    }
    Some(out)
}

/// RFC 3986, section 5.2.4.
fn resolve_dots(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut ends_in_dots = false;
    for segment in path.split('/').skip(1) {
        ends_in_dots = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let slash = if ends_in_dots { "/" } else { "" };
    let resolved = format!("/{}{slash}", segments.join("/"));
    if resolved == "//" { "/".to_owned() } else { resolved }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_form() {
        for (path, expected) in [
            ("/", Some("/")),
            ("/shoes", Some("/shoes")),
            ("/shoes/", Some("/shoes")),
            ("/shoes//", Some("/shoes/")),
            ("//shoes", Some("//shoes")),
            ("/Shoes", Some("/Shoes")),
            ("/%73hoes%2f%7e", Some("/shoes%2F~")),
            ("/caf%c3%a9", Some("/caf%C3%A9")),
            ("/café", Some("/caf%C3%A9")),
            ("/a b|c", Some("/a%20b%7Cc")),
            ("/a%2Fb", Some("/a%2Fb")),
            ("/a/./b", Some("/a/b")),
            ("/a/../b", Some("/b")),
            ("/a/%2e%2E/b", Some("/b")),
            ("/../..", Some("/")),
            ("/a/b/..", Some("/a")),
            ("/a/.hidden", Some("/a/.hidden")),
            ("/a;x=1", Some("/a;x=1")),
            ("/a\\..\\b", Some("/a%5C..%5Cb")),
            ("/%", None),
            ("/%zz", None),
            ("/a%00b", None),
        ] {
            assert_eq!(canonical(path).as_deref(), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn canonical_twice_is_canonical_once(path in "/([a-zA-Z./]|%[0-9a-f]{2}){0,30}") {
            if let Some(once) = canonical(&path) {
                let again = canonical(&once).map(Cow::into_owned);
                let slashes = once.ends_with('/') && once.len() > 1;
                prop_assert!(slashes || again.as_deref() == Some(&*once));
                prop_assert!(!once.split('/').any(|s| s == "." || s == ".."));
            }
        }
    }
}
