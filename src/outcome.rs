//! How a hit ended: a closed set of outcomes and a closed set of reasons, the words of metrics, logs and `{reason}`.
//!
//! Says nothing of statuses: `server::reply` turns an outcome into an answer.

use http::StatusCode;

use crate::redirect::{AdvertiserLocation, Location};

/// How a hit ended.
#[derive(Debug)]
pub enum Outcome {
    /// To the traffic URL, with a click id in it.
    Advertiser(AdvertiserLocation),
    /// To an offer's ordinary tracking link, because the Click API failed.
    Tracking(Location, Reason),
    /// To the trafficback URL.
    Trafficback(Location, Reason),
    /// To the preview URL: nobody who clicks was there.
    Preview(Location, Reason),
    /// No link at this host and path.
    Unmatched(Nowhere),
    /// Answered without a destination.
    Refused(Refusal),
}

/// What becomes of a hit for which there is no link.
#[derive(Debug)]
pub enum Nowhere {
    /// An empty answer with this status.
    Status(StatusCode),
    /// To a place of the operator's.
    Redirect(Location),
}

/// Why a hit was answered without a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request breaks a rule of HTTP.
    BadRequest,
    /// The request target is longer than any link.
    TargetTooLong,
    /// More header fields than a visitor's browser sends.
    TooManyFields,
    /// For a host that the connection's certificate is not for (RFC 9110, section 15.5.20).
    Misdirected,
    /// Neither GET nor HEAD.
    Method,
    /// A prefetch or prerender: nobody has clicked yet.
    Speculative,
    /// A prefetch proxy asked for the site's advice.
    TrafficAdvice,
    /// The visitor left before there was an answer.
    Left,
}

/// The outcome's name alone, as metrics and the click log have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// See [`Outcome::Advertiser`].
    Advertiser,
    /// See [`Outcome::Tracking`].
    Tracking,
    /// See [`Outcome::Trafficback`].
    Trafficback,
    /// See [`Outcome::Preview`].
    Preview,
    /// See [`Outcome::Unmatched`].
    Unmatched,
    /// See [`Outcome::Refused`].
    Refused,
}

impl Kind {
    /// Every kind, in the order of their discriminants.
    pub const ALL: [Self; 6] = [
        Self::Advertiser,
        Self::Tracking,
        Self::Trafficback,
        Self::Preview,
        Self::Unmatched,
        Self::Refused,
    ];

    /// The one of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advertiser => "advertiser",
            Self::Tracking => "tracking",
            Self::Trafficback => "trafficback",
            Self::Preview => "preview",
            Self::Unmatched => "unmatched",
            Self::Refused => "refused",
        }
    }
}

impl Outcome {
    /// The outcome's name.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Advertiser(_) => Kind::Advertiser,
            Self::Tracking(..) => Kind::Tracking,
            Self::Trafficback(..) => Kind::Trafficback,
            Self::Preview(..) => Kind::Preview,
            Self::Unmatched(_) => Kind::Unmatched,
            Self::Refused(_) => Kind::Refused,
        }
    }

    /// Why the visitor did not reach the advertiser, where a reason is given.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Tracking(_, reason) | Self::Trafficback(_, reason) | Self::Preview(_, reason) => Some(*reason),
            Self::Advertiser(_) | Self::Unmatched(_) | Self::Refused(_) => None,
        }
    }
}

/// Why a visitor did not reach the advertiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The tracker: the offer is off.
    OfferInactive,
    /// The tracker: the campaign is off.
    CampaignInactive,
    /// The tracker: this visitor's IP or device does not match the offer.
    Targeting,
    /// The tracker: the offer's cap is reached.
    Overcap,
    /// The tracker: a trafficback for a reason that is not one of its documented four.
    Other,
    /// The edge: no offer of the link fits this visitor.
    NoOffer,
    /// The edge: a declared bot or link preview.
    Bot,
    /// The edge: a HEAD request.
    Head,
    /// The edge: no User-Agent, without which the tracker counts no click.
    NoUserAgent,
    /// Failure: the tracker calls the request invalid (400).
    Rejected,
    /// Failure: the tracker refuses the key or the offer (403).
    Denied,
    /// Failure: the tracker answered 5xx, or another status without a meaning here.
    TrackerError,
    /// Failure: the tracker could not be reached, or broke off before it answered.
    Unreachable,
    /// Failure: no answer within the deadline.
    Timeout,
    /// Failure: an answer that is not one of the Click API's.
    BadAnswer,
    /// Failure: the tracker is not asked because too many calls are under way.
    Overload,
}

impl Reason {
    /// Every reason, in the order of their discriminants.
    pub const ALL: [Self; 16] = [
        Self::OfferInactive,
        Self::CampaignInactive,
        Self::Targeting,
        Self::Overcap,
        Self::Other,
        Self::NoOffer,
        Self::Bot,
        Self::Head,
        Self::NoUserAgent,
        Self::Rejected,
        Self::Denied,
        Self::TrackerError,
        Self::Unreachable,
        Self::Timeout,
        Self::BadAnswer,
        Self::Overload,
    ];

    /// Whether it is that the Click API failed, rather than an answer of the tracker's or the edge's own.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Rejected
            | Self::Denied
            | Self::TrackerError
            | Self::Unreachable
            | Self::Timeout
            | Self::BadAnswer
            | Self::Overload => true,
            Self::OfferInactive
            | Self::CampaignInactive
            | Self::Targeting
            | Self::Overcap
            | Self::Other
            | Self::NoOffer
            | Self::Bot
            | Self::Head
            | Self::NoUserAgent => false,
        }
    }

    /// The one of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }

    /// The name in `{reason}`, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OfferInactive => "offer_inactive",
            Self::CampaignInactive => "campaign_inactive",
            Self::Targeting => "targeting",
            Self::Overcap => "overcap",
            Self::Other => "other",
            Self::NoOffer => "no_offer",
            Self::Bot => "bot",
            Self::Head => "head",
            Self::NoUserAgent => "no_user_agent",
            Self::Rejected => "rejected",
            Self::Denied => "denied",
            Self::TrackerError => "tracker_error",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::BadAnswer => "bad_answer",
            Self::Overload => "overload",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_follow_the_discriminants() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at, "{}", kind.as_str());
        }
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at, "{}", reason.as_str());
        }
    }
}
