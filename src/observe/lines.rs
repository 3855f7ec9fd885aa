//! An event of the diagnostics as one line: JSON for programs, text for a person. Pure.
//!
//! What others have sent stands in fields at most, cut to a length, and no character of theirs breaks a line or moves a terminal's
//! cursor.

use std::{
    fmt::{Debug, Write as _},
    time::SystemTime,
};

use tracing::{
    Level,
    field::{Field, Visit},
};

use super::{json, text};

/// What fields are called, beside `time`, `level` and `message`. There are no others.
pub const FIELDS: [&str; 32] = [
    "answer",
    "campaign_id",
    "certificate",
    "column",
    "days",
    "delay",
    "error",
    "field",
    "file",
    "hit_id",
    "limit",
    "line",
    "links",
    "lost",
    "mend",
    "mistakes",
    "ms",
    "offer_id",
    "offers",
    "open",
    "peer",
    "promo_id",
    "proxy",
    "status",
    "suppressed",
    "trace_id",
    "tracker",
    "trackers",
    "user_ip",
    "user_useragent",
    "wanted",
    "why",
];

/// Bytes of a message or of a field's text.
const LONGEST: usize = 1024;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Json,
    Text { colour: bool },
}

/// What an event says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) message: String,
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// What a field says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// A number, or a truth value.
    Bare(String),
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = shown(value);
        match field.name() {
            "message" => self.message = text,
            name => self.fields.push((name, Value::Text(text))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push((field.name(), Value::Bare(value.to_string())));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.push((field.name(), Value::Bare(value.to_string())));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.fields.push((field.name(), Value::Bare(value.to_string())));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.push((field.name(), Value::Bare(value.to_string())));
    }
}

/// A value in words, of bounded length.
pub(super) fn shown(value: &dyn Debug) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(text, "{value:?}");
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

/// An event's line, with its line break.
pub(super) fn line(at: SystemTime, level: Level, said: &Said, look: Look) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    match look {
        Look::Json => write_json(at, level, said, &mut out),
        Look::Text { colour } => write_text(at, level, said, colour, &mut out),
    }
    out.push(b'\n');
    out
}

fn write_json(at: SystemTime, level: Level, said: &Said, out: &mut Vec<u8>) {
    out.extend_from_slice(
        format!(
            "{{\"time\":\"{}\",\"level\":\"{level}\",\"message\":\"",
            json::timestamp(at)
        )
        .as_bytes(),
    );
    json::escape(&said.message, out);
    out.push(b'"');
    for (name, value) in &said.fields {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        match value {
            Value::Bare(bare) => out.extend_from_slice(bare.as_bytes()),
            Value::Text(text) => write_quoted(text, out),
        }
    }
    out.push(b'}');
}

fn write_text(at: SystemTime, level: Level, said: &Said, colour: bool, out: &mut Vec<u8>) {
    let painted = |code: &'static str| if colour { code } else { "" };
    let (dim, italic, plain) = (painted("\u{1b}[2m"), painted("\u{1b}[3m"), painted("\u{1b}[0m"));
    let of_level = painted(match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    });
    let head = format!("{dim}{}{plain} {of_level}{level:>5}{plain} ", json::timestamp(at));
    out.extend_from_slice(head.as_bytes());
    text::write_visible(&said.message, out);
    for (name, value) in &said.fields {
        out.extend_from_slice(format!(" {italic}{name}{plain}{dim}={plain}").as_bytes());
        match value {
            Value::Bare(word) => out.extend_from_slice(word.as_bytes()),
            Value::Text(word) if is_word(word) => out.extend_from_slice(word.as_bytes()),
            Value::Text(text) => write_quoted(text, out),
        }
    }
}

fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    json::escape(text, out);
    out.push(b'"');
}

/// Whether a text is read as one without quotes around it.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'='))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn line_of(said: &Said, look: Look) -> String {
        let at = UNIX_EPOCH + Duration::from_millis(1_234);
        String::from_utf8(line(at, Level::WARN, said, look)).expect("UTF-8")
    }

    fn said(message: &str, text: &str) -> Said {
        Said {
            message: message.to_owned(),
            fields: vec![
                ("why", Value::Text(text.to_owned())),
                ("status", Value::Bare("500".to_owned())),
            ],
        }
    }

    #[test]
    fn the_same_for_programs_and_for_people() {
        let said = said("it \"fails\"", "no wonder");
        assert_eq!(
            line_of(&said, Look::Json),
            "{\"time\":\"1970-01-01T00:00:01.234Z\",\"level\":\"WARN\",\"message\":\"it \\\"fails\\\"\",\"why\":\"no wonder\",\
             \"status\":500}\n"
        );
        assert_eq!(
            line_of(&said, Look::Text { colour: false }),
            "1970-01-01T00:00:01.234Z  WARN it \"fails\" why=\"no wonder\" status=500\n"
        );
        assert_eq!(
            line_of(&said, Look::Text { colour: true }),
            "\u{1b}[2m1970-01-01T00:00:01.234Z\u{1b}[0m \u{1b}[33m WARN\u{1b}[0m it \"fails\" \
             \u{1b}[3mwhy\u{1b}[0m\u{1b}[2m=\u{1b}[0m\"no wonder\" \u{1b}[3mstatus\u{1b}[0m\u{1b}[2m=\u{1b}[0m500\n"
        );
    }

    #[test]
    fn hostile_text_stays_within_its_line() {
        let hostile = "a\nb\r\u{1b}[2J\u{9b}31m\u{2028}\",\"level\":\"INFO";
        let said = said(hostile, hostile);
        let line = line_of(&said, Look::Json);
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&value["message"], &value["why"]), (&hostile.into(), &hostile.into()));
        assert_eq!(value["level"], "WARN");
        for line in [line, line_of(&said, Look::Text { colour: false })] {
            let unfit = |c: &char| c.is_control() || *c == '\u{2028}';
            assert_eq!(line.chars().filter(unfit).count(), 1, "{line:?}");
            assert!(line.ends_with('\n'));
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        let cut = shown(&format_args!("{}", "é".repeat(LONGEST)));
        assert_eq!(cut.len(), LONGEST + "…".len());
        assert!(cut.ends_with("é…"));
    }
}
