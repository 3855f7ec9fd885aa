//! What tells a file from the one that was there before, without reading it.

use std::{
    fs::{self, Metadata},
    os::unix::fs::MetadataExt,
    path::Path,
};

/// A file at a time; also after its rights alone were mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePrint {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FilePrint {
    /// Of the file that a path leads to, through links; `None` where there is none. A pipe has none either: each write to it would
    /// look like another file.
    pub fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok().filter(Metadata::is_file)?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}
