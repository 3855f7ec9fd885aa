//! `onehop check`: the configuration, read and not run.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{args::Configured, config};

/// A configuration that takes longer is a large one, and whoever wrote it wants to know how long it takes.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// Prints every mistake on standard output.
pub fn run(configured: &Configured) -> ExitCode {
    let began = Instant::now();
    let read = config::read(
        &configured.config,
        &|_| Box::new(|_| ()),
        super::colour_on(&io::stdout()),
    );
    let took = began.elapsed();
    let path = configured.config.display();
    let mut out = io::stdout().lock();
    let summary = match &read.config {
        Some(config) => {
            let fine = format!(
                "{path} is fine: {}, {}, {}",
                count(config.links.len(), "link"),
                count(config.offers(), "offer"),
                count(config.trackers.len(), "tracker"),
            );
            if took > WORTH_TELLING {
                format!("{fine}, read in {:.1} s", took.as_secs_f64())
            } else {
                fine
            }
        }
        None => format!("{path} cannot be used: {}", count(read.errors, "mistake")),
    };
    // A reader that went away has read enough; the exit status stays true.
    let _ = write!(out, "{}", read.text);
    let _ = writeln!(out, "{summary}");
    match read.config {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
