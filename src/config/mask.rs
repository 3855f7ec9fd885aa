//! Finds what must not be shown in the text of a configuration, by the names of keys and sections.
//!
//! It must work on broken files, so it goes by lines and never trusts quotes or brackets: in doubt
//! it hides the rest of the line, and the next lines until one looks like an entry of its own.
//!
//! Owned here: the state from line to line. Not owned: names (`mask_names`), single values
//! (`mask_values`), known secrets (`redact`).

use std::ops::Range;

use super::lex::{Language, Piece, Token, cut};
use super::mask_names::{is_secret, is_tracker};

/// What is known about everything in a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// A tracker: all strings but a few are hidden.
    Tracker,
    /// The value of a secret key: only names of variables and files are shown.
    Secret,
}

/// What is known about the next value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Plain,
    /// The name of an environment variable or file.
    Name,
    /// The path of certificates.
    Ca,
    Url,
}

/// Hiding that goes on in the next line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    No,
    /// Until a line looks like an entry.
    Open,
    /// Until three quotes.
    Triple(u8),
}

pub(super) struct Masker<'a> {
    pub(super) text: &'a str,
    pub(super) json: bool,
    /// Of the current line, as is `line_end`.
    pub(super) tokens: Vec<Token>,
    pub(super) line_end: usize,
    /// Open brackets and what is known about their insides.
    pub(super) stack: Vec<(u8, Option<Area>)>,
    /// What is known about the section of the last header.
    pub(super) header: Option<Area>,
    /// For the rest of the line, after a dotted key.
    pub(super) line_area: Option<Area>,
    /// For the bracket that the current key may open.
    pub(super) key_area: Option<Area>,
    pub(super) held: Held,
    /// Whether a key may come next.
    pub(super) at_key: bool,
    pub(super) usage: Use,
    /// What to hide.
    pub(super) ranges: Vec<Range<usize>>,
    /// Whole values of secret keys.
    pub(super) found: Vec<Range<usize>>,
}

impl<'a> Masker<'a> {
    pub(super) fn new(text: &'a str, json: bool) -> Self {
        Self {
            text,
            json,
            tokens: Vec::new(),
            line_end: 0,
            stack: Vec::new(),
            header: None,
            line_area: None,
            key_area: None,
            held: Held::No,
            at_key: true,
            usage: Use::Plain,
            ranges: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(super) fn run(&mut self) {
        let mut start = 0;
        for line in self.text.split('\n') {
            self.line(start, start + line.len());
            start += line.len() + 1;
        }
    }

    fn line(&mut self, start: usize, end: usize) {
        self.line_end = end;
        if let Held::Triple(quote) = self.held {
            // What follows the closing quotes is at best a comma.
            if self.find_triple(start, quote) {
                self.held = Held::Open;
            }
            self.hide(start, end);
            return;
        }
        let language = if self.json { Language::Json } else { Language::Toml };
        self.tokens = cut(self.text, start, end, language);
        if self.held == Held::Open {
            if !self.is_entry() {
                self.hide(start, end);
                self.keep_count(start);
                self.start_entry();
                return;
            }
            self.held = Held::No;
        }
        self.line_area = None;
        let mut at = self.read_header(0);
        if self.json {
            self.look_for_hidden_key();
        }
        while let Some(token) = self.token(at) {
            at = self.step(at, token);
        }
        // A value may follow its key in the next line; otherwise a new line is a new entry.
        let separated = matches!(
            self.tokens.last().map(|last| last.piece),
            Some(Piece::Mark(b'=' | b':'))
        );
        let waits = if self.json {
            self.key_area.is_some() || (separated && !self.at_key)
        } else {
            self.key_area.is_some() && separated
        };
        if !waits {
            self.start_entry();
        }
    }

    /// Nothing is known about what comes next.
    fn start_entry(&mut self) {
        self.at_key = !self.in_array();
        self.usage = Use::Plain;
        self.key_area = None;
    }

    /// Handles a token and returns the number of the next one to look at.
    fn step(&mut self, at: usize, token: Token) -> usize {
        match token.piece {
            Piece::Mark(open @ (b'{' | b'[')) => {
                if open == b'[' && at > 0 && !matches!(self.mark(at - 1), Some(b'=' | b':' | b',' | b'[')) {
                    let after = self.read_header(at);
                    if after > at {
                        return after;
                    }
                }
                let area = self.key_area.take().or(self.line_area);
                self.open(open, area);
                self.at_key = open == b'{';
            }
            Piece::Mark(close @ (b'}' | b']')) => {
                self.close(close);
                self.at_key = false;
            }
            Piece::Mark(b',') if !self.in_array() => {
                self.at_key = true;
                self.usage = Use::Plain;
            }
            Piece::Mark(b'=' | b':') => self.at_key = false,
            Piece::Comment => self.comment(token),
            Piece::Triple(quote) if self.area().is_some() => return self.hide_triple(token, quote),
            // The inside of three quotes is read as lines of its own.
            Piece::Mark(_) | Piece::Triple(_) => {}
            Piece::Word | Piece::Text(_) => return self.name_or_value(at, token),
        }
        at + 1
    }

    fn name_or_value(&mut self, at: usize, token: Token) -> usize {
        let name = token.inner(self.text);
        let next = self.mark(at + 1);
        let named = matches!(next, Some(b'=' | b':' | b'.'));
        let word = token.piece == Piece::Word;
        let is_value = !named && !((word || self.json) && self.at_key);
        let hidden_anyway = self.area().is_some() && is_value;
        // A string with more than a name in it may be one with its value.
        let more = !word && name.contains([':', '=', '"', '\'']);
        if is_secret(name, !word) && !hidden_anyway && !more {
            return self.secret(at, token);
        }
        if self.at_key && named {
            if is_tracker(name) {
                match next {
                    Some(b'.') if !self.json => self.line_area = Some(Area::Tracker),
                    _ => self.key_area = Some(Area::Tracker),
                }
            }
            self.usage = match name {
                "env" | "file" => Use::Name,
                "ca" => Use::Ca,
                "url" => Use::Url,
                _ => Use::Plain,
            };
            self.hide_long_name(token);
            return at + 1;
        }
        // Whatever stands in place of the colon, the table is still to come.
        if self.json && is_tracker(name) && (self.at_key || next == Some(b':')) {
            self.key_area = Some(Area::Tracker);
            self.at_key = false;
            return at + 1 + usize::from(next == Some(b','));
        }
        let next = self.value(at, token);
        // In JSON a word before a key is no value, whatever it is.
        self.at_key &= self.json && word;
        if token.piece == Piece::Text(true) && !named && self.ends_well(at) {
            self.key_area = None;
        }
        if !self.in_array() {
            self.usage = Use::Plain;
        }
        next
    }
}
