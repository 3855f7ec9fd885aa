//! Secrets never reach a message: what is masked, and with what.
//!
//! Owned here: known secrets, things that look like keys of a tracker, the masked copy of a file.
//! Not owned: finding secrets by the names of their keys (`mask`).

use std::ops::Range;

/// Shorter known secrets would mask half of every text and tell more than they hide.
const SHORTEST: usize = 4;
/// A UUID has 32 hexadecimal digits. Fewer are enough, since a mistyped UUID is a secret too; more
/// than 19 never are a number of ours.
const HEX_DIGITS: usize = 20;
/// Secrets found in a file that are looked for elsewhere; bounds the work for hostile files.
const MOST_FOUND: usize = 64;

/// Strings that must not be shown wherever they stand. There is no `Debug` on purpose.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    list: Vec<String>,
}

impl Secrets {
    /// Adds a secret. White space around it is not part of it; very short ones are ignored.
    pub(super) fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() >= SHORTEST && !self.list.iter().any(|known| known == secret) {
            self.list.push(secret.to_owned());
        }
    }

    /// The text with known secrets, also percent-encoded ones, and everything like a UUID replaced
    /// by asterisks. The length in bytes stays.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut ranges = hex_runs(text.as_bytes());
        self.find(text, &mut ranges);
        apply(text, &ranges)
    }

    fn find(&self, text: &str, ranges: &mut Vec<Range<usize>>) {
        let decoded = text.contains('%').then(|| percent_decoded(text));
        for secret in &self.list {
            ranges.extend(occurrences(text, secret));
            if let Some((decoded, offsets)) = &decoded {
                let secret: String = secret.bytes().map(char::from).collect();
                for range in occurrences(decoded, &secret) {
                    if let (Some(&start), Some(&end)) = (offsets.get(range.start), offsets.get(range.end)) {
                        ranges.push(start..end);
                    }
                }
            }
        }
    }
}

/// A copy of a file to be shown, of the same length in bytes. Strings that certainly are secrets
/// are added to `secrets`.
pub(super) fn masked(text: &str, json: bool, secrets: &mut Secrets) -> String {
    let mut masker = super::mask::Masker::new(text, json);
    masker.run();
    for range in masker.found.iter().take(MOST_FOUND) {
        if let Some(secret) = text.get(range.clone()) {
            secrets.add(secret);
        }
    }
    apply(text, &masker.ranges)
}

/// Replaces ranges by asterisks, byte by byte. Line breaks stay, so that lines keep their numbers.
fn apply(text: &str, ranges: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in ranges {
        let start = text.floor_char_boundary(range.start);
        let end = text.ceil_char_boundary(range.end);
        for byte in bytes.get_mut(start..end).unwrap_or_default() {
            if *byte != b'\n' {
                *byte = b'*';
            }
        }
    }
    // Whole characters were replaced, so this cannot fail; if it did, nothing is shown.
    String::from_utf8(bytes).unwrap_or_else(|_| "*".repeat(text.len()))
}

/// Runs of hexadecimal digits and dashes with enough digits to be most of a UUID.
fn hex_runs(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let (mut at, mut start, mut digits) = (0, 0, 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let step = match rest {
            [b'%', b'2', b'd' | b'D', ..] => 3,
            [b'-', ..] => 1,
            [byte, ..] if byte.is_ascii_hexdigit() => {
                digits += 1;
                1
            }
            _ => 0,
        };
        at += step;
        if step == 0 {
            if digits >= HEX_DIGITS {
                runs.push(start..at);
            }
            if rest.is_empty() {
                return runs;
            }
            at += 1;
            (start, digits) = (at, 0);
        }
    }
}

fn occurrences(text: &str, what: &str) -> impl Iterator<Item = Range<usize>> {
    let len = what.len();
    text.match_indices(what).map(move |(at, _)| at..at + len)
}

/// The text with percent-encoding undone, each byte as one character, so that it can be searched
/// as text whatever the bytes are. For each byte of the result, and its end, where it came from.
fn percent_decoded(text: &str) -> (String, Vec<usize>) {
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut decoded = String::with_capacity(text.len());
    let mut offsets = Vec::with_capacity(text.len() + 1);
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (value, step) = match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => (char::from_u32(high * 16 + low).unwrap_or_default(), 3),
            _ => (char::from(byte), 1),
        };
        decoded.push(value);
        offsets.extend(std::iter::repeat_n(at, value.len_utf8()));
        at += step;
    }
    offsets.push(at);
    (decoded, offsets)
}
