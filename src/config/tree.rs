//! The tree of values of one file, the same for TOML and JSON, with the place of everything.
//!
//! Owned here: the types and the choice of the format. Not owned: the formats themselves.

use super::elements::Elements;
use super::mistake::Mistakes;
use super::source::{Place, SourceId, Sources};

/// Values may stand this deep inside each other. Everything that walks a tree may recurse.
pub(super) const DEEPEST: usize = 64;

/// What a file holds.
pub(super) struct Tree {
    /// Always a table.
    pub root: Node,
    /// False if there were mistakes: parts may be missing, so a missing key proves nothing.
    pub complete: bool,
}

/// A value and where it stands. For a table with a header of its own, that is the header.
pub(super) struct Node {
    pub value: Value,
    pub place: Place,
}

/// The name of an entry and where it stands.
pub(super) struct Key {
    pub name: String,
    pub place: Place,
}

/// A value. There is no `Debug`: strings may be secrets.
pub(super) enum Value {
    String(String),
    Integer(i64),
    Bool(bool),
    Array(Vec<Node>),
    /// In the order of the file.
    Table(Vec<(Key, Node)>),
    /// A kind of value that no configuration uses, as messages name it: "a decimal number", "a date or time".
    /// Of one with " too " in it a mistake has been told already.
    Other(&'static str),
}

impl Value {
    /// The kind of value with its article, for "expected a string, found …".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::String(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Bool(_) => "a boolean",
            Self::Array(_) => "an array",
            Self::Table(_) => "a table",
            Self::Other(word) => word,
        }
    }
}

/// A file of a configuration, read as far as it is read as a whole.
pub(super) struct File {
    source: SourceId,
    /// `None` if nothing could be made of it.
    pub tree: Option<Tree>,
    /// Links that are not in the tree.
    elements: Elements,
}

impl File {
    /// Reads a file that was added before, as JSON if its name says so, else as TOML. Every mistake is reported.
    pub(super) fn read(sources: &Sources, id: SourceId, mistakes: &Mistakes) -> Option<Self> {
        let source = sources.get(id)?;
        let elements = if source.is_json() {
            Elements::find(&source.text)
        } else {
            Elements::default()
        };
        let tree = if source.is_json() {
            super::json::parse_json(id, &source.text, elements.stretch(), mistakes)
        } else {
            super::toml::parse_toml(id, &source.text, mistakes)
        };
        Some(Self {
            source: id,
            tree,
            elements,
        })
    }

    /// How many links are not in the tree.
    pub(super) fn links_aside(&self) -> usize {
        self.elements.len()
    }

    /// The links that are not in the tree, each read when its turn comes. Every mistake is reported.
    pub(super) fn links(&self, sources: &Sources, mistakes: &Mistakes) -> impl Iterator<Item = Node> {
        let text = sources.get(self.source).map_or("", |source| &source.text);
        let links = self.elements.iter();
        links.filter_map(|link| super::json::parse_element(self.source, text, &link, mistakes))
    }
}

/// Reads a file that was added before into one tree. `None` if nothing could be made of it; every mistake is reported.
#[cfg(test)]
pub(super) fn parse(sources: &Sources, id: SourceId, mistakes: &Mistakes) -> Option<Tree> {
    let source = sources.get(id)?;
    if source.is_json() {
        super::json::parse_json(id, &source.text, 0..0, mistakes)
    } else {
        super::toml::parse_toml(id, &source.text, mistakes)
    }
}
