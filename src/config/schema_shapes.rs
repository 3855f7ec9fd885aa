//! The pieces that schemas are made of: tables, texts, ranges, durations, words in any case.
//!
//! Owned here: how a shape is written in JSON Schema. Not owned: which keys have which (`schema`).

use std::{ops::RangeInclusive, time::Duration};

use serde_json::{Value, json};

/// White space as Rust knows it; the `\s` of validators differ.
pub(super) const SPACE: &str = r"\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
/// The units of durations, all that are taken and not only those that messages recommend.
pub(super) const UNITS: &str = "nanos|nsec|ns|usec|us|µs|millis|msec|ms|seconds|second|secs|sec|s|minutes|minute|mins|min|m|\
                     hours|hour|hrs|hr|h|days|day|d|weeks|week|wks|wk|w|months|month|M|years|year|yrs|yr|y";
/// A table with these keys and no others.
pub(super) fn table(description: &str, required: &[&str], keys: Value) -> Value {
    let mut table = json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
    });
    table["properties"] = keys;
    if !required.is_empty() {
        table["required"] = required.into();
    }
    table
}

pub(super) fn told(description: &str, mut value: Value) -> Value {
    value["description"] = description.into();
    value
}

pub(super) fn with_default(mut value: Value, default: Value) -> Value {
    value["default"] = default;
    value
}

fn with_examples(mut value: Value, examples: Value) -> Value {
    value["examples"] = examples;
    value
}

/// A definition to which more is said; beside a `$ref` of its own, it would be passed over.
pub(super) fn of(definition: &str) -> Value {
    json!({ "allOf": [reference(definition)] })
}

fn reference(definition: &str) -> Value {
    json!({ "$ref": format!("#/definitions/{definition}") })
}

/// What a definition describes, or a list of it.
pub(super) fn one_or_more(definition: &str) -> Value {
    let one = reference(definition);
    json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
}

pub(super) fn string(examples: Value) -> Value {
    with_examples(json!({ "type": "string" }), examples)
}

/// A string, or a list of them.
pub(super) fn strings(at_least: usize, examples: Value) -> Value {
    let strings = json!({ "type": ["string", "array"], "items": { "type": "string" }, "minItems": at_least });
    with_examples(strings, examples)
}

pub(super) fn integer(range: &RangeInclusive<i64>) -> Value {
    json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() })
}

pub(super) fn duration(description: &str, default: Duration) -> Value {
    let default = humantime::format_duration(default).to_string();
    told(description, with_default(of("duration"), default.into()))
}

/// A duration with a digit that is not zero.
pub(super) fn longer_than_zero(mut duration: Value) -> Value {
    duration["pattern"] = "[1-9]".into();
    duration
}

/// One of some words, the first of which is the default.
pub(super) fn choice<T>(words: &[(&str, T)]) -> Value {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    json!({ "type": "string", "enum": names, "default": names[0] })
}

/// One of some words in whatever case. Editors offer the words, and take the others by the pattern.
pub(super) fn any_case<'w>(words: impl Iterator<Item = &'w str>) -> Value {
    let words: Vec<&str> = words.collect();
    let both_cases = |letter: char| {
        if letter.is_ascii_alphabetic() {
            format!("[{}{}]", letter.to_ascii_uppercase(), letter.to_ascii_lowercase())
        } else {
            letter.to_string()
        }
    };
    let patterns: Vec<String> = words
        .iter()
        .map(|word| word.chars().map(both_cases).collect())
        .collect();
    json!({
        "type": "string",
        "anyOf": [{ "enum": words }, { "pattern": format!("^({})$", patterns.join("|")) }],
    })
}
