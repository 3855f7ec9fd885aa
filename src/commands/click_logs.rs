//! The click logs that commands read: which, and all their lines one after the other.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::colour_on;
use crate::{
    config,
    history::{Broken, Files, Numbered, Progress},
};

/// Lines that are none are shown up to this number, and counted.
const SHOWN: u64 = 3;
/// How often it is told how far the work is.
const TELL: Duration = Duration::from_millis(500);
/// Between two looks at the clock.
const LINES: u64 = 4096;

/// The files that are named, or else the click log that a configuration names; else what is to be done.
pub(super) fn named_or_of_configuration(files: &[PathBuf], configuration: &Path) -> Result<Vec<PathBuf>, String> {
    if files.is_empty() {
        return of_configuration(configuration).map(|log| vec![log]);
    }
    Ok(files.to_vec())
}

fn of_configuration(path: &Path) -> Result<PathBuf, String> {
    let shown = path.display();
    if !path.exists() {
        return Err(format!("name a click log: there is no {shown} that would name one"));
    }
    let read = config::read(path, &|_| Box::new(|_| ()), colour_on(&io::stderr()));
    let Some(config) = read.config else {
        eprint!("{}", read.text);
        return Err(format!("name a click log: {shown} cannot be used"));
    };
    let log = config.click_log.clone();
    log.map(|log| log.path)
        .ok_or_else(|| format!("name a click log: {shown} has no click_log.path"))
}

/// Hands on every line; those that are not taken are told of, with why. `false` when some of what was asked for could not be read.
pub(super) fn each_line(paths: Vec<PathBuf>, mut take: impl FnMut(Numbered<'_>) -> Result<(), String>) -> bool {
    let mut files = Files::new(paths);
    let progress = files.progress();
    let mut telling = Telling::new(&progress);
    let (mut is_whole, mut unfit) = (true, 0);
    while let Some(next) = files.next_line() {
        telling.tell();
        match next {
            // As at the end of a file that was torn and went on.
            Ok(([], ..)) => {}
            Ok((line, path, number)) => {
                let Err(why) = take((line, path, number)) else { continue };
                unfit += 1;
                if unfit <= SHOWN {
                    telling.clear();
                    eprintln!("onehop: {}:{number}: no line of a click log: {why}", path.display());
                }
            }
            Err(Broken { path, error }) => {
                is_whole = false;
                telling.clear();
                eprintln!("onehop: {} cannot be read: {error}", path.display());
            }
        }
    }
    telling.clear();
    if unfit > SHOWN {
        eprintln!("onehop: {unfit} lines in all are none of a click log");
    }
    is_whole
}

/// Tells on a terminal how far long work is.
struct Telling<'a> {
    progress: &'a Progress,
    began: Instant,
    next: Instant,
    is_shown: bool,
    is_wanted: bool,
}

impl<'a> Telling<'a> {
    fn new(progress: &'a Progress) -> Self {
        let began = Instant::now();
        Self {
            progress,
            began,
            next: began + TELL,
            is_shown: false,
            is_wanted: io::stderr().is_terminal(),
        }
    }

    fn tell(&mut self) {
        let lines = self.progress.lines();
        if !self.is_wanted || !lines.is_multiple_of(LINES) || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + TELL;
        self.is_shown = true;
        let (read, all) = self.progress.bytes();
        let of_all = match (read * 100).checked_div(all) {
            Some(percent) => format!("{percent} %, "),
            None => String::new(),
        };
        let rate = u128::from(lines) * 1000 / self.began.elapsed().as_millis().max(1);
        eprint!("\r{of_all}{lines} lines, {rate} a second\u{1b}[K");
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            eprint!("\r\u{1b}[K");
        }
    }
}
