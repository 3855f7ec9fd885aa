//! Single values of the tree as the types that sections need.
//!
//! Owned here: types, ranges, durations, sizes, words out of a list, and the messages about them.

use std::{ops::RangeInclusive, time::Duration};

use super::mistake::{Mistake, Mistakes, quoted};
use super::reader::Spanned;
use super::tree::{Node, Value};

/// Longer names are not compared: nobody mistypes that much, and it takes time.
const LONGEST_COMPARED: usize = 64;
/// Longer than anything here is waited for or kept; clocks cannot count much more.
const LONGEST: Duration = Duration::from_hours(366 * 24);
/// More names in a help line are not read.
const MOST_LISTED: usize = 30;

/// The mends of what is no duration, and no size.
const LIKE_A_DURATION: &str = "write it like `\"300s\"`, `\"1500ms\"` or `\"5m\"`";
const LIKE_A_SIZE: &str = "write it like `\"1GB\"`, `\"500MB\"` or `\"100KB\"`";
const LONGEST_DURATION: &str = "a year is the longest";

/// The units of sizes.
pub(super) const SIZE_UNITS: [(&str, u64); 3] = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];
/// The most of a unit; there are larger ones, or no such disks.
const MOST_OF_UNIT: u64 = 999_999;

/// Whether a duration may be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zero {
    Allowed,
    Refused,
}

fn spanned<T>(node: &Node, value: T) -> Spanned<T> {
    Spanned {
        value,
        place: node.place,
    }
}

/// Reports a value of a wrong type. `wanted` has its article.
pub(super) fn wrong_type(wanted: &str, node: &Node, mistakes: &Mistakes) {
    // The parser has said what is wrong with it.
    if matches!(node.value, Value::Other(word) if word.contains(" too ")) {
        return;
    }
    let what = format!("expected {wanted}, found {}", node.value.kind());
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let help = match (wanted, &node.value) {
        ("an integer", Value::String(text)) if is_number(text) => "write it without quotes",
        ("an integer", Value::Other("a decimal number")) => "write a whole number",
        ("an integer", _) => "write a whole number, without quotes",
        ("`true` or `false`", _) => "write one of the two words, without quotes",
        ("a duration in a string", _) => LIKE_A_DURATION,
        ("a size in a string", _) => LIKE_A_SIZE,
        ("a table", _) => "write its keys below its header, `[…]`, or between braces, `{ … }`",
        ("an array of tables", Value::Table(_)) => "write its name in double brackets, `[[…]]`, each time there is one",
        ("an array of tables", _) => "write `[[…]]` above the keys of each, or in JSON `[{ … }, { … }]`",
        (_, Value::Integer(_) | Value::Other("a date or time")) => "put it in quotes",
        ("a string", _) => "write a text in double quotes",
        _ => "write a text in double quotes, or several of them: `[\"…\", \"…\"]`",
    };
    mistakes.push(Mistake::error(what).at(node.place).help(help));
}

pub(super) fn string<'a>(node: &'a Node, mistakes: &Mistakes) -> Option<Spanned<&'a str>> {
    if let Value::String(text) = &node.value {
        return Some(spanned(node, text.as_str()));
    }
    wrong_type("a string", node, mistakes);
    None
}

pub(super) fn integer_in(node: &Node, range: RangeInclusive<i64>, mistakes: &Mistakes) -> Option<Spanned<i64>> {
    let Value::Integer(number) = node.value else {
        wrong_type("an integer", node, mistakes);
        return None;
    };
    if range.contains(&number) {
        return Some(spanned(node, number));
    }
    let (least, most) = range.into_inner();
    let mistake = Mistake::error(format!("expected an integer from {least} to {most}")).at(node.place);
    mistakes.push(mistake.help(if number < least {
        format!("the least is {least}")
    } else {
        format!("the most is {most}")
    }));
    None
}

pub(super) fn bool(node: &Node, mistakes: &Mistakes) -> Option<Spanned<bool>> {
    if let Value::Bool(value) = node.value {
        return Some(spanned(node, value));
    }
    wrong_type("`true` or `false`", node, mistakes);
    None
}

pub(super) fn duration(node: &Node, zero: Zero, mistakes: &Mistakes) -> Option<Spanned<Duration>> {
    let text = match &node.value {
        Value::String(text) => text.trim(),
        Value::Integer(number) => {
            unit_missing(&number.to_string(), node, mistakes);
            return None;
        }
        _ => {
            wrong_type("a duration in a string", node, mistakes);
            return None;
        }
    };
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        unit_missing(text, node, mistakes);
        return None;
    }
    let mistake = match humantime::parse_duration(text) {
        Ok(value) if value.is_zero() && zero == Zero::Refused => {
            Mistake::error("the duration must be longer than zero")
                .help("write `\"1ms\"` or more, or leave the key out")
        }
        Ok(value) if value > LONGEST => {
            Mistake::error("the duration is too long or too precise").help(LONGEST_DURATION)
        }
        Ok(value) => return Some(spanned(node, value)),
        Err(humantime::DurationError::NumberOverflow) => {
            Mistake::error("the duration is too long or too precise").help(LONGEST_DURATION)
        }
        Err(humantime::DurationError::UnknownUnit { .. }) => {
            Mistake::error("unknown unit in a duration").help("units are `ms`, `s`, `m`, `h` and `d`")
        }
        Err(_) => Mistake::error("this is not a duration").help(LIKE_A_DURATION),
    };
    mistakes.push(mistake.at(node.place));
    None
}

fn unit_missing(digits: &str, node: &Node, mistakes: &Mistakes) {
    let digits = match digits.trim_start_matches('-') {
        short if short.len() <= 12 => short,
        _ => "300",
    };
    let mistake = Mistake::error("the duration has no unit");
    mistakes.push(mistake.at(node.place).help(format!("write it like `\"{digits}s\"`")));
}

/// A number of bytes: digits and a unit.
pub(super) fn size(node: &Node, mistakes: &Mistakes) -> Option<Spanned<u64>> {
    let Value::String(text) = &node.value else {
        if matches!(node.value, Value::Integer(_)) {
            let mistake = Mistake::error("the size has no unit").at(node.place);
            mistakes.push(mistake.help("write it like `\"500MB\"`"));
        } else {
            wrong_type("a size in a string", node, mistakes);
        }
        return None;
    };
    let unit_at = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = text.split_at(unit_at);
    let unit = SIZE_UNITS.iter().find(|(word, _)| *word == unit);
    let mistake = match (digits.parse(), unit) {
        (Ok(number @ 1..=MOST_OF_UNIT), Some((_, bytes))) => return Some(spanned(node, number * bytes)),
        (_, Some(_)) if !digits.is_empty() => {
            Mistake::error(format!("expected a size from 1 to {MOST_OF_UNIT} of its unit"))
                .help(format!("the least is `\"1KB\"`, the most `\"{MOST_OF_UNIT}GB\"`"))
        }
        _ => Mistake::error("this is not a size").help(LIKE_A_SIZE),
    };
    mistakes.push(mistake.at(node.place));
    None
}

pub(super) fn strings<'a>(node: &'a Node, mistakes: &Mistakes) -> Option<Spanned<Vec<Spanned<&'a str>>>> {
    match &node.value {
        Value::String(text) => Some(spanned(node, vec![spanned(node, text.as_str())])),
        Value::Array(items) => {
            let list: Vec<_> = items.iter().filter_map(|item| string(item, mistakes)).collect();
            // Half a list would lead to mistakes that are none.
            if list.len() == items.len() {
                return Some(spanned(node, list));
            }
            None
        }
        _ => {
            wrong_type("a string or an array of strings", node, mistakes);
            None
        }
    }
}

pub(super) fn choice<T: Copy>(node: &Node, words: &[(&str, T)], mistakes: &Mistakes) -> Option<Spanned<T>> {
    let text = string(node, mistakes)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
        return Some(spanned(node, *value));
    }
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let mistake = Mistake::error("unknown word").at(node.place);
    mistakes.push(mistake.help(suggestion(text.value, &names, "words")));
    None
}

/// A help line: the known name nearest to `name`, or else all of them. `what` is the plural of
/// what they name.
pub(super) fn suggestion(name: &str, known: &[&str], what: &str) -> String {
    if let Some(nearest) = nearest(name, known) {
        return format!("did you mean {}?", quoted(nearest));
    }
    if known.is_empty() {
        return format!("no {what} are known here");
    }
    let names: Vec<String> = known.iter().take(MOST_LISTED).map(|name| quoted(name)).collect();
    let more = if known.len() > MOST_LISTED { ", …" } else { "" };
    format!("known {what}: {}{more}", names.join(", "))
}

/// The known name that was probably meant.
pub(super) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    if name.len() > LONGEST_COMPARED {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', ' ', '.'], "_");
    let name = plain(name);
    let distance = |known: &str| strsim::damerau_levenshtein(&name, &plain(known));
    let measured = known.iter().map(|known| (distance(known), *known));
    let (distance, nearest) = measured.min_by_key(|(distance, _)| *distance)?;
    // A third of the letters may be wrong; of `at` none but one, of `tracking_url` four.
    let longest = name.chars().count().max(nearest.chars().count());
    (distance <= longest.div_ceil(3).min(4) && distance < longest).then_some(nearest)
}
