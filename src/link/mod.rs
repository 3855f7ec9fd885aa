//! Where a visitor may go: the table of places (host and path) at which links stand.
//!
//! Pure, and generic over what a link leads to. Knows neither visitors nor offers.

pub mod host;
pub mod path;
pub mod place;
pub mod table;

pub use self::{
    place::Place,
    table::{Found, Table, Taken},
};
