//! What languages a visitor's browser asks for: `Accept-Language` (RFC 9110, section 12.5.4), in its own order of quality.

use http::header::ACCEPT_LANGUAGE;

use crate::headers::Headers;

/// More languages than any browser lists; what stands behind them is not read.
const MAX_RANGES: usize = 32;
/// The longest tag that is taken for one (RFC 5646, section 4.4.1).
pub const MAX_TAG_BYTES: usize = 35;

/// The languages of one request.
#[derive(Clone, Copy, Debug)]
pub struct Languages<'a>(Headers<'a>);

/// A language and how much it is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range<'a> {
    tag: &'a str,
    /// In thousandths; 0 says that it is not wanted.
    quality: u16,
}

impl<'a> Languages<'a> {
    /// Those of a request.
    pub fn of(headers: Headers<'a>) -> Self {
        Self(headers)
    }

    /// Whether a language is asked for, with any quality but 0. `word` is a language (`de`), which takes its varieties
    /// (`de-AT`), or a variety itself: basic filtering of RFC 4647, section 3.3.1. Of `*` nothing follows: it says that the
    /// visitor takes anything, as who sends no header does.
    pub fn include(self, word: &str) -> bool {
        self.ranges().any(|range| {
            range.quality > 0
                && is_of(range.tag, word)
                && !self
                    .ranges()
                    .any(|other| other.quality == 0 && other.tag.eq_ignore_ascii_case(range.tag))
        })
    }

    /// The language that is wanted most, the first of several, as it was written.
    pub fn preferred(self) -> Option<&'a str> {
        let mut best: Option<Range<'a>> = None;
        for range in self.ranges() {
            if range.tag != "*" && range.quality > best.map_or(0, |best| best.quality) {
                best = Some(range);
            }
        }
        best.map(|best| best.tag)
    }

    /// What the visitor sent, for a person to read.
    pub fn written(self) -> String {
        let texts = self.0.all(&ACCEPT_LANGUAGE).map(String::from_utf8_lossy);
        texts.collect::<Vec<_>>().join(", ")
    }

    /// All lines are one list (RFC 9110, section 5.3). What is no range is passed over.
    fn ranges(self) -> impl Iterator<Item = Range<'a>> {
        self.0
            .all(&ACCEPT_LANGUAGE)
            .flat_map(|line| line.split(|&byte| byte == b','))
            .take(MAX_RANGES)
            .filter_map(range)
    }
}

/// Whether a tag is the language, or a variety of it.
fn is_of(tag: &str, language: &str) -> bool {
    tag.get(..language.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(language))
        && matches!(tag.as_bytes().get(language.len()), None | Some(b'-'))
}

/// Whether text is a language tag, as far as its form tells.
pub fn is_tag(text: &str) -> bool {
    text.len() <= MAX_TAG_BYTES
        && text
            .split('-')
            .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
}

fn range(element: &[u8]) -> Option<Range<'_>> {
    let mut parts = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    let tag = str::from_utf8(parts.next()?)
        .ok()
        .filter(|tag| *tag == "*" || is_tag(tag))?;
    let quality = match parts.next() {
        None => 1000,
        Some(weight) => quality(weight)?,
    };
    Some(Range { tag, quality })
}

/// A weight (RFC 9110, section 12.4.2) in thousandths; browsers and libraries that write more digits are taken at the first
/// three.
fn quality(weight: &[u8]) -> Option<u16> {
    let (name, value) = weight.split_at_checked(1)?;
    let value = value.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    if !name.eq_ignore_ascii_case(b"q") {
        return None;
    }
    let (whole, digits) = value.split_first()?;
    let digits = match digits {
        [] => digits,
        [b'.', digits @ ..] => digits,
        _ => return None,
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let thousandths = (0..3).fold(0, |sum, at| {
        sum * 10 + digits.get(at).map_or(0, |digit| u16::from(digit - b'0'))
    });
    match whole {
        b'0' => Some(thousandths),
        b'1' => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        lines
            .iter()
            .map(|line| (ACCEPT_LANGUAGE, HeaderValue::from_bytes(line).expect("a value")))
            .collect()
    }

    #[test]
    fn who_asks_for_a_language() {
        for (line, word, expected) in [
            ("de", "de", true),
            ("de-AT", "de", true),
            ("DE-at", "de", true),
            ("de", "de-AT", false),
            ("den", "de", false),
            ("de-AT-1996", "de-AT", true),
            ("en, de;q=0.1", "de", true),
            ("en,de ; q = 0.001", "de", true),
            ("en, de;q=0", "de", false),
            ("en, de;q=0.000", "de", false),
            ("de;q=0, de-AT", "de", true),
            ("de, de;q=0", "de", false),
            ("de, de-AT;q=0", "de-AT", false),
            ("de;q=1.0", "de", true),
            ("de;q=0.12345", "de", true),
            ("de;q=", "de", false),
            ("de;q=2", "de", false),
            ("de;q=x", "de", false),
            ("de;level=1", "de", false),
            ("*", "de", false),
            ("", "de", false),
            (",,;,de", "de", true),
            ("d\u{fc}, de", "de", true),
        ] {
            let headers = headers(&[line.as_bytes()]);
            assert_eq!(
                Languages::of((&headers).into()).include(word),
                expected,
                "{line} {word}"
            );
        }
        assert!(!Languages::of(Headers::NONE).include("de"));
        let two_lines = headers(&[b"en", b"de"]);
        assert!(Languages::of((&two_lines).into()).include("de"));
    }

    #[test]
    fn the_language_wanted_most() {
        for (line, expected) in [
            ("de-AT,de;q=0.9,en;q=0.8", Some("de-AT")),
            ("en;q=0.8, fr;q=0.9, *;q=1", Some("fr")),
            ("en;q=0.8, fr;q=0.8", Some("en")),
            ("en;q=0", None),
            ("*", None),
            ("", None),
        ] {
            let headers = headers(&[line.as_bytes()]);
            assert_eq!(Languages::of((&headers).into()).preferred(), expected, "{line}");
        }
    }

    #[test]
    fn a_long_list_is_not_read_to_its_end() {
        let line = "en,".repeat(MAX_RANGES) + "de";
        assert!(!Languages::of((&headers(&[line.as_bytes()])).into()).include("de"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(line in proptest::collection::vec(0x20_u8..0x7f, 0..200), other in proptest::collection::vec(0x80_u8.., 0..20)) {
            let headers = headers(&[&line, &other]);
            let languages = Languages::of((&headers).into());
            languages.include("de");
            prop_assert!(languages.preferred().is_none_or(is_tag));
        }
    }
}
