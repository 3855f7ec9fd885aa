//! The ids by which a tracker knows an offer.

/// Offer, campaign and promo, as the campaign card has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OfferIds {
    /// `offer_id`.
    pub offer: u64,
    /// `campaign_id`.
    pub campaign: u64,
    /// `promo_id`.
    pub promo: u64,
}
