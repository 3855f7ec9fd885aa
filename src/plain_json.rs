//! JSON the quick way: strings without escapes, whole numbers, words. A leaf.
//!
//! Owned here: speed alone. It takes nothing that is not JSON, and leaves what is not plain to readers that know all of it.

/// Stands in a text, and moves on by what it takes.
#[derive(Debug)]
pub struct Plain<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Plain<'t> {
    /// At a place of a text.
    pub fn new(text: &'t str, at: usize) -> Self {
        Self { text, at }
    }

    /// Where it stands.
    pub fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> Option<&'t [u8]> {
        self.text.as_bytes().get(self.at..)
    }

    /// The next byte that is not white space, which is passed.
    pub fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let b' ' | b'\n' | b'\r' | b'\t' = *bytes.get(self.at)? {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Takes a byte, with white space before it.
    pub fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Behind a bracket or an entry: whether another entry follows, rather than the end, which is taken.
    pub fn goes_on(&mut self, is_first: bool, close: u8) -> Option<bool> {
        let next = self.peek()?;
        if next == close {
            self.at += 1;
            return Some(false);
        }
        if is_first {
            return Some(true);
        }
        self.at += 1;
        // A closing bracket behind the comma is no value, and so not plain.
        (next == b',').then_some(true)
    }

    /// A string without escapes; it stands at its quote.
    pub fn string(&mut self) -> Option<&'t str> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..)?;
        let length = inside(rest)?;
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        self.at = start + length + 1;
        self.text.get(start..start + length)
    }

    /// The digits of a whole number of one or more.
    pub fn digits(&mut self) -> Option<&'t str> {
        let rest = self.rest()?;
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_plain = rest.first().is_some_and(|first| matches!(first, b'1'..=b'9'))
            && matches!(rest.get(length), None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r'));
        if !is_plain {
            return None;
        }
        let digits = self.text.get(self.at..self.at + length)?;
        self.at += length;
        Some(digits)
    }

    /// `true`, `false` or `null`.
    pub fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.rest()?.strip_prefix(word.as_bytes())?;
        if rest.first().is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        self.at += word.len();
        Some(())
    }
}

/// How many bytes stand before the first quote, backslash or control.
fn inside(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    // The top bit of each byte that is below a limit, and of none before the first such.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & TOPS;
    let (eights, rest) = bytes.as_chunks::<8>();
    for (number, eight) in eights.iter().enumerate() {
        let word = u64::from_le_bytes(*eight);
        let quotes = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
        let ends = quotes | backslashes | below(word, u64::from(b' '));
        if ends != 0 {
            return usize::try_from(ends.trailing_zeros() / 8)
                .ok()
                .map(|more| number * 8 + more);
        }
    }
    let more = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
    Some(eights.len() * 8 + more)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_inside_of_a_string_ends_where_it_does(bytes in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b'\\'), Just(0x1f), Just(b' '), Just(b'!'), Just(0xff), any::<u8>()], 0..40,
        )) {
            let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
            prop_assert_eq!(inside(&bytes), end);
        }

        #[test]
        fn what_is_taken_is_json(text in r#"[ "\\a1tn0,:}\]]{0,12}"#) {
            let of = |taken: &str| serde_json::from_str::<serde_json::Value>(taken);
            let mut plain = Plain::new(&text, 0);
            if plain.peek() == Some(b'"') && let Some(inside) = plain.string() {
                prop_assert_eq!(of(&format!("\"{inside}\"")).ok(), Some(inside.into()));
            }
            if let Some(digits) = Plain::new(&text, 0).digits() {
                prop_assert!(of(digits).is_ok_and(|value| value.is_number()));
            }
        }
    }
}
