//! The files of a configuration as text, and places in them.
//!
//! Owned here: reading files, byte order marks, encoding. Not owned: what the text
//! means.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::mistake::{Mistake, Mistakes};

/// Two and a half million links of 400 bytes; keeps `/dev/zero` and wrong paths from filling the memory.
const LARGEST_JSON: u64 = 1 << 30;
/// Other files become a tree as a whole, which takes many times their size.
pub(super) const LARGEST: u64 = 64 << 20;

/// A file among the files of one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SourceId(usize);

/// A stretch of bytes of one file. The end is not included; both ends are the same for a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub source: SourceId,
    pub start: usize,
    pub end: usize,
}

impl Place {
    /// For what is asked again without telling anybody.
    pub(super) fn nowhere() -> Self {
        Self {
            source: SourceId(usize::MAX),
            start: 0,
            end: 0,
        }
    }
}

/// One file. There is no `Debug`: the text may hold secrets.
pub(super) struct Source {
    /// The path as the operator should see it.
    pub path: PathBuf,
    /// The text without a byte order mark.
    pub text: String,
}

impl Source {
    /// Whether the file is read as JSON rather than TOML.
    pub(super) fn is_json(&self) -> bool {
        is_json(&self.path)
    }
}

fn is_json(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// All files of one configuration, in the order in which they were read.
#[derive(Default)]
pub(super) struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Adds a text that is already at hand.
    pub(super) fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<String>) -> SourceId {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let path = path.into();
        self.list.push(Source { path, text });
        SourceId(self.list.len() - 1)
    }

    /// Reads `file`, which messages call `shown`. `named_at` is where a configuration names the
    /// file, if one does. `None` means that a mistake was reported.
    pub(super) fn read(
        &mut self,
        file: &Path,
        shown: &Path,
        named_at: Option<Place>,
        mistakes: &Mistakes,
    ) -> Option<SourceId> {
        let largest = if is_json(file) { LARGEST_JSON } else { LARGEST };
        match read_bytes(file, largest) {
            Ok(bytes) => self.add_bytes(shown, bytes, mistakes),
            Err((why, help)) => {
                let mut mistake = Mistake::error(format!("cannot read `{}`: {why}", shown.display()));
                mistake.place = named_at;
                mistakes.push(mistake.help(match (help, named_at) {
                    (Some(help), _) => help,
                    (None, Some(_)) => "paths are relative to the file that names them",
                    (None, None) => "name the configuration with `-c FILE`",
                }));
                None
            }
        }
    }

    /// Adds the bytes of a file. `None` means that they are no text and a mistake was reported.
    pub(super) fn add_bytes(&mut self, shown: &Path, bytes: Vec<u8>, mistakes: &Mistakes) -> Option<SourceId> {
        let bad_utf8 = std::str::from_utf8(&bytes).err().map(|e| e.valid_up_to());
        // To ask whether there is one is far quicker than where.
        let has_nul = bytes.contains(&0);
        let nul = has_nul.then(|| bytes.iter().position(|&byte| byte == 0)).flatten();
        let bad = match (bad_utf8, nul) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let Some(bad) = bad else {
            let text = String::from_utf8(bytes).unwrap_or_default();
            return Some(self.add(shown, text));
        };
        // Only what stands before the bad byte is kept: masking of secrets relies on reading the
        // text, and text in another encoding cannot be read.
        let before = bytes.get(..bad).unwrap_or_default();
        let text = String::from_utf8_lossy(before) + "\u{fffd}";
        let byte = bytes.get(bad).copied().unwrap_or_default();
        let source = self.add(shown, text);
        let end = self.get(source).map_or(0, |source| source.text.len());
        let start = end.saturating_sub('\u{fffd}'.len_utf8());
        let mistake = Mistake::error(format!("the file is not UTF-8 text: byte 0x{byte:02X}"));
        mistakes.push(
            mistake
                .at(Place { source, start, end })
                .label("not a character in UTF-8")
                .help("save the file as UTF-8"),
        );
        None
    }

    pub(super) fn get(&self, id: SourceId) -> Option<&Source> {
        self.list.get(id.0)
    }
}

/// Why a file is not read, and how to mend it, where that does not depend on who names it.
pub(super) type Unread = (String, Option<&'static str>);

/// The bytes of a file. A pipe is read where its name says that somebody passes it on purpose, as `/dev/stdin` and `<(…)` in a
/// shell do; to open another would wait for whoever writes to it.
pub(super) fn read_bytes(file: &Path, largest: u64) -> Result<Vec<u8>, Unread> {
    let why = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => ("there is no such file".to_owned(), None),
        ErrorKind::PermissionDenied => (
            "permission denied".to_owned(),
            Some("let the user that onehop runs as read it"),
        ),
        ErrorKind::IsADirectory => ("it is a directory, not a file".to_owned(), Some("name a file in it")),
        _ => (error.to_string(), None),
    };
    let found = fs::metadata(file).map_err(|error| {
        let is_link = fs::symlink_metadata(file).is_ok_and(|found| found.is_symlink());
        if is_link && error.kind() != ErrorKind::PermissionDenied {
            let why = "it is a link that leads nowhere".to_owned();
            return (why, Some("have it lead to a file, or remove it"));
        }
        why(error)
    })?;
    let is_passed = ["/dev", "/proc"].iter().any(|folder| file.starts_with(folder));
    if !found.is_file() && !found.is_dir() && !is_passed {
        let why = "it is a pipe, a socket or a device, not a file".to_owned();
        return Err((why, Some("put the file itself there, or a link to it")));
    }
    let file = File::open(file).map_err(why)?;
    // A large file is not copied from vector to vector as it grows.
    let length = found.len().min(largest);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.take(largest + 1).read_to_end(&mut bytes).map_err(why)?;
    if bytes.len() as u64 > largest {
        let why = format!("it is larger than {} MiB", largest >> 20);
        return Err((why, Some("make several files of it, or of its links")));
    }
    Ok(bytes)
}
