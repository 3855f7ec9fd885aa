//! The file of the click log: opened, opened again, and rotated between two lines.
//!
//! Not owned here: what becomes of files that are rotated (`rotated`), and what is written (`click_log`).
//!
//! While two edges write to one file, as they do at a restart, one of them rotates it and the other follows: a file that is not
//! at its path any more is no longer rotated but left. Whoever writes to a file holds a shared lock on it, by which whoever
//! compresses it knows when it is at rest. A file system without locks costs this care, and nothing else.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Seek, Write},
    os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::mpsc::Sender,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::{
    fs::OFlags,
    io::{Errno, ioctl_fionbio},
};

use super::{
    click_log::Out,
    rotated::{self, Name},
};

/// How long a rotation that failed is put off: its file is written to meanwhile.
const PUT_OFF: Duration = Duration::from_secs(1);
/// How often a file is opened that is rotated at the same moment.
const OPENS: usize = 3;

/// When a file is closed and another begun, and what becomes of the closed ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Before it would be larger.
    pub size: Option<u64>,
    /// At multiples of this since 1970.
    pub every: Option<Duration>,
    /// How many closed files are kept; without a number all.
    pub keep: Option<usize>,
    /// Whether closed files are compressed.
    pub gzip: bool,
}

impl Rotation {
    /// Whether there is ever a reason to rotate.
    pub fn is_on(&self) -> bool {
        self.size.is_some() || self.every.is_some()
    }

    /// The end of the time that a file is for whose last line came at `at`.
    fn end(&self, at: SystemTime) -> Option<SystemTime> {
        let every = self.every.filter(|every| !every.is_zero())?.as_nanos();
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let end = u64::try_from((since / every + 1) * every).ok()?;
        UNIX_EPOCH.checked_add(Duration::from_nanos(end))
    }
}

/// A file that lines are appended to.
pub struct LogFile {
    path: PathBuf,
    file: File,
    rotation: Rotation,
    /// When the file is closed, whatever its size.
    end: Option<SystemTime>,
    /// Until when no rotation is tried, since one failed.
    put_off: Option<SystemTime>,
    /// The name that was given last.
    last: Option<Name>,
    /// Told where the file is when another has been closed beside it.
    tender: Option<Sender<PathBuf>>,
}

impl LogFile {
    /// Opens a file, and tends those beside it that were rotated before.
    pub fn open(path: PathBuf, rotation: Rotation) -> io::Result<Self> {
        let file = open(&path)?;
        let about = file.metadata()?;
        // What is no file cannot be moved away.
        let rotation = if about.is_file() { rotation } else { Rotation::default() };
        let tends = rotation.is_on() && (rotation.gzip || rotation.keep.is_some());
        let tender = if tends {
            let tender = rotated::tender(rotation.keep, rotation.gzip)?;
            // It listens as long as it is told something.
            let _ = tender.send(fs::canonicalize(&path)?);
            Some(tender)
        } else {
            None
        };
        let last_line = if about.len() > 0 { about.modified().ok() } else { None };
        Ok(Self {
            end: rotation.end(last_line.unwrap_or_else(SystemTime::now)),
            path,
            file,
            rotation,
            put_off: None,
            last: None,
            tender,
        })
    }

    fn size(&self) -> u64 {
        // Of a file that cannot be asked nothing is known, and it is not rotated.
        self.file.metadata().map_or(0, |about| about.len())
    }

    fn begin(&mut self, file: File, now: SystemTime) {
        self.file = file;
        self.end = self.rotation.end(now);
        self.put_off = None;
    }

    /// Moves the file away under a name of its own, and begins another. Where that fails, nothing has changed.
    fn rotate(&mut self, now: SystemTime) -> io::Result<()> {
        if !is_at(&self.file, &self.path) {
            // Somebody else has moved it.
            let file = open(&self.path)?;
            self.begin(file, now);
            return Ok(());
        }
        let path = fs::canonicalize(&self.path)?;
        let (Some(folder), Some(log)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        let lock = File::open(folder)?;
        if let Err(TryLockError::WouldBlock) = lock.try_lock() {
            return Err(io::Error::other("another program rotates files in this folder now"));
        }
        if !is_at(&self.file, &self.path) {
            return Err(io::Error::other("another program has just rotated it"));
        }
        let name = self.free_name(folder, log, now)?;
        let closed = folder.join(name.file_name(log));
        fs::rename(&path, &closed)?;
        let file = open(&path).inspect_err(|_| {
            // Lines go to the file wherever it is.
            let _ = fs::rename(&closed, &path);
        })?;
        if let Ok(about) = self.file.metadata() {
            // Who may read the log is the operator's decision, which was taken once.
            let _ = file.set_permissions(about.permissions());
        }
        self.begin(file, now);
        self.last = Some(name);
        tracing::info!(file = %closed.display(), "the click log has been rotated");
        if let Some(tender) = &self.tender {
            let _ = tender.send(path);
        }
        Ok(())
    }

    /// A name that no file has, compressed or not, and behind all that were given before.
    fn free_name(&self, folder: &Path, log: &OsStr, now: SystemTime) -> io::Result<Name> {
        let mut name = Name::at(now);
        if let Some(last) = &self.last
            && *last >= name
        {
            name = last.next();
        }
        let is_free = |name: OsString| match fs::symlink_metadata(folder.join(name)) {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        };
        while !(is_free(name.file_name(log))? && is_free(name.compressed().file_name(log))?) {
            name = name.next();
        }
        Ok(name)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Out for LogFile {
    fn make_room(&mut self, line: usize) -> usize {
        if !self.rotation.is_on() {
            return usize::MAX;
        }
        let now = SystemTime::now();
        let mut size = self.size();
        let is_late = self.end.is_some_and(|end| end <= now);
        let is_full = self
            .rotation
            .size
            .is_some_and(|most| size.saturating_add(line as u64) > most);
        if size == 0 && is_late {
            self.end = self.rotation.end(now);
        }
        if size > 0 && (is_late || is_full) {
            // A clock that is set back does not put it off for longer.
            let is_put_off = |until: SystemTime| until.duration_since(now).is_ok_and(|left| left <= PUT_OFF);
            if self.put_off.is_some_and(is_put_off) {
                return usize::MAX;
            }
            if let Err(error) = self.rotate(now) {
                if self.put_off.is_none() {
                    tracing::error!(%error, "the click log cannot be rotated; it grows until it can");
                }
                self.put_off = Some(now + PUT_OFF);
                return usize::MAX;
            }
            size = self.size();
        }
        let room = self.rotation.size.map_or(u64::MAX, |most| most.saturating_sub(size));
        usize::try_from(room).unwrap_or(usize::MAX).max(line)
    }

    fn due(&self) -> Option<Duration> {
        let due = self.put_off.max(self.end);
        let left = due?.duration_since(SystemTime::now()).unwrap_or_default();
        self.end.map(|_| left)
    }

    fn reopen(&mut self, begun: usize) -> io::Result<bool> {
        if is_at(&self.file, &self.path) {
            return Ok(false);
        }
        let file = open(&self.path)?;
        self.take_back(begun);
        self.begin(file, SystemTime::now());
        Ok(true)
    }

    fn take_back(&mut self, begun: usize) {
        if begun == 0 {
            return;
        }
        // What cannot be taken back stays, as after a kill; so does what another edge has written behind.
        if let (Ok(about), Ok(end)) = (self.file.metadata(), self.file.stream_position())
            && about.is_file()
            && about.len() == end
        {
            let _ = self.file.set_len(end.saturating_sub(begun as u64));
        }
    }
}

/// Opens a file to append to. A line that an earlier writer was torn from, by a kill or a power cut, is ended, so that it costs
/// no other.
fn open(path: &Path) -> io::Result<File> {
    let (mut file, mut opens) = (append(path)?, 1);
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(file);
    }
    loop {
        // Whoever compresses files waits until nobody writes to them.
        let _ = file.try_lock_shared();
        if is_at(&file, path) || opens == OPENS {
            break;
        }
        (file, opens) = (append(path)?, opens + 1);
    }
    // To look is no reason to fail.
    if is_torn(path, file.metadata()?.len()).unwrap_or(false) {
        tracing::warn!(file = %path.display(), "the click log ended within a line, which is lost");
        // A disk that has no room for it has none for lines either, which is told of then.
        let _ = file.write_all(b"\n");
    }
    Ok(file)
}

fn append(path: &Path) -> io::Result<File> {
    append_with(OpenOptions::new().create(true), path)
}

/// Opens a file to append to, as the options say. For the reader of a pipe nobody waits: that there is none yet is
/// [`io::ErrorKind::NotConnected`].
pub(crate) fn append_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.append(true);
    if !fs::metadata(path).is_ok_and(|about| about.file_type().is_fifo()) {
        return options.open(path);
    }
    let nonblock = OFlags::NONBLOCK.bits().cast_signed();
    let file = options.custom_flags(nonblock).open(path).map_err(|error| {
        if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) {
            io::Error::new(io::ErrorKind::NotConnected, "nobody reads the pipe")
        } else {
            error
        }
    })?;
    ioctl_fionbio(&file, false)?;
    Ok(file)
}

/// Whether a path leads to a file that is open. What is no file is never where it was: it is opened again each time.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    ours.is_file() && (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

fn is_torn(path: &Path, length: u64) -> io::Result<bool> {
    let Some(last) = length.checked_sub(1) else {
        return Ok(false);
    };
    let mut byte = [0];
    File::open(path)?.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::rotated::tests::{Folder, names};

    const NO_ROTATION: Rotation = Rotation {
        size: None,
        every: None,
        keep: None,
        gzip: false,
    };

    fn of_size(size: u64) -> Rotation {
        Rotation {
            size: Some(size),
            ..NO_ROTATION
        }
    }

    /// Writes a line as the writer does: into the room there is.
    fn line(log: &mut LogFile, line: &str) {
        let room = log.make_room(line.len() + 1);
        assert!(room > line.len(), "{room}");
        log.write_all(format!("{line}\n").as_bytes()).expect("it is written");
    }

    #[test]
    fn a_torn_line_costs_no_other() {
        let folder = Folder::new();
        let path = folder.path().join("clicks.jsonl");
        for (before, after) in [("", "{}\n"), ("{}\n", "{}\n{}\n"), ("{}\n{\"a", "{}\n{\"a\n{}\n")] {
            fs::write(&path, before).expect("a file");
            open(&path)
                .and_then(|mut file| file.write_all(b"{}\n"))
                .expect("it is written");
            assert_eq!(fs::read_to_string(&path).expect("a file"), after);
        }
    }

    #[test]
    fn a_begun_line_is_taken_back_and_no_other_edges() {
        let folder = Folder::new();
        let (path, moved) = (folder.path().join("clicks.jsonl"), folder.path().join("clicks.jsonl.1"));
        fs::write(&path, "one\n").expect("a file");
        let text = |path: &Path| fs::read_to_string(path).expect("a file");
        let mut log = LogFile::open(path.clone(), NO_ROTATION).expect("a file");
        log.write_all(b"two\nthr").expect("it is written");
        log.take_back(3);
        assert_eq!(text(&path), "one\ntwo\n");
        // It is appended to as before.
        line(&mut log, "four");
        log.write_all(b"fi").expect("it is written");
        assert!(!log.reopen(2).expect("the same file"));
        assert!(text(&path).ends_with("fi"), "its rest may still come");
        fs::rename(&path, &moved).expect("a file");
        assert!(log.reopen(2).expect("another file"));
        assert_eq!(text(&moved), "one\ntwo\nfour\n");

        log.write_all(b"si").expect("it is written");
        let mut other = append(&path).expect("a file");
        other.write_all(b"seven\n").expect("it is written");
        log.take_back(2);
        assert_eq!(text(&path), "siseven\n");
    }

    #[test]
    fn a_pipe_is_waited_for_when_it_is_written_and_not_when_it_is_opened() {
        let folder = Folder::new();
        let path = folder.path().join("clicks.pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("mkfifo runs").success());
        let error = open(&path).expect_err("nobody reads it");
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
        let _reader = File::options().read(true).write(true).open(&path).expect("a pipe");
        let file = open(&path).expect("somebody reads it");
        let flags = rustix::fs::fcntl_getfl(&file).expect("flags");
        assert!(flags.contains(OFlags::APPEND) && !flags.contains(OFlags::NONBLOCK));
    }

    #[test]
    fn files_are_closed_before_they_are_too_large_and_sort_by_time() {
        let folder = Folder::new();
        let path = folder.path().join("clicks.jsonl");
        let mut log = LogFile::open(path.clone(), of_size(10)).expect("a file");
        for text in ["one", "two", "three", "a line beyond all", "four", "five", "six"] {
            line(&mut log, text);
        }
        let mut closed: Vec<Name> = names(folder.path())
            .iter()
            .filter_map(|name| Name::of(name, "clicks.jsonl"))
            .collect();
        closed.sort();
        let texts: Vec<String> = closed
            .iter()
            .map(|name| {
                fs::read_to_string(folder.path().join(name.file_name(OsStr::new("clicks.jsonl")))).expect("a file")
            })
            .collect();
        assert_eq!(texts, ["one\ntwo\n", "three\n", "a line beyond all\n", "four\nfive\n"]);
        assert_eq!(fs::read_to_string(&path).expect("a file"), "six\n");
    }

    #[test]
    fn a_file_of_an_earlier_time_is_closed() {
        let day = Duration::from_hours(24);
        let rotation = Rotation {
            every: Some(day),
            ..NO_ROTATION
        };
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(rotation.end(at(0)), Some(at(86_400)));
        assert_eq!(rotation.end(at(86_399)), Some(at(86_400)));
        assert_eq!(rotation.end(at(86_400)), Some(at(172_800)));
        assert_eq!(NO_ROTATION.end(at(0)), None);

        let folder = Folder::new();
        let path = folder.path().join("clicks.jsonl");
        fs::write(&path, "yesterday\n").expect("a file");
        let before = File::options().append(true).open(&path).expect("a file");
        before.set_modified(SystemTime::now() - day).expect("a time");
        let mut log = LogFile::open(path.clone(), rotation).expect("a file");
        assert_eq!(log.due(), Some(Duration::ZERO));
        line(&mut log, "today");
        line(&mut log, "today");
        assert!(log.due().is_some_and(|due| due <= day && !due.is_zero()));
        assert_eq!(fs::read_to_string(&path).expect("a file"), "today\ntoday\n");
        assert_eq!(names(folder.path()).len(), 2);
        // An empty one is no file to keep.
        drop(log);
        fs::write(&path, "").expect("a file");
        let mut log = LogFile::open(path, rotation).expect("a file");
        log.end = Some(UNIX_EPOCH);
        assert_eq!(log.make_room(1), usize::MAX);
        assert!(log.end > Some(SystemTime::now()));
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn no_name_is_given_twice() {
        let folder = Folder::new();
        let path = folder.path().join("clicks.jsonl");
        let mut log = LogFile::open(path, of_size(1)).expect("a file");
        let now = UNIX_EPOCH + Duration::from_mins(29_923_445);
        let free = |log: &LogFile, now| {
            let name = log
                .free_name(folder.path(), OsStr::new("clicks.jsonl"), now)
                .expect("a name");
            name.file_name(OsStr::new("clicks.jsonl")).into_string().expect("text")
        };
        assert_eq!(free(&log, now), "clicks.jsonl.20261123T040500Z");
        for (taken, next) in [
            ("clicks.jsonl.20261123T040500Z", "clicks.jsonl.20261123T040500Z.1"),
            ("clicks.jsonl.20261123T040500Z.1.gz", "clicks.jsonl.20261123T040500Z.2"),
            ("clicks.jsonl.20261123T040500Z.2", "clicks.jsonl.20261123T040500Z.3"),
        ] {
            fs::write(folder.path().join(taken), "").expect("a file");
            assert_eq!(free(&log, now), next);
        }
        // A clock that is set back, or the first of a second removed, makes no later file an earlier one.
        log.last = Name::of("clicks.jsonl.20261123T040500Z.8", "clicks.jsonl");
        assert_eq!(
            free(&log, now - Duration::from_secs(90)),
            "clicks.jsonl.20261123T040500Z.9"
        );
    }

    #[test]
    fn a_rotation_that_fails_keeps_the_file_that_is_open() {
        let folder = Folder::new();
        let path = folder.path().join("clicks.jsonl");
        let mut log = LogFile::open(path.clone(), of_size(10)).expect("a file");
        line(&mut log, "one line");
        let busy = File::open(folder.path()).expect("a folder");
        busy.lock().expect("a lock");
        line(&mut log, "another");
        line(&mut log, "a third");
        assert_eq!(
            fs::read_to_string(&path).expect("a file"),
            "one line\nanother\na third\n"
        );
        drop(busy);
        log.put_off = Some(UNIX_EPOCH);
        line(&mut log, "a fourth");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "a fourth\n");
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn who_writes_to_a_file_that_another_rotated_follows_it() {
        let folder = Folder::new();
        let path = folder.path().join("clicks.jsonl");
        let [mut one, mut other] = [(); 2].map(|()| LogFile::open(path.clone(), of_size(10)).expect("a file"));
        line(&mut one, "one line");
        line(&mut one, "a second");
        line(&mut other, "a third");
        line(&mut other, "a fourth");
        assert_eq!(names(folder.path()).len(), 3);
        let texts = names(folder.path())
            .into_iter()
            .map(|name| fs::read_to_string(folder.path().join(name)).expect("a file"));
        let mut lines: Vec<String> = texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        lines.sort();
        assert_eq!(lines, ["a fourth", "a second", "a third", "one line"]);
    }

    #[test]
    fn a_file_that_is_moved_away_is_begun_again_and_no_other_is() {
        let folder = Folder::new();
        let (path, moved) = (folder.path().join("clicks.jsonl"), folder.path().join("clicks.jsonl.1"));
        let mut log = LogFile::open(path.clone(), NO_ROTATION).expect("a file");
        line(&mut log, "one");
        assert!(!log.reopen(0).expect("the same file"));
        fs::rename(&path, &moved).expect("a file");
        line(&mut log, "two");
        // No file can be opened there.
        fs::create_dir(&path).expect("a folder");
        log.reopen(0).expect_err("a folder");
        line(&mut log, "three");
        fs::remove_dir(&path).expect("a folder");
        assert!(log.reopen(0).expect("a file"));
        line(&mut log, "four");
        assert_eq!(fs::read_to_string(&moved).expect("a file"), "one\ntwo\nthree\n");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "four\n");
    }
}
