//! Where to send a visitor: templates, read once, and the `Location` made of one for one hit.
//!
//! Pure. Knows neither links nor visitors nor the Click API, but for the click id that a link to an advertiser demands.

pub mod location;
pub mod macros;
pub mod template;

pub use self::{
    location::{AdvertiserLocation, FallbackUrl, Forward, Location, SendValue, TrafficUrl},
    macros::{Macro, Values},
    template::{Site, Template, TemplateMistake, TemplateMistakes},
};
