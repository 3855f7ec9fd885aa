//! Rotated files of the click log: their names, which of them are kept, and how they are compressed.
//!
//! What is done to them is found out by their names alone, so that what an edge that ended has left undone is done by the next.
//! No other file is touched.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::mpsc::{self, Sender},
    thread,
    time::SystemTime,
};

use flate2::{Compression, write::GzEncoder};

use super::log_file::is_at;

/// Digits and letters of a time: `20261123T040500Z`.
const STAMP: &str = "ddddddddTddddddZ";
const COMPRESSED: &str = ".gz";
/// Behind the name of a file that is being compressed, and not whole yet.
const PART: &str = ".part";

/// What stands behind the log's own name. Names sort by time, and within a second by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    /// When the file was closed, to the second.
    stamp: String,
    /// The first of a second has none.
    number: u32,
    is_compressed: bool,
}

impl Name {
    /// The first name of a second.
    pub(super) fn at(now: SystemTime) -> Self {
        let time = humantime::format_rfc3339_seconds(now).to_string();
        Self {
            stamp: time.replace(['-', ':'], ""),
            number: 0,
            is_compressed: false,
        }
    }

    /// Reads the name of a file beside the log; `None` if it is not exactly such a name.
    pub(super) fn of(name: &str, log: &str) -> Option<Self> {
        let behind = name.strip_prefix(log)?.strip_prefix('.')?;
        let (stamp, rest) = behind.split_at_checked(STAMP.len())?;
        let fits = |(found, wanted): (char, char)| match wanted {
            'd' => found.is_ascii_digit(),
            _ => found == wanted,
        };
        if !stamp.chars().zip(STAMP.chars()).all(fits) {
            return None;
        }
        let (number, is_compressed) = match rest.strip_suffix(COMPRESSED) {
            Some(number) => (number, true),
            None => (rest, false),
        };
        let number = match number.strip_prefix('.') {
            None if number.is_empty() => 0,
            None => return None,
            Some(digits) => {
                let number: u32 = digits.parse().ok()?;
                (number > 0 && digits == number.to_string()).then_some(number)?
            }
        };
        Some(Self {
            stamp: stamp.to_owned(),
            number,
            is_compressed,
        })
    }

    /// The next name of the same second.
    pub(super) fn next(&self) -> Self {
        Self {
            number: self.number + 1,
            ..self.clone()
        }
    }

    /// The name of the same file when it is compressed.
    pub(super) fn compressed(&self) -> Self {
        Self {
            is_compressed: true,
            ..self.clone()
        }
    }

    pub(super) fn file_name(&self, log: &OsStr) -> OsString {
        let mut name = log.to_owned();
        name.push(format!(".{}", self.stamp));
        if self.number > 0 {
            name.push(format!(".{}", self.number));
        }
        if self.is_compressed {
            name.push(COMPRESSED);
        }
        name
    }
}

/// Starts a thread that does what is to be done to rotated files, each time it is told where their log is.
pub(super) fn tender(keep: Option<usize>, gzip: bool) -> io::Result<Sender<PathBuf>> {
    let (tell, told) = mpsc::channel::<PathBuf>();
    let tending = move || {
        for log in told {
            if let Err(error) = tend(&log, keep, gzip) {
                tracing::error!(%error, "the click log's rotated files cannot be compressed or removed; the next rotation tries again");
            }
        }
    };
    thread::Builder::new()
        .name("click-log-files".to_owned())
        .spawn(tending)?;
    Ok(tell)
}

/// Removes what is not kept, then compresses the rest. `log` is a path without links.
fn tend(log: &Path, keep: Option<usize>, gzip: bool) -> io::Result<()> {
    let (Some(folder), Some(log)) = (log.parent(), log.file_name()) else {
        return Ok(());
    };
    let path = |name: &Name| folder.join(name.file_name(log));
    let mut names = names(folder, log)?;
    // One file that cannot be had is no reason to leave the others.
    let mut done = Ok(());
    if let Some(keep) = keep {
        // One that is there twice, since the edge was killed when it had just been compressed, is one.
        let mut files: Vec<Name> = names.iter().map(Name::compressed).collect();
        files.dedup();
        let kept = files.split_off(files.len().saturating_sub(keep));
        let (stay, go) = names.into_iter().partition(|name| kept.contains(&name.compressed()));
        names = stay;
        for name in go {
            done = done.and(remove(&path(&name)));
        }
    }
    if gzip {
        for name in names.iter().filter(|name| !name.is_compressed) {
            done = done.and(compress(&path(name), &path(&name.compressed())));
        }
    }
    done
}

/// The names of all rotated files of a log, the oldest first.
fn names(folder: &Path, log: &OsStr) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    // A log of another name than text has is rotated, and no more.
    let Some(log) = log.to_str() else { return Ok(names) };
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_str().and_then(|name| Name::of(name, log));
        if let Some(name) = name
            && entry.file_type()?.is_file()
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        // Another edge was quicker.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Puts a compressed file in the place of one that nobody writes to any more.
fn compress(plain: &Path, compressed: &Path) -> io::Result<()> {
    let mut file = match File::open(plain) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    // An edge that is being replaced may still write to it, or compress it.
    let _ = file.lock();
    if !is_at(&file, plain) {
        return Ok(());
    }
    // If it is there, the edge was killed after it had been made.
    if !compressed.exists() {
        let mut part = compressed.as_os_str().to_owned();
        part.push(PART);
        let part = PathBuf::from(part);
        let made = write_compressed(&mut file, &part).and_then(|()| fs::rename(&part, compressed));
        if let Err(error) = made {
            // A full disk is not to be filled with it.
            let _ = fs::remove_file(&part);
            return Err(error);
        }
    }
    remove(plain)
}

fn write_compressed(from: &mut File, to: &Path) -> io::Result<()> {
    let part = File::create(to)?;
    part.set_permissions(from.metadata()?.permissions())?;
    // A visitor who comes meanwhile has more use for the processor than the disk has for the rest.
    let mut encoder = GzEncoder::new(BufWriter::new(part), Compression::fast());
    io::copy(from, &mut encoder)?;
    let mut out = encoder.finish()?;
    out.flush()?;
    // The plain file is removed next.
    out.get_ref().sync_all()
}

#[cfg(test)]
pub(super) mod tests {
    use std::{io::Read, os::unix::fs::MetadataExt};

    use flate2::read::GzDecoder;

    use super::*;

    /// A folder of a test's own, gone with it.
    pub(in crate::observe) struct Folder(PathBuf);

    impl Folder {
        pub(in crate::observe) fn new() -> Self {
            let name = format!("onehop-log-{}-{:016x}", std::process::id(), fastrand::u64(..));
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).expect("a folder");
            Self(fs::canonicalize(path).expect("a folder"))
        }

        pub(in crate::observe) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // A folder that stays is the system's to clean up.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// The files in a folder, in the order of their names.
    pub(in crate::observe) fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("a file").file_name().into_string().expect("text");
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    fn unpacked(path: &Path) -> String {
        let mut text = String::new();
        let file = File::open(path).expect("a file");
        GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
        text
    }

    #[test]
    fn names_are_read_as_they_are_written_and_no_others() {
        let log = OsStr::new("clicks.jsonl");
        for name in [
            "clicks.jsonl.20261123T040500Z",
            "clicks.jsonl.20261123T040500Z.1",
            "clicks.jsonl.20261123T040500Z.gz",
            "clicks.jsonl.20261123T040500Z.12.gz",
        ] {
            let read = Name::of(name, "clicks.jsonl").expect("a name");
            assert_eq!(read.file_name(log), name);
        }
        for name in [
            "clicks.jsonl",
            "clicks.jsonl.1",
            "clicks.jsonl.gz",
            "clicks.jsonl.20261123T040500",
            "clicks.jsonl.20261123T040500Zz",
            "clicks.jsonl.20261123t040500Z",
            "clicks.jsonl.2026112dT040500Z",
            "clicks.jsonl.20261123T040500Z.",
            "clicks.jsonl.20261123T040500Z.0",
            "clicks.jsonl.20261123T040500Z.01",
            "clicks.jsonl.20261123T040500Z.+1",
            "clicks.jsonl.20261123T040500Z.gz.1",
            "clicks.jsonl.20261123T040500Z.gz.gz",
            "clicks.jsonl.20261123T040500Z.gz.part",
            "clicks.jsonl.20261123T040500Z.bak",
            "clicks.jsonl.20261123T04050éZ",
            "other.jsonl.20261123T040500Z",
            "clicks.jsonl-20261123T040500Z",
            "20261123T040500Z",
        ] {
            assert_eq!(Name::of(name, "clicks.jsonl"), None, "{name}");
        }
    }

    #[test]
    fn the_newest_are_kept_and_strangers_are_not_touched() {
        let folder = Folder::new();
        let stay = [
            "clicks.jsonl",
            "clicks.jsonl.1",
            "clicks.jsonl.20250101T000000Z.bak",
            "clicks.jsonl.20261123T040500Z.10",
            "clicks.jsonl.20261123T040500Z.9",
            "clicks.jsonl.20261123T040500Z.9.gz",
            "clicks.jsonl.20261123T040501Z.gz",
            "other.jsonl.20250101T000000Z",
        ];
        let go = [
            "clicks.jsonl.20251123T040500Z",
            "clicks.jsonl.20261123T040500Z",
            "clicks.jsonl.20261123T040500Z.8.gz",
        ];
        for name in stay.iter().chain(&go) {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        fs::create_dir(folder.path().join("clicks.jsonl.20250101T000000Z")).expect("a folder");
        tend(&folder.path().join("clicks.jsonl"), Some(3), false).expect("they are removed");
        let left = names(folder.path());
        let left: Vec<&str> = left
            .iter()
            .map(String::as_str)
            .filter(|name| *name != "clicks.jsonl.20250101T000000Z")
            .collect();
        assert_eq!(left, stay);
        assert!(folder.path().join("clicks.jsonl.20250101T000000Z").is_dir());
    }

    #[test]
    fn what_was_left_undone_is_done() {
        let folder = Folder::new();
        let log = folder.path().join("clicks.jsonl");
        let closed = folder.path().join("clicks.jsonl.20261123T040500Z");
        fs::write(&log, "open").expect("a file");
        fs::write(&closed, "a\nb\n".repeat(100_000)).expect("a file");
        fs::write(folder.path().join("clicks.jsonl.20261123T040500Z.gz.part"), "half").expect("a file");
        tend(&log, None, true).expect("it is compressed");
        assert_eq!(
            names(folder.path()),
            ["clicks.jsonl", "clicks.jsonl.20261123T040500Z.gz"]
        );
        let compressed = folder.path().join("clicks.jsonl.20261123T040500Z.gz");
        assert_eq!(unpacked(&compressed), "a\nb\n".repeat(100_000));
        // Killed before the plain one was removed.
        fs::write(&closed, "a\nb\n".repeat(100_000)).expect("a file");
        tend(&log, None, true).expect("it is removed");
        assert_eq!(
            names(folder.path()),
            ["clicks.jsonl", "clicks.jsonl.20261123T040500Z.gz"]
        );
        assert_eq!(unpacked(&compressed), "a\nb\n".repeat(100_000));
    }

    /// Whether somebody waits for a lock on a file (proc(5), `/proc/locks`: an arrow before those who wait).
    fn is_waited_for(file: &File) -> bool {
        let inode = format!(":{} ", file.metadata().expect("a file").ino());
        let locks = fs::read_to_string("/proc/locks").expect("the kernel's list");
        locks.lines().any(|line| line.contains("->") && line.contains(&inode))
    }

    #[test]
    fn a_file_that_is_written_to_is_not_compressed() {
        let folder = Folder::new();
        let log = folder.path().join("clicks.jsonl");
        let closed = folder.path().join("clicks.jsonl.20261123T040500Z");
        let mut writer = File::create(&closed).expect("a file");
        writer.lock_shared().expect("a lock");
        let tending = thread::spawn(move || tend(&log, None, true));
        while !is_waited_for(&writer) {
            assert!(!tending.is_finished());
            thread::yield_now();
        }
        writer.write_all(b"the last line\n").expect("it is written");
        drop(writer);
        tending.join().expect("no panic").expect("it is compressed");
        let compressed = folder.path().join("clicks.jsonl.20261123T040500Z.gz");
        assert_eq!(unpacked(&compressed), "the last line\n");
    }

    #[test]
    fn what_cannot_be_compressed_stays_as_it_is() {
        let folder = Folder::new();
        let log = folder.path().join("clicks.jsonl");
        let closed = folder.path().join("clicks.jsonl.20261123T040500Z");
        fs::write(&closed, "line\n").expect("a file");
        // No file can be made there.
        let part = folder.path().join("clicks.jsonl.20261123T040500Z.gz.part");
        fs::create_dir(&part).expect("a folder");
        tend(&log, None, true).expect_err("a folder");
        assert_eq!(fs::read_to_string(&closed).expect("a file"), "line\n");
        fs::remove_dir(&part).expect("a folder");
        tend(&log, None, true).expect("it is compressed");
        assert!(!closed.exists());
    }
}
