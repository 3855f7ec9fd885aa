//! The links and their offers.

use std::{collections::HashMap, sync::Arc};

use super::{
    LATER, Mistake, Mistakes, Spanned, TableReader, Value, quoted,
    sections::Defaults,
    source::Place as SourcePlace,
    trackers::Trackers,
    urls::{self, Fallback},
    values::suggestion,
};
use crate::{
    click::api::OfferRequest,
    edge::{Link, Offer, OfferLabel},
    link::{Place, Table, Taken, place::HostPattern},
    query::TAGS,
    redirect::{Forward, OfferIds, SendValue, macros::Use},
};

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
    /// Where the places are written, to name both of two that are the same.
    written: HashMap<Place, SourcePlace>,
}

impl Links {
    pub(super) fn add(&mut self, read: ReadLink, mistakes: &Mistakes) {
        let mut free = Vec::new();
        for (place, written) in read.places {
            if let Some(before) = self.written.get(&place) {
                let mistake = Mistake::error("two links stand at the same place").at(written);
                mistakes.push(mistake.second(*before, "the first is here"));
            } else {
                self.written.insert(place.clone(), written);
                free.push(place);
            }
        }
        if let Some(link) = read.link {
            let item = self.table.push(link);
            for place in free {
                let placed: Result<(), Taken> = self.table.place(&place, item);
                debug_assert!(placed.is_ok(), "equal places have equal keys");
            }
        }
    }
}

/// What links are read with.
pub(super) struct LinkReader<'a> {
    pub(super) trackers: &'a Trackers,
    pub(super) defaults: &'a Defaults,
    pub(super) mistakes: &'a Mistakes,
}

impl LinkReader<'_> {
    /// Reads a `[[link]]`.
    pub(super) fn link(&self, mut table: TableReader<'_>) -> ReadLink {
        let header = table.place();
        let texts = table.required_strings("at");
        let places = self.places(texts.as_ref());
        if let Some(order) = table.string("order") {
            self.order(&order);
        }
        let own = table
            .string("trafficback_url")
            .map(|text| Fallback::read(&text, Use::Trafficback, self.mistakes));
        let trafficback = own.or_else(|| self.defaults.trafficback.clone());
        if trafficback.is_none() {
            let missing = Mistake::error("visitors without a click have nowhere to go").at(header);
            self.mistakes
                .push(missing.help("give the link a trafficback_url, or [defaults] one for all"));
        }
        let preview = table
            .string("preview_url")
            .map(|text| urls::fallback(&text, Use::Visitor, self.mistakes));
        let tracker = match table.string("tracker") {
            Some(name) => self.trackers.find(&name, self.mistakes),
            None => self.defaults.tracker,
        };
        let has_offers = table.raw("offer").is_some();
        let offers: Option<Vec<Offer>> = table
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
        table.finish(&[]);
        let link = || {
            Some(Link {
                at: (*texts.as_ref()?.value.first()?.value).into(),
                offers: offers?.into(),
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

    fn order(&self, order: &Spanned<&str>) {
        match order.value {
            "listed" => {}
            "weighted" => {
                let mistake = Mistake::error(format!("the order `weighted` {LATER}")).at(order.place);
                self.mistakes
                    .push(mistake.help("write \"listed\", or leave the key out"));
            }
            other => {
                let mistake = Mistake::error(format!("there is no order {}", quoted(other)));
                self.mistakes
                    .push(mistake.at(order.place).help(suggestion(other, &["listed"], "orders")));
            }
        }
    }

    fn offer(&self, mut table: TableReader<'_>, of_link: Option<usize>) -> Option<Offer> {
        let header = table.place();
        let name = table.string("name");
        let mut id = |key| {
            let id = table.required_integer_in(key, 1..=i64::MAX)?;
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
        let traffic = table
            .required_string("traffic_url")
            .and_then(|text| urls::traffic(&text, forward?, self.mistakes));
        let tracking = table
            .string("tracking_url")
            .map(|text| urls::fallback(&text, Use::Tracking, self.mistakes));
        let send = table.table("send").map(|send| self.send(&send));
        table.finish(&[("when", LATER), ("unless", LATER), ("weight", LATER)]);

        let ids = OfferIds {
            offer: offer_id?,
            campaign: campaign_id?,
            promo: promo_id?,
        };
        let (tracker, prefix) = self.trackers.offer(tracker?, ids.offer, ids.campaign, ids.promo)?;
        let label = OfferLabel {
            name: name.map(|name| name.value.into()),
            tracker: Arc::clone(&tracker.name),
            ids,
        };
        Some(Offer {
            label: Arc::new(label),
            request: OfferRequest::new(tracker, ids.offer, ids.campaign, prefix),
            traffic: traffic?,
            tracking: match tracking {
                Some(url) => Some(url?),
                None => None,
            },
            send: send.map_or(Some(Box::default()), |send| send)?,
        })
    }

    fn forward(&self, table: &mut TableReader<'_>) -> Option<Forward> {
        let Some(node) = table.raw("forward_query") else {
            return Some(Forward::Nothing);
        };
        if matches!(&node.value, Value::String(word) if word == "all") {
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
                Some((name, urls::send(&text, self.mistakes)?))
            })
            // To the end, so that every mistake is told of.
            .collect::<Vec<_>>()
            .into_iter()
            .collect()
    }
}
