//! What a hit is served from: one immutable snapshot of a configuration, made of the parts of each stage.
//!
//! Valid by construction; `config` makes it. Holds no rule of its own: `hit` has them.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};

use crate::{
    click::{ClickApi, api::OfferRequest},
    link::Table,
    redirect::{FallbackUrl, OfferIds, SendValue, TrafficUrl},
    visitor::{Bots, RealIp},
};

/// Everything that the way of a hit asks.
pub struct Edge {
    /// How the visitor's address is decided.
    pub real_ip: RealIp,
    /// Who is not a person.
    pub bots: BotRule,
    /// The links, by place.
    pub links: Table<Link>,
    /// What becomes of hits without a link.
    pub unmatched: Unmatched,
    /// The clicks.
    pub clicks: Arc<ClickApi>,
}

/// What declared bots are to the edge.
pub enum BotRule {
    /// Not visitors: they get no click.
    Stop(Bots),
    /// Visitors like any other.
    Click,
}

impl BotRule {
    /// Whether this User-Agent is kept from clicking.
    pub fn stops(&self, user_agent: &HeaderValue) -> bool {
        match self {
            Self::Stop(bots) => bots.is_bot(user_agent.as_bytes()),
            Self::Click => false,
        }
    }
}

/// What an affiliate spreads.
pub struct Link {
    /// Its place, as the configuration writes it; the first of several.
    pub at: Arc<str>,
    /// What it can lead to, in the order in which it is tried.
    pub offers: Box<[Offer]>,
    /// Where visitors without a click go.
    pub trafficback: FallbackUrl,
    /// Where those go who look without clicking.
    pub preview: Option<FallbackUrl>,
}

/// One thing that a link can lead to.
pub struct Offer {
    /// What logs call it.
    pub label: Arc<OfferLabel>,
    /// How the tracker is asked for a click.
    pub request: OfferRequest,
    /// The advertiser's link.
    pub traffic: TrafficUrl,
    /// The ordinary link of the tracker's, for when its Click API fails.
    pub tracking: Option<FallbackUrl>,
    /// What the tracker is told beside the visitor's own.
    pub send: Box<[(&'static str, SendValue)]>,
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
}

/// What becomes of hits without a link.
pub enum Unmatched {
    /// An empty answer.
    Status(StatusCode),
    /// A redirect.
    Redirect(FallbackUrl),
}
