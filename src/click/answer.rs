//! What asking for a click can come to. Cheap to clone: one answer is shared by all who wait for it.

use std::sync::Arc;

use crate::click_id::ClickId;

/// The end of a call, or of waiting for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The visitor may go to the advertiser.
    Click(Arc<Click>),
    /// The tracker does not want this visitor.
    Trafficback(Trafficback),
    /// There is no answer that can be acted on.
    Failed(Failure),
}

/// For whom an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A click: for its visitor, and the offer is to be had.
    Click,
    /// For this visitor alone.
    Visitor,
    /// For every visitor of the offer, for a while.
    Offer,
    /// It is the tracker that failed, whoever asks.
    Tracker,
}

impl Answer {
    /// For whom it holds. What is not clearly of the offer is taken for the visitor's own: a visitor's words go to the tracker,
    /// and a firewall before it that dislikes them may answer 400 or 403 too.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Click(_) => Scope::Click,
            Self::Trafficback(Trafficback::Targeting | Trafficback::Other(_)) => Scope::Visitor,
            Self::Trafficback(Trafficback::OfferInactive | Trafficback::CampaignInactive | Trafficback::Overcap) => {
                Scope::Offer
            }
            Self::Failed(
                Failure::Rejected(Some("offer_id" | "campaign_id" | "promo_id" | "secure_key"))
                | Failure::Denied(Denial::Key | Denial::Offer),
            ) => Scope::Offer,
            Self::Failed(why) if why.is_of_offer() => Scope::Visitor,
            Self::Failed(_) => Scope::Tracker,
        }
    }
}

/// A click as the tracker registered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Click {
    /// The id that must reach the advertiser.
    pub id: ClickId,
    /// The tracker's session id.
    pub session_id: Option<Box<str>>,
    /// Names and values of the tracker's own macros, without `click_id`.
    pub params: Params,
    /// The tracker had this click already: its age is unknown.
    pub existed: bool,
}

/// Names and values, in the order of the names.
pub type Params = Box<[(Box<str>, Box<str>)]>;

/// Why the tracker does not want a visitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trafficback {
    /// The offer is off.
    OfferInactive,
    /// The campaign is off.
    CampaignInactive,
    /// This visitor's IP or device does not match.
    Targeting,
    /// The offer's conversion cap is reached.
    Overcap,
    /// A reason that the contract does not name, as `[a-z0-9_]` of at most 64 bytes.
    Other(Box<str>),
}

/// Why there is no answer to act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 400: the tracker finds the request invalid; in which field, where its message names one it knows.
    Rejected(Option<&'static str>),
    /// 403.
    Denied(Denial),
    /// Another error, by its number.
    Tracker(u64),
    /// No connection, or it broke before an answer came; what happened, in words without a secret.
    Unreachable(&'static str),
    /// No answer in time.
    Timeout,
    /// An answer outside the contract; what is wrong with it.
    BadAnswer(&'static str),
    /// Too many calls to this tracker are under way.
    Overload,
}

/// What a 403 is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// "Access denied": the key is wrong.
    Key,
    /// "Click api disabled for this offer".
    Offer,
    /// The tracker does not say.
    Unsaid,
}

impl Failure {
    /// Whether the failure is this offer's own, so that another offer of the same tracker may do better.
    pub fn is_of_offer(&self) -> bool {
        match self {
            Self::Rejected(_) | Self::Denied(_) => true,
            Self::Tracker(_) | Self::Unreachable(_) | Self::Timeout | Self::BadAnswer(_) | Self::Overload => false,
        }
    }
}
