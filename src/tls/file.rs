//! The bytes of a file, of no more than a certificate's or a key's size.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

/// A chain has a few KB; a larger file is something else.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Why a file's bytes are not there.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is a folder, a pipe or a device.
    NotAFile,
    /// It has more than 1 MB.
    TooLarge,
    Failed(io::Error),
}

/// Reads a whole file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    // To open a pipe would wait for whoever writes to it.
    let found = fs::metadata(path).map_err(Unreadable::Failed)?;
    if !found.is_file() {
        return Err(Unreadable::NotAFile);
    }
    let file = File::open(path).map_err(Unreadable::Failed)?;
    // One more, so that its end is seen by the reading that fills it.
    let length = found.len().min(MAX_FILE_BYTES) + 1;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    file.take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(Unreadable::Failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Unreadable::TooLarge);
    }
    Ok(bytes)
}

/// Some editors begin a text with a byte order mark, behind which PEM's first line would not be found.
pub(super) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
