//! Hits that would go elsewhere, in groups of what changes for them, with examples.

use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use serde::Serialize;

use super::{
    Certainty,
    then::Then,
    walk::{Standing, Walked},
};
use crate::{
    country::Country,
    device::Device,
    edge::OfferLabel,
    explain::rehearsal::End,
    outcome::{Kind, Reason},
};

/// Groups that are kept; hits of later ones are one group.
const MAX_CHANGES: usize = 10_000;
/// Examples of each group.
const EXAMPLES: usize = 2;
/// Countries and kinds of devices of each group that are named.
const MOST: usize = 3;
/// The link of the group of all later ones.
const OTHERS: &str = "(others)";

/// How a hit ends, in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Ending {
    /// The link's place.
    pub link: Option<String>,
    /// The outcome's name.
    pub outcome: &'static str,
    /// Its reason.
    pub reason: Option<&'static str>,
    /// The offer, by its name or its tracker and ids.
    pub offer: Option<String>,
}

/// What changes for hits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Change {
    /// How they ended.
    pub from: Ending,
    /// How they would end.
    pub to: Ending,
    /// Why, as far as that can be said.
    pub why: Option<String>,
}

/// A hit of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Its id.
    pub hit_id: String,
    /// When it came.
    pub time: String,
    /// Host and path.
    pub place: String,
    /// The visitor's address, or what stands for it.
    pub ip: String,
    /// The country of it.
    pub country: Option<String>,
    /// The kind of device.
    pub device: Option<String>,
    /// Where the visitor went, if the configuration of then is known.
    pub went: Option<String>,
    /// Where they would go.
    pub goes: Option<String>,
    /// What follows `onehop explain -c FILE` to see it in full, for a shell; none where that imagines no such request.
    pub explain: Option<String>,
}

/// The hits of a group.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) by_certainty: [u64; Certainty::ALL.len()],
    pub(super) examples: Vec<Example>,
    /// Of hits whose lines have one that exists.
    countries: BTreeMap<Country, u64>,
    devices: [u64; Device::ALL.len()],
}

impl Group {
    pub(super) fn hits(&self) -> u64 {
        self.by_certainty.iter().sum()
    }

    /// The most frequent countries, with their hits.
    pub(super) fn countries(&self) -> Vec<(&str, u64)> {
        most(self.countries.iter().map(|(country, hits)| (country.as_str(), *hits)))
    }

    /// The most frequent kinds of devices, with their hits.
    pub(super) fn devices(&self) -> Vec<(&str, u64)> {
        let all = Device::ALL.iter().zip(self.devices);
        most(all.map(|(device, hits)| (device.as_str(), hits)))
    }

    fn count(&mut self, then: &Then<'_>) {
        if let Some(country) = then.country {
            *self.countries.entry(country).or_default() += 1;
        }
        if let Some(device) = then.line.device.as_deref().and_then(Device::parse) {
            self.devices[device as usize] += 1;
        }
    }
}

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Changes(HashMap<Change, Group>);

impl Ending {
    /// As the line tells.
    pub(super) fn then(then: &Then<'_>) -> Self {
        let line = then.line;
        let name = || {
            let key = then.decided?;
            Some(
                line.offer
                    .as_deref()
                    .map_or_else(|| unnamed(key.tracker, key.ids), str::to_owned),
            )
        };
        Self {
            link: line.link.as_deref().map(str::to_owned),
            outcome: then.kind.as_str(),
            reason: then.reason.map(Reason::as_str),
            offer: name(),
        }
    }

    /// As a way leads.
    pub(super) fn of(walked: &Walked<'_>) -> Self {
        Self {
            link: walked.link.as_deref().map(str::to_owned),
            outcome: walked.end.outcome,
            reason: walked.end.reason,
            offer: walked.offer.as_deref().map(called),
        }
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.outcome)?;
        for word in [self.reason, self.offer.as_deref()].into_iter().flatten() {
            write!(out, " {word}")?;
        }
        Ok(())
    }
}

fn called(label: &OfferLabel) -> String {
    let name = label.name.as_deref().map(str::to_owned);
    name.unwrap_or_else(|| unnamed(&label.tracker, label.ids))
}

fn unnamed(tracker: &str, ids: crate::offer_ids::OfferIds) -> String {
    format!("{tracker} {}/{}/{}", ids.offer, ids.campaign, ids.promo)
}

impl Changes {
    /// Counts a hit; `was` is its way through the configuration of then.
    pub(super) fn add(
        &mut self,
        then: &Then<'_>,
        was: Option<&Walked<'_>>,
        now: &Walked<'_>,
        certainty: Certainty,
        target: &str,
    ) {
        let (from, to) = (Ending::then(then), Ending::of(now));
        let mut change = Change {
            why: why(then, was, now, from == to),
            from,
            to,
        };
        if self.0.len() >= MAX_CHANGES && !self.0.contains_key(&change) {
            change = others();
        }
        let is_one = change.from.link.as_deref() != Some(OTHERS);
        let group = self.0.entry(change).or_default();
        group.by_certainty[certainty as usize] += 1;
        group.count(then);
        if is_one && group.examples.len() < EXAMPLES {
            group.examples.push(example(then, was, now, target));
        }
    }

    /// The largest first.
    pub(super) fn sorted(&self) -> Vec<(&Change, &Group)> {
        let mut groups: Vec<_> = self.0.iter().collect();
        let words = |change: &Change| format!("{:?}", (&change.from, &change.to, &change.why));
        groups.sort_by_cached_key(|(change, group)| (Reverse(group.hits()), words(change)));
        groups
    }
}

fn most<'a>(all: impl Iterator<Item = (&'a str, u64)>) -> Vec<(&'a str, u64)> {
    let mut some: Vec<_> = all.filter(|(_, hits)| *hits > 0).collect();
    some.sort_by_key(|(_, hits)| Reverse(*hits));
    some.truncate(MOST);
    some
}

fn others() -> Change {
    let any = Ending {
        link: Some(OTHERS.to_owned()),
        outcome: "anything",
        reason: None,
        offer: None,
    };
    Change {
        from: any.clone(),
        to: any,
        why: None,
    }
}

/// What of the configuration it is.
fn why(then: &Then<'_>, was: Option<&Walked<'_>>, now: &Walked<'_>, is_same_end: bool) -> Option<String> {
    let why = match now.standing {
        _ if now.end.outcome == Kind::Refused.as_str() => format!("refused: {}", now.end.because.unwrap_or_default()),
        Standing::Misfit(rule) => {
            let what = if rule.unless {
                "`unless` excludes"
            } else {
                "`when` asks for"
            };
            format!("{what} {}", rule.condition)
        }
        Standing::Gone => "the link does not have the offer".to_owned(),
        _ if then.line.link.is_some() && now.link.is_none() => "no link stands there".to_owned(),
        _ if then.line.link.is_none() && now.link.is_some() => "a link stands there".to_owned(),
        _ if is_same_end && was.is_some_and(|was| was.end.location != now.end.location) => "another URL".to_owned(),
        Standing::Fits if now.end.outcome == Kind::Advertiser.as_str() => "another offer is asked for first".to_owned(),
        Standing::NotAsked | Standing::Fits => return None,
    };
    Some(why)
}

fn example(then: &Then<'_>, was: Option<&Walked<'_>>, now: &Walked<'_>, target: &str) -> Example {
    let line = then.line;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let host = text(line.host.as_deref());
    let location = |end: &End| end.location.clone();
    Example {
        hit_id: then.id(),
        time: line.time.to_string(),
        place: format!("{host}{}", line.path.as_deref().unwrap_or_default()),
        ip: text(line.ip.as_deref()),
        country: line.country.as_deref().map(str::to_owned),
        device: line.device.as_deref().map(str::to_owned),
        went: was.and_then(|was| location(&was.end)),
        goes: location(&now.end),
        explain: explain(then, &host, target),
    }
}

/// The arguments of `explain` for a hit: it imagines GETs from an address to a host.
fn explain(then: &Then<'_>, host: &str, target: &str) -> Option<String> {
    let ip = then.ip.filter(|_| !host.is_empty() && !then.is_head())?;
    let user_agent = then.line.user_agent.text().unwrap_or_default();
    let mut words = format!(
        "--at {} --ip {ip} --user-agent={}",
        quoted(&then.line.time),
        quoted(user_agent)
    );
    if let Some(referrer) = then.line.referrer.text() {
        words += " --referrer=";
        words += &quoted(referrer);
    }
    words.push(' ');
    words += &quoted(&format!("http://{host}{target}"));
    Some(words)
}

/// A word for a shell, whatever is in it.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.into();
    }
    format!("'{}'", word.replace('\'', r"'\''")).into()
}
