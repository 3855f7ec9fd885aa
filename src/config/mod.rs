//! Configurations: files, their trees of values with places, every mistake in them, and what is built of them.
//!
//! `load` is the whole of it; `sections`, `click_log`, `trackers`, `links` and `urls` know which keys there are. The rest is the same
//! for every key. Secrets are masked in all that is shown (`redact`, `mask`).

mod click_log;
mod elements;
mod excerpt;
mod geoip;
mod json;
mod json_words;
mod lex;
mod limits;
mod links;
mod load;
mod loops;
mod mask;
mod mask_lines;
mod mask_names;
mod mask_secret;
mod mask_values;
mod mistake;
mod offers;
mod plain_json;
mod reach;
mod reader;
mod redact;
mod render;
mod schema;
mod schema_shapes;
mod sections;
mod shown;
mod source;
mod targeting;
#[cfg(test)]
mod tests;
mod tls;
mod toml;
mod trackers;
mod tree;
mod urls;
mod values;
mod watched;

use self::{
    mistake::{Mistake, Mistakes, quoted},
    reader::{Spanned, TableReader},
    redact::Secrets,
    source::Sources,
    tree::{File, Node, Value},
    values::Zero,
};

pub use self::{
    geoip::BuiltIn,
    load::{Config, Read, Teller, read, read_again, read_text},
    render::Remark,
    schema::{links_schema, schema},
    watched::{Watched, WatchedPrint},
};
