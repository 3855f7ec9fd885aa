//! Tools with which the sections of a configuration are read.
//!
//! Owned here: the entries of one table, required and unknown keys. Not owned: the types of single
//! values (`values`), which keys there are and what they mean.

use std::{ops::RangeInclusive, time::Duration};

use super::mistake::{Mistake, Mistakes, quoted};
use super::source::Place;
use super::tree::{Key, Node, Value};
use super::values::{self, Zero};

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spanned<T> {
    pub value: T,
    pub place: Place,
}

/// Reads one table. Every reading method gives `None` if the key is not there, and also, after
/// reporting the mistake, if its value is of a wrong type. A `required_…` method reports a missing
/// key as well. Call `finish` at the end, or unknown keys go unnoticed.
pub(super) struct TableReader<'a> {
    entries: &'a [(Key, Node)],
    place: Place,
    mistakes: &'a Mistakes,
    asked: Vec<&'static str>,
}

impl<'a> TableReader<'a> {
    /// Starts to read a table; anything else is a mistake.
    pub(super) fn new(node: &'a Node, mistakes: &'a Mistakes) -> Option<Self> {
        let Value::Table(entries) = &node.value else {
            values::wrong_type("a table", node, mistakes);
            return None;
        };
        Some(Self {
            entries,
            place: node.place,
            mistakes,
            asked: Vec::new(),
        })
    }

    /// Where the table stands: its header, or its brackets and what is between them.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn mistakes(&self) -> &'a Mistakes {
        self.mistakes
    }

    /// All entries, for tables whose keys are free. Does not count as asking for them.
    pub(super) fn entries(&self) -> &'a [(Key, Node)] {
        self.entries
    }

    /// The value, whatever its type.
    pub(super) fn raw(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        let (_, node) = self.entries.iter().find(|(known, _)| known.name == key)?;
        Some(node)
    }

    pub(super) fn required_raw(&mut self, key: &'static str) -> Option<&'a Node> {
        let node = self.raw(key);
        if node.is_none() {
            let what = format!("missing key {}", quoted(key));
            let mistake = Mistake::error(what).at(self.place);
            self.mistakes
                .push(mistake.help("it has no default: write it into this table"));
        }
        node
    }

    pub(super) fn string(&mut self, key: &'static str) -> Option<Spanned<&'a str>> {
        values::string(self.raw(key)?, self.mistakes)
    }

    pub(super) fn required_string(&mut self, key: &'static str) -> Option<Spanned<&'a str>> {
        values::string(self.required_raw(key)?, self.mistakes)
    }

    /// A string or an array of strings.
    pub(super) fn strings(&mut self, key: &'static str) -> Option<Spanned<Vec<Spanned<&'a str>>>> {
        values::strings(self.raw(key)?, self.mistakes)
    }

    pub(super) fn required_strings(&mut self, key: &'static str) -> Option<Spanned<Vec<Spanned<&'a str>>>> {
        values::strings(self.required_raw(key)?, self.mistakes)
    }

    pub(super) fn integer_in(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<Spanned<i64>> {
        values::integer_in(self.raw(key)?, range, self.mistakes)
    }

    pub(super) fn required_integer_in(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<Spanned<i64>> {
        values::integer_in(self.required_raw(key)?, range, self.mistakes)
    }

    pub(super) fn bool(&mut self, key: &'static str) -> Option<Spanned<bool>> {
        values::bool(self.raw(key)?, self.mistakes)
    }

    /// A string such as `"300s"`, `"1500ms"` or `"5m"`.
    pub(super) fn duration(&mut self, key: &'static str, zero: Zero) -> Option<Spanned<Duration>> {
        values::duration(self.raw(key)?, zero, self.mistakes)
    }

    /// A string such as `"500MB"`, in bytes.
    pub(super) fn size(&mut self, key: &'static str) -> Option<Spanned<u64>> {
        values::size(self.raw(key)?, self.mistakes)
    }

    /// One of some fixed words, which stand for values.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<Spanned<T>> {
        values::choice(self.raw(key)?, words, self.mistakes)
    }

    pub(super) fn table(&mut self, key: &'static str) -> Option<TableReader<'a>> {
        TableReader::new(self.raw(key)?, self.mistakes)
    }

    /// An array of tables. Elements of other types are mistakes and left out.
    pub(super) fn tables(&mut self, key: &'static str) -> Option<Vec<TableReader<'a>>> {
        let node = self.raw(key)?;
        let Value::Array(items) = &node.value else {
            values::wrong_type("an array of tables", node, self.mistakes);
            return None;
        };
        let readers = items.iter().filter_map(|item| TableReader::new(item, self.mistakes));
        Some(readers.collect())
    }

    /// Reports every key that was not asked for. `elsewhere` holds groups of keys with a message and a mend of their own, such as
    /// `(&["tls"], "comes with a later version", "leave it out")`.
    pub(super) fn finish(self, elsewhere: &[(&[&str], &str, &str)]) {
        for (key, _) in self.entries {
            if self.asked.contains(&key.name.as_str()) {
                continue;
            }
            let name = quoted(&key.name);
            let of_others = elsewhere.iter().find(|(keys, ..)| keys.contains(&key.name.as_str()));
            let mistake = if let Some((_, why, help)) = of_others {
                Mistake::error(format!("the key {name} {why}")).help(*help)
            } else {
                let unknown = Mistake::error(format!("unknown key {name}"));
                unknown.help(values::suggestion(&key.name, &self.asked, "keys"))
            };
            self.mistakes.push(mistake.at(key.place));
        }
    }
}
