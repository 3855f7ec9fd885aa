//! Databases of places on disk: reading them, and taking up a changed one while serving.
//!
//! Files are looked at twice a second rather than watched by the system: that sees a file which is renamed over another, one
//! written in place, and one behind links that are swapped, on every kind of disk. What a database holds is `visitor::places`'.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{
    edge::Current,
    file_print::FilePrint,
    observe::Metrics,
    visitor::{AsnDatabase, CountryDatabase, NotADatabase, Places},
};

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a database tells of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Countries.
    Country,
    /// Autonomous systems.
    Asn,
}

/// A file with a database.
#[derive(Debug)]
pub struct Database {
    kind: Kind,
    path: PathBuf,
    /// As it was when it was last read.
    read: Option<FilePrint>,
    /// As it was at the last look.
    seen: Option<FilePrint>,
    /// Whether it could not be read, and that was told of.
    told: bool,
}

/// Why a database cannot be used.
#[derive(Debug)]
pub enum Unusable {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// It is a folder, a pipe or a device.
    NotAFile,
    /// It is no database of its kind.
    NotADatabase(NotADatabase),
    /// The reader of databases panicked.
    Puzzling,
}

impl fmt::Display for Unusable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(out, "it cannot be read: {error}"),
            Self::NotAFile => out.write_str("it is no file"),
            Self::NotADatabase(why) => write!(out, "{why}"),
            Self::Puzzling => out.write_str("it is damaged in a way that nobody thought of"),
        }
    }
}

impl Database {
    /// Reads a file into `places`.
    pub fn open(kind: Kind, path: PathBuf, places: &mut Places) -> Result<Self, Unusable> {
        let print = FilePrint::of(&path);
        load(kind, &path)?(places);
        Ok(Self {
            kind,
            path,
            read: print,
            seen: print,
            told: false,
        })
    }

    /// What it tells of.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is another file than the one that was read, and nobody has written to it since the last look. A disk that
    /// hangs is waited for where nobody else waits.
    async fn has_changed(&mut self) -> bool {
        let path = self.path.clone();
        let now = tokio::task::spawn_blocking(move || FilePrint::of(&path))
            .await
            .unwrap_or(self.seen);
        let at_rest = now == self.seen;
        self.seen = now;
        at_rest && now != self.read
    }

    /// Takes up a changed file. One that is no database is not read again until it changes; one that could not be read, for
    /// want of rights or descriptors, is tried at each look.
    async fn take_up(&mut self, current: &Current, metrics: &Metrics) {
        let (kind, path) = (self.kind, self.path.clone());
        // A large file takes its time to read.
        let loaded = tokio::task::spawn_blocking(move || load(kind, &path)).await;
        let path = self.path.display();
        let loaded = loaded.unwrap_or(Err(Unusable::Puzzling));
        if !matches!(loaded, Err(Unusable::Unreadable(_))) {
            self.read = self.seen;
        }
        match loaded {
            Ok(put) => {
                current.change(|edge| put(&mut Arc::make_mut(&mut edge.lookups).places));
                metrics.reload(true);
                self.told = false;
                tracing::info!(file = %path, "the database of places has changed and is in use");
            }
            Err(Unusable::Unreadable(_)) if self.told => {}
            Err(why) => {
                metrics.reload(false);
                self.told = matches!(why, Unusable::Unreadable(_));
                tracing::error!(file = %path, %why, "the database of places has changed and cannot be used: the one in memory stays");
            }
        }
    }
}

/// Reads bytes into `places`.
pub fn take(kind: Kind, bytes: Vec<u8>, places: &mut Places) -> Result<(), Unusable> {
    parse(kind, bytes)?(places);
    Ok(())
}

type Put = Box<dyn Fn(&mut Places) + Send>;

fn load(kind: Kind, path: &Path) -> Result<Put, Unusable> {
    // To open a pipe would wait for whoever writes to it.
    let found = fs::metadata(path).map_err(Unusable::Unreadable)?;
    if !found.is_file() {
        return Err(Unusable::NotAFile);
    }
    parse(kind, fs::read(path).map_err(Unusable::Unreadable)?)
}

fn parse(kind: Kind, bytes: Vec<u8>) -> Result<Put, Unusable> {
    Ok(match kind {
        Kind::Country => {
            let database = Arc::new(CountryDatabase::from_bytes(bytes).map_err(Unusable::NotADatabase)?);
            Box::new(move |places| places.country = Some(Arc::clone(&database)))
        }
        Kind::Asn => {
            let database = Arc::new(AsnDatabase::from_bytes(bytes).map_err(Unusable::NotADatabase)?);
            Box::new(move |places| places.asn = Some(Arc::clone(&database)))
        }
    })
}

/// Takes up changed databases for ever. One that cannot be used changes nothing, and is told of.
pub async fn watch(mut databases: Vec<Database>, current: Arc<Current>, metrics: Arc<Metrics>) {
    if databases.is_empty() {
        return;
    }
    // They have just been read.
    let mut looks = interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        for database in &mut databases {
            if database.has_changed().await {
                database.take_up(&current, &metrics).await;
            }
        }
    }
}
