//! The click log: one writer on a thread of its own, fed through a bounded buffer of lines.
//!
//! A hit leaves its line and goes on. A full disk or a blocked pipe costs lines, which are counted, never hits. Not owned
//! here: the file (`log_file`), and what a line looks like (`json`, `text`).

use std::{
    cell::RefCell,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::runtime::Handle;

use super::{
    Metrics, json,
    log_file::Rotation,
    record::Record,
    shape::{Dropped, IpForm, Shape},
    text,
};
use crate::visitor::Lookups;

/// Bytes of lines that wait for the writer: a part of a second of a busy edge, half a minute of a usual one.
const MOST_WAITING: usize = 16 << 20;
/// How long the writer gathers what comes with the first line, so that a busy edge wakes it a hundred times a second and not for
/// each hit.
const GATHER: Duration = Duration::from_millis(10);
/// With so many bytes it gathers no longer.
const ENOUGH: usize = 1 << 20;

/// How often a file is looked at that cannot be written.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// What a configuration says of the click log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// When another is begun.
    pub rotation: Rotation,
    /// What lines tell of addresses.
    pub ip: IpForm,
    /// What they leave out.
    pub dropped: Dropped,
}

/// Where lines go. It is told when no line is begun, so that it can be exchanged for another.
pub trait Out: Write {
    /// The next line has so many bytes, or there is none now: gives how many bytes of whole lines may be written before the next
    /// call, and no fewer than that.
    fn make_room(&mut self, _line: usize) -> usize {
        usize::MAX
    }

    /// In how long [`Out::make_room`] has something to do, even if no line comes.
    fn due(&self) -> Option<Duration> {
        None
    }

    /// Begins again, if what stands at its place has been exchanged; whether it has. Then what was there before ends without its
    /// last bytes, the beginning of a line. Where that fails, it goes on as before.
    fn reopen(&mut self, _begun: usize) -> io::Result<bool> {
        Ok(false)
    }

    /// Takes back the last bytes, the beginning of a line, if it can.
    fn take_back(&mut self, _begun: usize) {}
}

impl Out for io::Stdout {}
impl Out for io::Sink {}

/// How records are written.
#[derive(Clone, Debug)]
pub enum Format {
    /// JSON lines, for programs.
    Json(Shape),
    /// Text lines, for a person who watches.
    Text,
}

/// Where hits leave their lines. Cloning shares the queue.
#[derive(Clone)]
pub struct ClickLog(Arc<Queue>);

/// The writer; [`Writer::close`] flushes it.
pub struct Writer {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

struct Queue {
    format: Format,
    lookups: Box<dyn Fn() -> Arc<Lookups> + Send + Sync>,
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    /// Whole lines.
    lines: Vec<u8>,
    closed: bool,
    /// Whether somebody has moved the file away.
    reopen: bool,
    /// Lines that found no room, and that nobody was told of; they are counted where they are lost.
    refused: u64,
}

impl State {
    fn is_idle(&self) -> bool {
        self.lines.is_empty() && !self.closed && !self.reopen
    }
}

impl Queue {
    fn new(format: Format, lookups: impl Fn() -> Arc<Lookups> + Send + Sync + 'static) -> Self {
        Self {
            format,
            lookups: Box::new(lookups),
            state: Mutex::default(),
            filled: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a line, if there is room for it.
    fn leave(self: &Arc<Self>, line: &[u8]) -> bool {
        let mut state = self.state();
        let before = state.lines.len();
        let now = before + line.len();
        if now > MOST_WAITING {
            state.refused += 1;
            return false;
        }
        state.lines.extend_from_slice(line);
        drop(state);
        if before == 0 || (before < ENOUGH && now >= ENOUGH) {
            self.wake();
        }
        true
    }

    /// Wakes the writer, on a runtime's worker behind what it is at: a lone hit's answer would wait for it.
    fn wake(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else {
            return self.filled.notify_one();
        };
        let queue = Arc::clone(self);
        runtime.spawn(async move { queue.filled.notify_one() });
    }
}

impl ClickLog {
    /// The file may have been moved away: lines from now on go to the one at its path.
    pub fn reopen(&self) {
        self.0.state().reopen = true;
        self.0.filled.notify_one();
    }

    /// Leaves a record's line; `false` when there is no room, and the line lost.
    pub fn write(&self, record: &Record<'_>) -> bool {
        thread_local! {
            static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            match &self.0.format {
                Format::Json(shape) => json::write(record, &self.0.lookups, shape, line),
                Format::Text => text::write(record, line),
            }
            self.0.leave(line)
        })
    }
}

/// Starts a writer to `out`; what it cannot write is counted in `metrics`. What a line tells of a visitor beside the record
/// it looks up in `lookups`, as they are then.
pub fn start(
    out: impl Out + Send + 'static,
    format: Format,
    metrics: Arc<Metrics>,
    lookups: impl Fn() -> Arc<Lookups> + Send + Sync + 'static,
) -> io::Result<(ClickLog, Writer)> {
    let queue = Arc::new(Queue::new(format, lookups));
    let fed = Arc::clone(&queue);
    let thread = thread::Builder::new()
        .name("click-log".to_owned())
        .spawn(move || run(&fed, out, &metrics))?;
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

fn run(queue: &Queue, out: impl Out, metrics: &Metrics) {
    let mut lines = Vec::new();
    let mut out = Whole::new(out);
    // Lines that were lost since all were written last.
    let mut lost: Option<u64> = None;
    loop {
        let state = idle(queue, out.due(lost.is_some()));
        let (mut state, _) = queue
            .filled
            .wait_timeout_while(state, GATHER, |state| {
                !state.closed && !state.reopen && state.lines.len() < ENOUGH
            })
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut lines, &mut state.lines);
        let closed = state.closed;
        let reopen = std::mem::take(&mut state.reopen);
        let refused = std::mem::take(&mut state.refused);
        drop(state);
        if refused > 0 {
            if lost.is_none() {
                tracing::error!("the click log is not read or written fast enough; its lines are lost until it is");
            }
            *lost.get_or_insert(0) += refused;
        }
        if reopen {
            let torn = out.reopen();
            metrics.click_log_dropped(torn);
            lost = lost.map(|lost| lost + torn);
        }
        let has_lines = !lines.is_empty() || !out.owed.is_empty();
        match out.write(&lines) {
            Ok(()) => {
                // Where more were refused meanwhile, it is still too slow.
                if has_lines
                    && queue.state().refused == 0
                    && let Some(lost) = lost.take()
                {
                    tracing::info!(lost, "the click log is written again");
                }
            }
            Err((error, now_lost)) => {
                metrics.click_log_dropped(now_lost);
                if lost.is_none() {
                    tracing::error!(%error, "the click log cannot be written; its lines are lost until it can");
                }
                *lost.get_or_insert(0) += now_lost;
            }
        }
        lines.clear();
        lines.shrink_to(ENOUGH);
        if closed && queue.state().lines.is_empty() {
            let torn = out.end();
            metrics.click_log_dropped(torn);
            if let Some(lost) = lost {
                tracing::error!(lost = lost + torn, "the click log could not be written to its end");
            }
            return;
        }
    }
}

/// Waits until there is something to do, or for as long as is said.
fn idle(queue: &Queue, due: Option<Duration>) -> MutexGuard<'_, State> {
    let state = queue.state();
    let is_idle = |state: &mut State| state.is_idle();
    match due {
        None => queue
            .filled
            .wait_while(state, is_idle)
            .unwrap_or_else(PoisonError::into_inner),
        Some(due) => {
            let woken = queue.filled.wait_timeout_while(state, due, is_idle);
            woken.unwrap_or_else(PoisonError::into_inner).0
        }
    }
}

/// Writes whole lines, whatever fails between them.
struct Whole<W> {
    out: W,
    /// The rest of a line whose beginning is written.
    owed: Vec<u8>,
    /// The bytes of that beginning.
    begun: usize,
}

impl<W: Out> Whole<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            owed: Vec::new(),
            begun: 0,
        }
    }

    /// Writes lines; when that fails, tells how many of them are lost.
    fn write(&mut self, lines: &[u8]) -> Result<(), (io::Error, u64)> {
        self.pay().map_err(|error| (error, count(lines)))?;
        let mut left = lines;
        loop {
            let room = self.out.make_room(line_end(left));
            if left.is_empty() {
                return self.out.flush().map_err(|error| (error, 0));
            }
            let (now, behind) = left.split_at(fitting(left, room));
            self.put(now).map_err(|(error, lost)| (error, lost + count(behind)))?;
            left = behind;
        }
    }

    /// Writes the rest of a line that is begun.
    fn pay(&mut self) -> io::Result<()> {
        let (paid, failed) = write(&mut self.out, &self.owed);
        self.owed.drain(..paid);
        self.begun += paid;
        failed
    }

    /// Writes lines while none is begun. One that only begins is owed.
    fn put(&mut self, lines: &[u8]) -> Result<(), (io::Error, u64)> {
        let (written, failed) = write(&mut self.out, lines);
        let Err(error) = failed else { return Ok(()) };
        let (done, left) = lines.split_at(written);
        let mut lost = left;
        if done.last().is_some_and(|last| *last != b'\n') {
            let (rest, behind) = left.split_at(line_end(left));
            self.owed = rest.to_vec();
            self.begun = done.rsplit(|byte| *byte == b'\n').next().map_or(0, <[u8]>::len);
            lost = behind;
        }
        Err((error, count(lost)))
    }

    /// In how long there is something to do, though no line comes.
    fn due(&self, is_failing: bool) -> Option<Duration> {
        let due = self.out.due()?;
        Some(if is_failing { due.max(TRY_EVERY) } else { due })
    }

    /// Goes on in the file that is at the path now; tells how many lines are lost by it. A line ends where it began: what is owed
    /// of one that the old file has no room for is lost with its beginning.
    fn reopen(&mut self) -> u64 {
        // What fails here is told of when the next line is written.
        let _ = self.pay();
        let begun = self.begun();
        match self.out.reopen(begun) {
            Ok(true) => {
                tracing::info!("the click log goes on in a new file");
                self.give_up()
            }
            Ok(false) => {
                tracing::info!("the click log's file is at its place, and stays in use");
                0
            }
            Err(error) => {
                tracing::error!(%error, "the click log cannot be opened again, and goes on in the old file");
                0
            }
        }
    }

    /// Ends between two lines; tells how many are lost by it.
    fn end(&mut self) -> u64 {
        let begun = self.begun();
        self.out.take_back(begun);
        self.give_up()
    }

    /// The bytes of a line that is begun and not ended.
    fn begun(&self) -> usize {
        if self.owed.is_empty() { 0 } else { self.begun }
    }

    fn give_up(&mut self) -> u64 {
        let is_torn = !self.owed.is_empty();
        self.owed.clear();
        u64::from(is_torn)
    }
}

/// Where the first of some lines ends.
fn line_end(lines: &[u8]) -> usize {
    let end = lines.iter().position(|byte| *byte == b'\n');
    end.map_or(lines.len(), |end| end + 1)
}

/// The bytes of the whole lines that fit into the room, of one line at least.
fn fitting(lines: &[u8], room: usize) -> usize {
    if lines.len() <= room {
        return lines.len();
    }
    let end = lines[..room].iter().rposition(|byte| *byte == b'\n');
    end.map_or_else(|| line_end(lines), |end| end + 1)
}

/// How many whole lines there are.
fn count(lines: &[u8]) -> u64 {
    lines.split_inclusive(|byte| *byte == b'\n').count() as u64
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
        hit_id::{HitId, HitIds},
        observe::{
            Observe, diagnostics,
            record::{Seen, Trace},
        },
        outcome::{Outcome, Refusal},
    };

    /// A hit at a path, ended.
    fn hit(log: &ClickLog, path: &str) -> bool {
        let seen = Seen {
            at: UNIX_EPOCH,
            ids: HitIds {
                hit: HitId::new(UNIX_EPOCH),
                trace: None,
            },
            host: "go.example.com",
            head: Some((path, Sender::default())),
        };
        log.write(&Record {
            seen: &seen,
            trace: &Trace::default(),
            outcome: &Outcome::Refused(Refusal::Speculative),
            total: Duration::ZERO,
        })
    }

    /// Hands each write on, and waits for leave before the first returns.
    struct Gated {
        written: mpsc::Sender<Vec<u8>>,
        leave: mpsc::Receiver<()>,
    }

    impl Out for Gated {}

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
        let (log, writer) = start(out, Format::Json(Shape::default()), metrics, Arc::default).expect("a thread");
        assert!(hit(&log, "/first"));
        let first = lines.recv().expect("a first line");
        assert!(String::from_utf8_lossy(&first).contains("/first"));
        let fitting = MOST_WAITING / first.len();
        for _ in 0..fitting {
            assert!(hit(&log, "/again"));
        }
        assert!(!hit(&log, "/other"));
        drop(give_leave);
        writer.close();
        let rest: Vec<u8> = lines.iter().flatten().collect();
        let rest = String::from_utf8_lossy(&rest);
        assert_eq!(rest.lines().count(), fitting);
        assert!(!rest.contains("/other"));
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
        let hit = || {
            let peer = "192.0.2.1".parse().expect("an address");
            observe.unreadable(UNIX_EPOCH, peer, Refusal::BadRequest);
        };
        hit();
        let first = lines.recv().expect("a first line");
        // Their times differ in length.
        let hits = 2 * MOST_WAITING / first.len();
        for _ in 1..hits {
            hit();
        }
        drop(give_leave);
        writer.close();
        let rest: Vec<u8> = lines.iter().flatten().collect();
        let dropped = hits as u64 - count(&first) - count(&rest);
        assert!(dropped > 0);
        let text = metrics.prometheus();
        assert!(
            text.contains(&format!("onehop_click_log_dropped_total {dropped}\n")),
            "{text}"
        );
    }

    /// Has room for so many bytes.
    struct Disk {
        room: usize,
        written: Vec<u8>,
    }

    impl Out for Disk {}

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
            let mut out = Whole::new(out);
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

    /// Files with room for so many bytes of lines each, and a disk that is full for a while.
    #[derive(Default)]
    struct Files {
        most: usize,
        room: usize,
        closed: Vec<Vec<u8>>,
        open: Vec<u8>,
        can_reopen: bool,
        /// Told to begin again, to write one line more and to end when the disk is full.
        queue: Option<Arc<Queue>>,
    }

    impl Write for Files {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let now = bytes.len().min(self.room);
            if now == 0 {
                if let Some(queue) = self.queue.take() {
                    assert!(queue.leave(b"four\n"));
                    let mut state = queue.state();
                    (state.reopen, state.closed) = (true, true);
                }
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= now;
            self.open.extend(&bytes[..now]);
            Ok(now)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Out for Files {
        fn make_room(&mut self, line: usize) -> usize {
            assert!(self.open.is_empty() || self.open.ends_with(b"\n"), "a line is begun");
            if self.open.len() + line > self.most {
                self.closed.push(std::mem::take(&mut self.open));
            }
            (self.most - self.open.len()).max(line)
        }

        fn reopen(&mut self, begun: usize) -> io::Result<bool> {
            if !self.can_reopen {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            self.take_back(begun);
            self.room = 100;
            self.closed.push(std::mem::take(&mut self.open));
            Ok(true)
        }

        fn take_back(&mut self, begun: usize) {
            self.open.truncate(self.open.len() - begun);
        }
    }

    #[test]
    fn a_line_is_in_one_file() {
        for room in 1..30 {
            let out = Files {
                most: 10,
                room,
                ..Files::default()
            };
            let mut out = Whole::new(out);
            let mut lost = out
                .write(b"one\ntwo\nthree\na long line\nfive\n")
                .err()
                .map_or(0, |(_, lost)| lost);
            out.out.room = 100;
            out.write(b"").expect("there is room");
            out.write(b"six\n").expect("there is room");
            lost += out.write(b"").err().map_or(0, |(_, lost)| lost);
            let files: Vec<&[u8]> = out
                .out
                .closed
                .iter()
                .map(Vec::as_slice)
                .chain([&*out.out.open])
                .collect();
            assert!(files.iter().all(|file| file.is_empty() || file.ends_with(b"\n")));
            let text = String::from_utf8(files.concat()).expect("text");
            let all = ["one", "two", "three", "a long line", "five", "six"];
            assert!(text.lines().all(|line| all.contains(&line)), "{text}");
            assert_eq!(text.lines().count() as u64 + lost, 6, "{room}: {text}");
        }
    }

    #[test]
    fn a_line_that_the_old_file_has_no_room_for_is_lost_and_no_other() {
        let out = Files {
            most: 100,
            room: 6,
            ..Files::default()
        };
        let mut out = Whole::new(out);
        let (_, lost) = out.write(b"one\ntwo\nthree\n").expect_err("there is no room");
        assert_eq!(lost, 1);
        // It goes on in the old file.
        assert_eq!(out.reopen(), 0);
        assert_eq!(out.owed, b"o\n");
        out.out.can_reopen = true;
        assert_eq!(out.reopen(), 1);
        out.write(b"four\n").expect("there is room");
        assert_eq!(out.out.closed, [b"one\n"]);
        assert_eq!(out.out.open, b"four\n");
    }

    #[test]
    fn a_log_ends_between_two_lines() {
        for room in 0..14 {
            let out = Files {
                most: 100,
                room,
                ..Files::default()
            };
            let mut out = Whole::new(out);
            let mut lost = out.write(b"one\ntwo\nthree\n").err().map_or(0, |(_, lost)| lost);
            // A part of the rest.
            out.out.room = 1;
            lost += out.write(b"").err().map_or(0, |(_, lost)| lost);
            lost += out.end();
            let text = String::from_utf8(out.out.open).expect("text");
            assert!("one\ntwo\nthree\n".starts_with(&text), "{text}");
            assert!(text.is_empty() || text.ends_with('\n'), "{room}: {text}");
            assert_eq!(text.lines().count() as u64 + lost, 3, "{room}: {text}");
        }
    }

    #[test]
    fn lines_fit_into_the_room_there_is() {
        for (room, fit) in [
            (0, 2),
            (1, 2),
            (2, 2),
            (3, 2),
            (5, 5),
            (6, 5),
            (7, 5),
            (8, 8),
            (usize::MAX, 8),
        ] {
            assert_eq!(fitting(b"a\nbc\nde\n", room), fit, "{room}");
        }
    }

    /// Writes as a function does, which has the queue and how many writes there were before.
    struct Acting<F>(Arc<Queue>, usize, F);

    impl<F: FnMut(&Arc<Queue>, usize) -> io::Result<()>> Out for Acting<F> {}

    impl<F: FnMut(&Arc<Queue>, usize) -> io::Result<()>> Write for Acting<F> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            (self.2)(&self.0, self.1 - 1).map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is told of a log with one line and a writer that acts so, and how many lost lines the writer counted.
    fn told(act: impl FnMut(&Arc<Queue>, usize) -> io::Result<()>) -> (Vec<String>, String) {
        let metrics = Metrics::default();
        let queue = Arc::new(Queue::new(Format::Text, Arc::default));
        assert!(queue.leave(b"first\n"));
        let told = diagnostics::told(|| run(&queue, Acting(Arc::clone(&queue), 0, act), &metrics));
        let told = told
            .iter()
            .map(|line| format!("{} {}", line["message"].as_str().unwrap_or_default(), line["lost"]));
        let counted = metrics.prometheus();
        let counted = counted
            .lines()
            .find_map(|line| line.strip_prefix("onehop_click_log_dropped_total "));
        (told.collect(), counted.expect("a count").to_owned())
    }

    const FULL: &str = "the click log cannot be written; its lines are lost until it can null";
    const SLOW: &str = "the click log is not read or written fast enough; its lines are lost until it is null";

    #[test]
    fn an_end_at_which_nothing_is_written_is_no_recovery() {
        let (told, counted) = told(|queue, _| {
            queue.state().closed = true;
            Err(io::ErrorKind::StorageFull.into())
        });
        let end = "the click log could not be written to its end 1".to_owned();
        assert_eq!((told, &*counted), (vec![FULL.to_owned(), end], "1"));
    }

    #[test]
    fn a_torn_line_is_lost_once_and_told_of_at_the_end() {
        let metrics = Metrics::default();
        let queue = Arc::new(Queue::new(Format::Text, Arc::default));
        assert!(queue.leave(b"one\ntwo\nthree\n"));
        queue.state().closed = true;
        let out = Disk {
            room: 6,
            written: Vec::new(),
        };
        let told = diagnostics::told(|| run(&queue, out, &metrics));
        assert_eq!(told.last().expect("a line")["lost"], 2);
        let counted = metrics.prometheus();
        assert!(counted.contains("onehop_click_log_dropped_total 2\n"), "{counted}");
    }

    #[test]
    fn a_log_that_is_written_again_is_told_of() {
        let (told, counted) = told(|queue, write| {
            if write == 2 {
                queue.state().closed = true;
                return Ok(());
            }
            assert!(queue.leave(b"next\n"));
            Err(io::ErrorKind::StorageFull.into())
        });
        let again = "the click log is written again 2".to_owned();
        assert_eq!((told, &*counted), (vec![FULL.to_owned(), again], "2"));
    }

    #[test]
    fn lines_that_find_no_room_are_told_of_once() {
        let line = vec![b'\n'; MOST_WAITING];
        let (told, counted) = told(|queue, write| {
            // While each of the first two is written, the buffer fills, and more come.
            let refused = [3, 1].get(write).copied().unwrap_or_default();
            if refused > 0 {
                assert!(queue.leave(&line));
            } else {
                queue.state().closed = true;
            }
            for _ in 0..refused {
                assert!(!queue.leave(b"more\n"));
            }
            Ok(())
        });
        let again = "the click log is written again 4".to_owned();
        // They are counted where they are left.
        assert_eq!((told, &*counted), (vec![SLOW.to_owned(), again], "0"));
    }

    #[test]
    fn a_line_that_is_lost_with_its_file_is_told_of() {
        let metrics = Metrics::default();
        let queue = Arc::new(Queue::new(Format::Text, Arc::default));
        assert!(queue.leave(b"one\ntwo\nthree\n"));
        let out = Files {
            most: 100,
            room: 6,
            can_reopen: true,
            queue: Some(Arc::clone(&queue)),
            ..Files::default()
        };
        let told = diagnostics::told(|| run(&queue, out, &metrics));
        let last = told.last().expect("a line");
        assert_eq!(
            (&last["message"], &last["lost"]),
            (&"the click log is written again".into(), &2.into())
        );
        let counted = metrics.prometheus();
        assert!(counted.contains("onehop_click_log_dropped_total 2\n"), "{counted}");
    }

    struct Full;

    impl Out for Full {}

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
        assert!(hit(&log, "/a"));
        assert!(hit(&log, "/b"));
        writer.close();
        let text = metrics.prometheus();
        assert!(text.contains("onehop_click_log_dropped_total 2"), "{text}");
    }
}
