//! `onehop replay`: the hits of click logs, sent through a configuration that is to come.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{click_logs, colour_on, failed, print};
use crate::{
    args, config,
    history::Whole,
    observe::shape::IpForm,
    replay::{self, Replay, Way},
};

/// Replays on standard output.
pub fn run(args: &args::Replay) -> ExitCode {
    let new = &args.config.config;
    // Both are read to their ends, so that all mistakes are told at once.
    let ways = (read(new), args.old.as_deref().map(read).transpose());
    let (Ok((way, log)), Ok(old)) = ways else {
        return ExitCode::FAILURE;
    };
    let (old, old_log) = old.unzip();
    let files = if args.files.is_empty() {
        match old_log.flatten().or(log) {
            Some(log) => vec![log],
            None => return failed(&"name a click log: the configuration has no click_log.path"),
        }
    } else {
        args.files.clone()
    };
    let mut replay = Replay::new(way, old);
    let is_whole = click_logs::each_line(files, |(line, ..)| {
        let line = Whole::read(line).map_err(|error| error.to_string())?;
        replay.add(&line).map(drop).map_err(str::to_owned)
    });
    let text = if args.json {
        format!("{:#}\n", replay::json(&replay, new))
    } else {
        replay::table(&replay, new, args.top)
    };
    if let Err(error) = print(&text) {
        return failed(&error);
    }
    if let Some(limit) = args.fail_above {
        let share = replay.percent();
        if share > limit {
            return failed(&format!(
                "{share:.1} % would go elsewhere, and --fail-above is {limit} %"
            ));
        }
        // What nobody has tried has not held.
        if replay.elsewhere().1 == 0 {
            return failed(&"no hit was replayed, so that --fail-above tells nothing");
        }
    }
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A configuration, and the click log that it names. Its mistakes are told as `check` tells them.
fn read(path: &Path) -> Result<(Way, Option<PathBuf>), ()> {
    let read = config::read(path, &|_| Box::new(|_| ()), colour_on(&io::stderr()));
    eprint!("{}", read.text);
    let Some(mut config) = read.config else {
        failed(&format!("{} cannot be used", path.display()));
        return Err(());
    };
    let log = config.click_log.take();
    let way = Way {
        hides_addresses: log.as_ref().is_some_and(|log| log.ip != IpForm::Full),
        limits: config.limits,
        edge: config.into_edge(),
    };
    Ok((way, log.map(|log| log.path)))
}
