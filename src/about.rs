//! What can be found out about a visitor beside what they say: where they are, and what they hold in their hands.
//!
//! The word by which `visitor`, which finds it out, is asked by those who need it: `link` for its rules, `redirect` for its
//! macros.

use std::fmt;

#[cfg(test)]
use crate::headers::Headers;
use crate::{
    country::{Continent, Country},
    device::Agent,
    language::Languages,
};

/// A visitor, to be asked. What is never asked for is never looked up.
pub trait About: fmt::Debug + Sync {
    /// The country of their address, as far as a database knows it.
    fn country(&self) -> Option<Country>;
    /// The continent of their address.
    fn continent(&self) -> Option<Continent>;
    /// The number of the autonomous system of their address.
    fn asn(&self) -> Option<u32>;
    /// Device, operating system and browser, as far as their User-Agent says.
    fn agent(&self) -> Agent;
    /// The languages that they ask for.
    fn languages(&self) -> Languages<'_>;
}

/// A visitor of whom nothing can be found out.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unknown;

#[cfg(test)]
impl About for Unknown {
    fn country(&self) -> Option<Country> {
        None
    }

    fn continent(&self) -> Option<Continent> {
        None
    }

    fn asn(&self) -> Option<u32> {
        None
    }

    fn agent(&self) -> Agent {
        Agent::default()
    }

    fn languages(&self) -> Languages<'_> {
        Languages::of(Headers::NONE)
    }
}
