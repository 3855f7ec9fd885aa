//! The way of a hit that was, through a configuration: the code of every hit, with answers by a script.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use http::{Method, Version};
use tokio::time::Instant;

use super::then::{Key, Then};
use crate::{
    about::About,
    click::Answer,
    country::{Continent, Country},
    device::Agent,
    edge::{Edge, Link, Offer, OfferLabel},
    explain::rehearsal::{End, Rehearsal},
    headers::{Header, Headers, Lines},
    history::Field,
    hit::{self, Hit},
    hit_id::HitIds,
    language::Languages,
    link::{Condition, Order, path, targeting::Rule},
    observe::Trace,
    outcome::{Outcome, Refusal},
    query::TAGS,
    server::{
        Limits,
        request::{self, Head},
    },
    visitor::Visitor,
};

/// A configuration that hits are sent through.
pub struct Way {
    /// What they are served from.
    pub edge: Edge,
    /// What requests may take.
    pub limits: Limits,
    /// Whether its click log has no whole addresses.
    pub hides_addresses: bool,
}

/// Where a way led.
pub(super) struct Walked<'w> {
    pub(super) end: End,
    /// The link's place.
    pub(super) link: Option<Arc<str>>,
    /// The offer by which it ended.
    pub(super) offer: Option<Arc<OfferLabel>>,
    /// How the offer by which it ended then stands here.
    pub(super) standing: Standing<'w>,
    /// What the link asks for and no line tells, in words of rules.
    pub(super) unknown: BTreeSet<&'static str>,
}

/// How an offer stands in a link, for a visitor.
#[derive(Clone, Copy)]
pub(super) enum Standing<'w> {
    /// The visitor came to no link's offers.
    NotAsked,
    /// It is not there.
    Gone,
    /// It is not for this visitor.
    Misfit(&'w Rule),
    /// It is for this visitor.
    Fits,
}

/// A visitor whose country is what it was then: that another database has another is no change of a configuration.
#[derive(Debug)]
struct Remembered<'a> {
    visitor: &'a Visitor<'a>,
    country: Option<Country>,
}

impl About for Remembered<'_> {
    fn country(&self) -> Option<Country> {
        self.country.or_else(|| self.visitor.country())
    }

    fn continent(&self) -> Option<Continent> {
        self.country
            .map_or_else(|| self.visitor.continent(), |country| Some(country.continent()))
    }

    fn asn(&self) -> Option<u32> {
        self.visitor.asn()
    }

    fn agent(&self) -> Agent {
        self.visitor.agent()
    }

    fn languages(&self) -> Languages<'_> {
        self.visitor.languages()
    }
}

impl Way {
    /// The offer by which a hit ended, in the link that stands at its place here.
    pub(super) fn decided(&self, then: &Then<'_>) -> Option<&Offer> {
        let decided = then.decided?;
        let path = path::canonical(then.line.path.as_deref()?)?;
        let found = self.edge.links.find(then.line.host.as_deref()?, &path)?;
        let mut offers = found.item.offers.iter();
        offers.find(|offer| Key::of(&offer.label) == decided)
    }

    /// Sends a hit through, with the target that it had.
    pub(super) fn walk(&self, then: &Then<'_>, target: &str, script: impl Fn(&Offer) -> Answer + Sync) -> Walked<'_> {
        let host = then.line.host.as_deref().unwrap_or_default();
        let user_agent = then.line.user_agent.text();
        let lines: Vec<Header<'_>> = [
            ("host", Some(host).filter(|host| !host.is_empty())),
            ("user-agent", user_agent),
            ("referer", then.line.referrer.text()),
        ]
        .into_iter()
        .filter_map(|(name, value)| {
            let value = value?.as_bytes();
            let name = name.as_bytes();
            Some(Header { name, value })
        })
        .collect();
        let lines = Lines::of(&lines);
        let headers = Headers::from(&lines);
        let head = Head {
            method: if then.is_head() { &Method::HEAD } else { &Method::GET },
            authority: None,
            target,
            // Only the older one may go without a host.
            version: if host.is_empty() {
                Version::HTTP_10
            } else {
                Version::HTTP_11
            },
            headers,
        };
        let mut walked = Walked {
            end: End::of(Outcome::Refused(Refusal::BadRequest)),
            link: None,
            offer: None,
            standing: Standing::NotAsked,
            unknown: BTreeSet::new(),
        };
        let asked = match request::read(&head, &self.limits) {
            Ok(asked) => asked,
            Err(refusal) => {
                walked.end = End::of(Outcome::Refused(refusal));
                return walked;
            }
        };
        let peer: IpAddr = then.peer();
        let visitor = Visitor::read(&self.edge.real_ip, &self.edge.lookups, peer, headers, headers.into());
        let remembered = Remembered {
            visitor: &visitor,
            country: then.country,
        };
        let hit = Hit {
            at: then.at,
            began: Instant::now(),
            ids: HitIds {
                hit: then.id,
                trace: None,
            },
            head: asked.head,
            host: &asked.host,
            path: &asked.path,
            query: asked.query,
            headers,
            sender: headers.into(),
            peer,
        };
        let mut trace = Trace::new(peer);
        let outcome = match hit::arrive(&self.edge, &hit, &visitor, &mut trace) {
            Err(outcome) => outcome,
            Ok(mut arrival) => {
                arrival.subject.about = &remembered;
                arrival.values.about = &remembered;
                walked.unknown = unknown(arrival.link, then, self.hides_addresses);
                if then.decided.is_some() {
                    walked.standing = match self.decided(then).map(|offer| offer.rules.fit(&arrival.subject)) {
                        None => Standing::Gone,
                        Some(Ok(())) => Standing::Fits,
                        Some(Err(rule)) => Standing::Misfit(rule),
                    };
                }
                at_once(hit::try_offers(&Rehearsal(script), &mut arrival, &mut trace))
            }
        };
        walked.end = End::of(outcome);
        walked.link.clone_from(&trace.link);
        walked.offer = trace.offer().cloned();
        walked
    }
}

/// What comes of work that waits for nobody.
fn at_once<F: Future>(work: F) -> F::Output {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("a rehearsal answers at once"),
    }
}

/// What decides at a link and stands in no line, or not in this one.
fn unknown(link: &Link, then: &Then<'_>, hides_addresses: bool) -> BTreeSet<&'static str> {
    let has_no_address = then.ip.is_none();
    let is_hidden = has_no_address || hides_addresses;
    let is_drawn = matches!(link.order, Order::Weighted(_)) && link.offers.len() > 1;
    let drawn = (is_hidden && is_drawn).then_some("ip");
    let rules = link.offers.iter().flat_map(|offer| offer.rules.all());
    let of_rules = rules.filter_map(|rule| {
        let is_unknown = match &rule.condition {
            Condition::Language(_) => true,
            Condition::Query(name, _) => !TAGS.contains(&&**name),
            Condition::Ip(..) => is_hidden,
            Condition::Asn(_) => has_no_address,
            Condition::Country(_) | Condition::Continent(_) => has_no_address && then.country.is_none(),
            Condition::Referrer(_) => then.line.referrer == Field::LeftOut,
            Condition::Device(_) | Condition::Os(_) | Condition::Browser(_) | Condition::Time(_) => false,
        };
        is_unknown.then(|| rule.condition.key())
    });
    of_rules.chain(drawn).collect()
}
