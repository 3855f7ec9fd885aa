//! One file per command.

use std::{
    env,
    future::Future,
    io::{self, IsTerminal, Write as _},
    num::NonZero,
    process::ExitCode,
    thread,
};

use tokio::runtime;

pub mod check;
mod click_logs;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod reconcile;
pub mod replay;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod schema;

/// Runs a command's work on a runtime of its own; what goes wrong is told on standard error.
fn on_runtime<E: std::fmt::Display>(work: impl Future<Output = Result<(), E>>) -> ExitCode {
    // On one core a worker beside the thread that waits for it would be a thread to start, and a memory of its own, for nothing.
    let mut builder = match thread::available_parallelism() {
        Ok(NonZero::<usize>::MIN) => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let ended = runtime.block_on(work);
    // What is still blocked, on a disk or a pipe, had its time.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Whether what is written there is for a person who sees colours; a `NO_COLOR` that is not empty says no.
fn colour_on(out: &impl IsTerminal) -> bool {
    out.is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes on standard output. A reader that went away has read enough; but half an answer in a file is worse than none.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    quiet_if_unread(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

fn quiet_if_unread(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    // With nowhere to complain to, the exit status says it.
    let _ = writeln!(io::stderr(), "onehop: {error}");
    ExitCode::FAILURE
}
