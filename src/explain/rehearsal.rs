//! The offers of a link tried with answers that nobody gave: where each would lead.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::{
    click::{self, Answer, Asked, CacheUse, Denial, Effort, Failure, Told, Trafficback, Who},
    click_id::ClickId,
    edge::Offer,
    hit::{self, Arrival, Ask, failure_reason, trafficback_reason},
    observe::Trace,
    outcome::{Outcome, Reason, Refusal},
    server::reply::Reply,
};

/// How a hit would end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct End {
    /// The outcome, as metrics and the click log have it.
    pub outcome: &'static str,
    /// Its reason.
    pub reason: Option<&'static str>,
    /// The HTTP status.
    pub status: u16,
    /// Where the visitor is sent.
    pub location: Option<String>,
    /// Why they are sent nowhere.
    pub because: Option<&'static str>,
}

/// Ends by the reason of a trafficback or failure that leads to them.
#[derive(Clone, Debug)]
pub struct Ends(pub Vec<(&'static str, End)>);

impl Serialize for Ends {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(reason, end)| (reason, end)))
    }
}

impl End {
    /// Of an outcome.
    pub fn of(outcome: Outcome) -> Self {
        let (kind, reason) = (outcome.kind(), outcome.reason());
        let because = match &outcome {
            Outcome::Refused(refusal) => Some(refused(*refusal)),
            Outcome::Unmatched(_) => Some("no link stands there"),
            _ => None,
        };
        let reply = Reply::of(outcome);
        Self {
            outcome: kind.as_str(),
            reason: reason.map(Reason::as_str),
            status: reply.status.as_u16(),
            location: reply
                .location
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            because,
        }
    }
}

fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadRequest => "it breaks a rule of HTTP",
        Refusal::TargetTooLong => "it is longer than any link",
        Refusal::TooManyFields => "it has more header fields than browsers send",
        Refusal::Method => "it is neither GET nor HEAD",
        Refusal::Speculative => "it is a prefetch or prerender: nobody has clicked yet",
        Refusal::Misdirected => "its connection's certificate is not for this host",
        Refusal::TrafficAdvice => "prefetch proxies ask here whether they are welcome",
        Refusal::Left => "the visitor left",
    }
}

/// Answers every request at once, by a script.
pub struct Rehearsal<F>(pub F);

impl<F: Fn(&Offer) -> Answer + Sync> Ask for Rehearsal<F> {
    fn deadline(&self) -> Duration {
        // Nobody waits.
        Duration::from_hours(1)
    }

    async fn ask(
        &self,
        offer: &Offer,
        _: &Who<'_>,
        _: Instant,
        _: impl FnOnce() -> Told + Send,
        _: impl FnOnce() -> Instant + Send,
    ) -> Asked {
        Asked {
            answer: (self.0)(offer),
            cache: CacheUse::Miss,
            effort: Effort::default(),
            waited: Duration::ZERO,
        }
    }
}

async fn end(arrival: &Arrival<'_>, script: impl Fn(&Offer) -> Answer + Sync) -> End {
    End::of(hit::try_offers(&Rehearsal(script), &mut arrival.clone(), &mut Trace::default()).await)
}

/// The end when this offer gives the click, and those before it none.
pub(super) async fn click_on(wanted: &Offer, arrival: &Arrival<'_>) -> End {
    end(arrival, |offer| {
        if std::ptr::eq(offer, wanted) {
            Answer::Click(Arc::new(given(offer, unsaid())))
        } else {
            Answer::Trafficback(Trafficback::Targeting)
        }
    })
    .await
}

/// The id of a click that nobody gave.
pub fn unsaid() -> ClickId {
    ClickId::try_from("CLICK_ID").expect("it is a word")
}

/// A click whose other values are the names of what a tracker gives.
pub fn given(offer: &Offer, id: ClickId) -> click::Click {
    let params = offer.traffic.params();
    click::Click {
        id,
        session_id: Some("SESSION_ID".into()),
        params: params.map(|name| (name.into(), name.to_uppercase().into())).collect(),
        existed: false,
    }
}

/// The ends when all offers that are asked for come to the same.
pub(super) async fn otherwise(arrival: &Arrival<'_>) -> Ends {
    let trafficbacks = [
        Trafficback::OfferInactive,
        Trafficback::CampaignInactive,
        Trafficback::Targeting,
        Trafficback::Overcap,
        Trafficback::Other("other".into()),
    ];
    let failures = [
        Failure::Rejected(None),
        Failure::Denied(Denial::Unsaid),
        Failure::Tracker(500),
        Failure::Unreachable("rehearsed"),
        Failure::Timeout,
        Failure::BadAnswer("rehearsed"),
        Failure::Overload,
    ];
    let mut ends = Vec::new();
    for why in trafficbacks {
        let end = end(arrival, |_| Answer::Trafficback(why.clone())).await;
        ends.push((trafficback_reason(&why).as_str(), end));
    }
    for why in failures {
        let end = end(arrival, |_| Answer::Failed(why.clone())).await;
        ends.push((failure_reason(&why).as_str(), end));
    }
    Ends(ends)
}
