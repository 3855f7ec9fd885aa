//! Whom an offer is for: the rules of `when` and `unless`, compiled, and what they ask of a visitor.
//!
//! To ask them looks nothing up that no rule needs, and allocates nothing but for what no browser sends: a referrer's host in
//! capitals, a value of more than 256 bytes.

use std::{fmt, net::IpAddr};

use smallvec::SmallVec;

use super::{host, place::HostPattern, window::Window};
use crate::{
    about::About,
    country::{Continent, Country},
    device::{Browser, Device, Os},
    networks::Networks,
    percent,
    query::Query,
};

/// Who is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What can be found out about them.
    pub about: &'a dyn About,
    /// Their canonical address.
    pub ip: IpAddr,
    /// Where they come from: a URL's bytes, or none.
    pub referrer: &'a [u8],
    /// The query of their request.
    pub query: Query<'a>,
    /// When: in seconds since 1970 (UTC).
    pub at: i64,
}

/// The rules of an offer; none fit everyone.
#[derive(Clone, Debug, Default)]
pub struct Rules(Box<[Rule]>);

/// A condition, and what follows from it.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Of `unless`: who meets it is not meant.
    pub unless: bool,
    /// What is asked.
    pub condition: Condition,
}

/// One key of `when` or `unless`: any of its values will do.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The country of the address.
    Country(Box<[Country]>),
    /// Its continent.
    Continent(Box<[Continent]>),
    /// Its autonomous system.
    Asn(Box<[u32]>),
    /// The address, and the networks as they were written.
    Ip(Networks, Box<str>),
    /// The kind of device.
    Device(Box<[Device]>),
    /// The operating system.
    Os(Box<[Os]>),
    /// The browser.
    Browser(Box<[Browser]>),
    /// A language that is asked for.
    Language(Box<[Box<str>]>),
    /// The host of the referrer.
    Referrer(Box<[HostPattern]>),
    /// A parameter of the query: its name and values.
    Query(Box<str>, Box<[ValuePattern]>),
    /// The time of the hit.
    Time(Box<[Window]>),
}

/// A value with `*` for any bytes, none included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuePattern(Box<str>);

impl Rules {
    /// Those of `when` and `unless`, in the order in which the first one that is not met is named.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(rules.into())
    }

    /// Whether the offer is for this visitor; if not, the first rule that says so.
    pub fn fit(&self, subject: &Subject<'_>) -> Result<(), &Rule> {
        match self.0.iter().find(|rule| rule.condition.holds(subject) == rule.unless) {
            Some(broken) => Err(broken),
            None => Ok(()),
        }
    }

    /// The rules.
    pub fn all(&self) -> &[Rule] {
        &self.0
    }
}

impl Condition {
    /// All that [`Condition::key`] gives.
    pub const KEYS: [&str; 11] = [
        "country",
        "continent",
        "asn",
        "ip",
        "device",
        "os",
        "browser",
        "language",
        "referrer",
        "query",
        "time",
    ];

    /// The key in the configuration.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Country(_) => "country",
            Self::Continent(_) => "continent",
            Self::Asn(_) => "asn",
            Self::Ip(..) => "ip",
            Self::Device(_) => "device",
            Self::Os(_) => "os",
            Self::Browser(_) => "browser",
            Self::Language(_) => "language",
            Self::Referrer(_) => "referrer",
            Self::Query(..) => "query",
            Self::Time(_) => "time",
        }
    }

    /// Whether a visitor meets it. What is not known of a visitor meets no condition.
    pub fn holds(&self, subject: &Subject<'_>) -> bool {
        let about = subject.about;
        match self {
            Self::Country(wanted) => about.country().is_some_and(|found| wanted.contains(&found)),
            Self::Continent(wanted) => about.continent().is_some_and(|found| wanted.contains(&found)),
            Self::Asn(wanted) => about.asn().is_some_and(|found| wanted.contains(&found)),
            Self::Ip(wanted, _) => wanted.contain(subject.ip),
            Self::Device(wanted) => about.agent().device.is_some_and(|found| wanted.contains(&found)),
            Self::Os(wanted) => about.agent().os.is_some_and(|found| wanted.contains(&found)),
            Self::Browser(wanted) => about.agent().browser.is_some_and(|found| wanted.contains(&found)),
            Self::Language(wanted) => wanted.iter().any(|word| about.languages().include(word)),
            Self::Referrer(wanted) => {
                host_of(subject.referrer).is_some_and(|host| wanted.iter().any(|pattern| pattern.takes(&host)))
            }
            Self::Query(name, wanted) => subject.query.get(name).is_some_and(|value| {
                let value: SmallVec<[u8; 256]> = percent::form_bytes(value.as_bytes()).collect();
                wanted.iter().any(|pattern| pattern.takes(&value))
            }),
            Self::Time(wanted) => wanted.iter().any(|window| window.holds(subject.at)),
        }
    }

    /// What a visitor has where this asks, in words for a person; empty where it is not known.
    pub fn found(&self, subject: &Subject<'_>) -> String {
        fn word<T>(found: Option<T>, word: impl Fn(T) -> &'static str) -> String {
            found.map(word).unwrap_or_default().to_owned()
        }
        let about = subject.about;
        match self {
            Self::Country(_) => about
                .country()
                .map(|found| found.as_str().to_owned())
                .unwrap_or_default(),
            Self::Continent(_) => word(about.continent(), Continent::as_str),
            Self::Asn(_) => about.asn().map(|found| found.to_string()).unwrap_or_default(),
            Self::Ip(..) => subject.ip.to_string(),
            Self::Device(_) => word(about.agent().device, Device::as_str),
            Self::Os(_) => word(about.agent().os, Os::as_str),
            Self::Browser(_) => word(about.agent().browser, Browser::as_str),
            Self::Language(_) => about.languages().written(),
            Self::Referrer(_) => host_of(subject.referrer).unwrap_or_default().into_owned(),
            Self::Query(name, _) => {
                let value = subject
                    .query
                    .get(name)
                    .map(|value| percent::decode_form(value.as_bytes()));
                value.map_or_else(String::new, |value| {
                    format!("{name}={}", String::from_utf8_lossy(&value))
                })
            }
            Self::Time(windows) => {
                let mut shown: Vec<String> = windows.iter().map(|window| window.shown(subject.at)).collect();
                shown.dedup();
                shown.join(", ")
            }
        }
    }
}

/// What is asked for, as in `country DE or AT`.
impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn any_of<T>(all: &[T], word: impl Fn(&T) -> String) -> String {
            all.iter().map(word).collect::<Vec<_>>().join(" or ")
        }
        let wanted = match self {
            Self::Country(all) => any_of(all, |one| one.as_str().to_owned()),
            Self::Continent(all) => any_of(all, |one| one.as_str().to_owned()),
            Self::Asn(all) => any_of(all, u32::to_string),
            Self::Ip(_, written) => written.to_string(),
            Self::Device(all) => any_of(all, |one| one.as_str().to_owned()),
            Self::Os(all) => any_of(all, |one| one.as_str().to_owned()),
            Self::Browser(all) => any_of(all, |one| one.as_str().to_owned()),
            Self::Language(all) => any_of(all, ToString::to_string),
            Self::Referrer(all) => any_of(all, HostPattern::to_string),
            Self::Query(name, all) => any_of(all, |one| format!("{name}={}", one.0)),
            Self::Time(all) => any_of(all, Window::to_string),
        };
        write!(out, "{} {wanted}", self.key())
    }
}

impl ValuePattern {
    /// Of a value as an affiliate writes it.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Whether these bytes are such a value.
    fn takes(&self, value: &[u8]) -> bool {
        let Some((begin, rest)) = self.0.split_once('*') else {
            return value == self.0.as_bytes();
        };
        let Some(mut left) = value.strip_prefix(begin.as_bytes()) else {
            return false;
        };
        let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        // The first fit of each piece leaves the most for those behind it.
        for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
            let Some(at) = left.windows(piece.len()).position(|part| part == piece.as_bytes()) else {
                return false;
            };
            left = &left[at + piece.len()..];
        }
        left.ends_with(end.as_bytes())
    }
}

/// The canonical host of a URL's bytes. Apps name themselves as hosts too (`android-app://com.example.app/`).
fn host_of(url: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    let (_, after) = str::from_utf8(url).ok()?.split_once("://")?;
    let authority = &after[..after.find(['/', '?', '#', '\\']).unwrap_or(after.len())];
    host::canonical(authority.rsplit_once('@').map_or(authority, |(_, host)| host))
}

#[cfg(test)]
#[path = "targeting_tests.rs"]
mod tests;
