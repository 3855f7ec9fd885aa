//! TOML text to a tree.
//!
//! Owned here: the limits of nesting and number ranges. Not owned: the syntax, which is the
//! library's.

use std::collections::HashSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};
use toml_parser::lexer::TokenKind;

use super::mistake::{Mistake, Mistakes};
use super::source::{Place, SourceId};
use super::tree::{DEEPEST, Key, Node, Tree, Value};

/// Parts of a dotted key. The library bounds brackets but not dots.
const MOST_PARTS: usize = 16;

/// The mend of what is too deep, in both formats.
pub(super) const FLATTER: &str = "nothing that onehop reads is so deep: leave out what is around it";

/// Reads TOML. All syntax errors are reported at once.
pub(super) fn parse_toml(source: SourceId, text: &str, mistakes: &Mistakes) -> Option<Tree> {
    let before = mistakes.errors();
    let mut reading = Reading {
        source,
        mistakes,
        broken: Vec::new(),
    };
    if !reading.keys_are_short(text) {
        return None;
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    // The library reports some mistakes in headers twice.
    let mut seen = HashSet::new();
    for error in errors {
        if !seen.insert((error.span().map(|s| (s.start, s.end)), error.message().to_owned())) {
            continue;
        }
        let mistake = Mistake::error(message(error.message(), error.span(), text));
        let span = error.span().unwrap_or_default();
        mistakes.push(mistake.at(reading.place(span.clone())).help(help(error.message())));
        reading.broken.push(span);
    }
    let root = Node {
        value: reading.table(root.into_inner(), 1),
        place: reading.place(0..0),
    };
    let complete = mistakes.errors() == before;
    Some(Tree { root, complete })
}

struct Reading<'a> {
    source: SourceId,
    mistakes: &'a Mistakes,
    /// Where the syntax is wrong.
    broken: Vec<Range<usize>>,
}

impl Reading<'_> {
    fn place(&self, span: Range<usize>) -> Place {
        Place {
            source: self.source,
            start: span.start,
            end: span.end,
        }
    }

    /// Looks at the tokens only: the library builds, and drops, a table per part of a dotted key
    /// by recursion.
    fn keys_are_short(&self, text: &str) -> bool {
        let mut parts = 1;
        let mut in_key = true;
        let mut short = true;
        for token in toml_parser::Source::new(text).lex() {
            match token.kind() {
                TokenKind::Dot if in_key => {
                    parts += 1;
                    if parts == MOST_PARTS + 1 {
                        let span = token.span();
                        let what = format!("a key may not have more than {MOST_PARTS} parts");
                        let mistake = Mistake::error(what).at(self.place(span.start()..span.end()));
                        self.mistakes
                            .push(mistake.help("a name with dots of its own stands in quotes"));
                        short = false;
                    }
                }
                TokenKind::Equals => in_key = false,
                TokenKind::Newline
                | TokenKind::Comma
                | TokenKind::LeftSquareBracket
                | TokenKind::RightSquareBracket
                | TokenKind::LeftCurlyBracket
                | TokenKind::RightCurlyBracket => {
                    parts = 1;
                    in_key = true;
                }
                _ => {}
            }
        }
        short
    }

    fn table(&self, table: DeTable<'_>, depth: usize) -> Value {
        let mut entries: Vec<(Key, Node)> = table
            .into_iter()
            .map(|(key, value)| {
                let place = self.place(key.span());
                let name = key.into_inner().into_owned();
                (Key { name, place }, self.node(value, depth + 1))
            })
            .collect();
        // The library's map is in the order of names.
        entries.sort_by_key(|(key, _)| key.place);
        Value::Table(entries)
    }

    fn node(&self, node: Spanned<DeValue<'_>>, depth: usize) -> Node {
        let place = self.place(node.span());
        if depth > DEEPEST {
            let what = format!("values may not stand more than {DEEPEST} deep inside each other");
            self.mistakes.push(Mistake::error(what).at(place).help(FLATTER));
            let value = Value::Other("a value nested too deeply");
            return Node { value, place };
        }
        let is_broken = |span: &Range<usize>| span.start <= place.end && place.start <= span.end;
        let value = match node.into_inner() {
            // What the library makes of it is hardly what is meant.
            value if !matches!(value, DeValue::Array(_) | DeValue::Table(_)) && self.broken.iter().any(is_broken) => {
                Value::Other("a value too broken to read")
            }
            DeValue::String(text) => Value::String(text.into_owned()),
            DeValue::Integer(number) => self.integer(&number, place),
            DeValue::Float(_) => Value::Other("a decimal number"),
            DeValue::Boolean(value) => Value::Bool(value),
            DeValue::Datetime(_) => Value::Other("a date or time"),
            DeValue::Array(items) => {
                let items = items.into_iter().map(|item| self.node(item, depth + 1));
                Value::Array(items.collect())
            }
            DeValue::Table(table) => self.table(table, depth),
        };
        Node { value, place }
    }

    fn integer(&self, number: &DeInteger<'_>, place: Place) -> Value {
        if let Ok(value) = i64::from_str_radix(number.as_str(), number.radix()) {
            return Value::Integer(value);
        }
        self.mistakes.push(integer_too_large().at(place));
        Value::Other("an integer that is too large")
    }
}

/// The library's message. Its texts are fixed and never quote the file.
fn message<'m>(message: &'m str, span: Option<Range<usize>>, text: &str) -> &'m str {
    // It says the same of a value that is not there.
    const UNQUOTED: &str = "string values must be quoted";
    if !message.starts_with(UNQUOTED) {
        return message;
    }
    match span.and_then(|span| text.get(span)) {
        Some("") => "expected a value",
        _ => UNQUOTED,
    }
}

/// The mend of what the library finds.
fn help(message: &str) -> &'static str {
    if message == "duplicate key" {
        "keep one of them"
    } else if message.starts_with("cannot extend") {
        "write all that belongs to it at one place"
    } else if message.contains("recur") {
        FLATTER
    } else {
        "a line is `key = value`, a `[header]` or a `# comment`; texts stand in quotes"
    }
}

/// The mistake of both formats about integers that no `i64` can hold.
pub(super) fn integer_too_large() -> Mistake {
    Mistake::error("the integer is too large").help(format!("integers go from {} to {}", i64::MIN, i64::MAX))
}
