//! The headers of a request, as whoever read them holds them. A leaf.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{REFERER, USER_AGENT},
};
use wide::u8x16;

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
    Lines(&'a Lines<'a>),
}

/// There is more than one of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Several;

/// Headers in a row, and how long their names are: most that are looked for are not there, or the only ones of their length.
#[derive(Debug)]
pub struct Lines<'a> {
    lines: &'a [Header<'a>],
    /// Of the first ones, a [`mark`] each.
    lengths: [u8; MARKED],
}

/// More than browsers send, and proxies add. Those behind are looked through one by one.
const MARKED: usize = 32;

/// A length in a byte; no name has the mark 0.
fn mark(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

impl<'a> Lines<'a> {
    /// Of headers in the order in which they came.
    pub fn of(lines: &'a [Header<'a>]) -> Self {
        let mut lengths = [0; MARKED];
        for (length, line) in lengths.iter_mut().zip(lines) {
            *length = mark(line.name.len());
        }
        Self { lines, lengths }
    }

    /// The values of a name, which is in lower case.
    #[inline]
    fn all<'n>(&self, name: &'n str) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a, 'n> {
        let wanted = u8x16::splat(mark(name.len()));
        let (sixteens, _) = self.lengths.as_chunks();
        let left = sixteens.iter().rev().fold(0, |found, lengths| {
            found << 16 | u8x16::new(*lengths).simd_eq(wanted).to_bitmask()
        });
        let lines = self.lines;
        let more = lines.get(MARKED..).unwrap_or_default();
        Marked { lines, left }
            .chain(more)
            .filter(move |line| is(line, name))
            .map(|line| line.value)
    }
}

/// Lines, of which a bit says that they are meant.
struct Marked<'a> {
    lines: &'a [Header<'a>],
    left: u32,
}

impl<'a> Iterator for Marked<'a> {
    type Item = &'a Header<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.left.checked_sub(1)?;
        let line = self.lines.get(self.left.trailing_zeros() as usize);
        self.left &= rest;
        line
    }
}

impl DoubleEndedIterator for Marked<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let last = self.left.checked_ilog2()?;
        self.left ^= 1 << last;
        self.lines.get(last as usize)
    }
}

impl<'a> Headers<'a> {
    /// None at all.
    pub const NONE: Headers<'static> = Headers::Lines(&Lines {
        lines: &[],
        lengths: [0; MARKED],
    });

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
            Self::Lines(lines) => lines.all(name.as_str()).next(),
        }
    }

    /// All of a name, in the order in which they came.
    pub fn all<'n>(self, name: &'n HeaderName) -> impl DoubleEndedIterator<Item = &'a [u8]> + use<'a, 'n> {
        let (map, lines) = match self {
            Self::Map(map) => (Some(map.get_all(name)), None),
            Self::Lines(lines) => (None, Some(lines.all(name.as_str()))),
        };
        let of_map = map.into_iter().flatten().map(HeaderValue::as_bytes);
        of_map.chain(lines.into_iter().flatten())
    }

    /// Whether any of a name says so.
    pub fn any(self, name: &HeaderName, mut says: impl FnMut(&[u8]) -> bool) -> bool {
        match self {
            Self::Map(map) => map.get_all(name).iter().any(|value| says(value.as_bytes())),
            Self::Lines(lines) => lines.all(name.as_str()).any(says),
        }
    }

    /// The only one of a name, if there is any.
    pub fn only(self, name: &HeaderName) -> Result<Option<&'a [u8]>, Several> {
        fn only<T>(mut values: impl Iterator<Item = T>) -> Result<Option<T>, Several> {
            let value = values.next();
            match values.next() {
                None => Ok(value),
                Some(_) => Err(Several),
            }
        }
        match self {
            Self::Map(map) => Ok(only(map.get_all(name).iter())?.map(HeaderValue::as_bytes)),
            Self::Lines(lines) => only(lines.all(name.as_str())),
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

impl<'a> From<&'a Lines<'a>> for Headers<'a> {
    fn from(lines: &'a Lines<'a>) -> Self {
        Self::Lines(lines)
    }
}

impl<'a> From<&'a HeaderMap> for Headers<'a> {
    fn from(map: &'a HeaderMap) -> Self {
        Self::Map(map)
    }
}

/// Whether a line has a name, which is in lower case.
#[inline]
fn is(line: &Header<'_>, name: &str) -> bool {
    let (one, other) = (line.name, name.as_bytes());
    one.len() == other.len() && alike(one, other)
}

/// Whether names of one length are the same, of which one may have capitals. Two words, which may overlap, are most names.
#[inline]
fn alike(one: &[u8], lower: &[u8]) -> bool {
    let words = |name: &[u8]| Some([name.first_chunk()?, name.last_chunk()?].map(|bytes| u64::from_ne_bytes(*bytes)));
    let length = lower.len();
    match (words(one), words(lower)) {
        (Some(one), Some(lower)) if length <= 16 => one.map(without_capitals) == lower,
        _ => one.eq_ignore_ascii_case(lower),
    }
}

/// Eight bytes with capitals of ASCII made small.
#[inline]
fn without_capitals(word: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    let seven_bits = word & each(0x7f);
    // The upper bit of each byte: whether it is `A` or above, and whether it is above `Z`.
    let from_a = seven_bits + each(0x80 - b'A');
    let above_z = seven_bits + each(0x7f - b'Z');
    let capitals = from_a & !above_z & !word & each(0x80);
    word | capitals >> 2
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, COOKIE, HOST};
    use proptest::prelude::*;

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
        for headers in [Headers::from(&map), Headers::from(&Lines::of(&lines))] {
            assert_eq!(headers.count(), 3);
            assert_eq!(headers.get(&ACCEPT), Some(&b"a"[..]));
            assert_eq!(headers.all(&ACCEPT).collect::<Vec<_>>(), [b"a", b"b"]);
            assert_eq!(headers.all(&ACCEPT).rev().collect::<Vec<_>>(), [b"b", b"a"]);
            assert!(headers.has(&HOST) && !headers.has(&COOKIE));
            assert_eq!(headers.all(&COOKIE).count(), 0);
        }
    }

    #[test]
    fn lines_are_found_wherever_they_stand() {
        let values: Vec<String> = (0..70).map(|number| number.to_string()).collect();
        let name = |number: usize| ["x-one", "X-TWO", "x-longer"][number % 3];
        let line = |(number, value): (usize, &'_ String)| (name(number).to_owned(), value.clone());
        let lines: Vec<(String, String)> = values.iter().enumerate().map(line).collect();
        let lines: Vec<Header<'_>> = lines
            .iter()
            .map(|(name, value)| Header {
                name: name.as_bytes(),
                value: value.as_bytes(),
            })
            .collect();
        for count in [0, 1, 2, 31, 32, 33, 34, 70] {
            let lines = Lines::of(&lines[..count]);
            let headers = Headers::from(&lines);
            let found = |name| headers.all(name).map(|value| str::from_utf8(value).expect("a number"));
            for (rest, name) in ["x-one", "x-two", "x-longer"]
                .map(HeaderName::from_static)
                .iter()
                .enumerate()
            {
                let expected = || values[..count].iter().skip(rest).step_by(3);
                assert!(found(name).eq(expected()), "{name} {count}");
                assert!(
                    found(name).rev().eq(expected().collect::<Vec<_>>().into_iter().rev()),
                    "{name} {count}"
                );
                assert_eq!(headers.get(name), expected().next().map(String::as_bytes));
                assert_eq!(headers.only(name).is_err(), expected().count() > 1);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn names_are_alike_in_any_case(
            name in prop::collection::vec(any::<u8>(), 0..24),
            change in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            is_lower: bool,
        ) {
            let lower = name.to_ascii_lowercase();
            let mut other = if is_lower { lower.clone() } else { name.to_ascii_uppercase() };
            if let Some((at, byte)) = change && !other.is_empty() {
                let at = at.index(other.len());
                other[at] = byte;
            }
            prop_assert_eq!(alike(&other, &lower), other.eq_ignore_ascii_case(&lower));
        }
    }
}
