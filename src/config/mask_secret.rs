//! Hides what follows the name of a secret, also in comments and broken strings.
//!
//! Owned here: how far a secret may reach. Not owned: values of other keys (`mask_values`).

use super::lex::{Language, Piece, Token, cut};
use super::mask::{Area, Held, Masker};
use super::mask_names::{LONGEST_NAME, is_secret, is_secure_key, is_tracker, is_tracker_header};

/// A value this long may be looked for elsewhere; shorter ones may be ordinary words.
const LONG_ENOUGH: usize = 8;

impl Masker<'_> {
    /// Handles what follows the name of a secret, which is token `number`.
    pub(super) fn secret(&mut self, number: usize, name: Token) -> usize {
        let mut at = number + 1;
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
        let named = at > number + 1;
        // Only a string may be a value that looks like the name of a secret.
        let key_place = named || name.piece == Piece::Word || self.at_key;
        let Some(token) = self.token(at) else {
            // The value may be in the next line.
            if key_place || number == 0 {
                self.held = Held::Open;
                // Or a table opens there.
                if self.json {
                    self.key_area = Some(Area::Secret);
                }
            }
            return at;
        };
        match token.piece {
            Piece::Mark(b'{' | b'[') if named => {
                self.key_area = Some(Area::Secret);
                return at;
            }
            Piece::Mark(b'}' | b']' | b',') if !key_place => return at,
            Piece::Triple(quote) => return self.hide_triple(token, quote),
            // An empty string may be what is left of three quotes.
            Piece::Text(true) if self.ends_well(at) && token.end - token.start > 2 => {
                let (start, end) = token.inner_range();
                self.hide(start, end);
                if is_secure_key(name.inner(self.text)) && end - start >= LONG_ENOUGH {
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

    /// A comment often holds an entry that was taken out.
    pub(super) fn comment(&mut self, token: Token) {
        // A section may be taken out by its header only.
        let text = self.text.get(token.start + 1..token.end).unwrap_or_default();
        let header = text.starts_with('[') || (text.contains(']') && !text.contains('='));
        if header && is_tracker_header(text) {
            self.header = Some(Area::Tracker);
        }
        if self.json && self.entry_inside(token, is_tracker).is_some() {
            self.key_area = Some(Area::Tracker);
        }
        let mut hiding = self.area().is_some();
        let before = self.text.get(..token.start).and_then(|text| text.chars().next_back());
        let last = self.mark(self.tokens.len().wrapping_sub(2));
        let no_value = matches!(last, Some(b'=' | b':'));
        if hiding && (self.json || no_value || before.is_some_and(|c| !c.is_whitespace())) {
            self.hide(token.start, token.end);
            return;
        }
        let tokens = cut(self.text, token.start + 1, token.end, Language::Comment);
        let open = tokens.last().is_none_or(|last| last.piece == Piece::Text(false));
        for (number, piece) in tokens.iter().enumerate() {
            let name = piece.inner(self.text);
            let certain = is_secure_key(name);
            let follows = matches!(piece.piece, Piece::Mark(b'=' | b':') | Piece::Text(_));
            if certain || (hiding && follows) {
                let from = if certain { piece.end } else { piece.start };
                self.hide(from, token.end);
                // Its value may be, or go on, in the next line.
                if open || (certain && number + 1 == tokens.len()) {
                    self.held = Held::Open;
                }
                return;
            }
            hiding |= is_secret(name, false);
        }
        if let Some(value) = self.entry_inside(token, |name| is_secret(name, false)) {
            self.hide(value, token.end);
        }
    }

    /// Where a value begins in a comment or string, if a secret's name with a separator is before
    /// it. Quotes inside the name do not count.
    pub(super) fn entry_inside(&self, token: Token, is_name: impl Fn(&str) -> bool) -> Option<usize> {
        let mut name = String::new();
        for (at, c) in self.text.get(token.start..token.end)?.char_indices() {
            match c {
                '=' | ':' if is_name(&name) => return Some(token.start + at + 1),
                '"' | '\'' | '\\' => {}
                c if c.is_whitespace() => {}
                '_' | '-' | '0'..='9' | 'a'..='z' | 'A'..='Z' if name.len() <= LONGEST_NAME => name.push(c),
                _ => name.clear(),
            }
        }
        None
    }
}
