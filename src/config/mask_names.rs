//! Which names mean secrets, and what of a URL is one.
//!
//! Owned here: judging single names and values. Not owned: where they stand (`mask`).

use std::ops::Range;

/// Longer names are no names of keys, but may be secrets themselves.
pub(super) const LONGEST_NAME: usize = 40;
/// Mistyped characters in `secure_key` after which it still counts.
const TYPOS: usize = 3;

/// Whether a key of this name holds a secret. In quotes an escape may hide any name, as in
/// `"secure\u005fkey"`.
pub(super) fn is_secret(name: &str, in_quotes: bool) -> bool {
    if name.len() > LONGEST_NAME {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    let parts = ["key", "secret", "token", "passw", "credential"];
    // A value with a macro or a query may have these words in it.
    let plain = !lower.contains(['/', '{', '}', '?', '=']);
    (plain && parts.iter().any(|part| lower.contains(part)))
        || (in_quotes && lower.contains('\\'))
        || is_secure_key(&lower)
}

/// Whether this is `secure_key`, perhaps mistyped.
pub(super) fn is_secure_key(name: &str) -> bool {
    near(&letters(name), "secure_key", TYPOS)
}

/// Whether this is `tracker`, perhaps mistyped or run together with what follows.
pub(super) fn is_tracker(name: &str) -> bool {
    let starts = name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("tracker"));
    (starts && name.len() <= LONGEST_NAME) || near(&letters(name), "tracker", 2)
}

/// Whether a broken header begins with `tracker` if everything but letters is left out.
pub(super) fn is_tracker_header(line: &str) -> bool {
    // Few characters, or a line of brackets would be read once for each.
    let letters = line.chars().take(LONGEST_NAME).filter(char::is_ascii_alphabetic);
    near(&letters.take(7).collect::<String>(), "tracker", 2)
}

/// The name without what does not belong into one.
fn letters(name: &str) -> String {
    let letter = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-');
    name.chars().filter(letter).take(LONGEST_NAME).collect()
}

fn near(name: &str, wanted: &str, typos: usize) -> bool {
    if name.len() > wanted.len() + typos || name.len() + typos < wanted.len() {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    // Cheap to ask, and true of few words; the distance is not cheap.
    let shared = lower.bytes().filter(|byte| wanted.as_bytes().contains(byte)).count();
    shared + typos >= wanted.len() && strsim::osa_distance(&lower, wanted) <= typos
}

/// Whether an unquoted value is a number or a boolean, which no key of a tracker is.
pub(super) fn is_harmless(word: &str) -> bool {
    let number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'_');
    matches!(word, "true" | "false" | "null") || (word.len() <= 10 && word.bytes().all(number))
}

/// The parts of a tracker's URL that may be secret: user and password, query and fragment.
/// Everything if it is no URL. `at` is where the URL stands.
pub(super) fn url_secrets(url: &str, at: usize) -> Vec<Range<usize>> {
    let whole = at..at + url.len();
    let Some(scheme) = url.find("://") else {
        return vec![whole];
    };
    let host = scheme + 3;
    let after = url.get(host..).unwrap_or_default();
    let authority = after.find(['/', '?', '#']).unwrap_or(after.len());
    let mut ranges = Vec::new();
    let host_part = after.get(..authority).unwrap_or_default();
    let port = host_part.rsplit_once(':').map_or("", |(_, port)| port);
    if let Some(user) = host_part.rfind('@') {
        ranges.push(at + host..at + host + user);
    } else if !host_part.ends_with(']') && !port.bytes().all(|byte| byte.is_ascii_digit()) {
        // What should be a port is a password that lost its `@`.
        ranges.push(at + host..at + host + authority);
    }
    if let Some(query) = after.find(['?', '#', '=', '&']) {
        ranges.push(at + host + query + 1..whole.end);
    }
    ranges
}
