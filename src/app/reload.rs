//! When to take up a changed configuration: a file of it has changed, or somebody says so.

use std::path::{Path, PathBuf};

use tokio::time::{Duration, Instant, Interval, MissedTickBehavior, interval_at};

use crate::config::{Watched, WatchedPrint};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A configuration on disk, and what it was when it was read.
pub(super) struct OnDisk {
    path: PathBuf,
    watched: Watched,
    read: WatchedPrint,
    seen: WatchedPrint,
    looks: Interval,
}

impl OnDisk {
    /// A file that has just been read, and the files that it is made of.
    pub(super) fn new(path: PathBuf, watched: Watched) -> Self {
        let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let read = watched.print();
        Self {
            path,
            watched,
            seen: read.clone(),
            read,
            looks,
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends when the files are others than those that were read, and nobody has written to them since the last look.
    ///
    /// Dropped at an await, it forgets a look.
    pub(super) async fn changed(&mut self) {
        loop {
            self.looks.tick().await;
            let Some(now) = self.print().await else { continue };
            let is_at_rest = now == self.seen;
            self.seen = now;
            if is_at_rest && self.seen != self.read {
                return;
            }
        }
    }

    /// The files are about to be read.
    ///
    /// Dropped at its await, it changes nothing.
    pub(super) async fn reading(&mut self) {
        if let Some(now) = self.print().await {
            self.read.clone_from(&now);
            self.seen = now;
        }
    }

    /// The files that the new configuration is made of, and as they were after it was read. What was there before counts as it was
    /// before: it may have changed while it was read.
    pub(super) fn is_now(&mut self, watched: Watched, after: WatchedPrint) {
        let before = |file: &Path| {
            self.read
                .iter()
                .find(|(known, _)| known == file)
                .map(|(_, print)| *print)
        };
        let read = after
            .iter()
            .map(|(file, print)| (file.clone(), before(file).unwrap_or(*print)));
        self.read = read.collect();
        self.seen = after;
        self.watched = watched;
    }

    /// A disk that hangs is waited for where nobody else waits.
    async fn print(&self) -> Option<WatchedPrint> {
        let watched = self.watched.clone();
        tokio::task::spawn_blocking(move || watched.print()).await.ok()
    }
}
