//! Reading configurations: files, their trees of values with places, and the mistakes in them.
//!
//! Owned here: what is the same for every section. Not owned: which sections and keys there are.

mod excerpt;
pub mod json;
mod json_words;
mod lex;
mod links;
pub mod load;
mod mask;
mod mask_lines;
mod mask_names;
mod mask_secret;
mod mask_values;
pub mod mistake;
pub mod reader;
pub mod redact;
mod render;
mod sections;
pub mod source;
#[cfg(test)]
mod tests;
pub mod toml;
mod trackers;
pub mod tree;
mod urls;
pub mod values;

pub use load::{Config, Read, read, read_text};
pub use mistake::{Mistake, Mistakes, Severity, quoted};
pub use reader::{Spanned, TableReader};
pub use redact::Secrets;
pub use source::{Place, Source, SourceId, Sources};
pub use tree::{Key, Node, Tree, Value, parse};
pub use values::Zero;
