//! The few offers that do not simply take everyone. The cap's count and the clicks themselves are kept elsewhere.

use super::answer::{Answer, Reason};
use super::call::Call;
use std::net::{IpAddr, Ipv4Addr};

/// The offer is inactive.
pub const OFFER_INACTIVE: u64 = 1001;
/// The offer's campaign is inactive.
pub const CAMPAIGN_INACTIVE: u64 = 1002;
/// Targets phones, and nobody in 192.0.2.0/24.
pub const PHONES_ONLY: u64 = 1003;
/// Takes a number of clicks (`--cap`) and then no more.
pub const CAPPED: u64 = 1004;
/// Does not allow the Click API.
pub const CLICK_API_DISABLED: u64 = 1005;
/// Answers 500 to every call.
pub const FAILING: u64 = 1006;
/// Never answers.
pub const HANGING: u64 = 1007;

/// For the end of the `--help` of a command that runs the sandbox.
pub const OFFERS_HELP: &str = "\
Offers: any positive offer_id, campaign_id and promo_id are an active offer that takes everyone, except
  1001  the offer is inactive: trafficback, offer_inactive
  1002  its campaign is inactive: trafficback, campaign_inactive
  1003  targets phones: trafficback, targeting, for a User-Agent without \"Mobile\" or an IP in 192.0.2.0/24
  1004  capped: takes --cap clicks, then trafficback, overcap
  1005  does not allow the Click API: error 403
  1006  always fails: error 500
  1007  never answers

The same offer, campaign, IP and User-Agent get the same click for 300 seconds, with \"exists\": true.";

/// What a special offer answers to every call like this one, whatever happened before.
pub(super) fn refusal(call: &Call) -> Option<Answer> {
    match call.offer_id {
        OFFER_INACTIVE => Some(Answer::Trafficback(Reason::OfferInactive)),
        CAMPAIGN_INACTIVE => Some(Answer::Trafficback(Reason::CampaignInactive)),
        PHONES_ONLY if !targeted(call) => Some(Answer::Trafficback(Reason::Targeting)),
        CLICK_API_DISABLED => Some(Answer::click_api_disabled()),
        FAILING => Some(Answer::failed()),
        HANGING => Some(Answer::Silence),
        _ => None,
    }
}

fn targeted(call: &Call) -> bool {
    let phone = call.user_agent.windows(6).any(|part| part == b"Mobile");
    phone && !outside(call.ip)
}

/// 192.0.2.0/24 is reserved for documentation, so that no real visitor comes from there by accident.
fn outside(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == Ipv4Addr::new(192, 0, 2, 0).octets()[..3],
        IpAddr::V6(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: &[u8] = b"Mozilla/5.0 (Linux; Android 15) Chrome/140.0.0.0 Mobile Safari/537.36";

    fn ask(offer_id: u64, ip: &str, user_agent: &[u8]) -> Option<Answer> {
        refusal(&Call {
            offer_id,
            campaign_id: 1,
            ip: ip.parse().unwrap(),
            user_agent,
        })
    }

    #[test]
    fn ordinary_offers_take_everyone() {
        for offer_id in [1, 5306, 1000, CAPPED, 1008, u64::MAX] {
            assert_eq!(ask(offer_id, "192.0.2.1", b"curl/8"), None, "{offer_id}");
        }
    }

    #[test]
    fn special_offers_answer_as_listed() {
        for (offer_id, expected) in [
            (1001, Answer::Trafficback(Reason::OfferInactive)),
            (1002, Answer::Trafficback(Reason::CampaignInactive)),
            (1005, Answer::click_api_disabled()),
            (1006, Answer::failed()),
            (1007, Answer::Silence),
        ] {
            assert_eq!(ask(offer_id, "198.51.100.1", PHONE), Some(expected));
        }
    }

    #[test]
    fn targeting_wants_a_phone_from_elsewhere() {
        let mismatch = Some(Answer::Trafficback(Reason::Targeting));
        for ip in ["198.51.100.1", "192.0.3.1", "192.0.1.255", "2001:db8::1"] {
            assert_eq!(ask(1003, ip, PHONE), None, "{ip}");
        }
        for ip in ["192.0.2.0", "192.0.2.255"] {
            assert_eq!(ask(1003, ip, PHONE), mismatch, "{ip}");
        }
        for desktop in [&b"curl/8"[..], b"x", b"Mozilla/5.0 (X11) mobile"] {
            assert_eq!(ask(1003, "198.51.100.1", desktop), mismatch);
        }
    }

    #[test]
    fn the_help_lists_every_special_offer() {
        for offer_id in [
            OFFER_INACTIVE,
            CAMPAIGN_INACTIVE,
            PHONES_ONLY,
            CAPPED,
            CLICK_API_DISABLED,
            FAILING,
            HANGING,
        ] {
            let row = format!("\n  {offer_id}  ");
            assert!(OFFERS_HELP.contains(&row), "{offer_id}");
        }
    }
}
