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
        if self.json {
            return from;
        }
        let is_mark = |at: &usize| matches!(self.mark(*at), Some(mark) if mark != b'[');
        let is_open = |at: &usize| self.mark(*at) == Some(b'[');
        let stray = if from > 0 {
            0
        } else {
            (0..4).take_while(is_mark).count()
        };
        let at = from + stray;
        let brackets = (at..at + 2).take_while(is_open).count();
        let (names, mut at) = self.header_names(at + brackets);
        let mut area = self.header_area(&names);
        let closed = self.mark(at) == Some(b']');
        while self.mark(at) == Some(b']') {
            at += 1;
        }
        let alone = matches!(self.token(at).map(|t| t.piece), None | Some(Piece::Comment));
        let tracker = self.begins_with_tracker(from);
        let any = |piece: Piece| names.iter().any(|name| name.piece == piece);
        // A stray quote makes the header a string.
        let unclosed = self.token(from).is_some_and(|t| t.piece == Piece::Text(false));
        let is_header = match brackets {
            // In the middle of a line only what hides more is believed.
            _ if from > 0 && area.is_none() => false,
            // `tracker.x]` lost its bracket; `tracker.x.url = …` is no header.
            0 if tracker && unclosed => true,
            0 if area.is_none() || !alone => false,
            0 => (tracker && closed) || (self.stack.is_empty() && (closed || !any(Piece::Text(true)))),
            _ if self.stack.is_empty() => !names.is_empty() || tracker,
            _ => any(Piece::Word) && closed && alone,
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

    /// Names with dots between them, and the number of the token after them.
    fn header_names(&self, from: usize) -> (Vec<Token>, usize) {
        let mut names = Vec::new();
        let mut at = from;
        while let Some(token) = self.token(at) {
            let next = self.mark(at + 1);
            let is_name = matches!(token.piece, Piece::Word | Piece::Text(true)) && !matches!(next, Some(b'=' | b':'));
            if is_name {
                names.push(token);
            } else if token.piece != Piece::Mark(b'.') {
                break;
            }
            at += 1;
            if is_name && next != Some(b'.') {
                break;
            }
        }
        (names, at)
    }

    fn header_area(&self, names: &[Token]) -> Option<Area> {
        let mut names = names.iter().map(|name| name.inner(self.text)).peekable();
        let of_tracker = names.next_if(|name| is_tracker(name)).is_some();
        if of_tracker {
            // The tracker's own name, which may be `monkey`.
            names.next();
        }
        if names.any(|name| is_secret(name, false)) {
            return Some(Area::Secret);
        }
        of_tracker.then_some(Area::Tracker)
    }

    fn begins_with_tracker(&self, from: usize) -> bool {
        let first = self.token(from);
        let rest = first.and_then(|token| self.text.get(token.start..self.line_end));
        rest.is_some_and(is_tracker_header)
    }

    /// In JSON too a stray quote hides the key of a tracker; its table is still to come.
    pub(super) fn look_for_hidden_key(&mut self) {
        let stray_quote = |token: &Token| token.piece == Piece::Text(false);
        if self.begins_with_tracker(0) && self.tokens.iter().any(stray_quote) {
            self.key_area = Some(Area::Tracker);
        }
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
