//! The links and their offers.

use std::{collections::HashSet, ops::RangeInclusive, sync::Arc};

use super::{
    Mistake, Mistakes, Node, Spanned, TableReader, Value,
    geoip::Named,
    loops::Loops,
    quoted, reach,
    sections::Defaults,
    source::Place as SourcePlace,
    targeting,
    trackers::Trackers,
    urls::{self, Fallback},
    values::suggestion,
};
use crate::{
    edge::{BotRule, Link, Offer, OfferLabel},
    link::{Order, Place, Rules, Table, Taken, Ticket, place::HostPattern},
    offer_ids::OfferIds,
    query::TAGS,
    redirect::{FallbackUrl, Forward, SendValue, macros::Use},
};

/// Far finer shares than anybody draws.
const MAX_WEIGHT: i64 = 1_000_000;
pub(super) const WEIGHTS: RangeInclusive<i64> = 0..=MAX_WEIGHT;
/// The weight of an offer that says none.
pub(super) const DEFAULT_WEIGHT: u32 = 1;
pub(super) const IDS: RangeInclusive<i64> = 1..=i64::MAX;
/// How offers are tried, and whether that is by weight.
pub(super) const ORDERS: [(&str, bool); 2] = [("listed", false), ("weighted", true)];
/// Stands in `forward_query` for every parameter.
pub(super) const ALL_PARAMETERS: &str = "all";

/// Keys that are easily written one table too low or too high.
const OF_LINK: [&str; 4] = ["at", "order", "trafficback_url", "preview_url"];
const OF_OFFER: [&str; 11] = [
    "offer_id",
    "campaign_id",
    "promo_id",
    "traffic_url",
    "tracking_url",
    "when",
    "unless",
    "weight",
    "first",
    "send",
    "forward_query",
];
const OF_RULES: [&str; 11] = [
    "country",
    "continent",
    "asn",
    "ip",
    "device",
    "os",
    "browser",
    "language",
    "referrer",
    "query",
    "time",
];

/// What is read of one link.
pub(super) struct ReadLink {
    places: Vec<(Place, SourcePlace)>,
    /// `None` where a mistake was told of.
    link: Option<Link>,
}

/// An offer, and what its link makes of it.
pub(super) struct ReadOffer {
    pub(super) offer: Offer,
    pub(super) place: SourcePlace,
    weight: Option<Spanned<i64>>,
    first: Option<Spanned<bool>>,
}

impl ReadOffer {
    fn weight(&self) -> u32 {
        self.weight
            .map_or(DEFAULT_WEIGHT, |weight| u32::try_from(weight.value).unwrap_or(u32::MAX))
    }

    fn is_first(&self) -> bool {
        self.first.is_some_and(|first| first.value)
    }
}

/// The offers' parts in the weighted draw.
fn tickets(offers: &[ReadOffer]) -> Box<[Ticket]> {
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

/// The links so far.
#[derive(Default)]
pub(super) struct Links {
    pub(super) table: Table<Link>,
    /// The hosts that they stand on.
    pub(super) hosts: HashSet<HostPattern>,
    /// Where the table's places are written, by their numbers, to name both of two that are the same.
    written: Vec<SourcePlace>,
}

impl Links {
    /// Makes room for more links, so that nothing of them is copied as they come.
    pub(super) fn reserve(&mut self, more: usize) {
        self.table.reserve(more);
        self.written.reserve(more);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn add(&mut self, read: ReadLink, mistakes: &Mistakes) {
        // The places of a link that could not be read are taken all the same.
        let item = read.link.map_or(usize::MAX, |link| self.table.push(link));
        for (place, written) in read.places {
            if !self.hosts.contains(&place.host) {
                self.hosts.insert(place.host.clone());
            }
            match self.table.place(&place, item) {
                Ok(()) => self.written.push(written),
                Err(Taken(before)) => {
                    let mistake = Mistake::error("two links stand at the same place").at(written);
                    let mistake = mistake.second(self.written[before], "the first is here");
                    mistakes
                        .push(mistake.help("change one of the places, or make the offers of both those of one link"));
                }
            }
        }
    }

    /// All links, once the last is added.
    pub(super) fn into_table(mut self) -> Table<Link> {
        self.table.shrink_to_fit();
        self.table
    }
}

/// What links are read with.
pub(super) struct LinkReader<'a> {
    pub(super) trackers: &'a Trackers,
    pub(super) defaults: &'a Defaults,
    pub(super) named: Named,
    pub(super) bots: BotRule,
    pub(super) loops: &'a Loops,
    pub(super) mistakes: &'a Mistakes,
}

impl LinkReader<'_> {
    /// Reads a `[[link]]`.
    pub(super) fn link(&self, mut table: TableReader<'_>) -> ReadLink {
        let header = table.place();
        let texts = table.required_strings("at");
        let places = self.places(texts.as_ref());
        let weighted = table.choice("order", &ORDERS);
        let order_is_known = weighted.is_some() || table.raw("order").is_none();
        let own = table.string("trafficback_url").map(|text| self.trafficback(&text));
        let trafficback = own.or_else(|| self.defaults.trafficback.clone());
        // One below an offer is told of there.
        let is_misplaced = |offer: &Node| matches!(&offer.value, Value::Table(entries) if entries.iter().any(|(key, _)| key.name == "trafficback_url"));
        let offers_have =
            matches!(table.raw("offer"), Some(Node { value: Value::Array(all), .. }) if all.iter().any(is_misplaced));
        if trafficback.is_none() && !offers_have {
            let missing = Mistake::error("visitors without a click have nowhere to go").at(header);
            self.mistakes
                .push(missing.help("give the link a trafficback_url, or [defaults] one for all"));
        }
        let preview = table
            .string("preview_url")
            .map(|text| self.fallback(&text, Use::Visitor));
        let tracker = match table.string("tracker") {
            Some(name) => self.trackers.find(&name, self.mistakes),
            None => self.defaults.tracker,
        };
        let has_offers = table.raw("offer").is_some();
        let weighted = weighted.is_some_and(|choice| choice.value);
        let offers: Option<Vec<ReadOffer>> = table
            .tables("offer")
            .unwrap_or_default()
            .into_iter()
            .map(|offer| self.offer(offer, tracker))
            // To the end, so that every mistake is told of.
            .collect::<Vec<_>>()
            .into_iter()
            .collect();
        if !has_offers || offers.as_ref().is_some_and(Vec::is_empty) {
            let missing = Mistake::error("the link leads to no offer").at(header);
            self.mistakes.push(missing.help("add a [[link.offer]]"));
        }
        table.finish(&OF_OFFER.map(|key| (key, "is an offer's: write it below a [[link.offer]]")));
        if let Some(offers) = &offers {
            reach::warn_of_unreachable(offers, weighted, self.bots, self.mistakes);
            if order_is_known {
                self.warn_of_weights(header, offers, weighted);
            }
        }
        let link = || {
            let offers = offers?;
            let order = if weighted {
                Order::Weighted(tickets(&offers))
            } else {
                Order::Listed
            };
            Some(Link {
                at: (*texts.as_ref()?.value.first()?.value).into(),
                order,
                offers: offers.into_iter().map(|read| read.offer).collect(),
                trafficback: trafficback?.good()?,
                preview: match preview {
                    Some(url) => Some(url?),
                    None => None,
                },
            })
        };
        let link = link();
        ReadLink { places, link }
    }

    fn trafficback(&self, text: &Spanned<&str>) -> Fallback {
        self.fallback(text, Use::Trafficback)
            .map_or(Fallback::Bad, |url| Fallback::Good(Arc::new(url)))
    }

    /// Shares that share nothing; once for a link.
    fn warn_of_weights(&self, header: SourcePlace, offers: &[ReadOffer], weighted: bool) {
        let place = |read: &ReadOffer| {
            read.weight
                .map(|weight| weight.place)
                .or(read.first.map(|first| first.place))
        };
        if !weighted && let Some(place) = offers.iter().find_map(place) {
            let warning = Mistake::warning("this does nothing: the link's offers are tried as they stand").at(place);
            self.mistakes.push(
                warning.help("write order = \"weighted\" above the link's first [[link.offer]], or leave it out"),
            );
        }
        let mut shared = offers.iter().filter(|read| !read.is_first()).peekable();
        if weighted && shared.peek().is_some() && shared.all(|read| read.weight() == 0) {
            let warning = Mistake::warning("every offer has the weight 0, so that they are tried as they stand");
            self.mistakes.push(warning.at(header).help("give one a weight"));
        }
    }

    fn fallback(&self, text: &Spanned<&str>, usage: Use) -> Option<FallbackUrl> {
        let url = urls::fallback(text, usage, self.named, self.mistakes)?;
        self.loops.leads_to(url.site(), text.place);
        Some(url)
    }

    fn places(&self, texts: Option<&Spanned<Vec<Spanned<&str>>>>) -> Vec<(Place, SourcePlace)> {
        let mut places = Vec::new();
        let Some(texts) = texts else { return places };
        if texts.value.is_empty() {
            let missing = Mistake::error("the link stands nowhere").at(texts.place);
            self.mistakes
                .push(missing.help("write its host and path, such as \"go.example.com/shoes\""));
        }
        for text in &texts.value {
            match Place::parse(text.value) {
                Ok(place) => {
                    self.warn_of_root(text, &place);
                    places.push((place, text.place));
                }
                Err(why) => {
                    let mistake = Mistake::error(why.message).at(text.place);
                    self.mistakes.push(mistake.help(why.help));
                }
            }
        }
        places
    }

    /// A word without a slash is a host, and its root alone: hardly what is meant by one that looks like no host.
    fn warn_of_root(&self, text: &Spanned<&str>, place: &Place) {
        let looks_like_a_host = match &place.host {
            HostPattern::Exact(host) => host.contains(['.', '[']) || host == "localhost",
            HostPattern::Below(_) => true,
            HostPattern::Any => false,
        };
        if !text.value.contains('/') && !looks_like_a_host {
            let warning = Mistake::warning("this is a host, and takes its root path alone").at(text.place);
            let help = match &place.host {
                HostPattern::Any => "write \"/*\" for every path of any host".to_owned(),
                _ => format!("write \"/{}\" for this path on any host", text.value),
            };
            self.mistakes.push(warning.help(help));
        }
    }

    fn offer(&self, mut table: TableReader<'_>, of_link: Option<usize>) -> Option<ReadOffer> {
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
        let of_link = OF_LINK.map(|key| (key, "is the link's: write it above the link's first [[link.offer]]"));
        let of_rules = OF_RULES.map(|key| (key, "is a rule: write it into `when = { … }` or `unless = { … }`"));
        table.finish(&[&of_link[..], &of_rules].concat());

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
