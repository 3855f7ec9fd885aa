//! Hides single values, and what follows the name of a secret.
//!
//! Owned here: how much of a line is hidden. Not owned: the state from line to line (`mask`).

use super::lex::{Piece, Token, cut};
use super::mask::{Area, Held, Masker, Use};
use super::mask_names::{LONGEST_NAME, is_harmless, is_secret, is_secure_key, url_secrets};

/// A value this long may be looked for elsewhere; shorter ones may be ordinary words.
const LONG_ENOUGH: usize = 8;
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

    pub(super) fn hide(&mut self, start: usize, end: usize) {
        if start < end {
            self.ranges.push(start..end);
        }
    }

    /// Hides everything from a token on, and goes on in the next line unless it is an entry.
    fn hide_rest(&mut self, start: usize) -> usize {
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
                Some(b'}' | b']') => {
                    self.stack.pop();
                }
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

    /// A string in three quotes: its inside is read as lines of its own, unless it is hidden.
    pub(super) fn triple(&mut self, at: usize, quote: u8) -> usize {
        let Some(token) = self.token(at) else {
            return at + 1;
        };
        if self.area().is_none() {
            return at + 1;
        }
        self.hide(token.end, self.line_end);
        if !self.find_triple(token.end, quote) {
            self.held = Held::Triple(quote);
        }
        self.tokens.len()
    }

    /// A value, or a piece that should not be there.
    pub(super) fn value(&mut self, at: usize, token: Token) -> usize {
        let inner = token.inner(self.text);
        let (start, end) = token.inner_range();
        let Some(area) = self.area() else {
            // A wrong quote makes entries part of a string.
            return match self.entry_inside(token, is_secure_key) {
                Some(value) if token.piece != Piece::Word => self.hide_rest(value),
                _ => at + 1,
            };
        };
        if token.piece == Piece::Word {
            let shown = is_harmless(inner) || matches!(inner, "url" | "ca" | "env" | "file");
            if !shown {
                self.hide(start, end);
            }
            return at + 1;
        }
        if token.piece == Piece::Text(false) || !self.ends_well(at) {
            return self.hide_rest(start);
        }
        match (self.usage, area) {
            (Use::Name, _) | (Use::Ca, Area::Tracker) => {}
            (Use::Url, Area::Tracker) => self.ranges.extend(url_secrets(inner, start)),
            _ => self.hide(start, end),
        }
        at + 1
    }

    /// Whether after this string the line goes on as it may after a value.
    fn ends_well(&self, at: usize) -> bool {
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

    /// Handles what follows the name of a secret.
    pub(super) fn secret(&mut self, name: usize) -> usize {
        let mut at = name + 1;
        if self.mark(at) == Some(b'.')
            && let Some(part) = self.token(at + 1)
            && matches!(part.inner(self.text), "env" | "file")
        {
            self.line_area = Some(Area::Secret);
            self.at_key = true;
            return at + 1;
        }
        while matches!(self.mark(at), Some(b'=' | b':')) {
            at += 1;
        }
        let named = at > name + 1;
        let key_place = named || self.at_key;
        let Some(token) = self.token(at) else {
            // The value may be in the next line.
            if key_place || name == 0 {
                self.held = Held::Open;
                self.value_may_be_a_table();
            }
            return at;
        };
        match token.piece {
            Piece::Mark(b'{' | b'[') if named => {
                self.key_area = Some(Area::Secret);
                return at;
            }
            Piece::Mark(b'}' | b']' | b',') if !key_place => return at,
            Piece::Triple(quote) => {
                self.hide(token.end, self.line_end);
                if !self.find_triple(token.end, quote) {
                    self.held = Held::Triple(quote);
                }
                return self.tokens.len();
            }
            // An empty string may be what is left of three quotes.
            Piece::Text(true) if self.ends_well(at) && token.end - token.start > 2 => {
                let (start, end) = token.inner_range();
                self.hide(start, end);
                let certain = self
                    .token(name)
                    .is_some_and(|n| is_secure_key(n.inner(self.text)));
                if certain && end - start >= LONG_ENOUGH {
                    self.found.push(start..end);
                }
                self.at_key = false;
                if let Some(comment) = self.token(at + 1).filter(|t| t.piece == Piece::Comment) {
                    self.hide(comment.start, comment.end);
                    return at + 2;
                }
                return at + 1;
            }
            _ => {}
        }
        self.hide_rest(token.start)
    }

    /// In JSON a table may open in the line after its key.
    fn value_may_be_a_table(&mut self) {
        if self.json {
            self.key_area = Some(Area::Secret);
        }
    }

    /// A comment often holds an entry that was taken out.
    pub(super) fn comment(&mut self, token: Token) {
        let tokens = cut(self.text, token.start + 1, token.end, false, false);
        let mut hiding = self.area().is_some();
        let before = self
            .text
            .get(..token.start)
            .and_then(|text| text.chars().next_back());
        if hiding && before.is_some_and(|c| !c.is_whitespace()) {
            self.hide(token.start, token.end);
            return;
        }
        for piece in &tokens {
            let follows = matches!(piece.piece, Piece::Mark(b'=' | b':') | Piece::Text(_));
            if hiding && follows {
                self.hide(piece.start, token.end);
                return;
            }
            hiding |= is_secret(piece.inner(self.text), false);
        }
        if let Some(value) = self.entry_inside(token, |name| is_secret(name, false)) {
            self.hide(value, token.end);
        }
    }

    /// Where a value begins in a comment or string, if a secret's name with a separator is before
    /// it. Quotes inside the name do not count.
    fn entry_inside(&self, token: Token, is_name: impl Fn(&str) -> bool) -> Option<usize> {
        let mut name = String::new();
        for (at, c) in self.text.get(token.start..token.end)?.char_indices() {
            match c {
                '=' | ':' if is_name(&name) => return Some(token.start + at + 1),
                '"' | '\'' | '\\' => {}
                c if c.is_whitespace() => {}
                '_' | '-' | '0'..='9' | 'a'..='z' | 'A'..='Z' if name.len() <= LONGEST_NAME => {
                    name.push(c)
                }
                _ => name.clear(),
            }
        }
        None
    }
}
