//! The parts of files that messages show.
//!
//! Owned here: which part of which line is shown, and that nothing raw gets to a terminal. Not
//! owned: what is secret (`redact`), the drawing (`render`).

use super::redact::Secrets;
use super::source::{Place, SourceId, Sources};

/// Characters of a line that are shown, and how many of them before the mistake.
pub(super) const WIDTH: usize = 120;
const BEFORE: usize = 50;
/// Characters of a message, label, help or path.
const LONGEST_TEXT: usize = 600;
/// Bytes of the file in which a name of a message is looked for.
const LONGEST_QUOTED: usize = 4096;

/// A source made ready to be shown, once for all its mistakes.
pub(super) struct Excerpts<'a> {
    pub path: String,
    /// As it is in the file.
    raw: &'a str,
    /// Of the same length, masked.
    text: String,
    line_starts: Vec<usize>,
}

/// The part of one line that is shown.
pub(super) struct Spot {
    pub line: usize,
    pub column: usize,
    pub text: String,
    pub start: usize,
    pub end: usize,
}

impl<'a> Excerpts<'a> {
    pub(super) fn new(sources: &'a Sources, id: SourceId, masked: &str, secrets: &Secrets) -> Self {
        let source = sources.get(id);
        let path = source.map(|source| source.path.to_string_lossy());
        let text = secrets.scrub(masked);
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            path: clean(&path.unwrap_or_default(), secrets),
            raw: source.map(|source| source.text.as_str()).unwrap_or_default(),
            line_starts: std::iter::once(0).chain(breaks).collect(),
            text,
        }
    }

    /// The message, in which names in backquotes are masked if they are hidden at the place: what
    /// is left of a broken string may be read as a key.
    pub(super) fn without_hidden(&self, message: &str, place: Place) -> String {
        let end = place.end.min(place.start.saturating_add(LONGEST_QUOTED));
        let part = |text: &'_ str| {
            let start = text.floor_char_boundary(place.start);
            let end = text.ceil_char_boundary(end).max(start);
            text.get(start..end).unwrap_or_default().to_owned()
        };
        let raw = part(self.raw);
        if raw == part(&self.text) {
            return message.to_owned();
        }
        let hide = |(number, piece): (usize, &str)| {
            let name = piece.trim_end_matches('…');
            // An escape makes the name differ from the text.
            let hidden = number % 2 == 1 && (raw.contains(name) || raw.contains('\\'));
            if hidden {
                "*".repeat(name.len())
            } else {
                piece.to_owned()
            }
        };
        let pieces: Vec<String> = message.split('`').enumerate().map(hide).collect();
        pieces.join("`")
    }

    /// A place of several lines is underlined in its first line only.
    pub(super) fn spot(&self, place: Place) -> Spot {
        let text = &self.text;
        let start = text.floor_char_boundary(place.start);
        let line = self.line_starts.partition_point(|&at| at <= start).max(1);
        let line_start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let line_end = match self.line_starts.get(line) {
            Some(next) => next - 1,
            None => text.len(),
        };
        let end = text.floor_char_boundary(place.end).clamp(start, line_end.max(start));
        let before = text.get(line_start..start).unwrap_or_default();
        let column = before.chars().count() + 1;
        let mut spot = Spot {
            line,
            column,
            text: String::new(),
            start: 0,
            end: 0,
        };
        let whole = text.get(line_start..line_end).unwrap_or_default();
        let from = match before.char_indices().rev().nth(BEFORE) {
            Some((at, _)) if whole.chars().nth(WIDTH).is_some() => {
                spot.text.push('…');
                line_start + at
            }
            _ => line_start,
        };
        spot.start = spot.text.len();
        spot.end = spot.text.len();
        let rest = text.get(from..line_end).unwrap_or_default();
        let rest = rest.strip_suffix('\r').unwrap_or(rest);
        for (number, (at, c)) in rest.char_indices().enumerate() {
            if from + at <= start {
                spot.start = spot.text.len();
            }
            if number == WIDTH {
                spot.text.push('…');
                break;
            }
            spot.text.push(visible(c));
            if from + at < end {
                spot.end = spot.text.len();
            }
        }
        if start >= from + rest.len() {
            spot.start = spot.text.len();
        }
        spot.end = spot.end.max(spot.start);
        spot
    }
}

/// Text for a terminal: masked, without control characters, of bounded length.
pub(super) fn clean(text: &str, secrets: &Secrets) -> String {
    let text = secrets.scrub(text);
    let mut out: String = text.chars().take(LONGEST_TEXT).map(visible).collect();
    if out.len() < text.len() && text.chars().nth(LONGEST_TEXT).is_some() {
        out.push('…');
    }
    out
}

/// Stands in for characters that move the cursor, hide or reorder text.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => '\u{fffd}',
        c => c,
    }
}
