//! One line of a click log, as far as it can be read back.

use std::borrow::Cow;

use serde::Deserialize;

/// A text out of a line; it is the line's own bytes wherever nothing is escaped.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A hit. What a line does not have is `None`; what else it has is passed over.
#[derive(Clone, Debug, Deserialize)]
pub struct Line<'a> {
    /// RFC 3339, in UTC.
    #[serde(borrow)]
    pub time: Text<'a>,
    /// The outcome's name.
    #[serde(borrow)]
    pub outcome: Text<'a>,
    /// Its reason.
    #[serde(borrow, default)]
    pub reason: Option<Text<'a>>,
    /// The link's place.
    #[serde(borrow, default)]
    pub link: Option<Text<'a>>,
    /// The affiliate's name for the offer.
    #[serde(borrow, default)]
    pub offer: Option<Text<'a>>,
    /// The tracker's name.
    #[serde(borrow, default)]
    pub tracker: Option<Text<'a>>,
    /// The tracker's number of the offer.
    #[serde(default)]
    pub offer_id: Option<u64>,
    /// The click.
    #[serde(borrow, default)]
    pub click_id: Option<Text<'a>>,
    /// The country of the visitor's address.
    #[serde(borrow, default)]
    pub country: Option<Text<'a>>,
    /// The visitor's kind of device.
    #[serde(borrow, default)]
    pub device: Option<Text<'a>>,
    /// From the request's head to the answer, in milliseconds.
    #[serde(default)]
    pub total_ms: Option<f64>,
}

impl<'a> Line<'a> {
    /// Reads a line, with or without its end.
    pub fn read(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_without_copying_what_is_plain() {
        let line = br#"{"time":"2026-11-23T03:52:52.000Z","outcome":"trafficback","reason":"overcap","link":"go.example.com/a","offer":"d\u00e9","country":null,"total_ms":1.5,"utm_source":"x"}"#;
        let line = Line::read(line).expect("a line");
        assert_eq!(&*line.outcome, "trafficback");
        assert_eq!(line.reason.as_deref(), Some("overcap"));
        assert!(matches!(line.link, Some(Text(Cow::Borrowed("go.example.com/a")))));
        assert_eq!(line.offer.as_deref(), Some("dé"));
        assert_eq!((line.country, line.click_id, line.total_ms), (None, None, Some(1.5)));
        assert!(Line::read(b"{\"time\":\"2026").is_err());
    }
}
