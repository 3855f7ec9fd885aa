//! A query string as the visitor sent it: names and values, undecoded, in order.
//!
//! Owns how a parameter is found. What its value may become is `percent`'s.

use std::borrow::Cow;

use wide::u8x16;

use crate::percent;

/// Parameters by which affiliates and ad networks tag a visit; trackers take them beside the required ones.
pub const TAGS: [&str; 11] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "subid1",
    "subid2",
    "subid3",
    "subid4",
    "subid5",
    "subid6",
];

/// The query of a request, without its `?`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<'a>(&'a str);

/// Path and query of a request target.
pub fn of_target(target: &str) -> (&str, Query<'_>) {
    let (path, query) = split(target, b'?').unwrap_or((target, ""));
    (path, Query(query))
}

/// What stands before and after the first of an ASCII byte.
fn split(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = place(text.as_bytes(), byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Where a byte stands first. Sixteen are looked at at once, without a call, as texts are short here.
fn place(bytes: &[u8], byte: u8) -> Option<usize> {
    let (pieces, rest) = bytes.as_chunks();
    for (number, piece) in pieces.iter().enumerate() {
        let found = u8x16::new(*piece).simd_eq(u8x16::splat(byte)).to_bitmask();
        if found != 0 {
            return Some(number * 16 + found.trailing_zeros() as usize);
        }
    }
    let at = rest.iter().position(|it| *it == byte)?;
    Some(pieces.len() * 16 + at)
}

/// One `name=value` of a query, both undecoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// What stands before the first `=`.
    pub name: &'a str,
    /// What stands after the first `=`; `None` when there is none.
    pub value: Option<&'a str>,
}

impl<'a> Query<'a> {
    /// `text` is the query of a request target, or empty.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The parameters in the order in which they stand; empty ones (`a&&b`) are passed over.
    pub fn pairs(self) -> impl Iterator<Item = Pair<'a>> {
        let mut left = self.0;
        let pairs = std::iter::from_fn(move || {
            let (pair, rest) = match left {
                "" => return None,
                _ => split(left, b'&').unwrap_or((left, "")),
            };
            left = rest;
            Some(pair)
        });
        pairs
            .filter(|pair| !pair.is_empty())
            .map(|pair| match split(pair, b'=') {
                Some((name, value)) => Pair {
                    name,
                    value: Some(value),
                },
                None => Pair {
                    name: pair,
                    value: None,
                },
            })
    }

    /// The undecoded value of the first parameter whose decoded name is `name`; empty where it stands without a `=`.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.pairs()
            .find(|pair| pair.is(name))
            .map(|pair| pair.value.unwrap_or_default())
    }
}

impl Pair<'_> {
    /// Where its decoded name stands among [`TAGS`].
    pub fn tag(&self) -> Option<usize> {
        let place = |name: &[u8]| TAGS.iter().position(|tag| tag.as_bytes() == name);
        let name = self.name.as_bytes();
        place(name).or_else(|| match percent::decode_form(name) {
            Cow::Borrowed(_) => None,
            Cow::Owned(decoded) => place(&decoded),
        })
    }

    /// Whether the decoded name is `name`. Case matters, as it does to trackers and advertisers.
    pub fn is(&self, name: &str) -> bool {
        if self.name.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
            percent::form_bytes(self.name.as_bytes()).eq(name.bytes())
        } else {
            self.name == name
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;

    #[test]
    fn the_first_of_a_name_counts() {
        let query = Query::new("a=1&b&=x&&utm%5Fsource=s%26t&a=2&c=d=e");
        assert_eq!(query.get("a"), Some("1"));
        assert_eq!(query.get("b"), Some(""));
        assert_eq!(query.get("utm_source"), Some("s%26t"));
        assert_eq!(query.get("c"), Some("d=e"));
        assert_eq!(query.get("A"), None);
        assert_eq!(Query::new("").pairs().count(), 0);
    }

    proptest! {
        #[test]
        fn a_byte_is_found_where_it_first_stands(bytes in proptest::collection::vec(0..8_u8, 0..70), byte in 0..9_u8) {
            prop_assert_eq!(place(&bytes, byte), bytes.iter().position(|it| *it == byte));
        }

        #[test]
        fn tags_are_found_however_their_names_are_encoded(
            name in prop_oneof![select(&TAGS[..]).prop_map(str::to_owned), "[a-z%+2_]{0,12}"],
            at in any::<proptest::sample::Index>(),
        ) {
            let mut encoded = name.clone();
            if !name.is_empty() {
                let at = at.index(name.len());
                encoded.replace_range(at..=at, &format!("%{:02x}", name.as_bytes()[at]));
            }
            for name in [&*name, &*encoded] {
                let pair = Pair { name, value: None };
                prop_assert_eq!(pair.tag(), TAGS.iter().position(|tag| pair.is(tag)));
            }
        }
    }
}
