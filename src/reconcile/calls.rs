//! Calls to trackers that may have made a click which no hit of the log went to the advertiser with.
//!
//! Counted by what the export says too (offer, campaign, IP, User-Agent, time), so that a click of the network can be matched with
//! one, and each explains one click at most.

use std::{collections::HashMap, net::IpAddr};

use jiff::{Timestamp, civil::Date};

use super::{
    dates::{Dates, When},
    export::{Export, Row},
};
use crate::{history::Whole, keyed_hash::KeyedHash};

/// Why a call's click is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// No answer came in time.
    Unanswered,
    /// The same, and the ordinary tracking link made one.
    Tracking,
    /// More than one request went out, and the answer to another was taken.
    Again,
}

const ALL: [Call; 3] = [Call::Unanswered, Call::Tracking, Call::Again];

/// How far apart a hit and its click may be, where times are known.
const NEAR_SECONDS: i64 = 300;

const OFFER: u8 = 1;
const CAMPAIGN: u8 = 2;
const IP: u8 = 4;
const USER_AGENT: u8 = 8;

/// Calls that no click has been matched with.
pub(super) struct Calls {
    left: HashMap<(u64, i64), [u32; ALL.len()]>,
    /// The words that the export has.
    said: u8,
    /// Those of which hits have had all, the most first: an address may be hidden in the log, and who left has no offer.
    had: Vec<u8>,
    grain: Grain,
    prints: KeyedHash,
}

/// How exactly times are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grain {
    Near,
    Day,
    None,
}

/// Who was asked for what, as far as it is known.
struct Words<'a> {
    offer: Option<u64>,
    campaign: Option<u64>,
    ip: Option<IpAddr>,
    user_agent: Option<&'a str>,
}

impl Words<'_> {
    fn known(&self) -> u8 {
        let bit = |is_known: bool, bit: u8| if is_known { bit } else { 0 };
        bit(self.offer.is_some(), OFFER)
            | bit(self.campaign.is_some(), CAMPAIGN)
            | bit(self.ip.is_some(), IP)
            | bit(self.user_agent.is_some(), USER_AGENT)
    }

    /// A hash of some of them.
    fn key(&self, which: u8, prints: &KeyedHash) -> u64 {
        let mut text = which.to_string();
        let mut add = |bit: u8, word: String| {
            if which & bit != 0 {
                text.push('\0');
                text.push_str(&word);
            }
        };
        add(OFFER, self.offer.unwrap_or_default().to_string());
        add(CAMPAIGN, self.campaign.unwrap_or_default().to_string());
        add(IP, self.ip.map_or_else(String::new, |ip| ip.to_string()));
        add(USER_AGENT, self.user_agent.unwrap_or_default().to_owned());
        prints.of(text.as_bytes())
    }
}

impl Calls {
    /// None yet; compared by what this export has.
    pub(super) fn beside(export: &Export, has_clock: bool) -> Self {
        let columns = &export.columns;
        let bit = |column: Option<usize>, bit: u8| if column.is_some() { bit } else { 0 };
        Self {
            left: HashMap::new(),
            said: bit(columns.offer, OFFER)
                | bit(columns.campaign, CAMPAIGN)
                | bit(columns.ip, IP)
                | bit(columns.user_agent, USER_AGENT),
            had: Vec::new(),
            grain: match columns.time {
                None => Grain::None,
                Some(_) if has_clock => Grain::Near,
                Some(_) => Grain::Day,
            },
            prints: KeyedHash::new(),
        }
    }

    /// A call of a hit.
    pub(super) fn add(&mut self, dates: &Dates, call: Call, line: &Whole<'_>, at: Timestamp) {
        let words = Words {
            offer: line.offer_id,
            campaign: line.campaign_id,
            ip: line.ip.as_deref().and_then(|ip| ip.parse().ok()),
            user_agent: line.user_agent.text(),
        };
        let which = words.known() & self.said;
        if !self.had.contains(&which) {
            self.had.push(which);
            self.had
                .sort_by_key(|which| (std::cmp::Reverse(which.count_ones()), *which));
        }
        let key = (words.key(which, &self.prints), self.slot(dates, When::At(at)));
        let left = self.left.entry(key).or_default();
        left[call as usize] = left[call as usize].saturating_add(1);
    }

    /// A call that may have made this click, which then has made no other.
    pub(super) fn take(&mut self, row: &Row<'_>, dates: &Dates) -> Option<Call> {
        let words = Words {
            offer: row.offer,
            campaign: row.campaign,
            ip: row.ip,
            user_agent: row.user_agent.as_deref(),
        };
        let slot = row.when.map_or(0, |when| self.slot(dates, when));
        // A click is made a little after its hit, but clocks differ.
        let near: &[i64] = if self.grain == Grain::Near { &[0, -1, 1] } else { &[0] };
        for which in self.had.iter().filter(|which| **which & words.known() == **which) {
            let key = words.key(*which, &self.prints);
            for by in near {
                let Some(left) = self.left.get_mut(&(key, slot + by)) else {
                    continue;
                };
                if let Some(call) = ALL.into_iter().find(|call| left[*call as usize] > 0) {
                    left[call as usize] -= 1;
                    return Some(call);
                }
            }
        }
        None
    }

    /// How sure it is that a click was made by the call that it is matched with.
    pub(super) fn certainty(&self) -> String {
        let names = [
            (OFFER, "offer"),
            (CAMPAIGN, "campaign"),
            (IP, "IP"),
            (USER_AGENT, "User-Agent"),
        ];
        let mut by: Vec<&str> = names
            .into_iter()
            .filter(|(bit, _)| self.said & bit != 0)
            .map(|(_, name)| name)
            .collect();
        by.extend(match self.grain {
            Grain::Near => Some("time"),
            Grain::Day => Some("day"),
            Grain::None => None,
        });
        let by = by.join(", ");
        if self.said & (IP | USER_AGENT) != 0 && self.grain == Grain::Near {
            return format!("matched by {by}");
        }
        let same = if by.is_empty() {
            String::new()
        } else {
            format!(" of the same {by}")
        };
        format!(
            "at most: as many calls{same} had no answer in time; with IP, User-Agent and time in the export they could be matched"
        )
    }

    fn slot(&self, dates: &Dates, when: When) -> i64 {
        match (self.grain, when) {
            (Grain::None, _) => 0,
            (Grain::Day, when) => number(dates.day(when)),
            (Grain::Near, when) => dates.span(when).0.div_euclid(NEAR_SECONDS),
        }
    }
}

/// Days since 1970.
pub(super) fn number(day: Date) -> i64 {
    day.to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(i64::MIN, |there| there.timestamp().as_second().div_euclid(86_400))
}
