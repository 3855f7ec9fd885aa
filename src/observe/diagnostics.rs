//! Diagnostics on standard error: what the edge does and what it cannot do, for the operator.
//!
//! Lines are written by a thread of their own: a pipe that nobody reads costs lines, never hits.
//!
//! Only lines of onehop's own are shown, at any level: libraries might write down a request, and with it a key.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// Lines that wait to be written; more are lost.
const MAX_QUEUED: usize = 8192;

/// Writes what is queued when it is dropped, within a second.
#[must_use]
pub struct Diagnostics(#[expect(dead_code, reason = "it is there to be dropped")] WorkerGuard);

/// Starts them. `RUST_LOG` sets the level: `error`, `warn`, `info` (the default), `debug`, `trace`, `off`.
pub fn start() -> Diagnostics {
    let level = std::env::var("RUST_LOG")
        .ok()
        .and_then(|wanted| level(&wanted))
        .unwrap_or(LevelFilter::INFO);
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MAX_QUEUED)
        .thread_name("diagnostics")
        .finish(io::stderr());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(io::stderr().is_terminal());
    let ours = Targets::new().with_target("onehop", level);
    // A second start, as in a test that runs commands, keeps the first.
    let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
    Diagnostics(guard)
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
}
