//! Diagnostics on standard error: what the edge does and what it cannot do, for the operator.
//!
//! Lines are written by a thread of their own: a pipe that nobody reads costs lines, never hits.
//!
//! Only lines of onehop's own are shown, at any level: libraries might write down a request, and with it a key.

use std::{
    env,
    fmt::Debug,
    io::{self, IsTerminal, Write as _},
    panic::{Location, PanicHookInfo},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Instant, SystemTime},
};

use clap::ValueEnum;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use super::{
    lines::{self, Look, Said},
    repeats::{self, Key, Repeats, Verdict},
};

/// Lines that wait to be written; more are lost.
const MAX_QUEUED: usize = 8192;

/// Whose warnings are told once in a while: they are of what visitors, proxies and trackers do, as often as they like.
const PEERS: &str = "onehop::peers";

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person who reads
    Text,
    /// For programs: one JSON object a line
    Json,
}

/// Writes what is queued and what is kept when it is dropped, within a second.
#[must_use]
pub struct Diagnostics {
    format: Format,
    lines: Arc<Lines>,
    repeating: Option<JoinHandle<()>>,
    #[expect(dead_code, reason = "it is there to be dropped, after the others")]
    written: WorkerGuard,
}

/// Starts them; without a format said, as text on a terminal and JSON otherwise. `RUST_LOG` sets the level: `error`, `warn`, `info`
/// (the default), `debug`, `trace`, `off`.
pub fn start(format: Option<Format>) -> Diagnostics {
    let is_read = io::stderr().is_terminal();
    let format = format.unwrap_or(if is_read { Format::Text } else { Format::Json });
    let level = env::var("RUST_LOG")
        .ok()
        .and_then(|wanted| level(&wanted))
        .unwrap_or(LevelFilter::INFO);
    let (writer, written) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MAX_QUEUED)
        .thread_name("diagnostics")
        .finish(io::stderr());
    let look = match format {
        Format::Json => Look::Json,
        Format::Text => Look::Text { colour: is_read },
    };
    let lines = Arc::new(Lines::new(writer, look));
    let ours = Targets::new().with_target("onehop", level);
    let layer = ToLines(Arc::clone(&lines));
    // A second start, as in a test that runs commands, keeps the first.
    let _ = tracing_subscriber::registry().with(ours).with(layer).try_init();
    if format == Format::Json {
        std::panic::set_hook(Box::new(panicked));
    }
    let repeating = Arc::clone(&lines);
    Diagnostics {
        format,
        lines,
        // Without it, what is kept is told when its like comes again, or at the end.
        repeating: thread::Builder::new()
            .name("diagnostics-kept".to_owned())
            .spawn(move || repeating.tell_in_time())
            .ok(),
        written,
    }
}

impl Diagnostics {
    /// How their lines look.
    pub fn format(&self) -> Format {
        self.format
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        self.lines.end();
        if let Some(repeating) = self.repeating.take() {
            // One that panicked has nothing left to say.
            let _ = repeating.join();
        }
    }
}

/// Tells of a panic, which is a fault of onehop's, in a line as all others.
fn panicked(about: &PanicHookInfo<'_>) {
    let place = about.location();
    tracing::error!(
        file = place.map(Location::file),
        line = place.map(Location::line),
        why = about.payload_as_str(),
        "a task has panicked, which is a fault of onehop's: please report it"
    );
}

/// Where lines go.
struct Lines {
    writer: NonBlocking,
    look: Look,
    kept: Mutex<Kept>,
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    repeats: Repeats,
    has_ended: bool,
}

impl Lines {
    fn new(writer: NonBlocking, look: Look) -> Self {
        Self {
            writer,
            look,
            kept: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing under the lock can panic half way.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, level: Level, said: &Said) {
        let line = lines::line(SystemTime::now(), level, said, self.look);
        // One that is lost has no one to be told to.
        let _ = self.writer.clone().write_all(&line);
    }

    /// Tells of an event that others can cause as often as they like.
    fn once_in_a_while(&self, event: &Event<'_>) {
        let level = *event.metadata().level();
        let mut words = Words::default();
        event.record(&mut words);
        let key = Key {
            site: event.metadata().callsite(),
            tracker: words.tracker,
            message: words.message,
        };
        // By a statement of its own, so that the lock is not held meanwhile.
        let verdict = self.kept().repeats.comes(&key, Instant::now());
        match verdict {
            Verdict::Tell(untold) => {
                let mut said = said(event);
                repeats::suppressed(&mut said, untold);
                self.write(level, &said);
            }
            Verdict::Keep => {
                self.kept().repeats.keep(&key, level, said(event));
                self.changed.notify_one();
            }
            Verdict::Count => {}
        }
    }

    /// Tells of what is kept when it is due, until the end.
    fn tell_in_time(&self) {
        let mut kept = self.kept();
        while !kept.has_ended {
            let now = Instant::now();
            for (level, said) in kept.repeats.due(now) {
                self.write(level, &said);
            }
            kept = match kept.repeats.due_at() {
                None => self.changed.wait(kept).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let left = due.saturating_duration_since(now);
                    let woken = self.changed.wait_timeout(kept, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Tells of all that is kept.
    fn end(&self) {
        let left = {
            let mut kept = self.kept();
            kept.has_ended = true;
            kept.repeats.all()
        };
        self.changed.notify_one();
        for (level, said) in left {
            self.write(level, &said);
        }
    }
}

/// From events to lines.
struct ToLines(Arc<Lines>);

impl<S: Subscriber> Layer<S> for ToLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let about = event.metadata();
        // Who asks for more than that wants to see each.
        if about.target() == PEERS && *about.level() <= Level::INFO {
            self.0.once_in_a_while(event);
        } else {
            self.0.write(*about.level(), &said(event));
        }
    }
}

fn said(event: &Event<'_>) -> Said {
    let mut said = Said::default();
    event.record(&mut said);
    said
}

/// Of an event, as much as tells it from others.
#[derive(Default)]
struct Words {
    message: String,
    tracker: Option<String>,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = lines::shown(value),
            "tracker" => self.tracker = Some(lines::shown(value)),
            _ => {}
        }
    }
}

/// A level alone, or the one that is given for `onehop`, as in `info,onehop=debug`.
fn level(wanted: &str) -> Option<LevelFilter> {
    wanted
        .split(',')
        .filter_map(|directive| match directive.split_once('=') {
            None => Some((0, directive.trim().parse().ok()?)),
            Some((target, level)) if target.trim() == "onehop" => Some((1, level.trim().parse().ok()?)),
            Some(_) => None,
        })
        .max_by_key(|(particular, _)| *particular)
        .map(|(_, level)| level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        assert_eq!(level("debug"), Some(LevelFilter::DEBUG));
        assert_eq!(level("off"), Some(LevelFilter::OFF));
        assert_eq!(level("info,onehop=trace,h2=debug"), Some(LevelFilter::TRACE));
        assert_eq!(level("h2=trace"), None);
        assert_eq!(level("loud"), None);
    }

    /// What a writer has been given.
    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Heard {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_others_cause_is_told_once_with_the_number_of_the_rest() {
        let heard = Heard::default();
        let (writer, written) = NonBlockingBuilder::default().finish(heard.clone());
        let lines = Arc::new(Lines::new(writer, Look::Json));
        let subscriber = tracing_subscriber::registry().with(ToLines(Arc::clone(&lines)));
        tracing::subscriber::with_default(subscriber, || {
            for count in 0..5 {
                for tracker in ["one", "other"] {
                    tracing::warn!(target: PEERS, tracker, why = count, "it fails");
                }
                tracing::debug!(target: PEERS, "each");
                tracing::info!("an operator's");
            }
        });
        lines.end();
        drop(written);
        let heard = heard.0.lock().expect("no panic").clone();
        let mut told: Vec<String> = Vec::new();
        for line in String::from_utf8(heard).expect("UTF-8").lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let fields = ["message", "tracker", "why", "suppressed"].map(|name| line[name].to_string());
            told.push(fields.join(" "));
        }
        told.sort();
        let mut expected = [
            &["\"an operator's\" null null null"; 5][..],
            &["\"each\" null null null"; 5],
        ]
        .concat();
        expected.extend([
            "\"it fails\" \"one\" 0 null",
            "\"it fails\" \"one\" 1 3",
            "\"it fails\" \"other\" 0 null",
            "\"it fails\" \"other\" 1 3",
        ]);
        assert_eq!(told, expected);
    }
}
