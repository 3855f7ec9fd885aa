//! The macros of a template: their names, what each stands for, and how its value is written at its spot.

use std::{io::Write, net::IpAddr};

use crate::{
    about::About,
    click_id::ClickId,
    country::Country,
    device::{Browser, Device, Os},
    hit_id::HitId,
    offer_ids::OfferIds,
    percent,
    query::{Query, TAGS},
};

/// A `{name}` in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Macro {
    /// The click id, as the tracker gave it.
    ClickId,
    /// The tracker's session id; empty where it gave none.
    SessionId,
    /// The offer's id.
    OfferId,
    /// The campaign's id.
    CampaignId,
    /// The promo's id.
    PromoId,
    /// The country of the visitor's address.
    Country,
    /// The autonomous system of the visitor's address.
    Asn,
    /// The visitor's kind of device.
    Device,
    /// The visitor's operating system.
    Os,
    /// The visitor's browser.
    Browser,
    /// The language that the visitor wants most.
    Language,
    /// The visitor's address.
    Ip,
    /// The visitor's User-Agent.
    UserAgent,
    /// The visitor's referrer.
    Referrer,
    /// The canonical host of the hit.
    Host,
    /// The canonical path of the hit.
    Path,
    /// What the `*` of the link's place stood for.
    Rest,
    /// Why there is no click.
    Reason,
    /// The hit's id.
    HitId,
    /// The visitor's own query parameter of this name.
    Query(Box<str>),
    /// A macro of the tracker's: a value of the answer's `params`.
    Param(Box<str>),
}

/// Where in a URL a macro stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// Between the host and `?` or `#`.
    Path,
    /// Behind `?`, or in a value that is sent to the tracker.
    Query,
    /// Behind `#`.
    Fragment,
}

/// Which macros a template may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// `traffic_url`: there is a click and an offer.
    Traffic,
    /// `tracking_url`: there is an offer.
    Tracking,
    /// `trafficback_url`: there is a reason; the offer is the one whose reason it is.
    Trafficback,
    /// `preview_url` and the redirect of `[unmatched]`: there is a visitor only.
    Visitor,
    /// A value of `send`: there is an offer.
    Send,
}

/// Why a name is no macro here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoMacro {
    /// No macro has this name; the nearest one, if any is near.
    Unknown(Option<&'static str>),
    /// It exists, but has no value here.
    NotHere(&'static str),
}

/// Names with a fixed meaning, for messages. Tags come on top.
const NAMES: [&str; 20] = [
    "click_id",
    "session_id",
    "offer_id",
    "campaign_id",
    "promo_id",
    "country",
    "asn",
    "device",
    "os",
    "browser",
    "language",
    "ip",
    "user_agent",
    "referrer",
    "host",
    "path",
    "rest",
    "reason",
    "hit_id",
    "query.NAME",
];

impl Macro {
    /// The macro of a name, if a template of this use may hold it.
    pub fn parse(name: &str, usage: Use) -> Result<Self, NoMacro> {
        let found = match name {
            "click_id" => Self::ClickId,
            "session_id" => Self::SessionId,
            "offer_id" => Self::OfferId,
            "campaign_id" => Self::CampaignId,
            "promo_id" => Self::PromoId,
            "country" => Self::Country,
            "asn" => Self::Asn,
            "device" => Self::Device,
            "os" => Self::Os,
            "browser" => Self::Browser,
            "language" => Self::Language,
            "ip" => Self::Ip,
            "user_agent" => Self::UserAgent,
            "referrer" => Self::Referrer,
            "host" => Self::Host,
            "path" => Self::Path,
            "rest" => Self::Rest,
            "reason" => Self::Reason,
            "hit_id" => Self::HitId,
            _ if TAGS.contains(&name) => Self::Query(name.into()),
            _ => match name.strip_prefix("query.") {
                Some("") => return Err(NoMacro::Unknown(Some("query.NAME"))),
                Some(parameter) => Self::Query(parameter.into()),
                None if name.len() > "utm_".len() && name.starts_with("utm_") => Self::Query(name.into()),
                None if usage == Use::Traffic => Self::Param(name.into()),
                None => return Err(NoMacro::Unknown(nearest(name))),
            },
        };
        match (&found, usage) {
            (Self::Reason, Use::Trafficback) | (Self::ClickId | Self::SessionId, Use::Traffic) => {}
            (Self::Reason, _) => {
                return Err(NoMacro::NotHere("only a trafficback_url has a reason"));
            }
            (Self::ClickId | Self::SessionId, _) => {
                return Err(NoMacro::NotHere("only a traffic_url has a click"));
            }
            (Self::OfferId | Self::CampaignId | Self::PromoId, Use::Visitor) => {
                return Err(NoMacro::NotHere("no offer is chosen here"));
            }
            _ => {}
        }
        Ok(found)
    }
}

/// The known name that `name` is probably a slip of.
pub fn nearest(name: &str) -> Option<&'static str> {
    NAMES
        .into_iter()
        .chain(TAGS)
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|&(distance, known)| distance <= known.len().min(name.len()).div_ceil(3))
        .min()
        .map(|(_, known)| known)
}

/// What the macros of one hit stand for. Bytes are as the visitor sent them.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    /// `{country}`, `{asn}`, `{device}`, `{os}`, `{browser}` and `{language}`; empty where they are not known.
    pub about: &'a dyn About,
    /// `{ip}`.
    pub ip: IpAddr,
    /// `{user_agent}`.
    pub user_agent: &'a [u8],
    /// `{referrer}`.
    pub referrer: &'a [u8],
    /// `{host}`, canonical.
    pub host: &'a str,
    /// `{path}`, canonical, its escapes kept.
    pub path: &'a str,
    /// `{rest}`: the end of `path`.
    pub rest: &'a str,
    /// `{query.NAME}`, `{utm_*}` and `{subid1}` to `{subid6}`.
    pub query: Query<'a>,
    /// `{hit_id}`.
    pub hit_id: HitId,
    /// `{offer_id}`, `{campaign_id}` and `{promo_id}`; empty without.
    pub offer: Option<OfferIds>,
    /// `{reason}`; empty without.
    pub reason: &'static str,
}

/// What a click adds to [`Values`].
#[derive(Clone, Copy, Debug)]
pub struct ClickValues<'a> {
    /// `{click_id}`.
    pub id: &'a ClickId,
    /// `{session_id}`; empty without.
    pub session_id: Option<&'a str>,
    /// The tracker's own macros: name and value.
    pub params: &'a [(Box<str>, Box<str>)],
}

impl Values<'_> {
    /// Appends the value of a macro, encoded for its spot. In a path a value of one or two dots is left out: however it is
    /// encoded, a browser would resolve it, and the segment before it away (WHATWG URL, section 4.4).
    pub fn write(&self, what: &Macro, spot: Spot, click: Option<ClickValues<'_>>, out: &mut Vec<u8>) {
        let begin = out.len();
        self.write_any(what, spot, click, out);
        if spot == Spot::Path && matches!(&out[begin..], b"." | b"..") {
            out.truncate(begin);
        }
    }

    fn write_any(&self, what: &Macro, spot: Spot, click: Option<ClickValues<'_>>, out: &mut Vec<u8>) {
        match what {
            Macro::ClickId => {
                percent::encode(click.map_or("", |click| click.id.as_str()).as_bytes(), out);
            }
            Macro::SessionId => {
                let id = click.and_then(|click| click.session_id);
                percent::encode(id.unwrap_or_default().as_bytes(), out);
            }
            Macro::Param(name) => {
                let params = click.map_or(&[][..], |click| click.params);
                let value = params.iter().find(|(known, _)| known == name);
                percent::encode(value.map_or("", |(_, value)| value).as_bytes(), out);
            }
            Macro::OfferId => self.write_number(|ids| ids.offer, out),
            Macro::CampaignId => self.write_number(|ids| ids.campaign, out),
            Macro::PromoId => self.write_number(|ids| ids.promo, out),
            Macro::Country => write_word(self.about.country().as_ref().map(Country::as_str), out),
            Macro::Asn => {
                if let Some(number) = self.about.asn() {
                    write_display(number, out);
                }
            }
            Macro::Device => write_word(self.about.agent().device.map(Device::as_str), out),
            Macro::Os => write_word(self.about.agent().os.map(Os::as_str), out),
            Macro::Browser => write_word(self.about.agent().browser.map(Browser::as_str), out),
            Macro::Language => write_word(self.about.languages().preferred(), out),
            Macro::Ip => percent::encode_ip(self.ip, out),
            Macro::UserAgent => percent::encode(self.user_agent, out),
            Macro::Referrer => percent::encode(self.referrer, out),
            Macro::Host => percent::encode(self.host.as_bytes(), out),
            Macro::Path => write_path(self.path, spot, out),
            Macro::Rest => write_path(self.rest, spot, out),
            Macro::Reason => out.extend_from_slice(self.reason.as_bytes()),
            Macro::HitId => self.hit_id.write(out),
            Macro::Query(name) => {
                let raw = self.query.get(name).unwrap_or_default().as_bytes();
                match spot {
                    Spot::Query => percent::keep_query_value(raw, out),
                    Spot::Path | Spot::Fragment => percent::encode(&percent::decode_form(raw), out),
                }
            }
        }
    }

    fn write_number(&self, which: impl Fn(OfferIds) -> u64, out: &mut Vec<u8>) {
        if let Some(ids) = self.offer {
            write_display(which(ids), out);
        }
    }
}

/// A word of letters, digits and hyphens, which no place needs encoded.
fn write_word(word: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(word.unwrap_or_default().as_bytes());
}

fn write_display(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = write!(out, "{value}");
}

/// A canonical path is fit for a path as it is; elsewhere it is a value like any other.
fn write_path(path: &str, spot: Spot, out: &mut Vec<u8>) {
    match spot {
        Spot::Path => out.extend_from_slice(path.as_bytes()),
        Spot::Query | Spot::Fragment => {
            percent::encode(&percent::decode_path(path.as_bytes()), out);
        }
    }
}
