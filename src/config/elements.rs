//! Where the elements of a JSON file's `link` stand, found by quotes and brackets alone, so that a million links are read one
//! by one and never are a tree together.
//!
//! Owned here: the ends of elements. Not owned: whether they are JSON (`json`): what is said here of a text that is none is
//! that a stretch of it belongs together, which is all that messages about the rest need.

use std::ops::Range;

/// Brackets inside each other that are followed; deeper ones are refused by whoever reads them.
const DEEPEST: u32 = u64::BITS;

/// The elements of the array `link` of a file's root.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Elements {
    /// Behind the array's bracket.
    begin: usize,
    /// Where each element ends: at a comma, or the last one at the closing bracket.
    ends: Vec<usize>,
    /// Whether the array ends. If not, the first element that does not end and all behind it are not among the elements.
    closed: bool,
}

/// One element: all between two commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) at: Range<usize>,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
}

impl Elements {
    /// Finds them. There are none where the root has no array of this name.
    pub(super) fn find(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut found = Self::default();
        let Some(begin) = begin(bytes) else { return found };
        found.begin = begin;
        let mut from = begin;
        while let Some(end) = element_end(bytes, from) {
            found.ends.push(end);
            if bytes.get(end) == Some(&b']') {
                found.closed = true;
                break;
            }
            from = end + 1;
        }
        found.ends.shrink_to_fit();
        found
    }

    /// The stretch of the text that the elements take, the commas behind them included.
    pub(super) fn stretch(&self) -> Range<usize> {
        let behind = match self.ends.last() {
            Some(&end) if self.closed => end,
            Some(&comma) => comma + 1,
            None => self.begin,
        };
        self.begin..behind
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Element> {
        let mut from = self.begin;
        self.ends.iter().enumerate().map(move |(number, &end)| {
            let at = from..end;
            from = end + 1;
            Element {
                at,
                is_first: number == 0,
                is_last: self.closed && number + 1 == self.ends.len(),
            }
        })
    }
}

/// Behind the bracket that opens the array `link` of the root.
fn begin(bytes: &[u8]) -> Option<usize> {
    let mut at = blank_end(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let mut depth = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = at;
                at = string_end(bytes, at);
                if depth != 1 || bytes.get(start..at) != Some(b"link\"") {
                    continue;
                }
                let colon = blank_end(bytes, at);
                let bracket = blank_end(bytes, colon + 1);
                if bytes.get(colon) == Some(&b':') && bytes.get(bracket) == Some(&b'[') {
                    return Some(bracket + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The comma or bracket that ends the element which begins at `from`. `None` if brackets do not fit or none comes.
fn element_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    // What is open, the innermost in the lowest bit: 1 is a brace.
    let (mut open, mut depth) = (0_u64, 0);
    loop {
        let byte = *bytes.get(at)?;
        match byte {
            b'"' => {
                at = string_end(bytes, at + 1);
                continue;
            }
            b',' | b']' if depth == 0 => return Some(at),
            b'{' | b'[' if depth < DEEPEST => {
                open = open << 1 | u64::from(byte == b'{');
                depth += 1;
            }
            b'{' | b'[' => return None,
            b'}' | b']' => {
                if depth == 0 || open & 1 != u64::from(byte == b'}') {
                    return None;
                }
                open >>= 1;
                depth -= 1;
            }
            _ => {}
        }
        at += 1;
    }
}

/// Behind the quote that ends the string, or at a line break, over which no string goes on.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\n' => return at,
            b'\\' if bytes.get(at + 1) != Some(&b'\n') => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn blank_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    from + rest.iter().take_while(|byte| blank(byte)).count()
}
