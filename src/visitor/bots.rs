//! stub
pub struct Bots;
