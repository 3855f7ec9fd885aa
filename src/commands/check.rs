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
                "{path} is fine: {} links, {offers} offers, {} trackers",
                config.links.len(),
                config.trackers
            )
        }
        None => format!("{path} cannot be used: {} mistakes", read.errors),
    };
    // A reader that went away has read enough; the exit status stays true.
    let _ = write!(out, "{}", read.text);
    let _ = writeln!(out, "{summary}");
    match read.config {
        Some(_) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}
