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
    outcome::{Nowhere, Outcome},
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

/// A hit at its end.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its request.
    pub seen: &'a Seen<'a>,
    /// What it met.
    pub trace: &'a Trace,
    /// How it ended.
    pub outcome: &'a Outcome,
    /// From the request's head to the answer.
    pub total: Duration,
}

impl Record<'_> {
    /// Where the visitor was sent.
    pub fn location(&self) -> Option<&HeaderValue> {
        match self.outcome {
            Outcome::Advertiser(location) => Some(location.value()),
            Outcome::Tracking(location, _)
            | Outcome::Trafficback(location, _)
            | Outcome::Preview(location, _)
            | Outcome::Unmatched(Nowhere::Redirect(location)) => Some(location.value()),
            Outcome::Unmatched(Nowhere::Status(_)) | Outcome::Refused(_) => None,
        }
    }
}

impl<'a> Seen<'a> {
    /// Who sent it; nobody, where that could not be read.
    pub fn sender(&self) -> Sender<'a> {
        self.head.map(|(_, sender)| sender).unwrap_or_default()
    }

    /// Path and query as they came; no path where they could not be read.
    pub fn path_and_query(&self) -> (Option<&'a str>, Query<'a>) {
        match self.head {
            None => (None, Query::new("")),
            Some((target, _)) => {
                let (path, query) = query::of_target(target);
                (Some(path), query)
            }
        }
    }
}
