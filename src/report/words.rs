//! What a report is asked for: tables, and words that hits are to have.

use std::{fmt, str::FromStr};

use super::NONE;
use crate::{
    device::Device,
    outcome::{Kind, Reason},
};

/// What hits are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The link's place.
    Link,
    /// The offer that decided.
    Offer,
    /// The day, in the zone that is asked for.
    Day,
    /// The visitor's country.
    Country,
    /// The visitor's kind of device.
    Device,
    /// The outcome, and its reason.
    Reason,
}

impl By {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 6] = [
        Self::Reason,
        Self::Link,
        Self::Offer,
        Self::Day,
        Self::Country,
        Self::Device,
    ];

    /// The word in tables and options.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Offer => "offer",
            Self::Day => "day",
            Self::Country => "country",
            Self::Device => "device",
            Self::Reason => "reason",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == word)
    }
}

/// What the hits of a row of a table have in common: `link`, or several, as in `link+country`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows(Vec<By>);

impl Rows {
    pub(super) fn by(&self) -> &[By] {
        &self.0
    }

    /// Whether rows have an order of their own.
    pub(super) fn are_days(&self) -> bool {
        self.0.first() == Some(&By::Day)
    }
}

impl From<By> for Rows {
    fn from(by: By) -> Self {
        Self(vec![by])
    }
}

impl FromStr for Rows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let by: Option<Vec<By>> = text.split('+').map(By::parse).collect();
        let unknown =
            "there are tables by reason, link, offer, day, country and device, and of several at once, as link+country";
        by.map(Self).ok_or_else(|| unknown.to_owned())
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|by| by.as_str()).collect();
        out.write_str(&words.join("+"))
    }
}

/// A word that hits are to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Where {
    pub(super) of: Field,
    pub(super) word: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Outcome,
    Reason,
    By(By),
}

impl Field {
    fn as_str(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Reason => "reason",
            Self::By(by) => by.as_str(),
        }
    }

    /// Every word that it may be, where those are known.
    fn words(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Outcome => Some(Kind::ALL.map(Kind::as_str).to_vec()),
            Self::Reason => Some(Reason::ALL.map(Reason::as_str).to_vec()),
            Self::By(By::Device) => Some(Device::ALL.iter().map(|device| device.as_str()).collect()),
            Self::By(_) => None,
        }
    }
}

impl Where {
    /// Whether a word that a hit has is more likely the one that was meant than another.
    pub(super) fn is_meant_more(&self, word: &str, other: Option<&str>) -> bool {
        let holds = |word: &str| word.to_ascii_lowercase().contains(&self.word.to_ascii_lowercase());
        word != NONE && other.is_none_or(|other| !holds(other) && holds(word))
    }
}

impl FromStr for Where {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, word) = text.split_once('=').unwrap_or((text, ""));
        let of = match name {
            "outcome" => Some(Field::Outcome),
            "reason" => Some(Field::Reason),
            name => By::parse(name).map(Field::By),
        };
        let Some(of) = of.filter(|_| !word.is_empty()) else {
            return Err(
                "write it like reason=overcap; outcome, link, offer, day, country and device are others".to_owned(),
            );
        };
        if let Some(words) = of.words().filter(|words| word != NONE && !words.contains(&word)) {
            return Err(format!("{name} is one of {}", words.join(", ")));
        }
        let word = match of {
            Field::By(By::Country) if word != NONE => word.to_ascii_uppercase(),
            _ => word.to_owned(),
        };
        Ok(Self { of, word })
    }
}

impl fmt::Display for Where {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}", self.of.as_str(), self.word)
    }
}
