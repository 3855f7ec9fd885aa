//! Our words for the errors of the JSON library.
//!
//! The library's own texts are not used: one of them quotes the file, which may quote a secret.

use jsonc_parser::ParseStringErrorKind;
use jsonc_parser::errors::ParseErrorKind;

use super::toml::FLATTER;

/// The mend where the library knows no more.
const GENERAL: &str = "keys and texts stand in double quotes, and commas between entries but not behind the last";

/// Message and help.
pub(super) fn words(kind: &ParseErrorKind) -> (&'static str, &'static str) {
    use ParseErrorKind as K;
    match kind {
        K::CommentsNotAllowed | K::UnterminatedCommentBlock => {
            ("JSON has no comments", "a TOML file may have comments: `# …`")
        }
        K::ExpectedColonAfterObjectKey => ("expected `:` after the key", "write `\"key\": value`"),
        K::ExpectedObjectValue => ("expected a value after `:`", "write `\"key\": value`"),
        K::ExpectedStringObjectProperty => ("expected a key in double quotes", "write `\"key\": value`"),
        K::ExpectedComma => ("expected `,`", "entries stand with a comma between them"),
        K::MultipleRootJsonValues => (
            "expected the end of the file",
            "a file is one table, with all that it says between `{` and `}`",
        ),
        K::SingleQuotedStringsNotAllowed => ("JSON strings stand in double quotes", "write `\"…\"`"),
        K::TrailingCommasNotAllowed => ("JSON allows no comma after the last entry", "leave it out"),
        K::BareDecimalPointNumbersNotAllowed => (
            "a number needs digits on both sides of the point",
            "write `0.5` or `5.0`",
        ),
        K::HexadecimalNumbersNotAllowed => ("JSON has no hexadecimal numbers", "write it in decimal digits"),
        K::UnaryPlusNumbersNotAllowed => ("JSON numbers have no plus sign", "leave it out"),
        K::NonFiniteNumbersNotAllowed => ("JSON has no infinite numbers and no NaN", "write it in decimal digits"),
        K::ExpectedDigit | K::ExpectedDigitFollowingNegativeSign | K::ExpectedPlusMinusOrDigitInNumberLiteral => (
            "expected a digit",
            "write it in decimal digits; texts stand in double quotes",
        ),
        K::UnexpectedCloseBrace => ("unexpected `}`", GENERAL),
        K::UnexpectedCloseBracket => ("unexpected `]`", GENERAL),
        K::UnexpectedColon => ("unexpected `:`", GENERAL),
        K::UnexpectedComma => ("unexpected `,`", GENERAL),
        K::UnexpectedWord => (
            "expected a value",
            "strings stand in double quotes; words are `true`, `false` and `null`",
        ),
        K::UnexpectedTokenInObject => ("expected a key in double quotes or `}`", GENERAL),
        K::UnexpectedToken => ("unexpected character", GENERAL),
        K::UnterminatedArray => ("the array is never closed with `]`", "close it behind its last entry"),
        K::UnterminatedObject => ("the table is never closed with `}`", "close it behind its last entry"),
        K::NestingDepthExceeded => ("values stand too deep inside each other", FLATTER),
        K::String(kind) => string_words(kind),
        #[allow(unreachable_patterns, reason = "other features of the library add kinds")]
        _ => ("this is not JSON", GENERAL),
    }
}

fn string_words(kind: &ParseStringErrorKind) -> (&'static str, &'static str) {
    use ParseStringErrorKind as S;
    match kind {
        S::UnterminatedStringLiteral => (
            "the string is never closed with `\"`",
            "close it; a quote inside a string is written `\\\"`",
        ),
        S::ExpectedFourHexDigits => (
            "`\\u` needs four hexadecimal digits",
            "write it like `\\u00e9`, or the letter itself",
        ),
        S::InvalidUnicodeEscapeSequence(_) => (
            "this `\\u` escape is not a character",
            "characters above U+FFFF are two escapes, a surrogate pair",
        ),
        S::InvalidEscape
        | S::InvalidEscapeInDoubleQuoteString
        | S::InvalidEscapeInSingleQuoteString
        | S::ExpectedTwoHexDigits => (
            "unknown escape in a string",
            "escapes are `\\\"` `\\\\` `\\/` `\\b` `\\f` `\\n` `\\r` `\\t` `\\uXXXX`",
        ),
    }
}
