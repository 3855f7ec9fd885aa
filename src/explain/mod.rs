//! What the edge would do with a request, and why, without asking anybody: the way of a hit itself, rehearsed with each answer
//! that a tracker may give.
//!
//! Decides nothing of its own. `imagined` is the request, `seen` the visitor, `rehearsal` the answers; `text` writes it all
//! for a person, and its JSON has the same fields.

mod imagined;
pub mod rehearsal;
mod seen;
pub mod text;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use self::rehearsal::{End, Ends};
pub use self::{
    imagined::{Imagined, NoRequest},
    seen::Seen,
};
use crate::{
    edge::{Edge, Offer},
    headers::Headers,
    hit::{self, Arrival, Hit},
    hit_id::{HitId, HitIds},
    link::{Order, targeting::Rule},
    observe::Trace,
    outcome::Outcome,
    server::{
        Limits,
        request::{self, Head},
    },
    visitor::Visitor,
};

/// What the edge would do.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The host and path that are looked up; absent when the request is refused.
    pub place: Option<String>,
    /// When, in RFC 3339.
    pub at: String,
    /// Who asks.
    pub visitor: Seen,
    /// The link's place, as its configuration writes it first.
    pub link: Option<String>,
    /// How it ends without asking a tracker, if it does.
    pub ends: Option<End>,
    /// `listed` or `weighted`.
    pub order: Option<&'static str>,
    /// The link's offers, in the order in which they are tried for this visitor.
    pub offers: Vec<OfferExplained>,
    /// What follows when every offer that is asked for comes to the same: by the reason.
    pub otherwise: Option<Ends>,
}

/// An offer, whether it is for this visitor, and what follows.
#[derive(Clone, Debug, Serialize)]
pub struct OfferExplained {
    /// Its number in the link, from 1.
    pub number: usize,
    /// The affiliate's name for it.
    pub name: Option<String>,
    /// The tracker.
    pub tracker: String,
    /// `offer_id`.
    pub offer_id: u64,
    /// `campaign_id`.
    pub campaign_id: u64,
    /// `promo_id`.
    pub promo_id: u64,
    /// Its part in the weighted order.
    pub weight: Option<u32>,
    /// Whether it comes before those that have parts.
    pub first: bool,
    /// Whether it is for this visitor.
    pub fits: bool,
    /// The first rule that says it is not.
    pub because: Option<String>,
    /// The request that its tracker would get, the key left out.
    pub request: Option<String>,
    /// Where the visitor goes with a click on it. `CLICK_ID`, `SESSION_ID` and other capitals stand for what the tracker gives.
    pub click: Option<End>,
}

/// Explains a request.
pub async fn explain(edge: &Edge, limits: &Limits, asked: &Imagined) -> Explanation {
    let parts = asked.parts();
    let headers = Headers::from(&parts.headers);
    let visitor = Visitor::read(&edge.real_ip, &edge.lookups, asked.peer, headers, headers.into());
    let mut explanation = Explanation {
        place: None,
        at: Timestamp::try_from(asked.at).map_or_else(|_| String::new(), |at| format!("{at:.0}")),
        visitor: Seen::of(edge, asked.peer, &visitor, headers),
        link: None,
        ends: None,
        order: None,
        offers: Vec::new(),
        otherwise: None,
    };
    let read = match request::read(&Head::from(&parts), limits) {
        Ok(read) => read,
        Err(refusal) => {
            explanation.ends = Some(End::of(Outcome::Refused(refusal)));
            return explanation;
        }
    };
    explanation.place = Some(format!("{}{}", read.host, read.path));
    let hit = Hit {
        at: asked.at,
        began: Instant::now(),
        ids: HitIds {
            hit: HitId::new(asked.at),
            trace: None,
        },
        head: read.head,
        host: &read.host,
        path: &read.path,
        query: read.query,
        headers,
        sender: headers.into(),
        peer: asked.peer,
    };
    let mut trace = Trace::new(asked.peer);
    let arrived = hit::arrive(edge, &hit, &visitor, &mut trace);
    explanation.link = trace.link.as_deref().map(str::to_owned);
    match arrived {
        Err(outcome) => explanation.ends = Some(End::of(outcome)),
        Ok(arrival) => {
            explanation.order = Some(match arrival.link.order {
                Order::Listed => "listed",
                Order::Weighted(_) => "weighted",
            });
            for offer in arrival.link.in_order(&arrival.who) {
                explanation.offers.push(offer_explained(offer, &arrival).await);
            }
            explanation.otherwise = Some(rehearsal::otherwise(&arrival).await);
        }
    }
    explanation
}

async fn offer_explained(offer: &Offer, arrival: &Arrival<'_>) -> OfferExplained {
    let number = arrival
        .link
        .offers
        .iter()
        .position(|other| std::ptr::eq(other, offer))
        .unwrap_or_default();
    let label = &offer.label;
    let broken = offer.rules.fit(&arrival.subject).err();
    let ticket = match &arrival.link.order {
        Order::Listed => None,
        Order::Weighted(tickets) => tickets.get(number),
    };
    let mut explained = OfferExplained {
        number: number + 1,
        name: label.name.as_deref().map(str::to_owned),
        tracker: label.tracker.to_string(),
        offer_id: label.ids.offer,
        campaign_id: label.ids.campaign,
        promo_id: label.ids.promo,
        weight: ticket.filter(|ticket| !ticket.first).map(|ticket| ticket.weight),
        first: ticket.is_some_and(|ticket| ticket.first),
        fits: broken.is_none(),
        because: broken.map(|rule| misfit(rule, arrival)),
        request: None,
        click: None,
    };
    if broken.is_none() {
        let values = arrival.values_for(offer);
        explained.request = Some(offer.request().shown(&arrival.who, &hit::told(offer, &values)));
        explained.click = Some(rehearsal::click_on(offer, arrival).await);
    }
    explained
}

fn misfit(rule: &Rule, arrival: &Arrival<'_>) -> String {
    let found = rule.condition.found(&arrival.subject);
    let condition = &rule.condition;
    if rule.condition.key() == "time" {
        let what = if rule.unless {
            "`unless` excludes"
        } else {
            "`when` asks for"
        };
        return format!("{what} {condition}, and it is {found}");
    }
    match (rule.unless, found.is_empty()) {
        (true, _) => format!("`unless` excludes {condition}, and the visitor's is {found}"),
        (false, false) => format!("`when` asks for {condition}, and the visitor's is {found}"),
        (false, true) => format!("`when` asks for {condition}, and the visitor's is not known"),
    }
}
