//! Tests of the foundation as a whole, and what they share.

mod canary;
mod places;
mod reading;
mod redacting;
mod rendering;

use super::{Mistake, Mistakes, Secrets, Sources, Tree, parse};

/// A small reproducible source of random numbers.
pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % bound.max(1)
    }
}

/// Parses a text under a file name.
pub(super) fn read(name: &str, text: &str) -> (Sources, Option<Tree>, Mistakes) {
    let mut sources = Sources::new();
    let mistakes = Mistakes::new();
    let id = sources.add(name, text);
    let tree = parse(&sources, id, &mistakes);
    (sources, tree, mistakes)
}

pub(super) fn rendered(sources: &Sources, mistakes: &Mistakes) -> String {
    mistakes.render(sources, &Secrets::new(), false)
}

/// `line:column message` of each mistake.
pub(super) fn listed(sources: &Sources, mistakes: &Mistakes) -> Vec<String> {
    let one = |mistake: &Mistake| {
        let at = mistake.place.and_then(|place| {
            let (line, column) = sources.get(place.source)?.position(place.start);
            Some(format!("{line}:{column} "))
        });
        at.unwrap_or_default() + &mistake.message
    };
    mistakes.sorted().iter().map(one).collect()
}
