//! Where a visitor may go: the table of places (host and path) at which links stand, whom an offer is for (`targeting`), and
//! in which order offers are tried (`order`).
//!
//! Pure, and generic over what a link leads to.

pub mod host;
pub mod order;
pub mod path;
pub mod place;
pub mod table;
pub mod targeting;
pub mod window;

pub use self::{
    order::{Order, Ticket},
    place::Place,
    table::{Found, Table, Taken},
    targeting::{Condition, Rules, Subject},
};
