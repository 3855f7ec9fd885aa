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
    marker::PhantomData,
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

pub use self::{
    agents::Agents,
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
    country: Memo<Option<Country>>,
    continent: OnceLock<Option<Continent>>,
    asn: OnceLock<Option<u32>>,
    agent: Memo<Agent>,
}

/// Something small that is found out when it is first asked for. Unlike `OnceLock` it is a word that is written whole: who asks at
/// the same time may find it out twice.
#[derive(Debug)]
struct Memo<T>(AtomicU64, PhantomData<T>);

/// A value that goes into fewer bits than a word has.
trait Small: Copy {
    fn bits(self) -> u64;
    fn of(bits: u64) -> Self;
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(AtomicU64::new(0), PhantomData)
    }
}

impl<T: Small> Memo<T> {
    const KNOWN: u64 = 1 << 63;

    fn get(&self) -> Option<T> {
        let word = self.0.load(Relaxed);
        (word != 0).then(|| T::of(word & !Self::KNOWN))
    }

    fn get_or(&self, find: impl FnOnce() -> T) -> T {
        self.get().unwrap_or_else(|| {
            let found = find();
            self.0.store(Self::KNOWN | found.bits(), Relaxed);
            found
        })
    }
}

impl Small for Option<Country> {
    fn bits(self) -> u64 {
        self.map_or(0, |country| u16::from_be_bytes(country.letters()).into())
    }

    fn of(bits: u64) -> Self {
        let [.., first, second] = bits.to_be_bytes();
        Country::of_letters([first, second])
    }
}

impl Small for Agent {
    fn bits(self) -> u64 {
        agents::pack(self)
    }

    fn of(bits: u64) -> Self {
        agents::unpack(bits)
    }
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
            country: Memo::default(),
            continent: OnceLock::new(),
            asn: OnceLock::new(),
            agent: Memo::default(),
        }
    }
}

impl Visitor<'_> {
    /// Their country, as far as a database knows it, if that was ever asked for.
    pub fn country_if_asked(&self) -> Option<Option<Country>> {
        self.country.get()
    }

    /// What their User-Agent says, if that was ever asked for.
    pub fn agent_if_asked(&self) -> Option<Agent> {
        self.agent.get()
    }
}

impl About for Visitor<'_> {
    fn country(&self) -> Option<Country> {
        self.country.get_or(|| self.lookups.places.country(self.ip))
    }

    fn continent(&self) -> Option<Continent> {
        *self.continent.get_or_init(|| self.lookups.places.continent(self.ip))
    }

    fn asn(&self) -> Option<u32> {
        *self.asn.get_or_init(|| self.lookups.places.asn(self.ip))
    }

    fn agent(&self) -> Agent {
        let read = |user_agent| self.lookups.agents.read(user_agent);
        self.agent.get_or(|| self.user_agent.map(read).unwrap_or_default())
    }

    fn languages(&self) -> Languages<'_> {
        Languages::of(self.headers)
    }
}
