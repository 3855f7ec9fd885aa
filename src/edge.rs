//! What a hit is served from: one immutable snapshot of a configuration, made of the parts of each stage.
//!
//! Valid by construction; `config` makes it. Holds no rule of its own: `hit` has them.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use arc_swap::{ArcSwap, Guard};
use http::StatusCode;

use crate::{
    click::{ClickApi, Tracker, Who, api::OfferRequest},
    link::{Order, Rules, Table},
    offer_ids::OfferIds,
    outcome::Kind,
    redirect::{FallbackUrl, SendValue, TrafficUrl},
    visitor::{Lookups, RealIp},
};

/// Everything that the way of a hit asks. A copy shares all that is large.
#[derive(Clone)]
pub struct Edge {
    /// How the visitor's address is decided.
    pub real_ip: RealIp,
    /// What addresses and User-Agents are looked up in.
    pub lookups: Arc<Lookups>,
    /// What becomes of declared bots.
    pub bots: BotRule,
    /// The links, by place.
    pub links: Arc<Table<Link>>,
    /// The trackers, whether a link leads to them or not.
    pub trackers: Arc<[Arc<Tracker>]>,
    /// What becomes of hits without a link.
    pub unmatched: Unmatched,
    /// The clicks.
    pub clicks: Arc<ClickApi>,
}

/// The snapshot that hits are served from now. A hit takes it once, and keeps it to its end.
pub struct Current(ArcSwap<Edge>);

impl Current {
    /// With a first snapshot.
    pub fn new(edge: Edge) -> Self {
        Self(ArcSwap::from_pointee(edge))
    }

    /// The snapshot of a hit that begins now.
    pub fn load(&self) -> Guard<Arc<Edge>> {
        self.0.load()
    }

    /// Serves hits that begin from now on from another snapshot. Those under way end on theirs.
    pub fn exchange(&self, edge: Edge) {
        self.0.store(Arc::new(edge));
    }

    /// Serves hits that begin from now on from a changed snapshot; `change` may be asked more than once.
    pub fn change(&self, change: impl Fn(&mut Edge)) {
        self.0.rcu(|edge| {
            let mut changed = Edge::clone(edge);
            change(&mut changed);
            changed
        });
    }
}

/// What declared bots are to the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BotRule {
    /// Not visitors: they get no click.
    Stop,
    /// Visitors like any other.
    Click,
}

/// What an affiliate spreads.
pub struct Link {
    /// Its place, as the configuration writes it; the first of several.
    pub at: Arc<str>,
    /// Where its hits are counted, if each link's are.
    pub counts: Option<Arc<LinkCounts>>,
    /// What it can lead to, as it is written.
    pub offers: Box<[Offer]>,
    /// In which order that is tried.
    pub order: Order,
    /// Where visitors without a click go; most links share one.
    pub trafficback: Arc<FallbackUrl>,
    /// Where those go who look without clicking.
    pub preview: Option<FallbackUrl>,
}

impl Link {
    /// The offers in the order in which they are tried for a visitor.
    pub fn in_order(&self, who: &Who<'_>) -> impl Iterator<Item = &Offer> + Clone {
        let drawn = self.order.draw(self.offers.len(), who.ip, who.user_agent);
        drawn.into_iter().map(|number| &self.offers[usize::from(number)])
    }
}

/// What is counted of one link.
#[derive(Debug, Default)]
pub struct LinkCounts {
    /// By [`Kind`].
    hits: [AtomicU64; Kind::ALL.len()],
    clicks: AtomicU64,
}

impl LinkCounts {
    /// Counts a hit, and whether the tracker was asked for its click.
    pub fn hit(&self, kind: Kind, is_asked: bool) {
        self.hits[kind as usize].fetch_add(1, Relaxed);
        if is_asked && kind == Kind::Advertiser {
            self.clicks.fetch_add(1, Relaxed);
        }
    }

    /// Hits that ended so.
    pub fn hits(&self, kind: Kind) -> u64 {
        self.hits[kind as usize].load(Relaxed)
    }

    /// Hits whose click the tracker gave, rather than one that was had or another hit's.
    pub fn clicks(&self) -> u64 {
        self.clicks.load(Relaxed)
    }
}

/// One thing that a link can lead to.
pub struct Offer {
    /// What logs call it.
    pub label: Arc<OfferLabel>,
    /// Whom it is for.
    pub rules: Rules,
    /// Who is asked for a click.
    pub tracker: Arc<Tracker>,
    /// The advertiser's link.
    pub traffic: TrafficUrl,
    /// The ordinary link of the tracker's, for when its Click API fails.
    pub tracking: Option<Box<FallbackUrl>>,
    /// What the tracker is told beside the visitor's own.
    pub send: Box<[(&'static str, SendValue)]>,
}

impl Offer {
    /// How the tracker is asked for a click.
    pub fn request(&self) -> OfferRequest<'_> {
        OfferRequest {
            tracker: &self.tracker,
            ids: self.label.ids,
        }
    }
}

/// An offer, in the words of logs.
#[derive(Debug)]
pub struct OfferLabel {
    /// The affiliate's name for it.
    pub name: Option<Box<str>>,
    /// The tracker's name.
    pub tracker: Arc<str>,
    /// The tracker's ids.
    pub ids: OfferIds,
    /// The same as lines for programs have it, once there is one.
    pub said: OnceLock<Box<Said>>,
}

/// What each line for programs says of an offer and its link.
#[derive(Debug)]
pub struct Said {
    /// The link's place.
    pub link: Arc<str>,
    /// The fields of both.
    pub bytes: Box<[u8]>,
}

/// What becomes of hits without a link.
#[derive(Clone)]
pub enum Unmatched {
    /// An empty answer.
    Status(StatusCode),
    /// A redirect.
    Redirect(FallbackUrl),
}
