//! The click log: one writer on a thread of its own, fed through a bounded queue.
//!
//! A hit leaves its record and goes on. A full disk or a blocked pipe costs lines, which are counted, never hits.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
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

/// Opens a file to append to.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
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
        state: Mutex::default(),
        filled: Condvar::new(),
    });
    let fed = Arc::clone(&queue);
    let thread = thread::Builder::new()
        .name("click-log".to_owned())
        .spawn(move || run(&fed, out, format, &metrics, lookups))?;
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

fn run(queue: &Queue, mut out: impl Write, format: Format, metrics: &Metrics, lookups: impl Fn() -> Arc<Lookups>) {
    let mut records = Records::new();
    let mut lines = Vec::new();
    let mut complained = false;
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
            match format {
                Format::Json => json::write(record, &lookups, &mut lines),
                Format::Text => text::write(record, &mut lines),
            }
        }
        if let Err(error) = out.write_all(&lines).and_then(|()| out.flush()) {
            metrics.click_log_dropped(records.len() as u64);
            if !complained {
                tracing::error!(%error, "the click log cannot be written; its lines are lost until it can");
            }
            complained = true;
        } else {
            complained = false;
        }
        records.clear();
        lines.clear();
        if closed && queue.state().records.is_empty() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc,
        time::{Duration, UNIX_EPOCH},
    };

    use http::{HeaderMap, Uri};

    use super::*;
    use crate::{
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
            head: Some((&path.parse::<Uri>().expect("a path"), &HeaderMap::new())),
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
