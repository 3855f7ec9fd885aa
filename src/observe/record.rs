//! What is known of one hit at its end. How it is written is decided by whoever writes.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::HeaderValue;
use smallvec::SmallVec;

use crate::{
    click::{Asked, CacheUse, Effort, Told, Trafficback},
    click_id::ClickId,
    country::Country,
    device::Agent,
    edge::{LinkCounts, Offer, OfferLabel},
    headers::Sender,
    hit_id::HitIds,
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
    /// Where the link's hits are counted, if each link's are.
    pub link_counts: Option<Arc<LinkCounts>>,
    /// The click.
    pub click_id: Option<ClickId>,
    /// What was found out about the visitor.
    pub found: Found,
    pub(super) offer: Option<Arc<OfferLabel>>,
    pub(super) told: Option<Box<Told>>,
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
            link_counts: None,
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

    /// The offer by which the hit ended.
    pub fn offer(&self) -> Option<&Arc<OfferLabel>> {
        self.offer.as_ref()
    }

    /// The offer by which the hit ended. `told` is asked for an affiliate's own values, which the request does not show.
    pub fn ended_with(&mut self, offer: &Offer, told: impl FnOnce() -> Told) {
        self.offer = Some(Arc::clone(&offer.label));
        if !offer.send.is_empty() {
            self.told = Some(Box::new(told()));
        }
    }
}

/// A request, as long as it is there to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// When it came.
    pub at: SystemTime,
    /// The hit's ids.
    pub ids: HitIds,
    /// The host, canonical; empty where it is none.
    pub host: &'a str,
    /// Path and query as they came, and who sent them; `None` where they could not be read.
    pub head: Option<(&'a str, Sender<'a>)>,
}

/// A hit. Its texts are copies: to hold on to a request's own bytes would keep the buffer of the whole head, for which the
/// connection then takes a new one.
#[derive(Debug)]
pub struct Record {
    /// When it came.
    pub at: SystemTime,
    /// Its ids.
    pub ids: HitIds,
    /// Its end.
    pub ended: Ended,
    texts: Texts,
}

/// Texts, and bytes, in one piece of each.
#[derive(Debug)]
struct Texts {
    /// Host and target.
    text: Box<str>,
    /// User-Agent and referrer.
    bytes: Box<[u8]>,
    /// Where the first of each ends.
    ends: [usize; 2],
    /// Whether target, User-Agent and referrer were there.
    are_there: [bool; 3],
}

impl Texts {
    fn new(host: &str, target: Option<&str>, sender: Sender<'_>) -> Self {
        let user_agent = sender.user_agent.unwrap_or_default();
        Self {
            text: [host, target.unwrap_or_default()].concat().into(),
            bytes: [user_agent, sender.referrer.unwrap_or_default()].concat().into(),
            ends: [host.len(), user_agent.len()],
            are_there: [target.is_some(), sender.user_agent.is_some(), sender.referrer.is_some()],
        }
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
        let (target, sender) = seen.head.unzip();
        Self {
            at: seen.at,
            ids: seen.ids,
            texts: Texts::new(seen.host, target, sender.unwrap_or_default()),
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
        &self.texts.text[..self.texts.ends[0]]
    }

    /// The User-Agent's bytes.
    pub fn user_agent(&self) -> Option<&[u8]> {
        let Texts {
            bytes, ends, are_there, ..
        } = &self.texts;
        are_there[1].then(|| &bytes[..ends[1]])
    }

    /// The referrer's bytes.
    pub fn referrer(&self) -> Option<&[u8]> {
        let Texts {
            bytes, ends, are_there, ..
        } = &self.texts;
        are_there[2].then(|| &bytes[ends[1]..])
    }

    /// Path and query as they came; no path where they could not be read.
    pub fn path_and_query(&self) -> (Option<&str>, Query<'_>) {
        let Texts {
            text, ends, are_there, ..
        } = &self.texts;
        if !are_there[0] {
            return (None, Query::new(""));
        }
        let (path, query) = query::of_target(&text[ends[0]..]);
        (Some(path), query)
    }
}
