//! JSON text to a tree: strict JSON, without comments, trailing commas and other extensions.
//!
//! Owned here: what the library lets through (duplicate keys, raw control characters, other white
//! space), limits, and our words for its errors. Not owned: the syntax.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use jsonc_parser::ast;
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::json_words::words;
use super::mistake::{Mistake, Mistakes, quoted};
use super::source::{Place, SourceId};
use super::toml::integer_too_large;
use super::tree::{DEEPEST, Key, Node, Tree, Value};

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Reads JSON. The library stops at the first syntax error; everything else is reported at once.
pub(super) fn parse_json(source: SourceId, text: &str, mistakes: &Mistakes) -> Option<Tree> {
    let before = mistakes.errors();
    let reading = Reading { source, mistakes };
    if !reading.scan(text) {
        return None;
    }
    let value = match parse_to_ast(text, &CollectOptions::default(), &STRICT) {
        Ok(result) => result.value,
        Err(error) => {
            let (message, help) = words(error.kind());
            let mut mistake = Mistake::error(message).at(reading.place(error.range()));
            mistake.help = help.map(str::to_owned);
            // An unclosed bracket is known only by where it opens.
            if matches!(
                error.kind(),
                ParseErrorKind::UnterminatedObject | ParseErrorKind::UnterminatedArray
            ) {
                mistake.label = Some("opened here".to_owned());
            }
            mistakes.push(mistake);
            return None;
        }
    };
    let Some(value) = value else {
        let empty = Mistake::error("the file is empty").help("the smallest JSON is `{}`");
        mistakes.push(empty.at(reading.place(Range::new(0, 0))));
        return None;
    };
    let root = reading.node(value);
    if !matches!(root.value, Value::Table(_)) {
        let what = format!("expected a table (`{{…}}`), found {}", root.value.kind());
        mistakes.push(Mistake::error(what).at(root.place));
        return None;
    }
    let complete = mistakes.errors() == before;
    Some(Tree { root, complete })
}

struct Reading<'a> {
    source: SourceId,
    mistakes: &'a Mistakes,
}

impl Reading<'_> {
    fn place(&self, range: Range) -> Place {
        Place {
            source: self.source,
            start: range.start,
            end: range.end,
        }
    }

    fn error(&self, start: usize, len: usize, message: impl Into<String>) {
        let place = self.place(Range::new(start, start + len));
        self.mistakes.push(Mistake::error(message).at(place));
    }

    /// Looks at characters only: the library recurses further than a small stack allows, and takes
    /// raw control characters and Unicode white space. False if it must not see the text: after
    /// the first such character this and the library may differ about what is a string.
    fn scan(&self, text: &str) -> bool {
        let mut fine = true;
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        for (at, c) in text.char_indices() {
            if in_string {
                if c < ' ' {
                    let what = "a line break or control character inside a string";
                    self.error(at, 1, what);
                    fine = false;
                }
                match c {
                    // A string does not go on in the next line, so that one missing quote does
                    // not turn the rest of the file inside out.
                    '\n' => in_string = false,
                    '"' if !escaped => in_string = false,
                    _ => {}
                }
                escaped = c == '\\' && !escaped;
                continue;
            }
            match c {
                '"' => (in_string, escaped) = (true, false),
                '[' | '{' => {
                    depth += 1;
                    if depth > DEEPEST {
                        let what = format!("values may not stand more than {DEEPEST} deep inside each other");
                        self.error(at, 1, what);
                        return false;
                    }
                }
                ']' | '}' => depth = depth.saturating_sub(1),
                ' ' | '\t' | '\n' | '\r' => {}
                c if c.is_whitespace() || c.is_control() => {
                    let what = format!("the character U+{:04X} is no white space in JSON", c as u32);
                    self.error(at, c.len_utf8(), what);
                    fine = false;
                }
                _ => {}
            }
        }
        fine
    }

    /// Recursion is bounded: `scan` has refused deep texts.
    fn node(&self, value: ast::Value<'_>) -> Node {
        let place = self.place(value.range());
        let value = match value {
            ast::Value::StringLit(text) => Value::String(text.value.into_owned()),
            ast::Value::BooleanLit(value) => Value::Bool(value.value),
            ast::Value::NullKeyword(_) => Value::Other("null"),
            ast::Value::NumberLit(number) => self.number(number.value, place),
            ast::Value::Array(array) => Value::Array(array.elements.into_iter().map(|item| self.node(item)).collect()),
            ast::Value::Object(object) => self.table(object),
        };
        Node { value, place }
    }

    fn table(&self, object: ast::Object<'_>) -> Value {
        let mut first = HashMap::new();
        let mut entries = Vec::new();
        for property in object.properties {
            let place = self.place(property.name.range());
            let name = property.name.into_string();
            match first.entry(name.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(place);
                }
                Entry::Occupied(entry) => {
                    let what = format!("the key {} is there twice", quoted(&name));
                    let twice = Mistake::error(what).at(place).label("again here");
                    self.mistakes.push(twice.second(*entry.get(), "first here"));
                    continue;
                }
            }
            entries.push((Key { name, place }, self.node(property.value)));
        }
        Value::Table(entries)
    }

    fn number(&self, digits: &str, place: Place) -> Value {
        if digits.contains(['.', 'e', 'E']) {
            if digits.parse().is_ok_and(f64::is_finite) {
                return Value::Other("a decimal number");
            }
            self.mistakes.push(Mistake::error("the number is too large").at(place));
            return Value::Other("a number that is too large");
        }
        if let Ok(value) = digits.parse() {
            return Value::Integer(value);
        }
        self.mistakes.push(integer_too_large().at(place));
        Value::Other("an integer that is too large")
    }
}
