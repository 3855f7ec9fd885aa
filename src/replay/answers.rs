//! What trackers answer on a hit's way, as far as it is known, and how sure that makes where the way ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{
    Certainty,
    then::{Key, Then},
    walk::{Walked, Way},
    words::Words,
};
use crate::{
    click::{Answer, Trafficback},
    edge::OfferLabel,
    explain::rehearsal::{given, unsaid},
};

/// No click, and nobody knows why: most often it is the visitor.
const NO_CLICK: Answer = Answer::Trafficback(Trafficback::Targeting);

/// How answers came about that the line does not tell.
#[derive(Default)]
struct Supposed {
    /// Offers that gave this visitor no click, and whether others were told why.
    in_vain: Vec<(Arc<OfferLabel>, bool)>,
    by_others: bool,
    assumed: bool,
}

/// The way through the configuration of then, and the offers that gave no click on it.
pub(super) fn walk_old<'w>(old: &'w Way, then: &Then<'_>, target: &str) -> (Walked<'w>, Vec<Arc<OfferLabel>>) {
    let in_vain = Mutex::new(Vec::new());
    let walked = old.walk(then, target, |offer| {
        then.told(offer).unwrap_or_else(|| {
            locked(&in_vain).push(Arc::clone(&offer.label));
            NO_CLICK
        })
    });
    (walked, in_vain.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The way through the configuration that is to come, and how sure it is. `in_vain` are offers that gave this visitor no click.
pub(super) fn walk_new<'w>(
    new: &'w Way,
    then: &Then<'_>,
    target: &str,
    in_vain: &[Arc<OfferLabel>],
    words: &Words,
) -> (Walked<'w>, Certainty) {
    let supposed = Mutex::new(Supposed::default());
    let walked = new.walk(then, target, |offer| {
        if let Some(told) = then.told(offer) {
            return told;
        }
        let key = Key::of(&offer.label);
        let by_others = words.of(key, then.second);
        let mut supposed = locked(&supposed);
        if in_vain.iter().any(|label| Key::of(label) == key) {
            // Had it failed, the visitor might have gone to its tracking URL.
            let by_others = by_others.filter(|answer| matches!(answer, Answer::Trafficback(_)));
            supposed.in_vain.push((Arc::clone(&offer.label), by_others.is_some()));
            return by_others.unwrap_or(NO_CLICK);
        }
        supposed.by_others |= by_others.is_some();
        supposed.assumed |= by_others.is_none();
        by_others
            .or_else(|| then.failure_of(&offer.label.tracker))
            .unwrap_or_else(|| Answer::Click(given(offer, unsaid()).into()))
    });
    let supposed = supposed.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Why an offer gave none matters where that is the reason of the end.
    let reason = walked.offer.as_ref().and_then(|end| {
        let mut in_vain = supposed.in_vain.iter();
        in_vain.find(|(label, _)| Arc::ptr_eq(label, end))
    });
    let certainty = match reason {
        _ if supposed.assumed => Certainty::Assumed,
        Some((_, false)) => Certainty::Assumed,
        Some((_, true)) => Certainty::Likely,
        None if supposed.by_others => Certainty::Likely,
        None => Certainty::Certain,
    };
    (walked, certainty)
}

// Nothing under these locks can panic half way.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
