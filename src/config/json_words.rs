//! Our words for the errors of the JSON library.
//!
//! The library's own texts are not used: one of them quotes the file, which may quote a secret.

use jsonc_parser::ParseStringErrorKind;
use jsonc_parser::errors::ParseErrorKind;

/// Message and help.
pub(super) fn words(kind: &ParseErrorKind) -> (&'static str, Option<&'static str>) {
    use ParseErrorKind as K;
    match kind {
        K::CommentsNotAllowed | K::UnterminatedCommentBlock => {
            ("JSON has no comments", Some("a TOML file may have comments: `# …`"))
        }
        K::ExpectedColonAfterObjectKey => ("expected `:` after the key", None),
        K::ExpectedObjectValue => ("expected a value after `:`", None),
        K::ExpectedStringObjectProperty => ("expected a key in double quotes", Some("write `\"key\": value`")),
        K::ExpectedComma => ("expected `,`", None),
        K::MultipleRootJsonValues => ("expected the end of the file", None),
        K::SingleQuotedStringsNotAllowed => ("JSON strings stand in double quotes", Some("write `\"…\"`")),
        K::TrailingCommasNotAllowed => ("JSON allows no comma after the last entry", None),
        K::BareDecimalPointNumbersNotAllowed => (
            "a number needs digits on both sides of the point",
            Some("write `0.5` or `5.0`"),
        ),
        K::HexadecimalNumbersNotAllowed => ("JSON has no hexadecimal numbers", None),
        K::UnaryPlusNumbersNotAllowed => ("JSON numbers have no plus sign", None),
        K::NonFiniteNumbersNotAllowed => ("JSON has no infinite numbers and no NaN", None),
        K::ExpectedDigit | K::ExpectedDigitFollowingNegativeSign | K::ExpectedPlusMinusOrDigitInNumberLiteral => {
            ("expected a digit", None)
        }
        K::UnexpectedCloseBrace => ("unexpected `}`", None),
        K::UnexpectedCloseBracket => ("unexpected `]`", None),
        K::UnexpectedColon => ("unexpected `:`", None),
        K::UnexpectedComma => ("unexpected `,`", None),
        K::UnexpectedWord => (
            "expected a value",
            Some("strings stand in double quotes; words are `true`, `false` and `null`"),
        ),
        K::UnexpectedTokenInObject => ("expected a key in double quotes or `}`", None),
        K::UnexpectedToken => ("unexpected character", None),
        K::UnterminatedArray => ("the array is never closed with `]`", None),
        K::UnterminatedObject => ("the table is never closed with `}`", None),
        K::NestingDepthExceeded => ("values stand too deep inside each other", None),
        K::String(kind) => string_words(kind),
        #[allow(unreachable_patterns, reason = "other features of the library add kinds")]
        _ => ("this is not JSON", None),
    }
}

fn string_words(kind: &ParseStringErrorKind) -> (&'static str, Option<&'static str>) {
    use ParseStringErrorKind as S;
    match kind {
        S::UnterminatedStringLiteral => ("the string is never closed with `\"`", None),
        S::ExpectedFourHexDigits => ("`\\u` needs four hexadecimal digits", None),
        S::InvalidUnicodeEscapeSequence(_) => (
            "this `\\u` escape is not a character",
            Some("characters above U+FFFF are two escapes, a surrogate pair"),
        ),
        S::InvalidEscape
        | S::InvalidEscapeInDoubleQuoteString
        | S::InvalidEscapeInSingleQuoteString
        | S::ExpectedTwoHexDigits => (
            "unknown escape in a string",
            Some("escapes are `\\\"` `\\\\` `\\/` `\\b` `\\f` `\\n` `\\r` `\\t` `\\uXXXX`"),
        ),
    }
}
