//! Configurations in TOML and JSON: every mistake stands where there is text, the key is not shown, and both formats say the
//! same.
//!
//! A seed is a file; it is JSON when it begins with a brace. `CANARY` in it becomes the key.

use std::path::Path;

use onehop::config;

use super::text;

const CANARY: &str = "Qz7Vx2Lm9Rt4Wb6Yp3Hs8Jd5";
/// There is no such folder: what a file names is not there.
const FOLDER: &str = "there-is-no-such-folder";
/// Keys that name files.
const FILES: [&str; 8] = ["links", "file", "ca", "certs", "country", "asn", "path", "\\"];

pub fn check(bytes: &[u8]) {
    let text = text(bytes).replace("CANARY", CANARY);
    if leads_out(&text) {
        return;
    }
    let is_json = text.starts_with('{');
    let (name, read) = read(is_json, &text);
    assert_eq!(read.config.is_some(), read.errors == 0, "{text}");
    let again = self::read(is_json, &text).1;
    assert_eq!((&again.text, again.errors), (&read.text, read.errors), "{text}");
    assert!(
        read.text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text}\n{}",
        read.text
    );
    places(&name, &text, &read.text);
    if is_known_secret(is_json, &text) {
        assert_eq!(leak(&read.text), None, "{text}\n{}", read.text);
    }
    if !is_json {
        in_json(&text, &read);
    }
}

/// Whether a path in it may lead to files of this machine.
fn leads_out(text: &str) -> bool {
    let is_absolute = ["\"/", "'/", "\n/", "\r/", "\\"]
        .iter()
        .any(|begin| text.contains(begin));
    is_absolute && FILES.iter().any(|key| text.contains(key))
}

fn read(is_json: bool, text: &str) -> (String, config::Read) {
    let name = format!("{FOLDER}/onehop.{}", if is_json { "json" } else { "toml" });
    let read = config::read_text(Path::new(&name), text, &[], &|_| Box::new(|_| ()));
    (name, read)
}

/// Each place that is told of is in the text.
fn places(name: &str, text: &str, said: &str) {
    // A byte order mark is no part of it.
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text.split('\n').collect();
    let arrow = format!("--> {name}:");
    for place in said.lines().filter_map(|line| line.trim_start().strip_prefix(&arrow)) {
        let (line, column) = place.split_once(':').expect("a line and a column");
        let (line, column): (usize, usize) = (line.parse().expect("a line"), column.parse().expect("a column"));
        let length = lines.get(line.wrapping_sub(1)).map(|line| line.chars().count());
        assert!(
            length.is_some_and(|length| (1..=length + 1).contains(&column)),
            "{place}: {text}\n{said}"
        );
    }
}

/// A part of the key, if there is one.
fn leak(text: &str) -> Option<&'static str> {
    let mut runs = (0..=CANARY.len() - 8).map(|at| &CANARY[at..at + 8]);
    runs.find(|run| text.contains(run))
}

/// Whether the key stands behind its name and nowhere else, however broken the rest is.
fn is_known_secret(is_json: bool, text: &str) -> bool {
    let entry = if is_json {
        format!("\"secure_key\": \"{CANARY}\"")
    } else {
        format!("\nsecure_key = \"{CANARY}\"\n")
    };
    text.contains(&entry) && leak(&text.replace(&entry, "\n")).is_none()
}

/// What TOML says, JSON says too: with as many mistakes.
fn in_json(text: &str, read: &config::Read) {
    let Ok(table) = toml::from_str::<toml::Table>(text) else {
        return;
    };
    let Some(json) = json(toml::Value::Table(table), 0) else {
        return;
    };
    let same = self::read(true, &json.to_string()).1;
    assert_eq!(same.errors, read.errors, "{text}\n{}\n{json}\n{}", read.text, same.text);
    if let (Some(ours), Some(theirs)) = (&read.config, &same.config) {
        assert_eq!(
            (ours.links.len(), ours.offers()),
            (theirs.links.len(), theirs.offers()),
            "{text}"
        );
        assert_eq!(ours.limits, theirs.limits, "{text}");
    }
}

/// The same in JSON; `None` for what it has no words for, or no such bounds.
fn json(value: toml::Value, depth: usize) -> Option<serde_json::Value> {
    if depth > 8 {
        return None;
    }
    Some(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(known) => known.into(),
        toml::Value::Float(_) | toml::Value::Datetime(_) => return None,
        toml::Value::Array(items) => {
            let items: Option<Vec<_>> = items.into_iter().map(|item| json(item, depth + 1)).collect();
            items?.into()
        }
        toml::Value::Table(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, value)| Some((key, json(value, depth + 1)?)));
            let entries: Option<serde_json::Map<_, _>> = entries.collect();
            entries?.into()
        }
    })
}
