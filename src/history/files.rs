//! The files that lines come from: plain or compressed with gzip, one after the other; `-` is standard input.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use flate2::bufread::MultiGzDecoder;

/// What is read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// Far longer than any line of a click log: a request's head has 64 KB at most.
const MAX_LINE_BYTES: usize = 1024 * 1024;
/// How a gzip file begins (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Files of lines.
pub struct Files {
    left: std::vec::IntoIter<PathBuf>,
    now: Option<Open>,
    progress: Progress,
    line: Vec<u8>,
}

/// How far the reading is. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    all: AtomicU64,
    lines: AtomicU64,
}

/// A line without its end, its file, and its number in it, from 1.
pub type Numbered<'a> = (&'a [u8], &'a Path, u64);

/// A file that cannot be read, or not to its end.
#[derive(Debug)]
pub struct Broken {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

struct Open {
    path: PathBuf,
    number: u64,
    lines: Box<dyn BufRead>,
}

/// Counts what is read of a file, compressed or not.
struct Counted<R>(R, Progress);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let more = self.0.read(bytes)?;
        self.1.0.bytes.fetch_add(more as u64, Relaxed);
        Ok(more)
    }
}

impl Progress {
    /// Bytes of files that have been read, and those of all files as far as that is known.
    pub fn bytes(&self) -> (u64, u64) {
        (self.0.bytes.load(Relaxed), self.0.all.load(Relaxed))
    }

    /// Lines that have been read.
    pub fn lines(&self) -> u64 {
        self.0.lines.load(Relaxed)
    }
}

impl Files {
    /// Of paths, in their order.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let progress = Progress::default();
        let lengths = paths.iter().filter_map(|path| Some(path.metadata().ok()?.len()));
        progress.0.all.store(lengths.sum(), Relaxed);
        Self {
            left: paths.into_iter(),
            now: None,
            progress,
            line: Vec::new(),
        }
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The next line. After a file that breaks comes the next file.
    ///
    /// A line that is far too long is given as far as it fits, which is no line of a click log.
    pub fn next_line(&mut self) -> Option<Result<Numbered<'_>, Broken>> {
        loop {
            if self.now.is_none() {
                let path = self.left.next()?;
                match open(&path, &self.progress) {
                    Ok(lines) => {
                        self.now = Some(Open { path, number: 0, lines });
                    }
                    Err(error) => return Some(Err(Broken { path, error })),
                }
            }
            let now = self.now.as_mut()?;
            self.line.clear();
            match read_line(&mut *now.lines, &mut self.line) {
                Ok(true) => break,
                Ok(false) => self.now = None,
                Err(error) => {
                    let path = self.now.take()?.path;
                    return Some(Err(Broken { path, error }));
                }
            }
        }
        let now = self.now.as_mut()?;
        now.number += 1;
        self.progress.0.lines.fetch_add(1, Relaxed);
        Some(Ok((&self.line, &now.path, now.number)))
    }
}

/// Opens a file, plain or compressed; what is read of it is counted.
pub fn open(path: &Path, progress: &Progress) -> io::Result<Box<dyn BufRead>> {
    let bytes: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path)?)
    };
    unpack(BufReader::with_capacity(BUFFER_BYTES, Counted(bytes, progress.clone())))
}

/// The bytes, unpacked if they are compressed.
pub fn unpack(mut bytes: impl BufRead + 'static) -> io::Result<Box<dyn BufRead>> {
    if bytes.fill_buf()?.starts_with(&GZIP) {
        let plain = MultiGzDecoder::new(bytes);
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)));
    }
    Ok(Box::new(bytes))
}

/// Appends a line without its end; `false` when there is none.
fn read_line(from: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let mut is_any = false;
    loop {
        let bytes = match from.fill_buf() {
            Ok([]) => return Ok(is_any),
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        is_any = true;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let fits = MAX_LINE_BYTES - line.len();
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        line.extend_from_slice(&piece[..piece.len().min(fits)]);
        let used = end.map_or(bytes.len(), |end| end + 1);
        from.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn folder(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("onehop-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn all(files: &mut Files) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(line) = files.next_line() {
            all.push(match line {
                Ok((line, path, number)) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    format!("{name}:{number} {}", String::from_utf8_lossy(line))
                }
                Err(broken) => format!("{:?}", broken.error.kind()),
            });
        }
        all
    }

    #[test]
    fn plain_and_compressed_files_follow_each_other() {
        let folder = folder("files");
        let path = |name: &str| folder.0.join(name);
        std::fs::write(path("a"), "1\n2\n\n3").expect("a file");
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(b"4\n5\n").expect("it fits");
        let packed = packed.finish().expect("it fits");
        // A file of two members, as appending makes one.
        std::fs::write(path("b"), [&packed[..], &packed].concat()).expect("a file");
        std::fs::write(path("torn"), &packed[..packed.len() - 9]).expect("a file");
        let paths = ["a", "none", "b", "torn", "a"].map(path).to_vec();
        let mut files = Files::new(paths);
        assert_eq!(
            all(&mut files),
            [
                "a:1 1",
                "a:2 2",
                "a:3 ",
                "a:4 3",
                "NotFound",
                "b:1 4",
                "b:2 5",
                "b:3 4",
                "b:4 5",
                "torn:1 4",
                "torn:2 5",
                "UnexpectedEof",
                "a:1 1",
                "a:2 2",
                "a:3 ",
                "a:4 3",
            ]
        );
        let (read, length) = files.progress().bytes();
        assert_eq!((read, files.progress().lines()), (length, 14));
    }

    #[test]
    fn a_line_without_end_takes_no_room_without_end() {
        let mut from = BufReader::new(io::repeat(b'a').take(3 * MAX_LINE_BYTES as u64));
        let mut line = Vec::new();
        assert!(read_line(&mut from, &mut line).expect("it can be read"));
        assert_eq!(line.len(), MAX_LINE_BYTES);
        assert!(!read_line(&mut from, &mut Vec::new()).expect("it is at its end"));
    }
}
