//! One line of a click log with all that a hit can be made of again.

use serde::{Deserialize, Deserializer};

use super::line::Text;
use crate::query::TAGS;

/// A text of which it matters why it is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field<'a> {
    /// The line does not have it.
    #[default]
    LeftOut,
    /// The hit did not have it.
    None,
    /// This.
    Is(Text<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(field: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(field)?.map_or(Self::None, Self::Is))
    }
}

impl Field<'_> {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::LeftOut | Self::None => None,
            Self::Is(text) => Some(text),
        }
    }
}

/// A hit, whole. What a line does not have, or has as `null`, is `None`.
#[derive(Clone, Debug, Deserialize)]
pub struct Whole<'a> {
    /// RFC 3339, in UTC.
    #[serde(borrow)]
    pub time: Text<'a>,
    /// The hit's id.
    #[serde(borrow, default)]
    pub hit_id: Option<Text<'a>>,
    /// The outcome's name.
    #[serde(borrow)]
    pub outcome: Text<'a>,
    /// Its reason.
    #[serde(borrow, default)]
    pub reason: Option<Text<'a>>,
    /// The canonical host.
    #[serde(borrow, default)]
    pub host: Option<Text<'a>>,
    /// The path as it came.
    #[serde(borrow, default)]
    pub path: Option<Text<'a>>,
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
    /// … of the campaign.
    #[serde(default)]
    pub campaign_id: Option<u64>,
    /// … of the promo.
    #[serde(default)]
    pub promo_id: Option<u64>,
    /// The click.
    #[serde(borrow, default)]
    pub click_id: Option<Text<'a>>,
    /// Where the answer came from.
    #[serde(borrow, default)]
    pub cache: Option<Text<'a>>,
    /// Requests that went to trackers.
    #[serde(default)]
    pub attempts: Option<u64>,
    /// The visitor's address, or what stands for it.
    #[serde(borrow, default)]
    pub ip: Option<Text<'a>>,
    /// The country of the visitor's address.
    #[serde(borrow, default)]
    pub country: Option<Text<'a>>,
    /// The visitor's kind of device.
    #[serde(borrow, default)]
    pub device: Option<Text<'a>>,
    /// The User-Agent.
    #[serde(borrow, default)]
    pub user_agent: Field<'a>,
    /// The referrer.
    #[serde(borrow, default)]
    pub referrer: Field<'a>,
    /// A reason of the tracker's own.
    #[serde(borrow, default)]
    pub tracker_reason: Option<Text<'a>>,
    /// From the request's head to the answer, in milliseconds.
    #[serde(default)]
    pub total_ms: Option<f64>,
    #[serde(borrow, default)]
    utm_source: Option<Text<'a>>,
    #[serde(borrow, default)]
    utm_medium: Option<Text<'a>>,
    #[serde(borrow, default)]
    utm_campaign: Option<Text<'a>>,
    #[serde(borrow, default)]
    utm_term: Option<Text<'a>>,
    #[serde(borrow, default)]
    utm_content: Option<Text<'a>>,
    #[serde(borrow, default)]
    subid1: Option<Text<'a>>,
    #[serde(borrow, default)]
    subid2: Option<Text<'a>>,
    #[serde(borrow, default)]
    subid3: Option<Text<'a>>,
    #[serde(borrow, default)]
    subid4: Option<Text<'a>>,
    #[serde(borrow, default)]
    subid5: Option<Text<'a>>,
    #[serde(borrow, default)]
    subid6: Option<Text<'a>>,
}

impl<'a> Whole<'a> {
    /// Reads a line, with or without its end.
    pub fn read(line: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }

    /// The tags that it has, decoded, in the order of [`TAGS`].
    pub fn tags(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let values = [
            &self.utm_source,
            &self.utm_medium,
            &self.utm_campaign,
            &self.utm_term,
            &self.utm_content,
            &self.subid1,
            &self.subid2,
            &self.subid3,
            &self.subid4,
            &self.subid5,
            &self.subid6,
        ];
        let named = TAGS.into_iter().zip(values);
        named.filter_map(|(name, value)| Some((name, &**value.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_null_is_told_from_what_is_left_out() {
        let line = Whole::read(br#"{"time":"t","outcome":"o","user_agent":null,"ip":null}"#).expect("a line");
        assert_eq!((line.user_agent, line.referrer), (Field::None, Field::LeftOut));
    }

    #[test]
    fn each_tag_has_its_own_value() {
        let tags = TAGS.map(|name| format!(r#","{name}":"of {name}""#)).concat();
        let line = format!(r#"{{"time":"t","outcome":"o"{tags}}}"#);
        let line = Whole::read(line.as_bytes()).expect("a line");
        assert_eq!(line.tags().count(), TAGS.len());
        for (name, value) in line.tags() {
            assert_eq!(value, format!("of {name}"));
        }
    }
}
