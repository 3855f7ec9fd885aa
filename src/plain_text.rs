//! Anybody's text, such as a User-Agent or a name out of a file, as it is shown to a person. A leaf.

use std::borrow::Cow;

/// A text that no terminal obeys, and that begins no line: each control character is U+FFFD.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        return text.chars().map(shown).collect::<String>().into();
    }
    text.into()
}

/// The same, cut to `longest` characters, of which an ellipsis is the last then.
pub fn short(text: &str, longest: usize) -> String {
    let mut kept: String = text.chars().map(shown).take(longest + 1).collect();
    if kept.chars().count() > longest {
        kept = kept.chars().take(longest - 1).chain(['…']).collect();
    }
    kept
}

fn shown(c: char) -> char {
    if c.is_control() { '\u{fffd}' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_terminal_obeys_it() {
        assert!(matches!(plain("Mozilla \u{e9}"), Cow::Borrowed("Mozilla \u{e9}")));
        assert_eq!(
            plain("a\u{1b}[31m\r\nb\u{9b}"),
            "a\u{fffd}[31m\u{fffd}\u{fffd}b\u{fffd}"
        );
        assert_eq!(short("a\u{1b}c", 3), "a\u{fffd}c");
        assert_eq!(short("abcd", 3), "ab…");
    }
}
