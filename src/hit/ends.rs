//! The ends of a hit's way: what each answer is called, and the location that each end has.

use super::Hit;
use crate::{
    click::{Click, Failure, Told, Trafficback, wire},
    edge::{Edge, Link, Offer, Unmatched},
    outcome::{Nowhere, Outcome, Reason},
    percent,
    redirect::{AdvertiserLocation, Values, macros::ClickValues},
    visitor::Visitor,
};

pub(super) fn values<'a>(hit: &Hit<'a>, visitor: &'a Visitor<'a>) -> Values<'a> {
    Values {
        about: visitor,
        ip: visitor.ip,
        user_agent: visitor.user_agent.unwrap_or_default(),
        referrer: visitor.referrer.unwrap_or_default(),
        host: hit.host,
        path: hit.path,
        rest: "",
        query: hit.query,
        hit_id: hit.ids.hit,
        offer: None,
        reason: "",
    }
}

pub(super) fn unmatched(edge: &Edge, values: &Values<'_>) -> Outcome {
    Outcome::Unmatched(match &edge.unmatched {
        Unmatched::Status(status) => Nowhere::Status(*status),
        Unmatched::Redirect(url) => Nowhere::Redirect(url.location(values)),
    })
}

pub(super) fn preview(link: &Link, values: Values<'_>, reason: Reason) -> Outcome {
    match &link.preview {
        Some(url) => Outcome::Preview(url.location(&values), reason),
        None => trafficback(link, values, reason),
    }
}

pub(super) fn trafficback(link: &Link, mut values: Values<'_>, reason: Reason) -> Outcome {
    values.reason = reason.as_str();
    Outcome::Trafficback(link.trafficback.location(&values), reason)
}

pub(super) fn to_advertiser(offer: &Offer, values: &Values<'_>, click: &Click) -> AdvertiserLocation {
    let click = ClickValues {
        id: &click.id,
        session_id: click.session_id.as_deref(),
        params: &click.params,
    };
    offer.traffic.location(values, click)
}

/// What the tracker is told beside the required: the affiliate's `send`, then the visitor's own under other names.
pub fn told(offer: &Offer, values: &Values<'_>) -> Told {
    let mut told = Told::default();
    for (name, value) in &offer.send {
        let mut written = Vec::new();
        value.write(values, &mut written);
        if written.is_empty() {
            told.leave_out(name);
        } else {
            told.add(name, written);
        }
    }
    for (name, value) in wire::tags(values.query) {
        let mut written = Vec::new();
        percent::keep_query_value(value.as_bytes(), &mut written);
        told.add(name, written);
    }
    told
}

/// The reason that a trafficback is called by.
pub fn trafficback_reason(why: &Trafficback) -> Reason {
    match why {
        Trafficback::OfferInactive => Reason::OfferInactive,
        Trafficback::CampaignInactive => Reason::CampaignInactive,
        Trafficback::Targeting => Reason::Targeting,
        Trafficback::Overcap => Reason::Overcap,
        Trafficback::Other(_) => Reason::Other,
    }
}

/// The reason that a failure is called by, in metrics as for visitors.
pub fn failure_reason(why: &Failure) -> Reason {
    match why {
        Failure::Rejected(_) => Reason::Rejected,
        Failure::Denied(_) => Reason::Denied,
        Failure::Tracker(_) => Reason::TrackerError,
        Failure::Unreachable(_) => Reason::Unreachable,
        Failure::Timeout => Reason::Timeout,
        Failure::BadAnswer(_) => Reason::BadAnswer,
        Failure::Overload => Reason::Overload,
    }
}
