//! The visitor of a request, as the edge understands them, and why their address is this one.

use std::net::IpAddr;

use serde::Serialize;

use crate::{
    about::About,
    country::{Continent, Country},
    device::{Browser, Device, Os},
    edge::Edge,
    headers::Headers,
    visitor::{Visitor, real_ip::Because},
};

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

impl Seen {
    /// Of a request's headers; `peer` is the other end of its connection.
    pub(super) fn of(edge: &Edge, peer: IpAddr, visitor: &Visitor<'_>, headers: Headers<'_>) -> Self {
        let (_, because) = edge.real_ip.decide(peer, headers);
        let name = edge.real_ip.header.name();
        let places = &edge.lookups.places;
        let databases = [("country", places.country.is_some()), ("asn", places.asn.is_some())];
        let text = |value| String::from_utf8_lossy(value).into_owned();
        let agent = visitor.agent();
        Self {
            ip: visitor.ip,
            ip_because: match because {
                Because::PeerIsNoProxy if headers.has(name) => {
                    format!("it connects, and is no trusted proxy: its {name} is not believed")
                }
                Because::PeerIsNoProxy => "it connects, and is no trusted proxy".to_owned(),
                Because::NothingIsSaid => format!("it is a trusted proxy, which sends no {name}"),
                Because::FirstStranger => {
                    format!(
                        "{peer} is a trusted proxy, and in its {name} this is the first address from the right that is not"
                    )
                }
                Because::AllAreProxies => {
                    format!("all addresses in {name} are trusted proxies, and this is the leftmost")
                }
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
}
