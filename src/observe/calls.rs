//! What the diagnostics say of calls to trackers: that one fails, why, and how to mend it.

use tracing::field::display;

use crate::{
    click::{Answer, BreakerState, Denial, Event, Failure},
    hit_id::HitIds,
};

/// Tells of something that happened with a tracker of this name, if there is something to tell. It knows no key and no text of the
/// tracker's own.
pub fn tell(tracker: &str, event: &Event<'_>) {
    match event {
        Event::Called { answer, hit, .. } => called(tracker, answer, *hit),
        Event::Breaker(BreakerState::Open) => {
            let mend = "visitors go to their fallback at once, and one hit a second asks whether it is back";
            tracing::warn!(
                target: "onehop::peers",
                tracker,
                mend,
                "the tracker fails whatever it is asked, and is left alone"
            );
        }
        Event::Breaker(BreakerState::Closed) => {
            tracing::info!(target: "onehop::peers", tracker, "the tracker answers again");
        }
        Event::ClicksDiffer(hit) => {
            let mend = "its hedging is off until a restart; write click.hedge_after = \"off\" to have it so";
            tracing::warn!(
                target: "onehop::peers",
                tracker,
                hit_id = %hit.hit,
                trace_id = hit.trace.map(display),
                mend,
                "the tracker makes two clicks of two requests at the same moment"
            );
        }
        Event::Breaker(BreakerState::HalfOpen)
        | Event::Attempt(_)
        | Event::HedgeWon
        | Event::Spared(_)
        | Event::Load { .. } => {}
    }
}

fn called(tracker: &str, answer: &Answer, hit: HitIds) {
    let (hit_id, trace_id) = (display(hit.hit), hit.trace.map(display));
    let Answer::Failed(failure) = answer else {
        tracing::debug!(target: "onehop::peers", tracker, hit_id, trace_id, ?answer, "the tracker answered");
        return;
    };
    let (what, mend) = words(failure);
    let status = match failure {
        Failure::Tracker(status) => Some(*status),
        _ => None,
    };
    let field = match failure {
        Failure::Rejected(field) => *field,
        _ => None,
    };
    let why = match failure {
        Failure::Unreachable(why) | Failure::BadAnswer(why) => Some(*why),
        _ => None,
    };
    tracing::warn!(target: "onehop::peers", tracker, hit_id, trace_id, status, field, why, mend, "{what}");
}

fn words(failure: &Failure) -> (&'static str, &'static str) {
    match failure {
        Failure::Rejected(_) => (
            "the tracker finds a request invalid (400)",
            "compare the ids of the offer with its campaign card",
        ),
        Failure::Denied(Denial::Key) => (
            "the tracker denies access (403)",
            "its secure_key is wrong, or not of this network",
        ),
        Failure::Denied(Denial::Offer) => (
            "an offer does not allow the Click API (403)",
            "ask the network to enable it, or give the offer a tracking_url",
        ),
        Failure::Denied(Denial::Unsaid) => (
            "the tracker refuses without saying what (403)",
            "check the secure_key, and whether the offer allows the Click API",
        ),
        Failure::Tracker(_) => (
            "the tracker answers with an error",
            "if it lasts, ask the network; visitors go to their fallback",
        ),
        Failure::Unreachable(_) => (
            "the tracker cannot be reached",
            "check its url, and this machine's network and DNS",
        ),
        Failure::Timeout => (
            "the tracker does not answer in time",
            "if it lasts, ask the network; click.deadline bounds the wait",
        ),
        Failure::BadAnswer(_) => (
            "the tracker's answer is not the Click API's",
            "check that its url is the Click API's, and no proxy stands between",
        ),
        Failure::Overload => (
            "too many calls to the tracker are under way",
            "the tracker is slow for this many visitors; they go to their fallback",
        ),
    }
}
