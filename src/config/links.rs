//! The links: their keys, their places, and the order of their offers.

use std::{collections::HashSet, sync::Arc};

use super::{
    Mistake, Mistakes, Node, Spanned, TableReader, Value,
    geoip::Named,
    loops::Loops,
    offers::{ReadOffer, tickets},
    reach,
    sections::Defaults,
    source::Place as SourcePlace,
    trackers::Trackers,
    urls::{self, Fallback},
};
use crate::{
    edge::{BotRule, Link},
    link::{Order, Place, Table, Taken, place::HostPattern},
    redirect::{FallbackUrl, macros::Use},
};

/// How offers are tried, and whether that is by weight.
pub(super) const ORDERS: [(&str, bool); 2] = [("listed", false), ("weighted", true)];
/// Keys of offers that are easily written one table too high.
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
/// No visitor waits for a thousand trackers; more are a slip of whatever wrote the file.
const MOST_OFFERS: usize = 1000;

/// What is read of one link.
pub(super) struct ReadLink {
    places: Vec<(Place, SourcePlace)>,
    /// `None` where a mistake was told of.
    link: Option<Link>,
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

fn holds(table: &Node, key: &str) -> bool {
    matches!(&table.value, Value::Table(entries) if entries.iter().any(|(known, _)| known.name == key))
}

/// What links are read with.
pub(super) struct LinkReader<'a> {
    pub(super) trackers: &'a Trackers,
    pub(super) defaults: &'a Defaults,
    pub(super) named: Named,
    pub(super) bots: BotRule,
    pub(super) loops: &'a Loops,
    /// Whether each link's hits are counted.
    pub(super) per_link: bool,
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
        let offer_nodes = match table.raw("offer") {
            Some(Node {
                value: Value::Array(all),
                ..
            }) => all.as_slice(),
            _ => &[],
        };
        // One below an offer is told of there.
        let offers_have = offer_nodes.iter().any(|offer| holds(offer, "trafficback_url"));
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
        if let Some(Node { place, .. }) = table.raw("offer").filter(|_| offer_nodes.len() > MOST_OFFERS) {
            let mistake = Mistake::error(format!("a link has {MOST_OFFERS} offers at most")).at(*place);
            self.mistakes.push(mistake.help("make several links of it"));
        }
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
        table.finish(&[(
            &OF_OFFER,
            "is an offer's: write it below a [[link.offer]]",
            "move it to each offer of the link that it is meant for",
        )]);
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
                counts: self.per_link.then(Arc::default),
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

    pub(super) fn fallback(&self, text: &Spanned<&str>, usage: Use) -> Option<FallbackUrl> {
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
}
