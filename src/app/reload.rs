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
        let mut on_disk = Self {
            path,
            watched,
            read: WatchedPrint::new(),
            seen: WatchedPrint::new(),
            looks,
        };
        on_disk.taken_up();
        on_disk
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

    /// The files are about to be read. If nothing comes of it, not even mistakes, the same files are not read again.
    pub(super) fn reading(&mut self) {
        self.read.clone_from(&self.seen);
    }

    /// The files were read, and these are they. Until they are in use, each that changes is a reason to try again: what is wrong
    /// may be mended at any of them.
    pub(super) fn was_read(&mut self, watched: Watched) {
        self.watched = watched;
        self.read = self.watched.as_read();
        self.seen.clone_from(&self.read);
    }

    /// What was read is in use.
    pub(super) fn taken_up(&mut self) {
        let mut watched = std::mem::take(&mut self.watched);
        watched.taken_up();
        self.was_read(watched);
    }

    /// A disk that hangs is waited for where nobody else waits.
    async fn print(&self) -> Option<WatchedPrint> {
        let watched = self.watched.clone();
        tokio::task::spawn_blocking(move || watched.print()).await.ok()
    }
}
