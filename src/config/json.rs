//! JSON text to a tree: strict JSON, without comments, trailing commas and other extensions.
//!
//! Owned here: what the library lets through (duplicate keys, raw control characters, other white
//! space), limits, and our words for its errors. Not owned: the syntax.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::elements::Element;
use super::json_words::words;
use super::mistake::{Mistake, Mistakes, quoted};
use super::plain_json;
use super::source::{Place, SourceId};
use super::toml::{FLATTER, integer_too_large};
use super::tree::{DEEPEST, Key, Node, Tree, Value};

/// A table of no more keys is searched for each of them.
pub(super) const FEW_KEYS: usize = 16;

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
///
/// A stretch of whole elements of an array may be left out of it, to be read by [`parse_element`].
pub(super) fn parse_json(source: SourceId, text: &str, left_out: Range<usize>, mistakes: &Mistakes) -> Option<Tree> {
    let before = mistakes.errors();
    let rest: Cow<'_, str> = if left_out.is_empty() {
        text.into()
    } else {
        (text.get(..left_out.start)?.to_owned() + text.get(left_out.end..)?).into()
    };
    let reading = Reading {
        source,
        mistakes,
        left_out,
    };
    if !reading.scan(&rest, 0) {
        return None;
    }
    let value = match parse_to_ast(&rest, &CollectOptions::default(), &STRICT) {
        Ok(result) => result.value,
        Err(error) => {
            reading.syntax(&error);
            return None;
        }
    };
    let Some(value) = value else {
        let empty = Mistake::error("the file is empty").help("the smallest JSON is `{}`");
        mistakes.push(empty.at(reading.place(Range::default())));
        return None;
    };
    let root = reading.node(value);
    if !matches!(root.value, Value::Table(_)) {
        let what = format!("expected a table (`{{…}}`), found {}", root.value.kind());
        let mistake = Mistake::error(what).at(root.place);
        mistakes.push(mistake.help("a file is one table, with all that it says between `{` and `}`"));
        return None;
    }
    let complete = mistakes.errors() == before;
    Some(Tree { root, complete })
}

/// Reads an element of an array in the root of a file. `None` if it is none; every mistake is reported.
pub(super) fn parse_element(source: SourceId, text: &str, element: &Element, mistakes: &Mistakes) -> Option<Node> {
    if let Some(node) = plain_json::read(source, text, element.at.clone()) {
        return Some(node);
    }
    let part = text.get(element.at.clone())?;
    let behind = |start| Reading {
        source,
        mistakes,
        left_out: 0..start,
    };
    let reading = behind(element.at.start);
    // The root and the array are open.
    if !reading.scan(part, 2) {
        return None;
    }
    if let Ok(result) = parse_to_ast(part, &CollectOptions::default(), &STRICT)
        && let Some(value) = result.value
    {
        return Some(reading.node(value));
    }
    // The library knows what is wrong with it where it stands: between brackets and commas.
    let before = if element.is_first { "[" } else { "[0," };
    let after = if element.is_last { "]" } else { ",0]" };
    let around = format!("{before}{part}{after}");
    if let Err(error) = parse_to_ast(&around, &CollectOptions::default(), &STRICT) {
        behind(element.at.start.saturating_sub(before.len())).syntax(&error);
    }
    None
}

/// Reads a file, or a part of one.
struct Reading<'a> {
    source: SourceId,
    mistakes: &'a Mistakes,
    /// The stretch of the file that is not in the text that is read.
    left_out: Range<usize>,
}

impl Reading<'_> {
    fn place(&self, Range { start, end }: Range<usize>) -> Place {
        let cut = &self.left_out;
        let start = if start < cut.start { start } else { start + cut.len() };
        let end = if end <= cut.start { end } else { end + cut.len() };
        Place {
            source: self.source,
            start,
            end: end.max(start),
        }
    }

    fn syntax(&self, error: &ParseError) {
        let (message, help) = words(error.kind());
        let range = error.range();
        let mut mistake = Mistake::error(message).at(self.place(range.start..range.end));
        // An unclosed bracket is known only by where it opens.
        if matches!(
            error.kind(),
            ParseErrorKind::UnterminatedObject | ParseErrorKind::UnterminatedArray
        ) {
            mistake = mistake.label("opened here");
        }
        self.mistakes.push(mistake.help(help));
    }

    fn error(&self, start: usize, len: usize, message: impl Into<String>, help: &str) {
        let place = self.place(start..start + len);
        self.mistakes.push(Mistake::error(message).at(place).help(help));
    }

    /// Looks at characters only: the library recurses further than a small stack allows, and takes
    /// raw control characters and Unicode white space. False if it must not see the text: after
    /// the first such character this and the library may differ about what is a string.
    fn scan(&self, text: &str, mut depth: usize) -> bool {
        let mut fine = true;
        let (mut in_string, mut escaped) = (false, false);
        for (at, byte) in text.bytes().enumerate() {
            if in_string {
                if byte < b' ' {
                    let what = "a line break or control character inside a string";
                    self.error(
                        at,
                        1,
                        what,
                        "close the string with `\"`, or write an escape such as `\\n`",
                    );
                    fine = false;
                }
                match byte {
                    // A string does not go on in the next line, so that one missing quote does
                    // not turn the rest of the file inside out.
                    b'\n' => in_string = false,
                    b'"' if !escaped => in_string = false,
                    _ => {}
                }
                escaped = byte == b'\\' && !escaped;
                continue;
            }
            match byte {
                b'"' => (in_string, escaped) = (true, false),
                b'[' | b'{' => {
                    depth += 1;
                    if depth > DEEPEST {
                        let what = format!("values may not stand more than {DEEPEST} deep inside each other");
                        self.error(at, 1, what, FLATTER);
                        return false;
                    }
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b' ' | b'\t' | b'\n' | b'\r' => {}
                // Nothing is inside a character.
                _ if byte.is_ascii_graphic() || !text.is_char_boundary(at) => {}
                _ => {
                    let c = text.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
                    if c.is_whitespace() || c.is_control() {
                        let what = format!("the character U+{:04X} is no white space in JSON", c as u32);
                        self.error(at, c.len_utf8(), what, "write a plain space, or leave it out");
                        fine = false;
                    }
                }
            }
        }
        fine
    }

    /// Recursion is bounded: `scan` has refused deep texts.
    fn node(&self, value: ast::Value<'_>) -> Node {
        let place = self.place(value.start()..value.end());
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
        let mut entries: Vec<(Key, Node)> = Vec::with_capacity(object.properties.len());
        // Few keys are compared sooner than hashed.
        let mut numbers = (object.properties.len() > FEW_KEYS).then(HashMap::new);
        for property in object.properties {
            let place = self.place(property.name.start()..property.name.end());
            let name = property.name.into_string();
            let before = match &mut numbers {
                None => entries.iter().position(|(key, _)| key.name == name),
                Some(numbers) => match numbers.entry(name.clone()) {
                    Entry::Occupied(entry) => Some(*entry.get()),
                    Entry::Vacant(entry) => {
                        entry.insert(entries.len());
                        None
                    }
                },
            };
            if let Some((first, _)) = before.and_then(|number| entries.get(number)) {
                let what = format!("the key {} is there twice", quoted(&name));
                let twice = Mistake::error(what).at(place).label("again here");
                let twice = twice.second(first.place, "first here");
                self.mistakes.push(twice.help("keep one of them"));
                continue;
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
            let mistake = Mistake::error("the number is too large").at(place);
            self.mistakes.push(mistake.help("write a smaller one"));
            return Value::Other("a number that is too large");
        }
        if let Ok(value) = digits.parse() {
            return Value::Integer(value);
        }
        self.mistakes.push(integer_too_large().at(place));
        Value::Other("an integer that is too large")
    }
}
