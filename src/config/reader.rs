//! Tools with which the sections of a configuration are read.
//!
//! Owned here: the entries of one table, required and unknown keys. Not owned: the types of single
//! values (`values`), which keys there are and what they mean.

use std::time::Duration;

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

impl<T> Spanned<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: change(self.value),
            place: self.place,
        }
    }
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

/// `name` and `required_name` for a function of `values`.
macro_rules! reading {
    ($($(#[$doc:meta])* $name:ident, $required:ident ( $($arg:ident : $kind:ty),* ) -> $out:ty;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&mut self, key: &'static str $(, $arg: $kind)*) -> Option<Spanned<$out>> {
                let node = self.raw(key)?;
                values::$name(node $(, $arg)*, self.mistakes)
            }

            pub fn $required(&mut self, key: &'static str $(, $arg: $kind)*) -> Option<Spanned<$out>> {
                let node = self.required_raw(key)?;
                values::$name(node $(, $arg)*, self.mistakes)
            }
        )*
    };
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

    /// Whether the key is there. Counts as asking for it.
    pub(super) fn has(&mut self, key: &'static str) -> bool {
        self.raw(key).is_some()
    }

    /// Where the key itself stands. Counts as asking for it.
    pub(super) fn key_place(&mut self, key: &'static str) -> Option<Place> {
        self.ask(key);
        Some(self.entry(key)?.0.place)
    }

    pub(super) fn raw(&mut self, key: &'static str) -> Option<&'a Node> {
        self.ask(key);
        Some(&self.entry(key)?.1)
    }

    pub(super) fn required_raw(&mut self, key: &'static str) -> Option<&'a Node> {
        let node = self.raw(key);
        if node.is_none() {
            let what = format!("missing key {}", quoted(key));
            self.mistakes.push(Mistake::error(what).at(self.place));
        }
        node
    }

    reading! {
        string, required_string() -> &'a str;
        integer, required_integer() -> i64;
        /// An integer from `least` to `most`.
        integer_in, required_integer_in(least: i64, most: i64) -> i64;
        /// A decimal number; integers count too.
        float, required_float() -> f64;
        bool, required_bool() -> bool;
        /// A string such as `"300s"`, `"1500ms"` or `"5m"`.
        duration, required_duration(zero: Zero) -> Duration;
        /// A string or an array of strings.
        strings, required_strings() -> Vec<Spanned<&'a str>>;
    }

    /// One of some fixed words, which stand for values.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<Spanned<T>> {
        values::choice(self.raw(key)?, words, self.mistakes)
    }

    pub(super) fn table(&mut self, key: &'static str) -> Option<TableReader<'a>> {
        TableReader::new(self.raw(key)?, self.mistakes)
    }

    pub(super) fn required_table(&mut self, key: &'static str) -> Option<TableReader<'a>> {
        TableReader::new(self.required_raw(key)?, self.mistakes)
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

    /// Reports every key that was not asked for. `later` holds keys with a message of their own,
    /// such as `("when", "comes with a later version")`.
    pub(super) fn finish(self, later: &[(&str, &str)]) {
        for (key, _) in self.entries {
            if self.asked.iter().any(|known| *known == key.name) {
                continue;
            }
            let name = quoted(&key.name);
            let mistake = if let Some((_, why)) = later.iter().find(|(known, _)| *known == key.name) { Mistake::error(format!("the key {name} {why}")) } else {
                let unknown = Mistake::error(format!("unknown key {name}"));
                unknown.help(values::suggestion(&key.name, &self.asked, "keys"))
            };
            self.mistakes.push(mistake.at(key.place));
        }
    }

    fn ask(&mut self, key: &'static str) {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
    }

    fn entry(&self, key: &str) -> Option<&'a (Key, Node)> {
        self.entries.iter().find(|(known, _)| known.name == key)
    }
}
