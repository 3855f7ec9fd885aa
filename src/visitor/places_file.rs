//! A `MaxMind` DB in memory: opened, looked through once for damage, then asked; and what is told of one that cannot be used.
//!
//! Knows the format and no record's meaning.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use bytes::Bytes;
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader};
use serde::de::{Deserialize, IgnoredAny};

/// A file whose description was found, and whose search tree fits into it.
pub(super) struct File {
    bytes: Bytes,
    reader: Reader<Bytes>,
}

/// One network's record.
pub(super) struct Record<'a>(LookupResult<'a, Bytes>);

/// What looking through a file found wrong.
pub(super) struct Damage(MaxMindDbError);

/// How many different records are looked at: tens of milliseconds.
const IN_ALL: usize = 100_000;
/// A `MaxMind` DB has its description behind the last of these.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

impl File {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, NotADatabase> {
        if bytes.is_empty() {
            return Err(NotADatabase::Empty);
        }
        if !bytes.windows(MARKER.len()).rev().any(|window| window == MARKER) {
            return Err(NotADatabase::Other(kind(&bytes)));
        }
        let bytes = Bytes::from(bytes);
        match Reader::from_source(bytes.clone()) {
            Ok(reader) => Ok(Self { bytes, reader }),
            Err(error) => Err(NotADatabase::Damaged(error.to_string())),
        }
    }

    /// What stands at a path of an address's record. Never an error: what is damaged beyond what the survey saw is not found.
    pub(super) fn find<'a, T: Deserialize<'a>>(&'a self, ip: IpAddr, path: &[PathElement<'_>]) -> Option<T> {
        self.record(ip)?.get(path).ok()?
    }

    /// An address's record.
    pub(super) fn record(&self, ip: IpAddr) -> Option<Record<'_>> {
        if ip.is_ipv6() && !self.has_ipv6() {
            return None; // the reader would make an error of it, which allocates
        }
        self.reader.lookup(ip).ok().map(Record)
    }

    /// Shows the records of the file, each once however many networks have it; the first damaged one ends it.
    ///
    /// Goes to each node once: the reader's own walk of a tree whose branches meet again can take for ever.
    pub(super) fn survey<'a>(
        &'a self,
        mut see: impl FnMut(&Record<'a>) -> Result<(), Damage>,
    ) -> Result<(), NotADatabase> {
        let damaged = |Damage(error)| NotADatabase::Damaged(error.to_string());
        let width = if self.has_ipv6() { 128 } else { 32 };
        let nodes = self.reader.metadata().node_count;
        let mut passed = vec![false; nodes as usize];
        let mut seen = HashSet::new();
        let mut left = vec![(0, 0, 0)];
        while let Some((node, network, depth)) = left.pop() {
            let Some(children) = self.node(node) else { continue };
            match passed.get_mut(node as usize) {
                Some(passed @ false) => *passed = true,
                _ => continue,
            }
            for (bit, child) in (0..).zip(children) {
                let network = network | bit << (127 - depth);
                if child < nodes && depth + 1 < width {
                    left.push((child, network, depth + 1));
                } else if child < nodes || child > nodes && seen.len() < IN_ALL && seen.insert(child) {
                    // A node behind the last bit is none: the reader says so.
                    let record = self.reader.lookup(address(network, width)).map_err(Damage);
                    record.and_then(|record| see(&Record(record))).map_err(damaged)?;
                }
            }
        }
        if seen.is_empty() {
            return Err(NotADatabase::WithoutNetworks);
        }
        Ok(())
    }

    fn node(&self, node: u32) -> Option<[u32; 2]> {
        let length = usize::from(self.reader.metadata().record_size) / 4;
        Some(children(self.bytes.get(node as usize * length..)?.get(..length)?))
    }

    fn has_ipv6(&self) -> bool {
        self.reader.metadata().ip_version == 6
    }

    pub(super) fn built(&self) -> u64 {
        self.reader.metadata().build_epoch
    }

    pub(super) fn database_type(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// What it holds, for the words of a refusal: its type, and keys of the record that has the most.
    #[expect(
        clippy::zero_sized_map_values,
        reason = "what a map is decoded into, its values passed over"
    )]
    pub(super) fn content(&self) -> Content {
        let mut most = BTreeMap::new();
        // It went through once, or there would be no such question.
        let _ = self.survey(|record| {
            let keys = record.0.decode::<BTreeMap<&str, IgnoredAny>>();
            if let Ok(Some(keys)) = keys
                && keys.len() > most.len()
            {
                most = keys;
            }
            Ok(())
        });
        Content {
            database_type: self.database_type().to_owned(),
            keys: most.into_keys().take(5).map(str::to_owned).collect(),
        }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.database_type()).finish()
    }
}

impl<'a> Record<'a> {
    /// Where it stands in the file, if it does.
    pub(super) fn offset(&self) -> Option<usize> {
        self.0.offset()
    }

    /// What stands at a path, `None` if nothing does or something of another type.
    pub(super) fn get<T: Deserialize<'a>>(&self, path: &[PathElement<'_>]) -> Result<Option<T>, Damage> {
        match self.0.decode_path(path) {
            Err(MaxMindDbError::Decoding { .. }) => Ok(None),
            found => found.map_err(Damage),
        }
    }
}

/// The two records of a node of six, seven or eight bytes: each the number of another node, that of all nodes for none, or a
/// place in the data.
pub(super) fn children(node: &[u8]) -> [u32; 2] {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
    let (first, second) = (&node[..node.len() / 2], &node[node.len().div_ceil(2)..]);
    // Of seven bytes the middle one has the highest bits of both.
    let high = if node.len() == 7 { u32::from(node[3]) } else { 0 };
    [high >> 4 << 24 | number(first), (high & 15) << 24 | number(second)]
}

/// The address whose first bits these are.
fn address(bits: u128, width: u32) -> IpAddr {
    match u32::try_from(bits >> (128 - width)) {
        Ok(bits) if width == 32 => IpAddr::V4(Ipv4Addr::from_bits(bits)),
        _ => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

/// What a file that is no `MaxMind` DB looks like.
fn kind(bytes: &[u8]) -> Kind {
    if bytes.starts_with(b"\x1f\x8b") {
        Kind::Gzip
    } else if bytes.starts_with(b"PK\x03\x04") || bytes.get(257..262) == Some(b"ustar") {
        Kind::Archive
    } else if bytes
        .iter()
        .take(512)
        .all(|&byte| byte >= b' ' || byte.is_ascii_whitespace())
    {
        Kind::Text
    } else {
        Kind::Unknown
    }
}

/// Why bytes are not a database that can be used; says what is wrong, and the mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotADatabase {
    /// No bytes.
    Empty,
    /// Nothing says that it is a `MaxMind` DB: it is something else, or its end is missing.
    Other(Kind),
    /// It is a `MaxMind` DB, but not whole; in the reader's words.
    Damaged(String),
    /// A `MaxMind` DB without one network.
    WithoutNetworks,
    /// No record has a country where one is looked for; and whether the file has autonomous systems.
    WithoutCountries(Content, bool),
    /// No record has an autonomous system where one is looked for; and whether the file has countries.
    WithoutNumbers(Content, bool),
}

/// What a file that is no `MaxMind` DB looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Compressed.
    Gzip,
    /// ZIP or tar.
    Archive,
    /// A CSV edition, or the web page of an error.
    Text,
    /// None of these.
    Unknown,
}

/// What a database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What the file says of itself.
    pub database_type: String,
    /// The keys of the record that has the most, five at most.
    pub keys: Vec<String>,
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is a {:?} whose records have ", self.database_type)?;
        match &*self.keys {
            [] => f.write_str("no keys"),
            keys => write!(f, "`{}`", keys.join("`, `")),
        }
    }
}

impl fmt::Display for NotADatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty: fetch it again"),
            Self::Other(Kind::Gzip) => f.write_str("it is compressed: unpack it (gunzip, or tar -xzf)"),
            Self::Other(Kind::Archive) => f.write_str("it is an archive: unpack the .mmdb file that is in it"),
            Self::Other(Kind::Text) => {
                f.write_str("it is text, such as a CSV edition or the page of an error: fetch the MMDB edition")
            }
            Self::Other(Kind::Unknown) => f.write_str(
                "it is no MaxMind DB, or it was cut off: the description at the end is missing; fetch it again",
            ),
            Self::Damaged(how) => write!(f, "it is cut off or damaged ({how}): fetch it again"),
            Self::WithoutNetworks => f.write_str("it holds no networks: fetch another edition"),
            Self::WithoutCountries(content, true) => {
                write!(f, "{content}: it holds autonomous systems: name it as geoip.asn")
            }
            Self::WithoutCountries(content, false) => write!(
                f,
                "{content}: it holds no countries where they are looked for, in `country.iso_code` and `country_code`: use \
                 a database of countries or cities"
            ),
            Self::WithoutNumbers(content, true) => {
                write!(f, "{content}: it holds countries: name it as geoip.country")
            }
            Self::WithoutNumbers(content, false) => write!(
                f,
                "{content}: it holds no autonomous systems where they are looked for, in `autonomous_system_number` and \
                 `asn`: use a database of those"
            ),
        }
    }
}

impl std::error::Error for NotADatabase {}
