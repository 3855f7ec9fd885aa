//! The files that a configuration is made of, and whether they are still the same.

use std::path::{Path, PathBuf};

use super::{Mistakes, load::matching, reader::Spanned, source::Place};
use crate::file_print::FilePrint;

/// The files of a configuration, as it names them.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    files: Vec<PathBuf>,
    /// Folders, and patterns of names below them.
    patterns: Vec<(PathBuf, String)>,
}

/// The files at a time, those that are not there too.
pub type WatchedPrint = Vec<(PathBuf, Option<FilePrint>)>;

impl Watched {
    pub(super) fn file(&mut self, path: &Path) {
        self.files.push(path.to_owned());
    }

    pub(super) fn pattern(&mut self, folder: &Path, pattern: &str) {
        self.patterns.push((folder.to_owned(), pattern.to_owned()));
    }

    /// As they are now. Blocks on the disk.
    pub fn print(&self) -> WatchedPrint {
        let place = Place::nowhere();
        let found = self.patterns.iter().flat_map(|(folder, pattern)| {
            let pattern = Spanned {
                value: pattern.as_str(),
                place,
            };
            matching(folder, &pattern, &Mistakes::default())
        });
        let files = self.files.iter().cloned().chain(found);
        files
            .map(|file| (FilePrint::of(&file), file))
            .map(|(print, file)| (file, print))
            .collect()
    }
}
