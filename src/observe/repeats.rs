//! What others can cause as often as they like is told once in a while, with how often it went untold meanwhile.
//!
//! Not owned: how it is told (`lines`), and when that is looked after (`diagnostics`).

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use tracing::{Level, callsite::Identifier};

use super::lines::{Said, Value};

/// How often an event is told that repeats.
pub(super) const EVERY: Duration = Duration::from_secs(10);

/// By what an event is one that was told already: who says it, of which tracker, in which words. All of them come from the
/// source and the configuration, so that there are few.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) site: Identifier,
    pub(super) tracker: Option<String>,
    pub(super) message: String,
}

/// What is to be done with an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is told, and so many like it were not.
    Tell(u64),
    /// It is the first that is not: it is to be kept.
    Keep,
    /// It is counted.
    Count,
}

/// Events that have been told, and those that have not.
#[derive(Debug, Default)]
pub(super) struct Repeats(HashMap<Key, Told>);

#[derive(Debug)]
struct Told {
    last: Instant,
    untold: u64,
    /// One of the untold.
    kept: Option<(Level, Said)>,
}

impl Repeats {
    /// What is to be done with an event that comes now.
    pub(super) fn comes(&mut self, key: &Key, now: Instant) -> Verdict {
        let Some(told) = self.0.get_mut(key) else {
            let told = Told {
                last: now,
                untold: 0,
                kept: None,
            };
            self.0.insert(key.clone(), told);
            return Verdict::Tell(0);
        };
        if now.saturating_duration_since(told.last) < EVERY {
            told.untold += 1;
            return if told.untold == 1 {
                Verdict::Keep
            } else {
                Verdict::Count
            };
        }
        told.last = now;
        told.kept = None;
        Verdict::Tell(std::mem::take(&mut told.untold))
    }

    /// Keeps an event, to be told later.
    pub(super) fn keep(&mut self, key: &Key, level: Level, said: Said) {
        if let Some(told) = self.0.get_mut(key).filter(|told| told.untold > 0) {
            told.kept = Some((level, said));
        }
    }

    /// When one that is kept is to be told.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let untold = self.0.values().filter(|told| told.untold > 0);
        untold.map(|told| told.last + EVERY).min()
    }

    /// Those that are to be told by now. Those of which there is nothing to say any more are forgotten.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(Level, Said)> {
        let is_due = |told: &Told| now.saturating_duration_since(told.last) >= EVERY;
        self.0.retain(|_, told| told.untold > 0 || !is_due(told));
        let due = self.0.values_mut().filter(|told| is_due(told));
        due.filter_map(|told| {
            told.last = now;
            told.tell()
        })
        .collect()
    }

    /// All that are kept.
    pub(super) fn all(&mut self) -> Vec<(Level, Said)> {
        self.0.drain().filter_map(|(_, mut told)| told.tell()).collect()
    }
}

impl Told {
    /// The one that is kept, with the number of the others.
    fn tell(&mut self) -> Option<(Level, Said)> {
        let others = std::mem::take(&mut self.untold).saturating_sub(1);
        let (level, mut said) = self.kept.take()?;
        suppressed(&mut said, others);
        Some((level, said))
    }
}

/// Adds how many like it were not told.
pub(super) fn suppressed(said: &mut Said, count: u64) {
    if count > 0 {
        said.fields.push(("suppressed", Value::Bare(count.to_string())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tracker: &str, message: &str) -> Key {
        static SITE: Site = Site;
        struct Site;
        impl tracing::callsite::Callsite for Site {
            fn set_interest(&self, _: tracing::subscriber::Interest) {}
            fn metadata(&self) -> &tracing::Metadata<'_> {
                unreachable!("nobody asks")
            }
        }
        Key {
            site: Identifier(&SITE),
            tracker: Some(tracker.to_owned()),
            message: message.to_owned(),
        }
    }

    fn said(message: &str, count: u64) -> Said {
        let mut said = Said {
            message: message.to_owned(),
            fields: Vec::new(),
        };
        suppressed(&mut said, count);
        said
    }

    #[test]
    fn each_is_told_once_in_a_while() {
        let mut repeats = Repeats::default();
        let now = Instant::now();
        let (one, of_other, other) = (key("t", "a"), key("u", "a"), key("t", "b"));
        assert_eq!(repeats.comes(&one, now), Verdict::Tell(0));
        assert_eq!(repeats.comes(&one, now), Verdict::Keep);
        assert_eq!(repeats.comes(&one, now), Verdict::Count);
        assert_eq!(repeats.comes(&of_other, now), Verdict::Tell(0));
        assert_eq!(repeats.comes(&other, now), Verdict::Tell(0));
        assert_eq!(repeats.comes(&one, now + EVERY), Verdict::Tell(2));
        assert_eq!(repeats.comes(&one, now + EVERY), Verdict::Keep);
    }

    #[test]
    fn the_last_ones_are_told_in_time() {
        let mut repeats = Repeats::default();
        let now = Instant::now();
        let one = key("t", "a");
        assert_eq!(repeats.comes(&one, now), Verdict::Tell(0));
        assert_eq!(repeats.due_at(), None);
        for _ in 0..3 {
            repeats.comes(&one, now);
        }
        repeats.keep(&one, Level::WARN, said("a", 0));
        assert_eq!(repeats.due_at(), Some(now + EVERY));
        assert_eq!(repeats.due(now), []);
        assert_eq!(repeats.due(now + EVERY), [(Level::WARN, said("a", 2))]);
        assert_eq!(repeats.comes(&one, now + EVERY), Verdict::Keep);
        repeats.keep(&one, Level::WARN, said("a", 0));
        assert_eq!(repeats.all(), [(Level::WARN, said("a", 0))]);
    }

    #[test]
    fn what_has_not_come_again_is_forgotten() {
        let mut repeats = Repeats::default();
        let now = Instant::now();
        repeats.comes(&key("t", "a"), now);
        assert_eq!(repeats.due(now + EVERY), []);
        assert!(repeats.0.is_empty());
    }
}
