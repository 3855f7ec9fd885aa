//! Lexical pieces of one line of TOML or JSON, also of broken ones, for masking.
//!
//! Owned here: cutting a line. Not owned: what the pieces mean (`mask`).

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Anything that is not one of the others.
    Word,
    /// A string; false if the line ends before it does.
    Text(bool),
    /// Three quotes, only in TOML. What follows is cut as if they were not there.
    Triple(u8),
    /// One of `= : . , [ ] { }`.
    Mark(u8),
    /// From `#` to the end of the line.
    Comment,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub piece: Piece,
    pub start: usize,
    pub end: usize,
}

impl Token {
    /// The token without its quotes.
    pub(super) fn inner<'a>(&self, text: &'a str) -> &'a str {
        let (start, end) = self.inner_range();
        text.get(start..end).unwrap_or_default()
    }

    pub(super) fn inner_range(&self) -> (usize, usize) {
        match self.piece {
            Piece::Text(closed) => (self.start + 1, self.end - usize::from(closed)),
            _ => (self.start, self.end),
        }
    }
}

/// What is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Toml,
    Json,
    /// The inside of a comment: there is no other comment in it.
    Comment,
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn is_mark(byte: u8) -> bool {
    matches!(byte, b'=' | b':' | b'.' | b',' | b'[' | b']' | b'{' | b'}')
}

/// Cuts `text[start..end]`, which holds no line break.
pub(super) fn cut(text: &str, start: usize, end: usize, language: Language) -> Vec<Token> {
    let is_comment = |byte: u8| byte == b'#' && language != Language::Comment;
    let bytes = text.as_bytes().get(..end).unwrap_or_default();
    let mut tokens = Vec::new();
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let (piece, len) = match byte {
            _ if is_blank(byte) => {
                at += 1;
                continue;
            }
            b'"' | b'\'' if language == Language::Toml && rest.starts_with(&[byte; 3]) => (Piece::Triple(byte), 3),
            b'"' | b'\'' => string(rest, byte),
            _ if is_comment(byte) => (Piece::Comment, rest.len()),
            _ if is_mark(byte) => (Piece::Mark(byte), 1),
            _ => {
                let ends = |&b: &u8| is_blank(b) || matches!(b, b'"' | b'\'') || is_comment(b) || is_mark(b);
                let len = rest.iter().skip(1).position(ends).map_or(rest.len(), |n| n + 1);
                (Piece::Word, len)
            }
        };
        tokens.push(Token {
            piece,
            start: at,
            end: at + len,
        });
        at += len;
    }
    tokens
}

fn string(rest: &[u8], quote: u8) -> (Piece, usize) {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        if byte == quote {
            return (Piece::Text(true), at + 1);
        }
        at += if byte == b'\\' && quote == b'"' { 2 } else { 1 };
    }
    (Piece::Text(false), rest.len())
}
