//! Recognises headers and entries of tables, also broken ones, for masking.
//!
//! Owned here: what a line begins with. Not owned: what is hidden (`mask`, `mask_values`).

use super::lex::{Piece, Token};
use super::mask::{Area, Masker, Use};
use super::mask_names::{is_harmless, is_secret, is_tracker, is_tracker_header};

impl Masker<'_> {
    /// Reads `[a.b]`, also without one of the brackets or after something that should not be
    /// there, and returns the number of the token after it.
    pub(super) fn read_header(&mut self, from: usize) -> usize {
        let is_mark = |at: &usize| matches!(self.mark(*at), Some(mark) if mark != b'[');
        let is_open = |at: &usize| self.mark(*at) == Some(b'[');
        let stray = if from == 0 {
            (0..4).take_while(is_mark).count()
        } else {
            0
        };
        let mut at = from + stray;
        let brackets = (at..at + 2).take_while(is_open).count();
        at += brackets;
        let (mut area, mut names, mut path, mut quoted) = (None, 0, false, false);
        while let Some(token) = self.token(at) {
            match token.piece {
                Piece::Mark(b'.') => {}
                Piece::Word | Piece::Text(true) if !matches!(self.mark(at + 1), Some(b'=' | b':')) => {
                    let name = token.inner(self.text);
                    // The second name is the tracker's own, which may be `monkey`.
                    if names == 0 && is_tracker(name) {
                        area = Some(Area::Tracker);
                    } else if is_secret(name, false) && !(names == 1 && area.is_some()) {
                        area = Some(Area::Secret);
                    }
                    path |= token.piece == Piece::Word;
                    quoted |= token.piece != Piece::Word;
                    names += 1;
                    if self.mark(at + 1) != Some(b'.') {
                        at += 1;
                        break;
                    }
                }
                _ => break,
            }
            at += 1;
        }
        let closed = self.mark(at) == Some(b']');
        while self.mark(at) == Some(b']') {
            at += 1;
        }
        let alone = matches!(self.token(at).map(|t| t.piece), None | Some(Piece::Comment));
        let rest = self
            .token(from)
            .and_then(|token| self.text.get(token.start..self.line_end));
        let tracker = rest.is_some_and(is_tracker_header);
        // In JSON too a stray quote hides the key; its table is still to come.
        let stray_quote = |token: &Token| token.piece == Piece::Text(false);
        if self.json && from == 0 && tracker && self.tokens.iter().any(stray_quote) {
            self.key_area = Some(Area::Tracker);
        }
        // A stray quote makes the header a string.
        let unclosed = self.token(from).is_some_and(|t| t.piece == Piece::Text(false));
        let is_header = match brackets {
            _ if self.json => false,
            // In the middle of a line only what hides more is believed.
            _ if from > 0 && area.is_none() => false,
            // `tracker.x]` lost its bracket; `tracker.x.url = …` is no header.
            0 if tracker && unclosed => true,
            0 if area.is_none() || !alone => false,
            0 => (tracker && closed) || (self.stack.is_empty() && (closed || !quoted)),
            _ if self.stack.is_empty() => names > 0 || tracker,
            _ => path && closed && alone,
        };
        if !is_header {
            return from;
        }
        // What section this is cannot be known.
        let broken = brackets > 0 && !closed;
        if tracker || broken {
            area = area.or(Some(Area::Tracker));
        }
        self.header = area;
        self.stack.clear();
        self.key_area = None;
        (self.at_key, self.usage) = (true, Use::Plain);
        at
    }

    /// Whether the line looks like an entry, a header or a closing bracket rather than like the
    /// rest of a value.
    pub(super) fn is_entry(&self) -> bool {
        let piece = |at: usize| self.token(at).map(|token| token.piece);
        if self.json && self.mark(0) == Some(b'{') {
            return true;
        }
        let mut at = 0;
        while matches!(self.mark(at), Some(b'[' | b'{' | b',' | b'}' | b']')) {
            at += 1;
        }
        match piece(at) {
            None => return at > 0,
            // The value may have been taken out.
            Some(Piece::Comment) => return false,
            _ => {}
        }
        let (opened, name) = (self.mark(0) == Some(b'['), at);
        while matches!(piece(at), Some(Piece::Word | Piece::Text(true) | Piece::Mark(b'.'))) {
            at += 1;
        }
        match self.mark(at) {
            Some(b']') => opened && !self.json,
            // A line of base64 may end with `=`, so there must be a value.
            Some(b'=' | b':') if at > name => match piece(at + 1) {
                Some(Piece::Text(_) | Piece::Triple(_) | Piece::Mark(b'[' | b'{')) => true,
                Some(Piece::Word) => self
                    .token(at + 1)
                    .is_some_and(|token| is_harmless(token.inner(self.text))),
                _ => false,
            },
            _ => false,
        }
    }
}
