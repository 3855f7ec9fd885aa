//! Hides single values.
//!
//! Owned here: how much of a line is hidden. Not owned: the state from line to line (`mask`), what
//! follows the name of a secret (`mask_secret`).

use super::lex::{Piece, Token};
use super::mask::{Area, Held, Masker, Use};
use super::mask_names::{is_harmless, is_secret, is_secure_key, url_secrets};

/// In a tracker, a name this long may be a secret in the wrong place.
const LONG_NAME: usize = 20;

impl Masker<'_> {
    pub(super) fn token(&self, at: usize) -> Option<Token> {
        self.tokens.get(at).copied()
    }

    pub(super) fn mark(&self, at: usize) -> Option<u8> {
        match self.token(at)?.piece {
            Piece::Mark(byte) => Some(byte),
            _ => None,
        }
    }

    pub(super) fn in_array(&self) -> bool {
        self.stack.last().is_some_and(|last| last.0 == b'[')
    }

    /// What is known here: the innermost table that anything is known about.
    pub(super) fn area(&self) -> Option<Area> {
        let table = self.stack.last().and_then(|table| table.1);
        table.or(self.line_area).or(self.header)
    }

    /// A table or array opens. What is known about the one around it holds inside too.
    pub(super) fn open(&mut self, bracket: u8, area: Option<Area>) {
        let around = self.stack.last().and_then(|table| table.1);
        self.stack.push((bracket, area.or(around)));
    }

    /// A bracket that does not fit closes nothing: hiding too much is the safe side.
    pub(super) fn close(&mut self, bracket: u8) {
        let open = if bracket == b'}' { b'{' } else { b'[' };
        if self.stack.last().is_some_and(|table| table.0 == open) {
            self.stack.pop();
        }
    }

    pub(super) fn hide(&mut self, start: usize, end: usize) {
        if start < end {
            self.ranges.push(start..end);
        }
    }

    /// Hides everything from a token on, and goes on in the next line unless it is an entry.
    pub(super) fn hide_rest(&mut self, start: usize) -> usize {
        self.hide(start, self.line_end);
        self.held = Held::Open;
        self.keep_count(start);
        self.tokens.len()
    }

    /// Tables open and close in what is hidden too.
    pub(super) fn keep_count(&mut self, start: usize) {
        let mut at = self.tokens.partition_point(|token| token.start < start);
        while at < self.tokens.len() {
            match self.mark(at) {
                Some(b'[') => {
                    let after = self.read_header(at);
                    if after > at {
                        at = after;
                        continue;
                    }
                    self.open(b'[', None);
                }
                Some(b'{') => self.open(b'{', None),
                Some(close @ (b'}' | b']')) => self.close(close),
                _ => {}
            }
            at += 1;
        }
    }

    pub(super) fn find_triple(&self, from: usize, quote: u8) -> bool {
        let bytes = self.text.as_bytes().get(from..self.line_end);
        bytes.is_some_and(|rest| rest.windows(3).any(|three| three == [quote; 3]))
    }

    pub(super) fn hide_long_name(&mut self, token: Token) {
        let (start, end) = token.inner_range();
        if self.area().is_some() && end - start >= LONG_NAME {
            self.hide(start, end);
        }
    }

    /// Hides the line after three quotes, and the lines to the next three.
    pub(super) fn hide_triple(&mut self, token: Token, quote: u8) -> usize {
        self.hide(token.end, self.line_end);
        self.held = if self.find_triple(token.end, quote) {
            Held::Open
        } else {
            Held::Triple(quote)
        };
        self.tokens.len()
    }

    /// A value, or a piece that should not be there.
    pub(super) fn value(&mut self, at: usize, token: Token) -> usize {
        let inner = token.inner(self.text);
        let (start, end) = token.inner_range();
        let Some(area) = self.area() else {
            return match self.secret_in_string(at, token) {
                Some(secret) => self.hide_rest(secret),
                None => at + 1,
            };
        };
        if token.piece == Piece::Word {
            let shown = is_harmless(inner) || matches!(inner, "url" | "ca" | "env" | "file");
            if !shown {
                self.hide(start, end);
            }
            return at + 1;
        }
        if !self.is_whole(at, token) {
            return self.hide_rest(start);
        }
        match (self.usage, area) {
            (Use::Name, _) | (Use::Ca, Area::Tracker) => {}
            (Use::Url, Area::Tracker) => self.ranges.extend(url_secrets(inner, start)),
            _ => self.hide(start, end),
        }
        at + 1
    }

    /// Where a secret may begin in a string: a wrong quote makes entries part of it.
    fn secret_in_string(&self, at: usize, token: Token) -> Option<usize> {
        if token.piece == Piece::Word {
            return None;
        }
        let whole = self.is_whole(at, token);
        let is_name = |name: &str| is_secure_key(name) || (!whole && is_secret(name, false));
        self.entry_inside(token, is_name).or_else(|| {
            let name = "secure_key";
            let found = token.inner(self.text).to_ascii_lowercase().find(name)?;
            Some(token.start + found + name.len())
        })
    }

    /// Whether a string ends, and where it should.
    fn is_whole(&self, at: usize, token: Token) -> bool {
        token.piece != Piece::Text(false) && self.ends_well(at)
    }

    /// Whether after this string the line goes on as it may after a value.
    pub(super) fn ends_well(&self, at: usize) -> bool {
        let piece = |at: usize| self.token(at).map(|token| token.piece);
        match piece(at + 1) {
            None | Some(Piece::Comment | Piece::Mark(b'}' | b']')) => true,
            Some(Piece::Mark(b',')) => match piece(at + 2) {
                None | Some(Piece::Comment | Piece::Mark(b'}' | b']')) => true,
                // In a one-line table or object the next entry follows.
                Some(Piece::Word | Piece::Text(true)) => {
                    self.in_array() || matches!(self.mark(at + 3), Some(b'=' | b':' | b'.'))
                }
                _ => self.in_array(),
            },
            _ => false,
        }
    }
}
