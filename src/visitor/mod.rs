//! Who clicked: the real IP, the User-Agent and the referrer, as the exact bytes sent; what can be found out of them; and
//! whether anyone clicked at all.
//!
//! Pure: reads a peer address and request headers, knows nothing of links or clicks.

pub mod agents;
pub mod bots;
pub mod devices;
pub mod forwarded;
pub mod places;
mod places_file;
pub mod real_ip;
pub mod speculative;

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

pub use self::{
    agents::Agents,
    bots::Bots,
    places::{AsnDatabase, CountryDatabase, Places},
    places_file::NotADatabase,
    real_ip::{RealIp, RealIpHeader},
};
use crate::{
    about::About,
    country::{Continent, Country},
    device::Agent,
    headers::{Headers, Sender},
    language::Languages,
};

/// What visitors' addresses and User-Agents are looked up in.
#[derive(Clone, Debug, Default)]
pub struct Lookups {
    /// Where addresses are.
    pub places: Places,
    /// What User-Agents say.
    pub agents: Arc<Agents>,
}

/// Who is at the other end, by the address that counts and the headers that the tracker is told. The rest is looked up when
/// it is first asked for.
#[derive(Debug)]
pub struct Visitor<'a> {
    /// The visitor's address, IPv4-mapped ones as IPv4.
    pub ip: IpAddr,
    /// `User-Agent`; `None` when it is absent or empty.
    pub user_agent: Option<&'a [u8]>,
    /// `Referer`; `None` when it is absent or empty.
    pub referrer: Option<&'a [u8]>,
    headers: Headers<'a>,
    lookups: &'a Lookups,
    country: OnceLock<Option<Country>>,
    continent: OnceLock<Option<Continent>>,
    asn: OnceLock<Option<u32>>,
    agent: OnceLock<Agent>,
}

impl<'a> Visitor<'a> {
    /// Reads a request's headers, `sender` what they say of it; `peer` is the other end of its connection.
    pub fn read(
        real_ip: &RealIp,
        lookups: &'a Lookups,
        peer: IpAddr,
        headers: Headers<'a>,
        sender: Sender<'a>,
    ) -> Self {
        Self {
            ip: real_ip.of(peer, headers),
            user_agent: sender.user_agent.filter(|value| !value.is_empty()),
            referrer: sender.referrer.filter(|value| !value.is_empty()),
            headers,
            lookups,
            country: OnceLock::new(),
            continent: OnceLock::new(),
            asn: OnceLock::new(),
            agent: OnceLock::new(),
        }
    }
}

impl Visitor<'_> {
    /// Their country, as far as a database knows it, if that was ever asked for.
    pub fn country_if_asked(&self) -> Option<Option<Country>> {
        self.country.get().copied()
    }

    /// What their User-Agent says, if that was ever asked for.
    pub fn agent_if_asked(&self) -> Option<Agent> {
        self.agent.get().copied()
    }
}

impl About for Visitor<'_> {
    fn country(&self) -> Option<Country> {
        *self.country.get_or_init(|| self.lookups.places.country(self.ip))
    }

    fn continent(&self) -> Option<Continent> {
        *self.continent.get_or_init(|| self.lookups.places.continent(self.ip))
    }

    fn asn(&self) -> Option<u32> {
        *self.asn.get_or_init(|| self.lookups.places.asn(self.ip))
    }

    fn agent(&self) -> Agent {
        let read = |user_agent| self.lookups.agents.read(user_agent);
        *self.agent.get_or_init(|| self.user_agent.map(read).unwrap_or_default())
    }

    fn languages(&self) -> Languages<'_> {
        Languages::of(self.headers)
    }
}
