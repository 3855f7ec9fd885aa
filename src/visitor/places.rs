//! Where a visitor's address lies: its country, its continent and its autonomous system, out of `MaxMind` DB files.
//!
//! Pure: the bytes of the files are the caller's business, and so are IPv4-mapped addresses, which must come as IPv4.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use maxminddb::PathElement::{self, Key};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::places_file::{File, NotADatabase};
use crate::country::{Continent, Country};

type Path = &'static [PathElement<'static>];

/// The databases that are loaded; without one its questions are answered `None`.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// For countries and continents.
    pub country: Option<Arc<CountryDatabase>>,
    /// For autonomous systems.
    pub asn: Option<Arc<AsnDatabase>>,
}

impl Places {
    /// The country of an address.
    pub fn country(&self, ip: IpAddr) -> Option<Country> {
        self.country.as_ref()?.country(ip)
    }

    /// The continent of an address.
    pub fn continent(&self, ip: IpAddr) -> Option<Continent> {
        self.country.as_ref()?.continent(ip)
    }

    /// The number of the autonomous system of an address.
    pub fn asn(&self, ip: IpAddr) -> Option<u32> {
        self.asn.as_ref()?.asn(ip)
    }
}

/// A database of countries: of any edition that has them, cities too.
#[derive(Debug)]
pub struct CountryDatabase {
    file: File,
    layout: CountryLayout,
    read: Read,
}

/// Countries that were read out of records, by where these stand in the file: many networks share one, and to read it costs more
/// than to find it. A place is of the last record that came to it.
struct Read(Box<[AtomicU64]>);

/// There are some 250 countries, and most files have a record or a few of each.
const READ: usize = 1024;

impl Read {
    fn new() -> Self {
        Self((0..READ).map(|_| AtomicU64::new(0)).collect())
    }

    /// The country of the record that stands at an offset.
    fn get(&self, offset: usize, read: impl FnOnce() -> Option<Country>) -> Option<Country> {
        let Ok(offset) = u32::try_from(offset) else {
            return read();
        };
        let place = &self.0[offset.wrapping_mul(0x9e37_79b1) as usize >> (32 - READ.ilog2())];
        // The offset, the letters or zeros, and a mark that there is something.
        let [a, b, c, d, first, second, _, mark] = place.load(Relaxed).to_be_bytes();
        if mark == 1 && u32::from_be_bytes([a, b, c, d]) == offset {
            return Country::of_letters([first, second]);
        }
        let country = read();
        let [a, b, c, d] = offset.to_be_bytes();
        let [first, second] = country.map_or([0; 2], Country::letters);
        place.store(u64::from_be_bytes([a, b, c, d, first, second, 0, 1]), Relaxed);
        country
    }
}

impl fmt::Debug for Read {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Read")
    }
}

/// Where a record has its codes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CountryLayout {
    country: Path,
    continent: Path,
}

/// `MaxMind`'s and DB-IP's own files, then those of ip-location-db and `IPinfo`; the first that any record has is the file's.
const COUNTRY_LAYOUTS: [CountryLayout; 2] = [
    CountryLayout {
        country: &[Key("country"), Key("iso_code")],
        continent: &[Key("continent"), Key("code")],
    },
    CountryLayout {
        country: &[Key("country_code")],
        continent: &[Key("continent_code")],
    },
];

impl CountryDatabase {
    /// Takes a whole file, and looks through it: what lookups would silently find nothing in is refused here.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, NotADatabase> {
        let file = File::open(bytes)?;
        let [countries, numbers] = look_through(&file)?;
        match countries {
            Some(which) => Ok(Self {
                file,
                layout: COUNTRY_LAYOUTS[which],
                read: Read::new(),
            }),
            None => Err(NotADatabase::WithoutCountries(file.content(), numbers.is_some())),
        }
    }

    /// When it was built, in seconds since 1970, as it says itself.
    pub fn built(&self) -> u64 {
        self.file.built()
    }

    /// Its type, such as `GeoLite2-Country`, as it says itself.
    pub fn database_type(&self) -> &str {
        self.file.database_type()
    }

    /// The country of an address; `None` too where the database has a code that no country has.
    pub fn country(&self, ip: IpAddr) -> Option<Country> {
        let record = self.file.record(ip)?;
        let read = || Country::parse(record.get(self.layout.country).ok()??);
        self.read.get(record.offset()?, read)
    }

    /// The continent of an address: the database's word, or else that of its country.
    pub fn continent(&self, ip: IpAddr) -> Option<Continent> {
        let told = self.file.find(ip, self.layout.continent);
        told.and_then(Continent::parse)
            .or_else(|| self.country(ip).map(Country::continent))
    }
}

/// A database of autonomous systems.
#[derive(Debug)]
pub struct AsnDatabase {
    file: File,
    path: Path,
}

/// Everyone's but `IPinfo`'s, then `IPinfo`'s.
const ASN_PATHS: [Path; 2] = [&[Key("autonomous_system_number")], &[Key("asn")]];

impl AsnDatabase {
    /// Takes a whole file, and looks through it: what lookups would silently find nothing in is refused here.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, NotADatabase> {
        let file = File::open(bytes)?;
        let [countries, numbers] = look_through(&file)?;
        match numbers {
            Some(which) => Ok(Self {
                file,
                path: ASN_PATHS[which],
            }),
            None => Err(NotADatabase::WithoutNumbers(file.content(), countries.is_some())),
        }
    }

    /// When it was built, in seconds since 1970, as it says itself.
    pub fn built(&self) -> u64 {
        self.file.built()
    }

    /// Its type, such as `GeoLite2-Country`, as it says itself.
    pub fn database_type(&self) -> &str {
        self.file.database_type()
    }

    /// The number of the autonomous system of an address.
    pub fn asn(&self, ip: IpAddr) -> Option<u32> {
        self.file.find(ip, self.path).and_then(number)
    }
}

/// Which of the layouts of countries, and which of the paths of numbers, is the first that any record of the file has.
fn look_through(file: &File) -> Result<[Option<usize>; 2], NotADatabase> {
    let mut countries = [false; COUNTRY_LAYOUTS.len()];
    let mut numbers = [false; ASN_PATHS.len()];
    file.survey(|record| {
        for (seen, layout) in countries.iter_mut().zip(COUNTRY_LAYOUTS) {
            *seen |= record.get(layout.country)?.and_then(Country::parse).is_some();
        }
        for (seen, path) in numbers.iter_mut().zip(ASN_PATHS) {
            *seen |= record.get(path)?.and_then(number).is_some();
        }
        Ok(())
    })?;
    let first = |seen: &[bool]| seen.iter().position(|&seen| seen);
    Ok([first(&countries), first(&numbers)])
}

/// A number as a database has it: an integer of any width, or text such as `AS64496`; 0 where it is neither.
struct Written(u32);

fn number(Written(asn): Written) -> Option<u32> {
    (asn != 0).then_some(asn)
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Written;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the number of an autonomous system")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Written, E> {
                Ok(Written(u32::try_from(number).unwrap_or(0)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
                let digits = text.strip_prefix("AS").unwrap_or(text);
                Ok(Written(digits.parse().unwrap_or(0)))
            }
        }
        from.deserialize_any(Any)
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
