//! What the edge would do with a request, and why, without asking anybody: the way of a hit itself, rehearsed with each answer
//! that a tracker may give.
//!
//! Decides nothing of its own. `text` writes it for a person; its JSON has the same fields.

mod rehearsal;
pub mod text;

use std::{net::IpAddr, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header, request::Parts};
use jiff::Timestamp;
use serde::Serialize;
use url::Url;

use self::rehearsal::{End, Ends};
use crate::{
    about::About,
    country::{Continent, Country},
    device::{Browser, Device, Os},
    edge::{Edge, Offer},
    hit::{self, Arrival, Hit},
    hit_id::HitId,
    link::{Order, targeting::Rule},
    observe::Trace,
    outcome::Outcome,
    query::Query,
    server::request,
    visitor::{Visitor, real_ip::Because},
};

/// A request that might come.
#[derive(Clone, Debug)]
pub struct Imagined {
    /// When.
    pub at: SystemTime,
    /// The other end of its connection.
    pub peer: IpAddr,
    /// The host and port that it is for.
    host: HeaderValue,
    /// Path and query.
    target: Uri,
    /// Its headers.
    headers: HeaderMap,
}

/// What the edge would do.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The host and path that are looked up; absent when the request is refused.
    pub place: Option<String>,
    /// When, in RFC 3339.
    pub at: String,
    /// Who asks.
    pub visitor: Seen,
    /// The link's place, as its configuration writes it first.
    pub link: Option<String>,
    /// How it ends without asking a tracker, if it does.
    pub ends: Option<End>,
    /// `listed` or `weighted`.
    pub order: Option<&'static str>,
    /// The link's offers, in the order in which they are tried for this visitor.
    pub offers: Vec<OfferExplained>,
    /// What follows when every offer that is asked for comes to the same: by the reason.
    pub otherwise: Option<Ends>,
}

/// A visitor as the edge understands them.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// The address that counts.
    pub ip: IpAddr,
    /// Why it is this one.
    pub ip_because: String,
    /// The User-Agent.
    pub user_agent: Option<String>,
    /// The referrer.
    pub referrer: Option<String>,
    /// The databases that addresses are looked up in: `country`, `asn`.
    pub databases: Vec<&'static str>,
    /// The country.
    pub country: Option<String>,
    /// The continent.
    pub continent: Option<&'static str>,
    /// The autonomous system.
    pub asn: Option<u32>,
    /// The kind of device.
    pub device: Option<&'static str>,
    /// The operating system.
    pub os: Option<&'static str>,
    /// The browser.
    pub browser: Option<&'static str>,
    /// The language that is wanted most.
    pub language: Option<String>,
}

/// An offer, whether it is for this visitor, and what follows.
#[derive(Clone, Debug, Serialize)]
pub struct OfferExplained {
    /// Its number in the link, from 1.
    pub number: usize,
    /// The affiliate's name for it.
    pub name: Option<String>,
    /// The tracker.
    pub tracker: String,
    /// `offer_id`.
    pub offer_id: u64,
    /// `campaign_id`.
    pub campaign_id: u64,
    /// `promo_id`.
    pub promo_id: u64,
    /// Its part in the weighted order.
    pub weight: Option<u32>,
    /// Whether it comes before those that have parts.
    pub first: bool,
    /// Whether it is for this visitor.
    pub fits: bool,
    /// The first rule that says it is not.
    pub because: Option<String>,
    /// The request that its tracker would get, the key left out.
    pub request: Option<String>,
    /// Where the visitor goes with a click on it. `CLICK_ID`, `SESSION_ID` and other capitals stand for what the tracker gives.
    pub click: Option<End>,
}

/// Why a request cannot be made of what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRequest(pub String);

impl Imagined {
    /// A GET of a URL, which may lack its scheme, or its scheme and host.
    pub fn new(url: &str, peer: IpAddr, at: SystemTime) -> Result<Self, NoRequest> {
        let whole = if url.starts_with('/') {
            format!("http://localhost{url}")
        } else if url
            .split(['/', '?', '#'])
            .next()
            .is_some_and(|front| front.ends_with(':'))
        {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        let wrong = || {
            NoRequest(format!(
                "`{url}` is no URL: write it like https://go.example.com/shoes?zone=1"
            ))
        };
        // As a browser does: in ASCII, with escapes, dot segments resolved.
        let parsed = Url::parse(&whole).map_err(|_| wrong())?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(wrong());
        }
        let mut host = parsed.host_str().ok_or_else(wrong)?.to_owned();
        if let Some(port) = parsed.port() {
            host = format!("{host}:{port}");
        }
        let mut target = parsed.path().to_owned();
        if let Some(query) = parsed.query() {
            target = format!("{target}?{query}");
        }
        Ok(Self {
            at,
            peer,
            host: host.try_into().map_err(|_| wrong())?,
            target: target.try_into().map_err(|_| wrong())?,
            headers: HeaderMap::new(),
        })
    }

    /// With a header more. An empty value takes part as it would on the wire.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), NoRequest> {
        let wrong = |what| NoRequest(format!("`{name}: {value}` is no header: {what}"));
        let name =
            HeaderName::try_from(name.trim()).map_err(|_| wrong("its name has other characters than letters"))?;
        let value =
            HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| wrong("its value has control characters"))?;
        self.headers.append(name, value);
        Ok(())
    }

    fn parts(&self) -> Parts {
        let mut request = Request::new(());
        *request.uri_mut() = self.target.clone();
        request.headers_mut().clone_from(&self.headers);
        // Who gives one of their own means it.
        request
            .headers_mut()
            .entry(header::HOST)
            .or_insert_with(|| self.host.clone());
        request.into_parts().0
    }

    /// Whether it has a header.
    pub fn has(&self, name: HeaderName) -> bool {
        self.headers.contains_key(name)
    }
}

/// Explains a request.
pub async fn explain(edge: &Edge, asked: &Imagined) -> Explanation {
    let parts = asked.parts();
    let visitor = Visitor::read(&edge.real_ip, &edge.lookups, asked.peer, &parts.headers);
    let mut explanation = Explanation {
        place: None,
        at: Timestamp::try_from(asked.at).map_or_else(|_| String::new(), |at| format!("{at:.0}")),
        visitor: seen(edge, asked.peer, &visitor, &parts.headers),
        link: None,
        ends: None,
        order: None,
        offers: Vec::new(),
        otherwise: None,
    };
    let read = match request::read(&parts) {
        Ok(read) => read,
        Err(refusal) => {
            explanation.ends = Some(End::of(Outcome::Refused(refusal)));
            return explanation;
        }
    };
    explanation.place = Some(format!("{}{}", read.host, read.path));
    let hit = Hit {
        at: asked.at,
        id: HitId::new(asked.at),
        head: read.head,
        host: &read.host,
        path: &read.path,
        query: Query::new(read.query),
        headers: &parts.headers,
        peer: asked.peer,
    };
    let mut trace = Trace::new(asked.peer);
    let arrived = hit::arrive(edge, &hit, &visitor, &mut trace);
    explanation.link = trace.link.as_deref().map(str::to_owned);
    match arrived {
        Err(outcome) => explanation.ends = Some(End::of(outcome)),
        Ok(arrival) => {
            explanation.order = Some(match arrival.link.order {
                Order::Listed => "listed",
                Order::Weighted(_) => "weighted",
            });
            for offer in arrival.link.in_order(&arrival.who) {
                explanation.offers.push(offer_explained(offer, &arrival).await);
            }
            explanation.otherwise = Some(rehearsal::otherwise(&arrival).await);
        }
    }
    explanation
}

async fn offer_explained(offer: &Offer, arrival: &Arrival<'_>) -> OfferExplained {
    let number = arrival
        .link
        .offers
        .iter()
        .position(|other| std::ptr::eq(other, offer))
        .unwrap_or_default();
    let label = &offer.label;
    let broken = offer.rules.fit(&arrival.subject).err();
    let ticket = match &arrival.link.order {
        Order::Listed => None,
        Order::Weighted(tickets) => tickets.get(number),
    };
    let mut explained = OfferExplained {
        number: number + 1,
        name: label.name.as_deref().map(str::to_owned),
        tracker: label.tracker.to_string(),
        offer_id: label.ids.offer,
        campaign_id: label.ids.campaign,
        promo_id: label.ids.promo,
        weight: ticket.filter(|ticket| !ticket.first).map(|ticket| ticket.weight),
        first: ticket.is_some_and(|ticket| ticket.first),
        fits: broken.is_none(),
        because: broken.map(|rule| misfit(rule, arrival)),
        request: None,
        click: None,
    };
    if broken.is_none() {
        let values = arrival.values_for(offer);
        explained.request = Some(offer.request().shown(&arrival.who, &hit::told(offer, &values)));
        explained.click = Some(rehearsal::click_on(offer, arrival).await);
    }
    explained
}

fn misfit(rule: &Rule, arrival: &Arrival<'_>) -> String {
    let found = rule.condition.found(&arrival.subject);
    let condition = &rule.condition;
    if rule.condition.key() == "time" {
        let what = if rule.unless {
            "`unless` excludes"
        } else {
            "`when` asks for"
        };
        return format!("{what} {condition}, and it is {found}");
    }
    match (rule.unless, found.is_empty()) {
        (true, _) => format!("`unless` excludes {condition}, and the visitor's is {found}"),
        (false, false) => format!("`when` asks for {condition}, and the visitor's is {found}"),
        (false, true) => format!("`when` asks for {condition}, and the visitor's is not known"),
    }
}

fn seen(edge: &Edge, peer: IpAddr, visitor: &Visitor<'_>, headers: &HeaderMap) -> Seen {
    let (_, because) = edge.real_ip.decide(peer, headers);
    let name = edge.real_ip.header.name();
    let places = &edge.lookups.places;
    let databases = [("country", places.country.is_some()), ("asn", places.asn.is_some())];
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let agent = visitor.agent();
    Seen {
        ip: visitor.ip,
        ip_because: match because {
            Because::PeerIsNoProxy if headers.contains_key(name) => {
                format!("it connects, and is no trusted proxy: its {name} is not believed")
            }
            Because::PeerIsNoProxy => "it connects, and is no trusted proxy".to_owned(),
            Because::NothingIsSaid => format!("it is a trusted proxy, which sends no {name}"),
            Because::FirstStranger => {
                format!(
                    "{peer} is a trusted proxy, and in its {name} this is the first address from the right that is not"
                )
            }
            Because::AllAreProxies => format!("all addresses in {name} are trusted proxies, and this is the leftmost"),
            Because::EntryIsUnusable => {
                format!("from the right the next entry of {name} is no address, and this is the last one before it")
            }
            Because::TooManyHops => format!("{name} is too long, and this is the last address that was read"),
            Because::OnlyValue => format!("{peer} is a trusted proxy, and {name} says so"),
            Because::ValueIsUnusable => {
                format!("{name} does not hold one address, so that the trusted proxy itself counts")
            }
        },
        user_agent: visitor.user_agent.map(text),
        referrer: visitor.referrer.map(text),
        databases: databases
            .into_iter()
            .filter(|(_, is_there)| *is_there)
            .map(|(key, _)| key)
            .collect(),
        country: visitor.country().as_ref().map(Country::as_str).map(str::to_owned),
        continent: visitor.continent().map(Continent::as_str),
        asn: visitor.asn(),
        device: agent.device.map(Device::as_str),
        os: agent.os.map(Os::as_str),
        browser: agent.browser.map(Browser::as_str),
        language: visitor.languages().preferred().map(str::to_owned),
    }
}
