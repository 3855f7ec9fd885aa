//! The headers of a request, as whoever read them holds them. A leaf.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{REFERER, USER_AGENT},
};

/// A header as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// A token, in any case.
    pub name: &'a [u8],
    /// Without the white space around it.
    pub value: &'a [u8],
}

/// The headers of one request.
#[derive(Clone, Copy, Debug)]
pub enum Headers<'a> {
    /// By name.
    Map(&'a HeaderMap),
    /// In the order in which they came.
    Lines(Lines<'a>),
}

/// There is more than one of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Several;

/// Headers in a row, and which lengths their names have: most names that are looked for are not there, and need no search.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    lines: &'a [Header<'a>],
    /// A bit for each length, modulo 64.
    lengths: u64,
}

impl Lines<'_> {
    fn may_have(self, name: &HeaderName) -> bool {
        self.lengths & bit(name.as_str().len()) != 0
    }
}

fn bit(length: usize) -> u64 {
    1 << (length % 64)
}

impl<'a> Headers<'a> {
    /// None at all.
    pub const NONE: Headers<'static> = Headers::Lines(Lines { lines: &[], lengths: 0 });

    /// Of lines in the order in which they came.
    pub fn of_lines(lines: &'a [Header<'a>]) -> Self {
        let lengths = lines.iter().fold(0, |lengths, line| lengths | bit(line.name.len()));
        Self::Lines(Lines { lines, lengths })
    }

    /// How many there are.
    pub fn count(self) -> usize {
        match self {
            Self::Map(map) => map.len(),
            Self::Lines(Lines { lines, .. }) => lines.len(),
        }
    }

    /// The first of a name.
    pub fn get(self, name: &HeaderName) -> Option<&'a [u8]> {
        match self {
            Self::Map(map) => map.get(name).map(HeaderValue::as_bytes),
            Self::Lines(lines) if !lines.may_have(name) => None,
            Self::Lines(Lines { lines, .. }) => {
                let name = name.as_str();
                lines.iter().find(|line| is(line, name)).map(|line| line.value)
            }
        }
    }

    /// All of a name, in the order in which they came.
    pub fn all<'n>(self, name: &'n HeaderName) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a, 'n> {
        let (map, lines) = match self {
            Self::Map(map) => (Some(map.get_all(name)), &[][..]),
            Self::Lines(lines) if !lines.may_have(name) => (None, &[][..]),
            Self::Lines(Lines { lines, .. }) => (None, lines),
        };
        let name = name.as_str();
        let of_map = map.into_iter().flatten().map(HeaderValue::as_bytes);
        of_map.chain(lines.iter().filter(|line| is(line, name)).map(|line| line.value))
    }

    /// The only one of a name, if there is any.
    pub fn only(self, name: &HeaderName) -> Result<Option<&'a [u8]>, Several> {
        match self {
            Self::Map(map) => {
                let mut values = map.get_all(name).iter();
                match (values.next(), values.next()) {
                    (_, Some(_)) => Err(Several),
                    (value, None) => Ok(value.map(HeaderValue::as_bytes)),
                }
            }
            Self::Lines(lines) if !lines.may_have(name) => Ok(None),
            Self::Lines(Lines { lines, .. }) => {
                let name = name.as_str();
                let mut found = None;
                for line in lines {
                    if is(line, name) && found.replace(line.value).is_some() {
                        return Err(Several);
                    }
                }
                Ok(found)
            }
        }
    }

    /// Whether there is one of a name.
    pub fn has(self, name: &HeaderName) -> bool {
        self.get(name).is_some()
    }
}

/// What a request says of who sent it: looked for once, as every hit asks for it more than once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sender<'a> {
    /// The first `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// The first `Referer`.
    pub referrer: Option<&'a [u8]>,
}

impl<'a> From<Headers<'a>> for Sender<'a> {
    fn from(headers: Headers<'a>) -> Self {
        Self {
            user_agent: headers.get(&USER_AGENT),
            referrer: headers.get(&REFERER),
        }
    }
}

impl<'a> From<&'a HeaderMap> for Headers<'a> {
    fn from(map: &'a HeaderMap) -> Self {
        Self::Map(map)
    }
}

/// Whether a line has a name, which is in lower case.
fn is(line: &Header<'_>, name: &str) -> bool {
    let (one, other) = (line.name, name.as_bytes());
    one.len() == other.len() && alike(one, other)
}

/// Whether names of one length are the same in letters of any case. Most that are not differ in their first letter.
fn alike(one: &[u8], other: &[u8]) -> bool {
    one.first().map(u8::to_ascii_lowercase) == other.first().copied() && one.eq_ignore_ascii_case(other)
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE, HOST};

    use super::*;

    #[test]
    fn both_kinds_give_the_same() {
        let named = [("accept", "a"), ("Host", "h"), ("ACCEPT", "b")];
        let lines = named.map(|(name, value)| Header {
            name: name.as_bytes(),
            value: value.as_bytes(),
        });
        let mut map = HeaderMap::new();
        for (name, value) in named {
            map.append(
                name.parse::<HeaderName>().expect("a name"),
                HeaderValue::from_static(value),
            );
        }
        for headers in [Headers::from(&map), Headers::of_lines(&lines)] {
            assert_eq!(headers.count(), 3);
            assert_eq!(headers.get(&ACCEPT), Some(&b"a"[..]));
            assert_eq!(headers.all(&ACCEPT).collect::<Vec<_>>(), [b"a", b"b"]);
            assert_eq!(headers.all(&ACCEPT).rev().collect::<Vec<_>>(), [b"b", b"a"]);
            assert!(headers.has(&HOST) && !headers.has(&COOKIE));
            assert_eq!(headers.all(&COOKIE).count(), 0);
        }
    }
}
