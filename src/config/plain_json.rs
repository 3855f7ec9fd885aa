//! JSON text to a tree the quick way, for what a million links are made of: plain values, tables with few keys.
//!
//! Owned here: speed alone. What is not plain, be it a mistake or not, is left to `json`, which has the words for it; whatever
//! is read here, `json` reads the same.

use std::ops::Range;

use super::json::FEW_KEYS;
use super::source::{Place, SourceId};
use super::tree::{DEEPEST, Key, Node, Value};
use crate::plain_json::Plain;

/// Reads the element at `at` of an array in the root of a file. `None` if it is not plain.
pub(super) fn read(source: SourceId, text: &str, at: Range<usize>) -> Option<Node> {
    let mut reader = Reader {
        source,
        plain: Plain::new(text.get(..at.end)?, at.start),
    };
    // The root and the array are open.
    let node = reader.node(2)?;
    reader.plain.peek().is_none().then_some(node)
}

struct Reader<'t> {
    source: SourceId,
    plain: Plain<'t>,
}

impl Reader<'_> {
    fn node(&mut self, depth: usize) -> Option<Node> {
        let first = self.plain.peek()?;
        let start = self.plain.at();
        let value = match first {
            b'"' => Value::String(self.plain.string()?.to_owned()),
            b'{' if depth < DEEPEST => self.table(depth + 1)?,
            b'[' if depth < DEEPEST => self.array(depth + 1)?,
            b'1'..=b'9' => Value::Integer(self.plain.digits()?.parse().ok()?),
            b't' => self.plain.word("true").map(|()| Value::Bool(true))?,
            b'f' => self.plain.word("false").map(|()| Value::Bool(false))?,
            _ => return None,
        };
        let place = self.place(start);
        Some(Node { value, place })
    }

    fn place(&self, start: usize) -> Place {
        Place {
            source: self.source,
            start,
            end: self.plain.at(),
        }
    }

    fn table(&mut self, depth: usize) -> Option<Value> {
        self.plain.take(b'{')?;
        let mut entries: Vec<(Key, Node)> = Vec::with_capacity(4);
        while self.plain.goes_on(entries.is_empty(), b'}')? {
            if self.plain.peek()? != b'"' {
                return None;
            }
            let start = self.plain.at();
            let name = self.plain.string()?;
            let place = self.place(start);
            if entries.len() == FEW_KEYS || entries.iter().any(|(key, _)| key.name == name) {
                return None;
            }
            self.plain.take(b':')?;
            let name = name.to_owned();
            entries.push((Key { name, place }, self.node(depth)?));
        }
        Some(Value::Table(entries))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.plain.take(b'[')?;
        let mut items = Vec::new();
        while self.plain.goes_on(items.is_empty(), b']')? {
            items.push(self.node(depth)?);
        }
        Some(Value::Array(items))
    }
}
