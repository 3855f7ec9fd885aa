//! The most frequent of very many words, in a bounded room (Misra and Gries, 1982).

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Words that are counted at a time. A word's count is too small by a ten-thousandth of all at most.
const MOST: usize = 10_000;
/// More companions of a word are not told apart.
const COMPANIONS: usize = 8;

/// Words and how often they came, with something that came with them.
#[derive(Debug, Default)]
pub(super) struct Heavy {
    words: HashMap<Box<str>, Word>,
}

#[derive(Debug, Default)]
struct Word {
    count: u64,
    companions: Vec<u64>,
}

/// One of the most frequent words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Top<'a> {
    pub(super) word: &'a str,
    /// At least so often it came.
    pub(super) count: u64,
    /// Different companions, up to [`COMPANIONS`].
    pub(super) companions: usize,
}

impl Heavy {
    pub(super) fn add(&mut self, word: &str, companion: &str) {
        if let Some(known) = self.words.get_mut(word) {
            known.add(companion);
        } else if self.words.len() < MOST {
            self.words.entry(word.into()).or_default().add(companion);
        } else {
            self.words.retain(|_, known| {
                known.count -= 1;
                known.count > 0
            });
        }
    }

    /// The most frequent ones, so many at most.
    pub(super) fn top(&self, most: usize) -> Vec<Top<'_>> {
        let mut all: Vec<Top<'_>> = self
            .words
            .iter()
            .map(|(word, known)| Top {
                word,
                count: known.count,
                companions: known.companions.len(),
            })
            .collect();
        all.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.word.cmp(other.word)));
        all.truncate(most);
        all
    }
}

impl Top<'_> {
    /// Whether it came with more than some companions.
    pub(super) fn has_many(&self) -> bool {
        self.companions == COMPANIONS
    }
}

impl Word {
    fn add(&mut self, companion: &str) {
        self.count += 1;
        if self.companions.len() < COMPANIONS {
            let mut hasher = DefaultHasher::new();
            companion.hash(&mut hasher);
            let hash = hasher.finish();
            if !self.companions.contains(&hash) {
                self.companions.push(hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frequent_word_is_found_among_any_number_of_others() {
        let mut heavy = Heavy::default();
        for number in 0..200_000 {
            heavy.add(&number.to_string(), "");
            if number % 10 == 0 {
                heavy.add("often", &(number % 30).to_string());
            }
        }
        assert!(heavy.words.len() <= MOST);
        let top = heavy.top(1)[0];
        assert_eq!((top.word, top.companions, top.has_many()), ("often", 3, false));
        assert!((19_900..=20_000).contains(&top.count), "{}", top.count);
    }
}
