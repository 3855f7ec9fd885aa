//! A query string read as PHP reads it. What the parameters mean is not known here.

use percent_encoding::percent_decode;
use std::collections::HashMap;

/// Decoded parameters. Values are bytes: a User-Agent need not be UTF-8.
#[derive(Debug, Default)]
pub(super) struct Query(HashMap<Vec<u8>, Vec<u8>>);

impl Query {
    /// PHP's arrays (`a[]=1`) and its renaming of `.` in names are left out: no parameter of the Click API needs them.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        // Collecting in order lets the last of several equal names win.
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// An empty value and no value are the same to the Click API, whose own example sends every optional parameter
    /// empty.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        let value = self.0.get(name.as_bytes())?;
        (!value.is_empty()).then_some(value)
    }

    /// For people and for JSON: bytes that are not UTF-8 become U+FFFD.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}

fn decode(text: &str) -> Vec<u8> {
    // The order matters: an encoded plus (%2B) stays a plus.
    percent_decode(text.replace('+', " ").as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str, name: &str) -> Option<Vec<u8>> {
        Query::parse(text).get(name).map(<[u8]>::to_vec)
    }

    #[test]
    fn values_are_decoded_to_bytes() {
        for (text, expected) in [
            ("a=b", &b"b"[..]),
            ("a=b+c", b"b c"),
            ("a=b%2Bc", b"b+c"),
            ("a=b%20c", b"b c"),
            ("a=%FF%00%c3%a9", b"\xff\0\xc3\xa9"),
            ("a=%zz%4", b"%zz%4"),
            ("a=b=c?d", b"b=c?d"),
            ("a=%26%3D", b"&="),
            ("%61=b", b"b"),
            ("&&x=1&a=b&", b"b"),
        ] {
            assert_eq!(get(text, "a").as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_last_of_equal_names_wins() {
        assert_eq!(get("a=1&b=x&a=2", "a").as_deref(), Some(&b"2"[..]));
        assert_eq!(get("a=1&a=", "a"), None);
    }

    #[test]
    fn empty_and_absent_are_alike() {
        for text in ["", "b=1", "a", "a=", "A=1"] {
            assert_eq!(get(text, "a"), None, "{text}");
        }
    }

    #[test]
    fn text_survives_bytes_that_are_not_utf8() {
        assert_eq!(Query::parse("a=x%FFy").text("a").as_deref(), Some("x\u{fffd}y"));
    }
}
