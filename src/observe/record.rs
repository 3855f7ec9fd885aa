//! What is known of one hit at its end. How it is written is decided by whoever writes.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{
    HeaderName, HeaderValue,
    header::{REFERER, USER_AGENT},
};
use smallvec::SmallVec;

use crate::{
    click::{Asked, CacheUse, Effort, Told, Trafficback},
    click_id::ClickId,
    country::Country,
    device::Agent,
    edge::{Offer, OfferLabel},
    headers::Headers,
    hit_id::HitId,
    outcome::{Kind, Nowhere, Outcome, Reason},
    query::{self, Query},
};

/// What a hit meets on its way.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The visitor's address, as far as it has been decided.
    pub ip: IpAddr,
    /// The link's place.
    pub link: Option<Arc<str>>,
    /// The click.
    pub click_id: Option<ClickId>,
    /// What was found out about the visitor.
    pub found: Found,
    pub(super) offer: Option<Arc<OfferLabel>>,
    pub(super) told: Option<Told>,
    pub(super) cache: Option<CacheUse>,
    /// Each look into the cache.
    pub(super) looks: SmallVec<[CacheUse; 2]>,
    pub(super) effort: Effort,
    pub(super) api: Option<Duration>,
    pub(super) tracker_reason: Option<Box<str>>,
}

/// What was found out about a visitor on the way, where something asked for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// Their country, if a database knows it.
    pub country: Option<Option<Country>>,
    /// What their User-Agent says.
    pub agent: Option<Agent>,
}

impl Default for Trace {
    fn default() -> Self {
        Self::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

impl Trace {
    /// Nothing met yet; `peer` stands for the visitor until the visitor is known.
    pub fn new(peer: IpAddr) -> Self {
        Self {
            ip: peer.to_canonical(),
            link: None,
            click_id: None,
            found: Found::default(),
            offer: None,
            told: None,
            cache: None,
            looks: SmallVec::new(),
            effort: Effort::default(),
            api: None,
            tracker_reason: None,
        }
    }

    /// A tracker's answer was had.
    pub fn asked(&mut self, asked: &Asked) {
        self.cache = Some(asked.cache);
        self.looks.push(asked.cache);
        self.effort.add(asked.effort);
        if matches!(asked.cache, CacheUse::Miss | CacheUse::Joined) {
            *self.api.get_or_insert_default() += asked.waited;
        }
    }

    /// A trafficback was met; the first of an undocumented reason is kept.
    pub fn trafficback(&mut self, why: Trafficback) {
        if let Trafficback::Other(reason) = why {
            self.tracker_reason.get_or_insert(reason);
        }
    }

    /// The offer by which the hit ended. `told` is asked for an affiliate's own values, which the request does not show.
    pub fn ended_with(&mut self, offer: &Offer, told: impl FnOnce() -> Told) {
        self.offer = Some(Arc::clone(&offer.label));
        if !offer.send.is_empty() {
            self.told = Some(told());
        }
    }
}

/// A request, as long as it is there to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// When it came.
    pub at: SystemTime,
    /// The hit's id.
    pub hit_id: HitId,
    /// The host, canonical; empty where it is none.
    pub host: &'a str,
    /// Path and query as they came, and the headers; `None` where they could not be read.
    pub head: Option<(&'a str, Headers<'a>)>,
}

/// A hit. Its texts are copies: to hold on to a request's own bytes would keep the buffer of the whole head, for which the
/// connection then takes a new one.
#[derive(Debug)]
pub struct Record {
    /// When it came.
    pub at: SystemTime,
    /// Its id.
    pub hit_id: HitId,
    /// Its end.
    pub ended: Ended,
    texts: Texts,
}

/// Host, target, User-Agent and referrer, in one piece.
#[derive(Debug)]
struct Texts {
    bytes: Box<[u8]>,
    /// Where each ends; `None` is one that was not there.
    ends: [Option<usize>; 4],
}

impl Texts {
    fn new(texts: [Option<&[u8]>; 4]) -> Self {
        let length = texts.iter().flatten().map(|text| text.len()).sum();
        let mut bytes = Vec::with_capacity(length);
        let ends = texts.map(|text| {
            bytes.extend_from_slice(text?);
            Some(bytes.len())
        });
        Self {
            bytes: bytes.into(),
            ends,
        }
    }

    fn get(&self, number: usize) -> Option<&[u8]> {
        let end = self.ends[number]?;
        let from = self.ends[..number].iter().rev().find_map(|end| *end);
        Some(&self.bytes[from.unwrap_or(0)..end])
    }
}

/// How a hit ended.
#[derive(Debug)]
pub struct Ended {
    /// The outcome's name.
    pub kind: Kind,
    /// Its reason.
    pub reason: Option<Reason>,
    /// Where the visitor was sent, where that is wanted.
    pub location: Option<HeaderValue>,
    /// What was met on the way.
    pub trace: Trace,
    /// From the request's head to the answer.
    pub total: Duration,
}

impl Record {
    /// Of what was seen of a hit, and how it ended.
    pub fn new(seen: &Seen<'_>, outcome: &Outcome, trace: Trace, total: Duration) -> Self {
        let header = |name: &HeaderName| seen.head?.1.get(name);
        Self {
            at: seen.at,
            hit_id: seen.hit_id,
            texts: Texts::new([
                Some(seen.host.as_bytes()),
                seen.head.map(|(target, _)| target.as_bytes()),
                header(&USER_AGENT),
                header(&REFERER),
            ]),
            ended: Ended {
                kind: outcome.kind(),
                reason: outcome.reason(),
                location: None,
                trace,
                total,
            },
        }
    }

    /// The same, with where the visitor was sent.
    #[must_use]
    pub fn with_location(mut self, outcome: &Outcome) -> Self {
        self.ended.location = match outcome {
            Outcome::Advertiser(location) => Some(location.value().clone()),
            Outcome::Tracking(location, _)
            | Outcome::Trafficback(location, _)
            | Outcome::Preview(location, _)
            | Outcome::Unmatched(Nowhere::Redirect(location)) => Some(location.value().clone()),
            Outcome::Unmatched(Nowhere::Status(_)) | Outcome::Refused(_) => None,
        };
        self
    }

    /// The host, canonical; empty where it was none.
    pub fn host(&self) -> &str {
        self.text(0).unwrap_or_default()
    }

    /// The User-Agent's bytes.
    pub fn user_agent(&self) -> Option<&[u8]> {
        self.texts.get(2)
    }

    /// The referrer's bytes.
    pub fn referrer(&self) -> Option<&[u8]> {
        self.texts.get(3)
    }

    /// One that came as text.
    fn text(&self, number: usize) -> Option<&str> {
        self.texts.get(number).and_then(|text| str::from_utf8(text).ok())
    }

    /// Path and query as they came; no path where they could not be read.
    pub fn path_and_query(&self) -> (Option<&str>, Query<'_>) {
        let Some(target) = self.text(1) else {
            return (None, Query::new(""));
        };
        let (path, query) = query::of_target(target);
        (Some(path), query)
    }
}
