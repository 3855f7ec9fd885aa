//! The way of a hit: from a request to how it ended, every early exit in sight.

mod ends;

pub use self::ends::{failure_reason, told, trafficback_reason};

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use crate::{
    about::About as _,
    click::{Answer, Asked, ClickApi, Told, Who},
    device::Device,
    edge::{BotRule, Edge, Link, Offer},
    headers::{Headers, Sender},
    hit_id::HitIds,
    link::Subject,
    observe::{Found, Trace},
    outcome::{Outcome, Reason, Refusal},
    query::Query,
    redirect::{FallbackUrl, Values},
    visitor::{Visitor, speculative::is_speculative},
};

/// A GET or HEAD request, its host and path canonical.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    /// When it came.
    pub at: SystemTime,
    /// The same moment, for measuring from.
    pub began: Instant,
    /// The hit's ids.
    pub ids: HitIds,
    /// Whether it is a HEAD.
    pub head: bool,
    /// The host, empty where an HTTP/1.0 client named none.
    pub host: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query, as it came.
    pub query: Query<'a>,
    /// The headers.
    pub headers: Headers<'a>,
    /// What they say of who sent it.
    pub sender: Sender<'a>,
    /// The other end of the connection.
    pub peer: IpAddr,
}

/// A person at a link, for whom its offers are tried.
#[derive(Clone)]
pub struct Arrival<'a> {
    /// When its hit came.
    pub began: Instant,
    /// The link.
    pub link: &'a Link,
    /// What macros stand for.
    pub values: Values<'a>,
    /// Whom the tracker is told of.
    pub who: Who<'a>,
    /// Whom the offers' rules are asked of.
    pub subject: Subject<'a>,
}

impl<'a> Arrival<'a> {
    /// What macros stand for in an offer's templates.
    pub fn values_for(&self, offer: &Offer) -> Values<'a> {
        let mut values = self.values.clone();
        values.offer = Some(offer.label.ids);
        values
    }
}

/// Who answers for the trackers: the Click API, or a rehearsal of it.
pub trait Ask: Sync {
    /// The longest that a visitor waits.
    fn deadline(&self) -> Duration;

    /// Asks for a click on an offer, `now`. `told` is asked only when a request is made, and until when to wait only when there is
    /// something to wait for.
    fn ask(
        &self,
        offer: &Offer,
        who: &Who<'_>,
        now: Instant,
        told: impl FnOnce() -> Told + Send,
        until: impl FnOnce() -> Instant + Send,
    ) -> impl Future<Output = Asked> + Send;
}

impl Ask for Arc<ClickApi> {
    fn deadline(&self) -> Duration {
        ClickApi::deadline(self)
    }

    fn ask(
        &self,
        offer: &Offer,
        who: &Who<'_>,
        now: Instant,
        told: impl FnOnce() -> Told + Send,
        until: impl FnOnce() -> Instant + Send,
    ) -> impl Future<Output = Asked> + Send {
        ClickApi::ask(self, offer.request(), who, now, told, until)
    }
}

/// Serves a hit. `trace` is told what was met on the way.
///
/// Dropped at its await, which is where the tracker is asked, it leaves the call to go on by itself.
pub async fn serve(edge: &Edge, hit: &Hit<'_>, trace: &mut Trace) -> Outcome {
    let visitor = Visitor::read(&edge.real_ip, &edge.lookups, hit.peer, hit.headers, hit.sender);
    let mut arrived = arrive(edge, hit, &visitor, trace);
    let outcome = match arrived {
        // Where it lies: it is large.
        Ok(ref mut arrival) => try_offers(&edge.clicks, arrival, trace).await,
        Err(outcome) => outcome,
    };
    trace.found = Found {
        country: visitor.country_if_asked(),
        agent: visitor.agent_if_asked(),
    };
    outcome
}

/// Finds the link, and ends what is no person's click on one.
pub fn arrive<'a>(
    edge: &'a Edge,
    hit: &Hit<'a>,
    visitor: &'a Visitor<'a>,
    trace: &mut Trace,
) -> Result<Arrival<'a>, Outcome> {
    trace.ip = visitor.ip;
    let mut values = ends::values(hit, visitor);
    let Some(found) = edge.links.find(hit.host, hit.path) else {
        return Err(ends::unmatched(edge, &values));
    };
    let link = found.item;
    values.rest = found.rest;
    trace.link = Some(link.at.clone());
    trace.link_counts.clone_from(&link.counts);
    if is_speculative(hit.headers) {
        return Err(Outcome::Refused(Refusal::Speculative));
    }
    if hit.head {
        return Err(ends::preview(link, values, Reason::Head));
    }
    let Some(user_agent) = visitor.user_agent else {
        return Err(ends::trafficback(link, values, Reason::NoUserAgent));
    };
    if edge.bots == BotRule::Stop && visitor.agent().device == Some(Device::Bot) {
        return Err(ends::preview(link, values, Reason::Bot));
    }
    let seconds = hit.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Arrival {
        began: hit.began,
        link,
        who: Who {
            ip: visitor.ip,
            user_agent,
            referrer: visitor.referrer,
            hit: hit.ids,
        },
        subject: Subject {
            about: visitor,
            ip: visitor.ip,
            referrer: values.referrer,
            query: hit.query,
            at: i64::try_from(seconds).unwrap_or(i64::MAX),
        },
        values,
    })
}

/// Until when one tracker is waited for: so long that each of the others, by number, has as much time after it.
fn share(by: Instant, others: impl Iterator<Item = u32>) -> Instant {
    let mut others: Vec<u32> = others.collect();
    if others.is_empty() {
        return by;
    }
    others.sort_unstable();
    others.dedup();
    let now = Instant::now();
    now + by.saturating_duration_since(now) / u32::try_from(others.len() + 1).unwrap_or(u32::MAX)
}

/// Why a tracker failed, if it did.
fn failure_of(tracker: u32, failed: &[(u32, Reason)]) -> Option<Reason> {
    let mut failed = failed.iter();
    failed.find_map(|(number, reason)| (*number == tracker).then_some(*reason))
}

/// Tries the offers that are for this visitor in their order; the first click ends it. A tracker that failed is not asked
/// again for this visitor: it has failed for its other offers too.
pub async fn try_offers(trackers: &impl Ask, arrival: &mut Arrival<'_>, trace: &mut Trace) -> Outcome {
    let Arrival {
        began,
        link,
        values,
        who,
        subject,
    } = arrival;
    let by = *began + trackers.deadline();
    // Most hits are at their end before the clock has moved.
    let mut now = *began;
    let mut first: Option<(&Offer, Reason)> = None;
    let mut first_with_tracking: Option<(&Offer, &FallbackUrl, Reason)> = None;
    let mut failed_trackers: Vec<(u32, Reason)> = Vec::new();
    let mut left = link.in_order(who);
    while let Some(offer) = left.next() {
        if offer.rules.fit(subject).is_err() {
            continue;
        }
        let tracker = offer.tracker.number;
        if first.is_some() {
            now = Instant::now();
        }
        if let Some(reason) = failure_of(tracker, &failed_trackers) {
            // It fails for this one too.
            if let Some(url) = &offer.tracking {
                first_with_tracking.get_or_insert((offer, url, reason));
            }
            continue;
        }
        if now >= by {
            continue;
        }
        values.offer = Some(offer.label.ids);
        let told = || ends::told(offer, values);
        let until = || {
            let is_other = |offer: &&Offer| {
                let number = offer.tracker.number;
                number != tracker && failure_of(number, &failed_trackers).is_none() && offer.rules.fit(subject).is_ok()
            };
            share(by, left.clone().filter(is_other).map(|offer| offer.tracker.number))
        };
        let asked = trackers.ask(offer, who, now, told, until).await;
        trace.asked(&asked);
        match asked.answer {
            Answer::Click(click) => {
                trace.ended_with(offer, told);
                trace.click_id = Some(click.id.clone());
                return Outcome::Advertiser(ends::to_advertiser(offer, values, &click));
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
                    failed_trackers.push((tracker, reason));
                }
            }
        }
    }
    if let Some((offer, url, reason)) = first_with_tracking {
        values.offer = Some(offer.label.ids);
        trace.ended_with(offer, || ends::told(offer, values));
        return Outcome::Tracking(url.location(values), reason);
    }
    let Some((offer, reason)) = first else {
        return ends::trafficback(link, values.clone(), Reason::NoOffer);
    };
    values.offer = Some(offer.label.ids);
    trace.ended_with(offer, || ends::told(offer, values));
    ends::trafficback(link, values.clone(), reason)
}
