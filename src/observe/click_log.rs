//! The click log: one writer on a thread of its own, fed through a bounded queue.
//!
//! A hit leaves its record and goes on. A full disk or a blocked pipe costs lines, which are counted, never hits.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{Metrics, json, record::Record, text};
use crate::visitor::Lookups;

/// Records that wait for the writer: a good part of a second of a busy edge. A record copies no more than its request's
/// head, so that they take some megabytes, and 128 at the worst.
const MAX_QUEUED: usize = 8192;
/// How long the writer gathers what comes with the first record, so that a busy edge wakes it a hundred times a second
/// and not for each hit.
const GATHER: Duration = Duration::from_millis(10);

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON lines, for programs.
    Json,
    /// Text lines, for a person who watches.
    Text,
}

/// Where hits leave their records. Cloning shares the queue.
#[derive(Clone)]
pub struct ClickLog(Arc<Queue>);

/// The writer; [`Writer::close`] flushes it.
pub struct Writer {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

/// Records are large, and are moved while the lock is held: hence the boxes.
type Records = Vec<Box<Record>>;

struct Queue {
    format: Format,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    records: Records,
    closed: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClickLog {
    /// Whether lines say where visitors were sent. For programs they do not: the click id and the offer say it.
    pub fn tells_locations(&self) -> bool {
        self.0.format == Format::Text
    }

    /// Leaves a record; `false` when the queue is full, and the record lost.
    pub fn write(&self, record: Box<Record>) -> bool {
        let mut state = self.0.state();
        if state.records.len() >= MAX_QUEUED {
            return false;
        }
        let was_empty = state.records.is_empty();
        state.records.push(record);
        drop(state);
        if was_empty {
            self.0.filled.notify_one();
        }
        true
    }
}

/// Opens a file to append to. A line that an earlier writer was torn from, by a kill or a power cut, is ended, so that it costs
/// no other.
pub fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let about = file.metadata()?;
    // To look is no reason to fail.
    if about.is_file() && is_torn(path, about.len()).unwrap_or(false) {
        tracing::warn!(path = %path.display(), "the click log ended within a line, which is lost");
        // A disk that has no room for it has none for lines either, which is told of then.
        let _ = file.write_all(b"\n");
    }
    Ok(file)
}

fn is_torn(path: &Path, length: u64) -> io::Result<bool> {
    let Some(last) = length.checked_sub(1) else {
        return Ok(false);
    };
    let mut byte = [0];
    File::open(path)?.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

/// Starts a writer to `out`; what it cannot write is counted in `metrics`. What a line tells of a visitor beside the record
/// it looks up in `lookups`, as they are then.
pub fn start(
    out: impl Write + Send + 'static,
    format: Format,
    metrics: Arc<Metrics>,
    lookups: impl Fn() -> Arc<Lookups> + Send + 'static,
) -> io::Result<(ClickLog, Writer)> {
    let queue = Arc::new(Queue {
        format,
        state: Mutex::default(),
        filled: Condvar::new(),
    });
    let fed = Arc::clone(&queue);
    let thread = thread::Builder::new()
        .name("click-log".to_owned())
        .spawn(move || run(&fed, out, &metrics, lookups))?;
    let log = ClickLog(Arc::clone(&queue));
    Ok((log, Writer { queue, thread }))
}

impl Writer {
    /// Writes what is queued, and ends.
    pub fn close(self) {
        self.queue.state().closed = true;
        self.queue.filled.notify_one();
        // A writer that panicked has nothing left to say.
        let _ = self.thread.join();
    }
}

fn run(queue: &Queue, out: impl Write, metrics: &Metrics, lookups: impl Fn() -> Arc<Lookups>) {
    let mut records = Records::new();
    let mut lines = Vec::new();
    let mut out = Whole { out, owed: Vec::new() };
    let mut lost = 0;
    loop {
        let state = queue.state();
        let state = queue
            .filled
            .wait_while(state, |state| state.records.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = queue
            .filled
            .wait_timeout_while(state, GATHER, |state| {
                !state.closed && state.records.len() < MAX_QUEUED / 2
            })
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut records, &mut state.records);
        let closed = state.closed;
        drop(state);
        let lookups = lookups();
        for record in &records {
            match queue.format {
                Format::Json => json::write(record, &lookups, &mut lines),
                Format::Text => text::write(record, &mut lines),
            }
        }
        match out.write(&lines) {
            Ok(()) => {
                if lost > 0 {
                    tracing::info!(lost, "the click log is written again");
                }
                lost = 0;
            }
            Err((error, now_lost)) => {
                metrics.click_log_dropped(now_lost);
                if lost == 0 {
                    tracing::error!(%error, "the click log cannot be written; its lines are lost until it can");
                }
                lost += now_lost;
            }
        }
        records.clear();
        lines.clear();
        if closed && queue.state().records.is_empty() {
            return;
        }
    }
}

/// Writes whole lines, whatever fails between them.
struct Whole<W> {
    out: W,
    /// The rest of a line whose beginning is written.
    owed: Vec<u8>,
}

impl<W: Write> Whole<W> {
    /// Writes lines; when that fails, tells how many of them are lost.
    fn write(&mut self, lines: &[u8]) -> Result<(), (io::Error, u64)> {
        let mut owed = std::mem::take(&mut self.owed);
        let paid = write(&mut self.out, &owed);
        let (written, failed) = match paid {
            (all, Ok(())) if all == owed.len() => write(&mut self.out, lines),
            (some, failed) => {
                self.owed = owed.split_off(some);
                (0, failed)
            }
        };
        let Err(error) = failed.and_then(|()| self.out.flush()) else {
            return Ok(());
        };
        let (done, left) = lines.split_at(written);
        let mut lost = left;
        if done.last().is_some_and(|last| *last != b'\n') {
            let end = left
                .iter()
                .position(|byte| *byte == b'\n')
                .map_or(left.len(), |end| end + 1);
            let (rest, behind) = left.split_at(end);
            self.owed = rest.to_vec();
            lost = behind;
        }
        let lost = lost.split(|byte| *byte == b'\n').count() - 1;
        Err((error, lost as u64))
    }
}

/// Writes as much as can be; tells how much that was.
fn write(out: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match out.write(&bytes[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc,
        time::{Duration, UNIX_EPOCH},
    };

    use super::*;
    use crate::{
        headers::Sender,
        hit_id::HitId,
        observe::{
            Observe,
            record::{Seen, Trace},
        },
        outcome::{Outcome, Refusal},
    };

    fn record(path: &str) -> Box<Record> {
        let seen = Seen {
            at: UNIX_EPOCH,
            hit_id: HitId::new(UNIX_EPOCH),
            host: "go.example.com",
            head: Some((path, Sender::default())),
        };
        let outcome = Outcome::Refused(Refusal::Speculative);
        Box::new(Record::new(&seen, &outcome, Trace::default(), Duration::ZERO))
    }

    /// Hands each write on, and waits for leave before the first returns.
    struct Gated {
        written: mpsc::Sender<Vec<u8>>,
        leave: mpsc::Receiver<()>,
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.written.send(bytes.to_vec());
            let _ = self.leave.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_blocked_writer_costs_lines_and_no_waiting() {
        let (written, lines) = mpsc::channel();
        let (give_leave, leave) = mpsc::channel();
        let metrics = Arc::new(Metrics::default());
        let out = Gated { written, leave };
        let (log, writer) = start(out, Format::Json, metrics, Arc::default).expect("a thread");
        assert!(log.write(record("/first")));
        let first = lines.recv().expect("a first line");
        assert!(String::from_utf8_lossy(&first).contains("/first"));
        for _ in 0..MAX_QUEUED {
            assert!(log.write(record("/queued")));
        }
        assert!(!log.write(record("/lost")));
        drop(give_leave);
        writer.close();
        let rest: Vec<u8> = lines.iter().flatten().collect();
        let rest = String::from_utf8_lossy(&rest);
        assert_eq!(rest.lines().count(), MAX_QUEUED);
        assert!(!rest.contains("/lost"));
    }

    #[test]
    fn lines_that_find_no_room_are_counted() {
        let (written, lines) = mpsc::channel();
        let (give_leave, leave) = mpsc::channel();
        let metrics = Arc::new(Metrics::default());
        let (log, writer) = start(
            Gated { written, leave },
            Format::Text,
            Arc::clone(&metrics),
            Arc::default,
        )
        .expect("a thread");
        let observe = Observe {
            metrics: Arc::clone(&metrics),
            log: Some(log),
        };
        let hit = || observe.unreadable(UNIX_EPOCH, "192.0.2.1".parse().expect("an address"));
        hit();
        lines.recv().expect("a first line");
        for _ in 0..MAX_QUEUED + 2 {
            hit();
        }
        let text = metrics.prometheus();
        assert!(text.contains("onehop_click_log_dropped_total 2"), "{text}");
        drop(give_leave);
        writer.close();
    }

    /// Has room for so many bytes.
    struct Disk {
        room: usize,
        written: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let now = bytes.len().min(self.room);
            if now == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= now;
            self.written.extend(&bytes[..now]);
            Ok(now)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_disk_that_fills_and_empties_has_whole_lines() {
        for room in 0..20 {
            let out = Disk {
                room,
                written: Vec::new(),
            };
            let mut out = Whole { out, owed: Vec::new() };
            let mut lost = 0;
            let mut tell = |written: Result<(), (io::Error, u64)>| {
                let told = written.is_ok();
                lost += written.err().map_or(0, |(_, lost)| lost);
                told
            };
            assert!(!tell(out.write(b"one\ntwo\nthree\nfour\nfive\n")));
            assert!(!tell(out.write(b"six\n")));
            out.out.room = 2;
            tell(out.write(b"seven\neight\n"));
            out.out.room = 100;
            assert!(tell(out.write(b"nine\n")));
            let written = String::from_utf8(out.out.written).expect("text");
            let all = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
            assert!(written.lines().all(|line| all.contains(&line)), "{written}");
            assert_eq!(written.lines().count() as u64 + lost, 9, "{room}: {written}");
        }
    }

    #[test]
    fn a_torn_line_costs_no_other() {
        let path = std::env::temp_dir().join(format!("onehop-{}-torn.jsonl", std::process::id()));
        for (before, after) in [("", "{}\n"), ("{}\n", "{}\n{}\n"), ("{}\n{\"a", "{}\n{\"a\n{}\n")] {
            std::fs::write(&path, before).expect("a file");
            open(&path)
                .and_then(|mut file| file.write_all(b"{}\n"))
                .expect("it is written");
            assert_eq!(std::fs::read_to_string(&path).expect("a file"), after);
        }
        std::fs::remove_file(&path).expect("a file");
    }

    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let metrics = Arc::new(Metrics::default());
        let (log, writer) = start(Full, Format::Text, Arc::clone(&metrics), Arc::default).expect("a thread");
        assert!(log.write(record("/a")));
        assert!(log.write(record("/b")));
        writer.close();
        let text = metrics.prometheus();
        assert!(text.contains("onehop_click_log_dropped_total 2"), "{text}");
    }
}
