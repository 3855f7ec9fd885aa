//! `onehop check`: the configuration, read and not run.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use crate::{args::Configured, config};

/// Prints every mistake on standard output.
pub fn run(configured: &Configured) -> ExitCode {
    let read = config::read(&configured.config, &|_| Box::new(|_, _| ()), io::stdout().is_terminal());
    let path = configured.config.display();
    let mut out = io::stdout().lock();
    let summary = match &read.config {
        Some(config) => {
            let offers: usize = config.links.items().iter().map(|link| link.offers.len()).sum();
            format!(
                "{path} is fine: {}, {}, {}",
                count(config.links.len(), "link"),
                count(offers, "offer"),
                count(config.trackers, "tracker"),
            )
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
