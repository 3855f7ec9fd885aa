//! `Accept-Language`: the lines of a seed are those of the header, held against a second reading of them.

use http::{HeaderMap, HeaderValue, header::ACCEPT_LANGUAGE};
use onehop::language::{Languages, is_tag};

/// More than that are not read.
const MAX_RANGES: usize = 32;

pub fn check(bytes: &[u8]) {
    let lines: Vec<&[u8]> = bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| HeaderValue::from_bytes(line).is_ok())
        .collect();
    let headers = headers(&lines);
    let languages = Languages::of((&headers).into());
    let ranges = ranges(&lines);
    let shown = bytes.escape_ascii();

    let mut best: Option<(&str, u16)> = None;
    for (tag, quality) in ranges.iter().filter(|range| range.0 != "*") {
        if *quality > best.map_or(0, |best| best.1) {
            best = Some((tag, *quality));
        }
    }
    assert_eq!(languages.preferred(), best.map(|best| best.0), "{shown}");

    for word in words(&ranges) {
        let is_refused = |tag: &str| {
            ranges
                .iter()
                .any(|(other, q)| *q == 0 && other.eq_ignore_ascii_case(tag))
        };
        let expected = ranges.iter().any(|(tag, quality)| {
            let (tag, word) = (tag.to_ascii_lowercase(), word.to_ascii_lowercase());
            *quality > 0 && (tag == word || tag.starts_with(&format!("{word}-"))) && !is_refused(&tag)
        });
        assert_eq!(languages.include(&word), expected, "{word} in {shown}");
        assert_eq!(
            languages.include(&word.to_ascii_uppercase()),
            expected,
            "{word} in {shown}"
        );
        if let Some((language, _)) = word.split_once('-').filter(|_| expected) {
            assert!(languages.include(language), "{language} in {shown}");
        }
    }
    if let Some(preferred) = languages.preferred() {
        assert!(is_tag(preferred), "{shown}");
        assert!(languages.written().contains(preferred), "{shown}");
    }

    // All lines are one list.
    let whole = lines.join(&b","[..]);
    let apart: Vec<&[u8]> = whole.split(|&byte| byte == b',').collect();
    for same in [self::headers(&[&whole]), self::headers(&apart)] {
        assert_eq!(
            Languages::of((&same).into()).preferred(),
            languages.preferred(),
            "{shown}"
        );
    }
}

fn headers(lines: &[&[u8]]) -> HeaderMap {
    let value = |line: &&[u8]| HeaderValue::from_bytes(line).expect("a value");
    lines.iter().map(|line| (ACCEPT_LANGUAGE, value(line))).collect()
}

/// Words to ask for: those that are there, their beginnings, and one that hardly is.
fn words(ranges: &[(&str, u16)]) -> Vec<String> {
    let mut words = vec!["de".to_owned(), "zz".to_owned()];
    for (tag, _) in ranges.iter().filter(|range| range.0 != "*").take(8) {
        words.push((*tag).to_owned());
        words.extend(tag.match_indices('-').map(|(at, _)| tag[..at].to_owned()));
    }
    words
}

/// Tags and thousandths.
fn ranges<'a>(lines: &[&'a [u8]]) -> Vec<(&'a str, u16)> {
    let elements = lines.iter().flat_map(|line| line.split(|&byte| byte == b','));
    elements.take(MAX_RANGES).filter_map(range).collect()
}

fn range(element: &[u8]) -> Option<(&str, u16)> {
    let is_space = |c: char| matches!(c, ' ' | '\t');
    let mut parts = element.split(|&byte| byte == b';');
    let tag = str::from_utf8(parts.next()?).ok()?.trim_matches(is_space);
    let subtags: Vec<&str> = tag.split('-').collect();
    let is_subtag = |tag: &&str| (1..9).contains(&tag.len()) && tag.chars().all(|c| c.is_ascii_alphanumeric());
    let is_tag = tag.len() <= 35 && subtags.iter().all(is_subtag) && tag.starts_with(|c: char| c.is_ascii_alphabetic());
    if tag != "*" && !is_tag {
        return None;
    }
    let Some(weight) = parts.next() else {
        return Some((tag, 1000));
    };
    let (name, value) = str::from_utf8(weight).ok()?.trim_matches(is_space).split_once('=')?;
    let value = value.trim_start_matches(is_space);
    if !name.trim_end_matches(is_space).eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, digits) = value.split_once('.').unwrap_or((value, ""));
    if !matches!(whole, "0" | "1") || !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    if whole == "1" {
        return Some((tag, 1000));
    }
    let thousandths = digits.chars().chain("000".chars()).take(3).collect::<String>();
    Some((tag, thousandths.parse().expect("three digits")))
}
