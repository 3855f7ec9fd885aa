//! Hits that were, sent through a configuration that is to come, with the answers that trackers gave: who would go elsewhere.
//!
//! Owns the verdicts and their numbers; `then` is the hit of a line, `walk` its way, which is the code of every hit, `answers` what
//! it is told on it. Asks nobody, and remembers of hits no more than their numbers, some examples, and the latest word
//! of each offer.

mod answers;
mod changes;
mod then;
mod walk;
mod words;
mod written;

use std::{collections::BTreeMap, sync::Arc};

use self::{
    answers::{walk_new, walk_old},
    changes::Changes,
    then::{Not, Then},
    walk::Walked,
    words::Words,
};
pub use self::{
    changes::{Change, Ending, Example},
    walk::Way,
    written::{json, table},
};
use crate::{history::Whole, outcome::Kind};

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// The log tells all that it takes.
    Certain,
    /// Other visitors were told so of an offer, shortly before.
    Likely,
    /// The tracker was not asked about an offer then, or not as far as is known: a click is assumed.
    Assumed,
    /// The link asks for something that stands in no log.
    Unclear,
}

impl Certainty {
    /// All, the surest first.
    pub const ALL: [Self; 4] = [Self::Certain, Self::Likely, Self::Assumed, Self::Unclear];

    /// The word in verdicts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Assumed => "assumed",
            Self::Unclear => "unclear",
        }
    }
}

/// What would become of a hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The visitor goes where they went.
    Same(Certainty),
    /// The visitor goes elsewhere: there.
    Elsewhere(Certainty, Option<String>),
    /// It was refused, and why is not told: another method, a prefetch, a broken request, a visitor who left.
    Refused,
    /// Its line lacks a field without which there is no hit.
    Incomplete(&'static str),
    /// The configuration of then does not lead where the hit ended.
    Unlike,
}

/// Hits, replayed.
pub struct Replay {
    new: Way,
    /// The configuration of then.
    old: Option<Way>,
    words: Words,
    tally: Tally,
}

/// What was counted.
#[derive(Default)]
struct Tally {
    hits: u64,
    same: u64,
    refused: u64,
    incomplete: BTreeMap<&'static str, u64>,
    /// … and the first: its id, its end, and where the configuration of then leads.
    unlike: (u64, Option<(String, Ending, Ending)>),
    elsewhere: [u64; Certainty::ALL.len()],
    /// Replayed hits by what decides at their link and is not known.
    unknown: BTreeMap<&'static str, u64>,
    changes: Changes,
    first: Option<Box<str>>,
    last: Option<Box<str>>,
}

impl Replay {
    /// Of nothing yet. With the configuration of then it is known which offers gave a visitor no click before the one that
    /// did, and locations are compared.
    pub fn new(new: Way, old: Option<Way>) -> Self {
        Self {
            new,
            old,
            words: Words::default(),
            tally: Tally::default(),
        }
    }

    /// Replays a hit; why not, where the line is none of a hit's.
    pub fn add(&mut self, line: &Whole<'_>) -> Result<Verdict, &'static str> {
        let verdict = match Then::of(line) {
            Err(Not::AHit(why)) => return Err(why),
            Err(Not::LetIn) => {
                self.tally.refused += 1;
                Verdict::Refused
            }
            Err(Not::Whole(field)) => {
                *self.tally.incomplete.entry(field).or_default() += 1;
                Verdict::Incomplete(field)
            }
            Ok(then) => {
                self.words.hear(&then);
                self.replay(&then)
            }
        };
        self.tally.hits += 1;
        if self.tally.first.as_deref().is_none_or(|first| *line.time < *first) {
            self.tally.first = Some((*line.time).into());
        }
        if self.tally.last.as_deref().is_none_or(|last| *line.time > *last) {
            self.tally.last = Some((*line.time).into());
        }
        Ok(verdict)
    }

    /// The hits that would go elsewhere, of those that were replayed.
    pub fn elsewhere(&self) -> (u64, u64) {
        let elsewhere = self.tally.elsewhere.iter().sum();
        (elsewhere, elsewhere + self.tally.same)
    }

    /// The same as a share, in percent.
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn percent(&self) -> f64 {
        let (elsewhere, replayed) = self.elsewhere();
        elsewhere as f64 * 100.0 / replayed.max(1) as f64
    }

    fn replay(&mut self, then: &Then<'_>) -> Verdict {
        let Self { new, old, words, tally } = self;
        let target = then.target(old.as_ref().unwrap_or(new).decided(then));
        let before = old.as_ref().map(|old| walk_old(old, then, &target));
        let (was, in_vain) = before.unzip();
        if let Some(was) = was.as_ref().filter(|was| !then.ended_as(was)) {
            tally.unlike.0 += 1;
            let told = || (then.id(), Ending::then(then), Ending::of(was));
            tally.unlike.1.get_or_insert_with(told);
            return Verdict::Unlike;
        }
        let (now, mut certainty) = walk_new(new, then, &target, &in_vain.unwrap_or_default(), words);
        let mut unknown = now.unknown.clone();
        unknown.extend(was.iter().flat_map(|was| &was.unknown));
        if !unknown.is_empty() {
            certainty = Certainty::Unclear;
        }
        for key in unknown {
            *tally.unknown.entry(key).or_default() += 1;
        }
        let is_same = match &was {
            Some(was) => goes_alike(was, &now),
            None => then.ended_as(&now) && then.line.link.as_deref() == now.link.as_deref(),
        };
        if is_same {
            tally.same += 1;
            return Verdict::Same(certainty);
        }
        tally.elsewhere[certainty as usize] += 1;
        tally.changes.add(then, was.as_ref(), &now, certainty, &target);
        Verdict::Elsewhere(certainty, now.end.location)
    }
}

/// Whether two ways lead a visitor to the same place, and to the same click.
fn goes_alike(one: &Walked<'_>, other: &Walked<'_>) -> bool {
    let click = |walked: &Walked<'_>| {
        let offer = walked.offer.as_ref();
        let offer = offer.filter(|_| walked.end.outcome == Kind::Advertiser.as_str())?;
        Some((Arc::clone(&offer.tracker), offer.ids))
    };
    one.end.outcome == other.end.outcome && one.end.location == other.end.location && click(one) == click(other)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
