//! The way of a hit: from a request to how it ended, every early exit in sight.

mod ends;

pub use self::ends::{failure_reason, trafficback_reason};

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::{
    click::{Answer, Who},
    edge::{Edge, Link, Offer},
    hit_id::HitId,
    observe::Trace,
    outcome::{Outcome, Reason, Refusal},
    query::Query,
    redirect::{FallbackUrl, Values},
    visitor::{Visitor, speculative::is_speculative},
};

/// A GET or HEAD request, its host and path canonical.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// The hit's id.
    pub id: HitId,
    /// Whether it is a HEAD.
    pub head: bool,
    /// The host, empty where an HTTP/1.0 client named none.
    pub host: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query, as it came.
    pub query: Query<'a>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The other end of the connection.
    pub peer: IpAddr,
}

/// Serves a hit. `trace` is told what was met on the way.
///
/// Dropped at its await, which is where the tracker is asked, it leaves the call to go on by itself.
pub async fn serve(edge: &Edge, hit: &Hit<'_>, trace: &mut Trace) -> Outcome {
    let visitor = Visitor::read(&edge.real_ip, hit.peer, hit.headers);
    trace.ip = visitor.ip;
    let mut values = ends::values(hit, &visitor);
    let Some(found) = edge.links.find(hit.host, hit.path) else {
        return ends::unmatched(edge, &values);
    };
    let link = found.item;
    values.rest = found.rest;
    trace.link = Some(link.at.clone());
    if is_speculative(hit.headers) {
        return Outcome::Refused(Refusal::Speculative);
    }
    if hit.head {
        return ends::preview(link, values, Reason::Head);
    }
    let Some(user_agent) = visitor.user_agent else {
        return ends::trafficback(link, values, Reason::NoUserAgent);
    };
    if edge.bots.stops(user_agent) {
        return ends::preview(link, values, Reason::Bot);
    }
    let who = Who {
        ip: visitor.ip,
        user_agent: user_agent.as_bytes(),
        referrer: visitor.referrer.map(HeaderValue::as_bytes),
    };
    offers(edge, link, values, &who, trace).await
}

/// Tries the offers in turn; the first click ends it. A tracker that failed is not asked again for this visitor.
async fn offers(edge: &Edge, link: &Link, mut values: Values<'_>, who: &Who<'_>, trace: &mut Trace) -> Outcome {
    let by = Instant::now() + edge.clicks.deadline();
    let mut first: Option<(&Offer, Reason)> = None;
    let mut first_with_tracking: Option<(&Offer, &FallbackUrl, Reason)> = None;
    let mut failed_trackers: Vec<u32> = Vec::new();
    for offer in &link.offers {
        let tracker = offer.request.tracker().number;
        if failed_trackers.contains(&tracker) || (first.is_some() && Instant::now() >= by) {
            continue;
        }
        values.offer = Some(offer.label.ids);
        let told = || ends::told(offer, &values);
        let asked = edge.clicks.ask(&offer.request, who, told, by).await;
        trace.asked(&asked);
        match asked.answer {
            Answer::Click(click) => {
                trace.ended_with(offer, told);
                trace.click_id = Some(click.id.clone());
                return Outcome::Advertiser(ends::to_advertiser(offer, &values, &click));
            }
            Answer::Trafficback(why) => {
                first.get_or_insert((offer, ends::trafficback_reason(&why)));
                trace.trafficback(why);
            }
            Answer::Failed(why) => {
                let reason = ends::failure_reason(&why);
                first.get_or_insert((offer, reason));
                if let Some(url) = &offer.tracking {
                    first_with_tracking.get_or_insert((offer, url, reason));
                }
                if !why.is_of_offer() {
                    failed_trackers.push(tracker);
                }
            }
        }
    }
    if let Some((offer, url, reason)) = first_with_tracking {
        values.offer = Some(offer.label.ids);
        trace.ended_with(offer, || ends::told(offer, &values));
        return Outcome::Tracking(url.location(&values), reason);
    }
    let Some((offer, reason)) = first else {
        return ends::trafficback(link, values, Reason::NoOffer);
    };
    values.offer = Some(offer.label.ids);
    trace.ended_with(offer, || ends::told(offer, &values));
    ends::trafficback(link, values, reason)
}
