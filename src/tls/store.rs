//! The certificates in use, and taking up changed files while serving.
//!
//! Files are looked at rather than watched by the system: that sees one that is renamed over another, one written in place,
//! and one behind links that are swapped, on every kind of disk.

use std::{path::PathBuf, sync::Arc, time::SystemTime};

use arc_swap::ArcSwap;

use super::{
    certificates::{Certificates, Reading},
    folder::Fingerprint,
    mistake::Mistake,
};

/// The certificates in use.
#[derive(Debug)]
pub struct Store(ArcSwap<Certificates>);

/// What came of reading the folder again.
#[derive(Debug)]
pub struct Reload {
    /// Whether other certificates are shown now than before.
    pub has_changed: bool,
    /// All that is wrong with the files. Of a pair that cannot be used the last good one is shown, and of no pairs at all the
    /// last ones.
    pub mistakes: Vec<Mistake>,
}

/// What looks at the folder again and again.
#[derive(Debug, Default)]
pub struct Watch {
    /// The files at the last look.
    seen: Option<Fingerprint>,
    /// What was told of last.
    told: Vec<Mistake>,
}

impl Store {
    /// Shows these.
    pub fn new(certificates: Certificates) -> Self {
        Self(ArcSwap::from_pointee(certificates))
    }

    /// Those in use now.
    pub fn current(&self) -> Arc<Certificates> {
        self.0.load_full()
    }

    /// Reads the folder again and takes up what is good. A pair whose files are there and cannot be used, as between writing
    /// one and writing the other, stays as it was, and one that is valid stays before one that has ended; a pair whose files are
    /// both gone goes, but never the last one.
    ///
    /// Blocks as [`Certificates::read`] does. Handshakes that have begun end with what they began with.
    pub fn reload(&self, now: SystemTime) -> Reload {
        let before = self.current();
        let Some(folder) = &before.source().folder else {
            return Reload {
                has_changed: false,
                mistakes: Vec::new(),
            };
        };
        let Reading { certificates, mistakes } = Certificates::read_again(folder, now, before.all());
        let has_changed = certificates.is_some_and(|certificates| {
            let after = Arc::new(certificates);
            let is_same = before.all().len() == after.all().len()
                && before
                    .all()
                    .iter()
                    .zip(after.all())
                    .all(|(before, after)| Arc::ptr_eq(before, after));
            self.0.store(after);
            !is_same
        });
        Reload { has_changed, mistakes }
    }

    /// The folder, for certificates that come from one.
    pub fn folder(&self) -> Option<PathBuf> {
        self.current().source().folder.clone()
    }
}

impl Watch {
    /// Looks at the folder, and reads it if its files are others than those that were read and nobody has written to them
    /// since the last look, or if one of them has begun or ended to be valid. `None` where there is nothing new to tell.
    ///
    /// For a call every 500 ms where blocking is allowed: a look takes about a millisecond with a hundred certificates.
    pub fn look(&mut self, store: &Store, now: SystemTime) -> Option<Reload> {
        let current = store.current();
        let folder = current.source().folder.as_deref()?;
        let print = Fingerprint::of(folder);
        let at_rest = self.seen.as_ref() == Some(&print);
        let has_turned = current.turns_at().is_some_and(|at| at <= now);
        let is_other = print != current.source().print;
        self.seen = Some(print);
        if !(has_turned || is_other && at_rest) {
            return None;
        }
        let reload = store.reload(now);
        let is_news = reload.has_changed || reload.mistakes != self.told;
        self.told.clone_from(&reload.mistakes);
        is_news.then_some(reload)
    }
}
