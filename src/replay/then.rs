//! A hit as its line tells of it: who asked for what, and what came of it.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::SystemTime,
};

use jiff::Timestamp;

use super::walk::Walked;
use crate::{
    click::{Answer, Denial, Failure, Trafficback},
    click_id::ClickId,
    country::Country,
    edge::{Offer, OfferLabel},
    explain::rehearsal::{given, unsaid},
    history::{Field, Whole},
    hit_id::HitId,
    offer_ids::OfferIds,
    outcome::{Kind, Reason},
    percent,
};

/// An offer, however it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'a> {
    pub(super) tracker: &'a str,
    pub(super) ids: OfferIds,
}

impl<'a> Key<'a> {
    pub(super) fn of(label: &'a OfferLabel) -> Self {
        Self {
            tracker: &label.tracker,
            ids: label.ids,
        }
    }
}

/// A hit that was.
pub(super) struct Then<'a> {
    pub(super) line: &'a Whole<'a>,
    pub(super) at: SystemTime,
    /// The same in seconds since 1970.
    pub(super) second: i64,
    pub(super) id: HitId,
    pub(super) kind: Kind,
    pub(super) reason: Option<Reason>,
    /// The offer by which it ended.
    pub(super) decided: Option<Key<'a>>,
    /// `None` where the line hides it.
    pub(super) ip: Option<IpAddr>,
    pub(super) country: Option<Country>,
}

/// Why a line's hit is not replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Not {
    /// The line is none of a hit.
    AHit(&'static str),
    /// It was refused at the door.
    LetIn,
    /// The line lacks what a hit is made of: this field, for one.
    Whole(&'static str),
}

impl<'a> Then<'a> {
    pub(super) fn of(line: &'a Whole<'a>) -> Result<Self, Not> {
        let at: Timestamp = line.time.parse().map_err(|_| Not::AHit("it has no time"))?;
        let kind = Kind::parse(&line.outcome).ok_or(Not::AHit("it has no outcome"))?;
        if kind == Kind::Refused {
            return Err(Not::LetIn);
        }
        let word = line.reason.as_deref();
        let reason = word.and_then(Reason::parse);
        let needs_reason = matches!(kind, Kind::Tracking | Kind::Trafficback | Kind::Preview);
        let decided = decided(line);
        let needs_offer = kind == Kind::Advertiser || reason.is_some_and(|reason| answer_of(reason, None).is_some());
        for (name, is_missing) in [
            ("host", line.host.is_none()),
            ("path", line.path.is_none()),
            ("ip", line.ip.is_none()),
            ("user_agent", line.user_agent == Field::LeftOut),
            ("reason", needs_reason && reason.is_none()),
            (
                "tracker, offer_id, campaign_id or promo_id",
                needs_offer && decided.is_none(),
            ),
        ] {
            if is_missing {
                return Err(Not::Whole(name));
            }
        }
        let at_system = SystemTime::from(at);
        Ok(Self {
            line,
            at: at_system,
            second: at.as_second(),
            id: line
                .hit_id
                .as_deref()
                .and_then(HitId::read)
                .unwrap_or_else(|| HitId::new(at_system)),
            kind,
            reason,
            decided: decided.filter(|_| needs_offer),
            ip: line.ip.as_deref().and_then(|ip| ip.parse().ok()),
            country: line.country.as_deref().and_then(Country::parse),
        })
    }

    /// The connection's other end, as if nobody stood between.
    pub(super) fn peer(&self) -> IpAddr {
        self.ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    /// Whether it was a HEAD.
    pub(super) fn is_head(&self) -> bool {
        self.reason == Some(Reason::Head)
    }

    /// Path and query, the latter of the tags that the visitor had: not those that `offer` sends in their place.
    pub(super) fn target(&self, offer: Option<&Offer>) -> String {
        let mut target = self.line.path.as_deref().unwrap_or_default().to_owned();
        let sent = offer.map_or(&[][..], |offer| &offer.send);
        let own = self
            .line
            .tags()
            .filter(|(name, _)| sent.iter().all(|(sent, _)| sent != name));
        for (number, (name, value)) in own.enumerate() {
            let mut encoded = Vec::new();
            percent::encode(value.as_bytes(), &mut encoded);
            target.push(if number == 0 { '?' } else { '&' });
            target.push_str(name);
            target.push('=');
            target.push_str(&String::from_utf8_lossy(&encoded));
        }
        target
    }

    /// What the tracker said of this offer to this visitor, if the line tells.
    pub(super) fn told(&self, offer: &Offer) -> Option<Answer> {
        if self.decided != Some(Key::of(&offer.label)) {
            return None;
        }
        if let Some(reason) = self.reason {
            return answer_of(reason, self.line.tracker_reason.as_deref());
        }
        let id = self.line.click_id.as_deref().and_then(|id| ClickId::try_from(id).ok());
        Some(Answer::Click(given(offer, id.unwrap_or_else(unsaid)).into()))
    }

    /// How a tracker failed for this visitor, whatever the offer, if it did.
    pub(super) fn failure_of(&self, tracker: &str) -> Option<Answer> {
        self.decided.filter(|decided| decided.tracker == tracker)?;
        let answer = answer_of(self.reason?, None)?;
        matches!(&answer, Answer::Failed(why) if !why.is_of_offer()).then_some(answer)
    }

    /// Whether a way ends as the hit did, as far as a line tells.
    pub(super) fn ended_as(&self, walked: &Walked<'_>) -> bool {
        let (outcome, reason) = (self.kind.as_str(), self.reason.map(Reason::as_str));
        let end = &walked.end;
        (end.outcome, end.reason) == (outcome, reason) && walked.offer.as_deref().map(Key::of) == self.decided
    }

    /// The hit's id, as the line has it.
    pub(super) fn id(&self) -> String {
        self.line.hit_id.as_deref().unwrap_or_default().to_owned()
    }
}

fn decided<'a>(line: &'a Whole<'a>) -> Option<Key<'a>> {
    Some(Key {
        tracker: line.tracker.as_deref()?,
        ids: OfferIds {
            offer: line.offer_id?,
            campaign: line.campaign_id?,
            promo: line.promo_id?,
        },
    })
}

/// The answer that is called by a reason; none where no tracker gave it. `own` is the tracker's word where that is `other`.
pub(super) fn answer_of(reason: Reason, own: Option<&str>) -> Option<Answer> {
    let failed = |why| Some(Answer::Failed(why));
    let back = |why| Some(Answer::Trafficback(why));
    match reason {
        Reason::OfferInactive => back(Trafficback::OfferInactive),
        Reason::CampaignInactive => back(Trafficback::CampaignInactive),
        Reason::Targeting => back(Trafficback::Targeting),
        Reason::Overcap => back(Trafficback::Overcap),
        Reason::Other => back(Trafficback::Other(own.unwrap_or("other").into())),
        Reason::Rejected => failed(Failure::Rejected(None)),
        Reason::Denied => failed(Failure::Denied(Denial::Unsaid)),
        Reason::TrackerError => failed(Failure::Tracker(500)),
        Reason::Unreachable => failed(Failure::Unreachable("so it was then")),
        Reason::Timeout => failed(Failure::Timeout),
        Reason::BadAnswer => failed(Failure::BadAnswer("so it was then")),
        Reason::Overload => failed(Failure::Overload),
        Reason::NoOffer | Reason::Bot | Reason::Head | Reason::NoUserAgent => None,
    }
}
