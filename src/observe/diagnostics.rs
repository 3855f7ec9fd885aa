//! Diagnostics on standard error: what the edge does and what it cannot do, for the operator.
//!
//! Lines are written by a thread of their own: a pipe that nobody reads costs lines, never hits.
//!
//! Only lines of onehop's own are shown, at any level: libraries might write down a request, and with it a key.

use std::{
    env,
    fmt::Debug,
    io::{self, IsTerminal, Write},
    mem,
    panic::{Location, PanicHookInfo},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use clap::ValueEnum;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
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

/// How long the end waits for what is still to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
}

/// Starts them; without a format said, as text on a terminal and JSON otherwise. `RUST_LOG` sets the level: `error`, `warn`, `info`
/// (the default), `debug`, `off`.
pub fn start(format: Option<Format>) -> Diagnostics {
    let is_read = io::stderr().is_terminal();
    let format = format.unwrap_or(if is_read { Format::Text } else { Format::Json });
    let level = env::var("RUST_LOG")
        .ok()
        .and_then(|wanted| level(&wanted))
        .unwrap_or(LevelFilter::INFO);
    let look = match format {
        Format::Json => Look::Json,
        Format::Text => Look::Text { colour: is_read },
    };
    let lines = Arc::new(Lines::new(look));
    let ours = Targets::new().with_target("onehop", level);
    let layer = ToLines(Arc::clone(&lines));
    // A second start, as in a test that runs commands, keeps the first.
    let _ = tracing_subscriber::registry().with(ours).with(layer).try_init();
    if format == Format::Json {
        std::panic::set_hook(Box::new(panicked));
    }
    let writing = Arc::clone(&lines);
    let thread = thread::Builder::new().name("diagnostics".to_owned());
    if thread.spawn(move || writing.write_to(io::stderr())).is_err() {
        lines.state().has_written = true; // nothing is waited for
    }
    Diagnostics { format, lines }
}

impl Diagnostics {
    /// How their lines look.
    pub fn format(&self) -> Format {
        self.format
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        let state = self.lines.end();
        // Who does not read is not waited for.
        let wait = self
            .lines
            .changed
            .wait_timeout_while(state, LAST_WORDS, |state| !state.has_written);
        drop(wait);
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

/// Where lines go, until they are written.
struct Lines {
    look: Look,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queued: Vec<Vec<u8>>,
    repeats: Repeats,
    has_ended: bool,
    has_written: bool,
}

impl Lines {
    fn new(look: Look) -> Self {
        Self {
            look,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, level: Level, said: &Said) -> Vec<u8> {
        lines::line(SystemTime::now(), level, said, self.look)
    }

    fn write(&self, level: Level, said: &Said) {
        let line = self.line(level, said);
        self.state().queue(line);
        self.changed.notify_all();
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
        let verdict = self.state().repeats.comes(&key, Instant::now());
        match verdict {
            Verdict::Tell(untold) => {
                let mut said = said(event);
                repeats::suppressed(&mut said, untold);
                self.write(level, &said);
            }
            Verdict::Keep => {
                self.state().repeats.keep(&key, level, said(event));
                self.changed.notify_all();
            }
            Verdict::Count => {}
        }
    }

    /// Writes what is queued, and what is kept when it is due, until the end.
    fn write_to(&self, mut out: impl Write) {
        let mut state = self.state();
        loop {
            let now = Instant::now();
            for (level, said) in state.repeats.due(now) {
                let line = self.line(level, &said);
                state.queue(line);
            }
            if !state.queued.is_empty() {
                let queued = mem::take(&mut state.queued);
                drop(state);
                for line in queued {
                    // One that is lost has no one to be told to.
                    let _ = out.write_all(&line);
                }
                state = self.state();
                continue;
            }
            if state.has_ended {
                break;
            }
            state = match state.repeats.due_at() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let left = due.saturating_duration_since(now);
                    let woken = self.changed.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.has_written = true;
        drop(state);
        self.changed.notify_all();
    }

    /// Queues all that is kept; nothing is written behind it.
    fn end(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        for (level, said) in state.repeats.all() {
            let line = self.line(level, &said);
            state.queue(line);
        }
        state.has_ended = true;
        self.changed.notify_all();
        state
    }
}

impl State {
    fn queue(&mut self, line: Vec<u8>) {
        if self.queued.len() < MAX_QUEUED {
            self.queued.push(line);
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

/// The lines, as JSON, of what is told in some work on this thread.
#[cfg(test)]
pub(super) fn told(work: impl FnOnce()) -> Vec<serde_json::Value> {
    let lines = Arc::new(Lines::new(Look::Json));
    let subscriber = tracing_subscriber::registry().with(ToLines(Arc::clone(&lines)));
    tracing::subscriber::with_default(subscriber, work);
    drop(lines.end());
    let mut heard = Vec::new();
    lines.write_to(&mut heard);
    assert!(heard.is_empty() || lines.state().has_written);
    let heard = String::from_utf8(heard).expect("UTF-8");
    heard
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
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

    #[test]
    fn what_others_cause_is_told_once_with_the_number_of_the_rest() {
        let lines = super::told(|| {
            for count in 0..5 {
                for tracker in ["one", "other"] {
                    tracing::warn!(target: PEERS, tracker, why = count, "it fails");
                }
                tracing::debug!(target: PEERS, "each");
                tracing::info!("an operator's");
            }
        });
        let mut told: Vec<String> = Vec::new();
        for line in lines {
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
