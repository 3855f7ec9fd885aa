//! The offers of a link: their keys, and their parts in the weighted order.

use std::{
    ops::RangeInclusive,
    sync::{Arc, OnceLock},
};

use super::{
    Mistake, Spanned, TableReader, Value, links::LinkReader, quoted, source::Place, targeting, urls, values::suggestion,
};
use crate::{
    edge::{Offer, OfferLabel},
    link::{Condition, Rules, Ticket},
    offer_ids::OfferIds,
    query::TAGS,
    redirect::{Forward, SendValue, macros::Use},
};

/// Far finer shares than anybody draws.
const MAX_WEIGHT: i64 = 1_000_000;
pub(super) const WEIGHTS: RangeInclusive<i64> = 0..=MAX_WEIGHT;
/// The weight of an offer that says none.
pub(super) const DEFAULT_WEIGHT: u32 = 1;
pub(super) const IDS: RangeInclusive<i64> = 1..=i64::MAX;
/// Stands in `forward_query` for every parameter.
pub(super) const ALL_PARAMETERS: &str = "all";

/// Keys of links that are easily written into an offer.
const OF_LINK: [&str; 4] = ["at", "order", "trafficback_url", "preview_url"];

/// An offer, and what its link makes of it.
pub(super) struct ReadOffer {
    pub(super) offer: Offer,
    pub(super) place: Place,
    pub(super) weight: Option<Spanned<i64>>,
    pub(super) first: Option<Spanned<bool>>,
}

impl ReadOffer {
    pub(super) fn weight(&self) -> u32 {
        self.weight
            .map_or(DEFAULT_WEIGHT, |weight| u32::try_from(weight.value).unwrap_or(u32::MAX))
    }

    pub(super) fn is_first(&self) -> bool {
        self.first.is_some_and(|first| first.value)
    }
}

/// The offers' parts in the weighted draw.
pub(super) fn tickets(offers: &[ReadOffer]) -> Box<[Ticket]> {
    let known_by = |read: &ReadOffer| {
        let label = &read.offer.label;
        let ids = [label.ids.offer, label.ids.campaign, label.ids.promo];
        (Arc::clone(&label.tracker), ids, label.name.clone().unwrap_or_default())
    };
    let all: Vec<_> = offers.iter().map(known_by).collect();
    let ticket = |(number, read): (usize, &ReadOffer)| {
        let (tracker, ids, name) = &all[number];
        let before = all[..number].iter().filter(|other| **other == all[number]).count();
        Ticket {
            identity: Ticket::identity(tracker, *ids, name, before as u64),
            weight: read.weight(),
            first: read.is_first(),
        }
    };
    offers.iter().enumerate().map(ticket).collect()
}

impl LinkReader<'_> {
    /// Reads a `[[link.offer]]`; `of_link` is the link's tracker.
    pub(super) fn offer(&self, mut table: TableReader<'_>, of_link: Option<usize>) -> Option<ReadOffer> {
        let header = table.place();
        let name = table.string("name");
        let mut id = |key| {
            let id = table.required_integer_in(key, IDS)?;
            u64::try_from(id.value).ok()
        };
        let (offer_id, campaign_id, promo_id) = (id("offer_id"), id("campaign_id"), id("promo_id"));
        let own = table.string("tracker");
        let tracker = match &own {
            Some(name) => self.trackers.find(name, self.mistakes),
            None => of_link,
        };
        // A wrong name has been told of; a missing one has not.
        if tracker.is_none() && own.is_none() && self.trackers.only().is_none() {
            let missing = Mistake::error("the offer has no tracker").at(header);
            let help = if self.trackers.len() == 0 {
                "add a [tracker.NAME] with its url and secure_key"
            } else {
                "name one in `tracker`, here, in the link, or in [defaults]"
            };
            self.mistakes.push(missing.help(help));
        }
        let forward = self.forward(&mut table);
        let traffic = table.required_string("traffic_url").and_then(|text| {
            let url = urls::traffic(&text, forward?, self.named, self.mistakes)?;
            self.loops.leads_to(url.site(), text.place);
            Some(url)
        });
        let tracking = table
            .string("tracking_url")
            .map(|text| self.fallback(&text, Use::Tracking));
        let send = table.table("send").map(|send| self.send(&send));
        let when = table
            .table("when")
            .map(|when| targeting::rules(when, false, self.named));
        let unless = table
            .table("unless")
            .map(|unless| targeting::rules(unless, true, self.named));
        let weight = table.integer_in("weight", WEIGHTS);
        let first = table.bool("first");
        table.finish(&[
            (
                &OF_LINK,
                "is the link's: write it above the link's first [[link.offer]]",
                "move it to the link",
            ),
            (
                &Condition::KEYS,
                "is a rule: write it into `when = { … }` or `unless = { … }`",
                "move it to the offer's rules, `when` for who is meant, `unless` for who is not",
            ),
        ]);

        let ids = OfferIds {
            offer: offer_id?,
            campaign: campaign_id?,
            promo: promo_id?,
        };
        let tracker = self.trackers.get(tracker?)?;
        let mut rules = when.unwrap_or(Some(Vec::new()))?;
        rules.extend(unless.unwrap_or(Some(Vec::new()))?);
        let label = OfferLabel {
            name: name.map(|name| name.value.into()),
            tracker: Arc::clone(&tracker.name),
            ids,
            said: OnceLock::new(),
        };
        let offer = Offer {
            label: Arc::new(label),
            rules: Rules::new(rules),
            tracker,
            traffic: traffic?,
            tracking: match tracking {
                Some(url) => Some(Box::new(url?)),
                None => None,
            },
            send: send.map_or(Some(Box::default()), |send| send)?,
        };
        Some(ReadOffer {
            offer,
            place: header,
            weight,
            first,
        })
    }

    fn forward(&self, table: &mut TableReader<'_>) -> Option<Forward> {
        let Some(node) = table.raw("forward_query") else {
            return Some(Forward::Nothing);
        };
        if matches!(&node.value, Value::String(word) if word == ALL_PARAMETERS) {
            return Some(Forward::All);
        }
        let names = table.strings("forward_query")?;
        if let Value::String(_) = node.value {
            let mistake = Mistake::error("parameters are named in a list").at(node.place);
            self.mistakes.push(mistake.help("write [\"gclid\"], or \"all\""));
            return None;
        }
        if let Some(all) = names.value.iter().find(|name| name.value == ALL_PARAMETERS) {
            let warning = Mistake::warning("this is the parameter of that name alone").at(all.place);
            self.mistakes
                .push(warning.help("for every parameter write \"all\", without the brackets"));
        }
        Some(Forward::Names(
            names.value.iter().map(|name| name.value.into()).collect(),
        ))
    }

    fn send(&self, table: &TableReader<'_>) -> Option<Box<[(&'static str, SendValue)]>> {
        table
            .entries()
            .iter()
            .map(|(key, node)| {
                let Some(name) = TAGS.into_iter().find(|name| *name == key.name) else {
                    let mistake =
                        Mistake::error(format!("the tracker takes no parameter {} from you", quoted(&key.name)));
                    self.mistakes
                        .push(mistake.at(key.place).help(suggestion(&key.name, &TAGS, "parameters")));
                    return None;
                };
                let text = super::values::string(node, self.mistakes)?;
                Some((name, urls::send(&text, self.named, self.mistakes)?))
            })
            // To the end, so that every mistake is told of.
            .collect::<Vec<_>>()
            .into_iter()
            .collect()
    }
}
