//! What a tracker's answers prove of the key.
//!
//! The contract does not say whether the key or the fields are looked at first. So the same request without an offer is asked
//! twice, the second time with a key that is nobody's: only a tracker that refuses that one, and not the first, has looked.

use super::{Check, Finding, Mark};
use crate::click::{Answer, Denial, Failure};

/// What the answers to requests without an offer come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// It is accepted, and another is not.
    Accepted,
    /// It is wrong.
    Wrong,
    /// The tracker looks at the fields first, so that nothing is known.
    NotLookedAt,
    /// A refusal that is none of the Click API's.
    Forbidden,
    /// A click, though no offer was named.
    Click,
    /// Nothing that the Click API says to such a request.
    Unclear,
}

/// Whether an answer would be another one for another key.
pub(super) fn may_be_compared(own: &Answer) -> bool {
    matches!(
        own,
        Answer::Trafficback(_) | Answer::Failed(Failure::Rejected(_) | Failure::Denied(Denial::Offer))
    )
}

/// Judges the answer to the own key, and that to nobody's if there is one.
pub(super) fn judge(own: &Answer, strangers: Option<&Answer>) -> Key {
    match own {
        Answer::Failed(Failure::Denied(Denial::Key) | Failure::Rejected(Some("secure_key"))) => Key::Wrong,
        Answer::Failed(Failure::Denied(Denial::Unsaid)) => Key::Forbidden,
        Answer::Click(_) => Key::Click,
        own if may_be_compared(own) => match strangers {
            Some(Answer::Failed(Failure::Denied(Denial::Key) | Failure::Rejected(Some("secure_key")))) => Key::Accepted,
            _ => Key::NotLookedAt,
        },
        _ => Key::Unclear,
    }
}

pub(super) const CHECK_KEY: &str =
    "compare secure_key with the key in your account at this network (each network has its own), to its last character";

impl Key {
    /// `None` where the answer itself is told of as a finding of its own.
    pub(super) fn finding(self, tracker: &str) -> Option<Finding> {
        let told = |mark, found: &str| Finding::new(mark, Check::TrackerKey, tracker, found);
        Some(match self {
            Self::Accepted => told(
                Mark::Ok,
                "accepts the key: a request without an offer was answered by what is wrong with the offer, the same with a key \
                 that is nobody's by \"Access denied\"",
            ),
            Self::Wrong => told(Mark::Fail, "refuses the key: it answered 403 \"Access denied\"").mend(CHECK_KEY),
            Self::NotLookedAt => told(
                Mark::Unknown,
                "accepts the key or has not looked at it: a request without an offer was answered alike with the key and with \
                 one that is nobody's",
            )
            .mend("`onehop doctor --click` makes one real click, which tells"),
            Self::Forbidden => told(
                Mark::Warn,
                "answered 403 in words that are none of the Click API's: a firewall before it may dislike this request, or this \
                 machine",
            )
            .mend("ask the network whether calls from this machine's address are let in; `--click` tries a real one"),
            Self::Click => told(
                Mark::Warn,
                "gave a click to a request that names no offer: what answers there does not check what it is asked",
            )
            .mend("see whether the URL is the Click API's, and no stand-in for tests"),
            Self::Unclear => return None,
        })
    }

    /// Whether a real click would tell more.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::NotLookedAt | Self::Forbidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::click::Trafficback;

    #[test]
    fn only_a_difference_proves_a_key() {
        let rejected = || Answer::Failed(Failure::Rejected(Some("offer_id")));
        let denied = || Answer::Failed(Failure::Denied(Denial::Key));
        let off = || Answer::Trafficback(Trafficback::OfferInactive);
        for (own, strangers, expected) in [
            (rejected(), Some(denied()), Key::Accepted),
            (off(), Some(denied()), Key::Accepted),
            (rejected(), Some(rejected()), Key::NotLookedAt),
            (rejected(), None, Key::NotLookedAt),
            (
                rejected(),
                Some(Answer::Failed(Failure::Denied(Denial::Unsaid))),
                Key::NotLookedAt,
            ),
            (off(), Some(off()), Key::NotLookedAt),
            (denied(), None, Key::Wrong),
            (Answer::Failed(Failure::Denied(Denial::Unsaid)), None, Key::Forbidden),
            (Answer::Failed(Failure::Tracker(500)), None, Key::Unclear),
            (Answer::Failed(Failure::BadAnswer("x")), None, Key::Unclear),
        ] {
            assert_eq!(judge(&own, strangers.as_ref()), expected, "{own:?} {strangers:?}");
            assert_eq!(
                expected == Key::Accepted || expected == Key::NotLookedAt,
                may_be_compared(&own)
            );
        }
        assert_eq!(Key::Accepted.finding("t").map(|f| f.mark), Some(Mark::Ok));
        assert_eq!(Key::NotLookedAt.finding("t").map(|f| f.mark), Some(Mark::Unknown));
    }
}
