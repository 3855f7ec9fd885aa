//! JSON text to a tree the quick way, for what a million links are made of: strings without escapes, whole numbers, tables with
//! few keys.
//!
//! Owned here: speed alone. What is not plain, be it a mistake or not, is left to `json`, which has the words for it; whatever
//! is read here, `json` reads the same.

use std::ops::Range;

use super::json::FEW_KEYS;
use super::source::{Place, SourceId};
use super::tree::{DEEPEST, Key, Node, Value};

/// Reads the element at `at` of an array in the root of a file. `None` if it is not plain.
pub(super) fn read(source: SourceId, text: &str, at: Range<usize>) -> Option<Node> {
    let mut reader = Reader {
        source,
        text: text.get(..at.end)?,
        at: at.start,
    };
    // The root and the array are open.
    let node = reader.node(2)?;
    reader.next().is_none().then_some(node)
}

struct Reader<'t> {
    source: SourceId,
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    /// The next byte that is not white space.
    fn next(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let b' ' | b'\n' | b'\r' | b'\t' = *bytes.get(self.at)? {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn node(&mut self, depth: usize) -> Option<Node> {
        let first = self.next()?;
        let start = self.at;
        let value = match first {
            b'"' => Value::String(self.string()?.to_owned()),
            b'{' if depth < DEEPEST => self.table(depth + 1)?,
            b'[' if depth < DEEPEST => self.array(depth + 1)?,
            b'1'..=b'9' => self.integer()?,
            b't' => self.word("true", Value::Bool(true))?,
            b'f' => self.word("false", Value::Bool(false))?,
            _ => return None,
        };
        let place = self.place(start);
        Some(Node { value, place })
    }

    fn place(&self, start: usize) -> Place {
        Place {
            source: self.source,
            start,
            end: self.at,
        }
    }

    /// Behind a bracket or an entry: whether another entry follows, rather than the end.
    fn goes_on(&mut self, is_first: bool, close: u8) -> Option<bool> {
        let next = self.next()?;
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

    fn table(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut entries: Vec<(Key, Node)> = Vec::with_capacity(4);
        while self.goes_on(entries.is_empty(), b'}')? {
            if self.next()? != b'"' {
                return None;
            }
            let start = self.at;
            let name = self.string()?;
            let place = self.place(start);
            if self.next()? != b':' || entries.len() == FEW_KEYS || entries.iter().any(|(key, _)| key.name == name) {
                return None;
            }
            self.at += 1;
            let name = name.to_owned();
            entries.push((Key { name, place }, self.node(depth)?));
        }
        Some(Value::Table(entries))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        while self.goes_on(items.is_empty(), b']')? {
            items.push(self.node(depth)?);
        }
        Some(Value::Array(items))
    }

    /// The inside of a string without escapes; the reader stands at its quote.
    fn string(&mut self) -> Option<&'t str> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..)?;
        let length = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        self.at = start + length + 1;
        self.text.get(start..start + length)
    }

    fn integer(&mut self) -> Option<Value> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !matches!(rest.get(length), None | Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r')) {
            return None;
        }
        let digits = self.text.get(self.at..self.at + length)?;
        self.at += length;
        digits.parse().ok().map(Value::Integer)
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        let rest = self.text.as_bytes().get(self.at..)?.strip_prefix(word.as_bytes())?;
        if rest.first().is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        self.at += word.len();
        Some(value)
    }
}
