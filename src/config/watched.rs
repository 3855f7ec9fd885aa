//! The files that a configuration is made of, as they were just before they were read, and whether they are still the same.

use std::path::{Path, PathBuf};

use super::{Mistakes, load::matching, reader::Spanned, source::Place};
use crate::{file_print::FilePrint, tls::Fingerprint};

/// The files of a configuration, as it names them: those that are not there too.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    files: Vec<Watch>,
    /// Databases and certificates, which others look at once they are in use.
    beside: Vec<Watch>,
}

/// What one name leads to, and what was there when it was read.
#[derive(Clone, Debug)]
struct Watch {
    named: Named,
    read: Print,
}

#[derive(Clone, Debug)]
enum Named {
    File(PathBuf),
    /// A folder, and a pattern of names below it.
    Pattern(PathBuf, String),
    /// A folder.
    Certificates(PathBuf),
}

/// All files at a time.
pub type WatchedPrint = Vec<Print>;

/// What one name leads to at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Print {
    /// Files, those that are not there too.
    Files(Vec<(PathBuf, Option<FilePrint>)>),
    /// A folder of certificates.
    Certificates(Fingerprint),
}

impl Watched {
    pub(super) fn file(&mut self, path: &Path) {
        self.files.push(Watch::of(Named::File(path.to_owned())));
    }

    pub(super) fn pattern(&mut self, folder: &Path, pattern: &str) {
        let named = Named::Pattern(folder.to_owned(), pattern.to_owned());
        self.files.push(Watch::of(named));
    }

    pub(super) fn database(&mut self, path: &Path) {
        self.beside.push(Watch::of(Named::File(path.to_owned())));
    }

    pub(super) fn certificates(&mut self, folder: &Path) {
        self.beside.push(Watch::of(Named::Certificates(folder.to_owned())));
    }

    /// The configuration is in use.
    pub fn taken_up(&mut self) {
        self.beside.clear();
    }

    /// As they were before they were read.
    pub fn as_read(&self) -> WatchedPrint {
        self.all().map(|watch| watch.read.clone()).collect()
    }

    /// As they are now. Blocks on the disk.
    pub fn print(&self) -> WatchedPrint {
        self.all().map(|watch| watch.named.print()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Watch> {
        self.files.iter().chain(&self.beside)
    }
}

impl Watch {
    fn of(named: Named) -> Self {
        let read = named.print();
        Self { named, read }
    }
}

impl Named {
    fn print(&self) -> Print {
        let files = match self {
            Self::File(path) => vec![path.clone()],
            Self::Pattern(folder, pattern) => {
                let pattern = Spanned {
                    value: pattern.as_str(),
                    place: Place::nowhere(),
                };
                matching(folder, &pattern, &Mistakes::default())
            }
            Self::Certificates(folder) => return Print::Certificates(Fingerprint::of(folder)),
        };
        let print = |file: PathBuf| {
            let print = FilePrint::of(&file);
            (file, print)
        };
        Print::Files(files.into_iter().map(print).collect())
    }
}
