//! The text of a file that messages show: of a very large one without the links that no message is about, so that it can be
//! searched for secrets as quickly as a small one.
//!
//! Owned here: what is left out, and where things stand without it. Not owned: which part of a line is shown (`excerpt`).

use std::{borrow::Cow, ops::Range};

use super::elements::Elements;
use super::source::{Place, Source};

/// Files up to this are searched as a whole: it takes no time that anybody notices.
const WHOLE: usize = 1 << 20;
/// Kept on both sides of what a message is about: more than is shown of a line.
const MARGIN: usize = 4096;

/// A file's text as far as it is shown.
pub(super) struct Shown<'a> {
    pub text: Cow<'a, str>,
    whole: &'a str,
    cuts: Vec<Cut>,
}

/// What is left out: whole links, with the commas behind them.
struct Cut {
    at: Range<usize>,
    /// Bytes and line breaks left out up to the end of this.
    bytes: usize,
    lines: usize,
}

impl<'a> Shown<'a> {
    /// `places` are those that messages are about.
    pub(super) fn new(source: &'a Source, places: impl Iterator<Item = Place>) -> Self {
        let whole = source.text.as_str();
        let mut shown = Self {
            text: whole.into(),
            whole,
            cuts: Vec::new(),
        };
        if whole.len() <= WHOLE || !source.is_json() {
            return shown;
        }
        // A place may be the whole file; of a long one only the beginning is shown.
        let around = |place: Place| place.start.saturating_sub(MARGIN)..place.end.min(place.start + MARGIN) + MARGIN;
        let mut wanted: Vec<Range<usize>> = places.map(around).collect();
        wanted.sort_by_key(|range| (range.start, range.end));
        // What stands behind the last changes nothing before it; lines are not cut in two.
        let last = wanted.iter().map(|range| range.end).max().unwrap_or_default();
        let behind = whole.as_bytes().get(last..).unwrap_or_default();
        let end = behind
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(whole.len(), |at| last + at);
        let mut wanted = wanted.into_iter().peekable();
        let mut reach = 0;
        let mut out: Vec<Range<usize>> = Vec::new();
        for element in Elements::find(whole).iter() {
            let at = element.at.start..element.at.end + usize::from(!element.is_last);
            while let Some(range) = wanted.next_if(|range| range.start < at.end) {
                reach = range.end.max(reach);
            }
            match out.last_mut() {
                _ if reach > at.start => {}
                Some(last) if last.end == at.start => last.end = at.end,
                _ => out.push(at),
            }
        }
        let mut text = String::new();
        let (mut from, mut bytes, mut lines) = (0, 0, 0);
        for at in out {
            text += whole.get(from..at.start).unwrap_or_default();
            from = at.end;
            bytes += at.len();
            lines += whole
                .get(at.clone())
                .map_or(0, |cut| cut.bytes().filter(|&byte| byte == b'\n').count());
            shown.cuts.push(Cut { at, bytes, lines });
        }
        text += whole.get(from..end).unwrap_or_default();
        shown.text = text.into();
        shown
    }

    fn before(&self, offset: usize) -> Option<&Cut> {
        let number = self.cuts.partition_point(|cut| cut.at.end <= offset);
        self.cuts.get(number.checked_sub(1)?)
    }

    /// The place in what is shown.
    pub(super) fn place(&self, place: Place) -> Place {
        let moved = |offset: usize| offset - self.before(offset).map_or(0, |cut| cut.bytes);
        let start = moved(place.start);
        Place {
            start,
            end: moved(place.end).max(start),
            ..place
        }
    }

    /// Lines left out before an offset of the file.
    pub(super) fn lines_before(&self, offset: usize) -> usize {
        self.before(offset).map_or(0, |cut| cut.lines)
    }

    /// The column of an offset of the file, whatever of its line is left out or masked: a mask has as many bytes as what it
    /// hides, and not as many characters.
    pub(super) fn column(&self, offset: usize) -> usize {
        let before = &self.whole[..self.whole.floor_char_boundary(offset)];
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        before[line..].chars().count() + 1
    }
}
