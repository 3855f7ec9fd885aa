//! Tests of the foundation as a whole, and what they share.

mod canary;
mod defaults;
mod elements;
mod places;
mod reading;
mod redacting;
mod rendering;

use super::{
    Mistake, Mistakes, Secrets, Sources,
    tree::{Tree, parse},
};

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
    let mut sources = Sources::default();
    let mistakes = Mistakes::default();
    let id = sources.add(name, text);
    let tree = parse(&sources, id, &mistakes);
    (sources, tree, mistakes)
}

pub(super) fn rendered(sources: &Sources, mistakes: &Mistakes) -> String {
    mistakes.render(sources, &Secrets::default(), false)
}

/// Line and column of an offset, both from 1; columns count characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(offset)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// `line:column message` of each mistake.
pub(super) fn listed(sources: &Sources, mistakes: &Mistakes) -> Vec<String> {
    let one = |mistake: &Mistake| {
        let at = mistake.place.and_then(|place| {
            let (line, column) = position(&sources.get(place.source)?.text, place.start);
            Some(format!("{line}:{column} "))
        });
        at.unwrap_or_default() + &mistake.message
    };
    mistakes.first(usize::MAX).iter().map(one).collect()
}
