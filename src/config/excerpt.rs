//! The parts of files that messages show.
//!
//! Owned here: which part of which line is shown, and that nothing raw gets to a terminal. Not
//! owned: what is secret (`redact`), the drawing (`render`).

use super::redact::Secrets;
use super::shown::Shown;
use super::source::{Place, Source};

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
    shown: Shown<'a>,
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
    pub(super) fn new(source: &Source, shown: Shown<'a>, masked: &str, secrets: &Secrets) -> Self {
        let text = secrets.scrub(masked);
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            path: clean(&source.path.to_string_lossy(), secrets),
            shown,
            line_starts: std::iter::once(0).chain(breaks).collect(),
            text,
        }
    }

    /// The message, in which names in backquotes are masked if they are hidden at the place: what
    /// is left of a broken string may be read as a key.
    pub(super) fn without_hidden(&self, message: &str, place: Place) -> String {
        let place = self.shown.place(place);
        let raw = &*self.shown.text;
        let end = place.end.min(place.start.saturating_add(LONGEST_QUOTED));
        let start = raw.floor_char_boundary(place.start);
        let end = raw.ceil_char_boundary(end).max(start);
        let raw = raw.get(start..end).unwrap_or_default();
        if self.text.as_bytes().get(start..end) == Some(raw.as_bytes()) {
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
        let lines_before = self.shown.lines_before(place.start);
        let column = self.shown.column(place.start);
        let place = self.shown.place(place);
        let text = &self.text;
        let start = text.floor_char_boundary(place.start);
        let line = self.line_starts.partition_point(|&at| at <= start).max(1);
        let line_start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let line_end = match self.line_starts.get(line) {
            Some(next) => next - 1,
            None => text.len(),
        };
        let end = text.floor_char_boundary(place.end);
        let whole = text.get(line_start..line_end).unwrap_or_default();
        let before = text.get(line_start..start).unwrap_or_default();
        let from = match before.char_indices().rev().nth(BEFORE) {
            Some((at, _)) if whole.chars().nth(WIDTH).is_some() => line_start + at,
            _ => line_start,
        };
        let rest = text.get(from..line_end).unwrap_or_default();
        let rest = rest.strip_suffix('\r').unwrap_or(rest);
        let (before, rest_of_line) = rest.split_at(start.saturating_sub(from).min(rest.len()));
        let marked = end.saturating_sub(start).min(rest_of_line.len());
        let (marked, after) = rest_of_line.split_at(marked);

        let mut shown = String::new();
        if from > line_start {
            shown.push('…');
        }
        let mut room = WIDTH;
        let mut show = |part: &str| {
            for c in part.chars().take(room) {
                shown.push(visible(c));
                room -= 1;
            }
            shown.len()
        };
        let (start, end) = (show(before), show(marked));
        show(after);
        if rest.chars().nth(WIDTH).is_some() {
            shown.push('…');
        }
        Spot {
            line: line + lines_before,
            column,
            text: shown,
            start,
            end,
        }
    }
}

/// Text for a terminal: masked, without control characters, of bounded length.
pub(super) fn clean(text: &str, secrets: &Secrets) -> String {
    let text = secrets.scrub(text);
    let mut out: String = text.chars().take(LONGEST_TEXT).map(visible).collect();
    if text.chars().nth(LONGEST_TEXT).is_some() {
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
