//! What hits on a link tell of it: that its offers are refused, or that it sends visitors back, why, and what helps.

use super::{Check, Finding, Mark, count, log::ENOUGH};
use crate::outcome::{Kind, Reason};

/// Hits on a link.
#[derive(Debug, Default)]
pub(super) struct OfLink {
    pub(super) hits: u64,
    /// Hits for which a tracker's answer was wanted.
    pub(super) asked: u64,
    advertiser: u64,
    /// Why those did not come to an advertiser.
    reasons: Reasons,
    /// Why those of them were sent to the trafficback URL whose offer was not refused.
    back: Reasons,
}

/// Hits by their reason.
pub(super) type Reasons = [u64; Reason::ALL.len()];

impl OfLink {
    pub(super) fn count(&mut self, kind: Kind, reason: Option<Reason>) {
        self.hits += 1;
        if !wants_click(kind, reason) {
            return;
        }
        self.asked += 1;
        self.advertiser += u64::from(kind == Kind::Advertiser);
        if let Some(reason) = reason {
            self.reasons[reason as usize] += 1;
            self.back[reason as usize] += u64::from(kind == Kind::Trafficback && !is_refusal(reason));
        }
    }

    /// Whether an offer was refused.
    pub(super) fn refused(&self, link: &str) -> Option<Finding> {
        let [rejected, denied] = [Reason::Rejected, Reason::Denied].map(|reason| self.reasons[reason as usize]);
        let mark = match rejected + denied {
            0 => return None,
            all if all == self.asked => Mark::Fail,
            _ => Mark::Warn,
        };
        let told = format!(
            "{denied} of {} ended as denied (403), {rejected} as rejected (400)",
            count(self.asked, "hit")
        );
        Some(Finding::new(mark, Check::LogLinks, link, told).mend(
            "denied: the key is wrong, or the offer does not allow the Click API. rejected: compare offer_id, campaign_id and \
             promo_id with the campaign card",
        ))
    }

    /// Whether none came to an advertiser, or a third and more were sent back.
    pub(super) fn sent_back(&self, link: &str) -> Option<Finding> {
        if self.asked < ENOUGH {
            return None;
        }
        let back: u64 = self.back.iter().sum();
        let (told, reasons, all) = if back * 3 >= self.asked {
            let told = format!("{back} of {} went back", count(self.asked, "hit"));
            (told, self.back, back)
        } else if self.advertiser == 0 {
            let told = format!("none of {} came to an advertiser", count(self.asked, "hit"));
            (told, self.reasons, self.asked)
        } else {
            return None;
        };
        let (reason, hits) = Reason::ALL
            .into_iter()
            .zip(reasons)
            .filter(|(reason, _)| !is_refusal(*reason))
            .max_by_key(|(_, hits)| *hits)
            .filter(|(_, hits)| *hits > 0)?;
        let share = if hits == all {
            String::new()
        } else {
            format!(" {hits} of them")
        };
        let (why, mend, by) = said_of(reason);
        let reason = reason.as_str();
        let told = format!("{told},{share} by {reason}: {why}");
        Some(Finding::new(Mark::Warn, Check::LogLinks, link, told).mend(format!(
            "{mend}. Who and when:\nonehop report --where link={link} --where reason={reason} --by {by}"
        )))
    }
}

/// What a reason means, what helps, and the tables that show more of it.
fn said_of(reason: Reason) -> (&'static str, &'static str, &'static str) {
    match reason {
        Reason::Overcap => (
            "the offer's cap is reached",
            "ask the network for a higher cap, or add an offer to the link: the next one takes what this one does not",
            "offer,day",
        ),
        Reason::Targeting => (
            "the tracker does not want these visitors for the offer",
            "add an offer to the link for the countries or devices that this one does not take",
            "offer,country,device",
        ),
        Reason::NoOffer => (
            "no offer of the link fits these visitors",
            "add an offer without when to the link, or one for the countries or devices that it has none for",
            "country,device",
        ),
        Reason::OfferInactive | Reason::CampaignInactive => (
            "it is switched off at the network",
            "have the network switch it on, or put another offer in its place",
            "offer,day",
        ),
        reason if reason.is_failure() => (
            "the tracker failed",
            "onehop doctor shows whether it works now; a tracking_url keeps such visitors",
            "offer,day",
        ),
        _ => (
            "the tracker gives no reason that it documents",
            "ask the network, or add an offer to the link: the next one takes what this one does not",
            "offer,country,device",
        ),
    }
}

/// Whether it is a hit of a visitor's for whom a click is wanted.
pub(super) fn wants_click(kind: Kind, reason: Option<Reason>) -> bool {
    match reason {
        None => kind == Kind::Advertiser,
        Some(reason) => !matches!(reason, Reason::Bot | Reason::Head | Reason::NoUserAgent),
    }
}

pub(super) fn is_refusal(reason: Reason) -> bool {
    matches!(reason, Reason::Rejected | Reason::Denied)
}
