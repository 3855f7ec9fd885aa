//! `onehop doctor`: what is wrong, and the mend.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::SystemTime,
};

use tokio::time::Instant;

use super::{click_logs, colour_on, failed, on_runtime, print};
use crate::{
    args,
    click::Tracker,
    config::{self, Config},
    databases::Kind,
    doctor::{self, Check, DatabaseOf, Finding, Known, Log, Look, Mark},
    history::Whole,
    offer_ids::OfferIds,
};

/// Tells on standard output what was found.
pub fn run(args: &args::Doctor) -> ExitCode {
    let path = &args.config.config;
    let mut found = Vec::new();
    let mut config = None;
    if path.exists() || args.files.is_empty() {
        let is_told = if args.json {
            colour_on(&io::stderr())
        } else {
            colour_on(&io::stdout())
        };
        let read = config::read(path, &|_| Box::new(|_| ()), is_told);
        if args.json {
            eprint!("{}", read.text);
        } else if let Err(error) = print(&read.text) {
            return failed(&error);
        }
        found.push(of_configuration(path, &read));
        config = read.config;
        if config.is_none() {
            return end(&found, args.json);
        }
    } else {
        let left_out = format!("{} is not there: the click logs alone are looked at", path.display());
        found.push(Finding::new(Mark::Unknown, Check::Configuration, "", left_out));
    }
    if let Some(config) = &config {
        if !args.offline
            && let Err(failure) = ask(config, args, &mut found)
        {
            return failure;
        }
        found.extend(around(config));
    }
    let files = logs(args, config.as_ref());
    let mut is_whole = true;
    if !files.is_empty() {
        let mut log = Log::new(config.as_ref().map_or_else(Known::default, known));
        let mut unfit = 0;
        is_whole = click_logs::each_line(files, |(line, ..)| {
            let why = match Whole::read(line) {
                Ok(visit) if log.add(&visit) => return Ok(()),
                Ok(_) => "it has no outcome".to_owned(),
                Err(error) => error.to_string(),
            };
            unfit += 1;
            Err(why)
        });
        found.extend(log.findings(unfit));
    }
    let ended = end(&found, args.json);
    if is_whole { ended } else { ExitCode::FAILURE }
}

fn end(found: &[Finding], json: bool) -> ExitCode {
    let text = if json {
        format!("{:#}\n", doctor::json(found))
    } else {
        doctor::text(found, colour_on(&io::stdout()))
    };
    if let Err(error) = print(&text) {
        failed(&error)
    } else if doctor::fails(found) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn of_configuration(path: &Path, read: &config::Read) -> Finding {
    let told = |mark, found: String| Finding::new(mark, Check::Configuration, path.display().to_string(), found);
    match &read.config {
        None => told(Mark::Fail, format!("cannot be used; its mistakes: {}", read.errors))
            .mend("mend what stands above; `onehop check` reads it alone"),
        Some(_) if !read.text.is_empty() => told(Mark::Warn, "can be used, with the warnings above".to_owned()),
        Some(_) => told(Mark::Ok, "has no mistake".to_owned()),
    }
}

/// Asks the trackers, all at the same time.
fn ask(config: &Config, args: &args::Doctor, found: &mut Vec<Finding>) -> Result<(), ExitCode> {
    let before = doctor::announcement(&config.trackers);
    if args.json {
        eprintln!("{before}");
    } else {
        print(&(before + "\n\n")).map_err(|error| failed(&error))?;
    }
    let is_watched = io::stderr().is_terminal();
    let began = (Instant::now(), SystemTime::now());
    let mut looks = Vec::new();
    let asked = on_runtime(async {
        if is_watched {
            eprint!("… asking the trackers, 20 seconds at most");
        }
        let under_way: Vec<_> = config
            .trackers
            .iter()
            .map(|tracker| {
                let asked = Arc::clone(tracker);
                tokio::spawn(async move { Look::at(&asked).await })
            })
            .collect();
        for (tracker, look) in config.trackers.iter().zip(under_way) {
            looks.push((tracker, look.await.map_err(io::Error::other)?));
        }
        if is_watched {
            eprint!("\r\u{1b}[K");
        }
        for (tracker, look) in &mut looks {
            let Some(ids) = first_offer(config, tracker).filter(|_| look.needs_a_click()) else {
                continue;
            };
            if args.click || (!args.json && consents(&look.click_announcement(ids))) {
                look.make_a_click(tracker, ids).await;
            }
        }
        Ok::<_, io::Error>(())
    });
    if asked != ExitCode::SUCCESS {
        return Err(asked);
    }
    found.extend(looks.iter().flat_map(|(_, look)| look.findings(config.deadline())));
    let witnesses: Vec<_> = looks.iter().filter_map(|(_, look)| look.witness(began)).collect();
    found.extend(doctor::clock(&witnesses));
    Ok(())
}

fn first_offer(config: &Config, tracker: &Arc<Tracker>) -> Option<OfferIds> {
    let offers = config.links.items().iter().flat_map(|link| &link.offers);
    let mut of_tracker = offers.filter(|offer| Arc::ptr_eq(&offer.tracker, tracker));
    of_tracker.next().map(|offer| offer.label.ids)
}

/// Asks whoever sits at the terminal; without one nobody consents.
fn consents(to: &str) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    eprint!("{to}.\nMake it? [y/N] ");
    let mut answer = String::new();
    let _ = io::stdin().lock().read_line(&mut answer);
    is_yes(&answer)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// What is on this machine.
fn around(config: &Config) -> Vec<Finding> {
    let now = SystemTime::now();
    let mut found = Vec::new();
    if let Some(certificates) = &config.certificates {
        found.extend(doctor::certificates(certificates, &config.links.hosts(), now));
    }
    let places = config.places();
    let databases: Vec<DatabaseOf> = config
        .databases
        .iter()
        .filter_map(|database| {
            let (key, kind, built) = match database.kind() {
                Kind::Country => {
                    let loaded = places.country.as_ref()?;
                    ("geoip.country", loaded.database_type(), loaded.built())
                }
                Kind::Asn => {
                    let loaded = places.asn.as_ref()?;
                    ("geoip.asn", loaded.database_type(), loaded.built())
                }
            };
            Some(DatabaseOf {
                key,
                path: database.path().to_owned(),
                kind: kind.to_owned(),
                built,
            })
        })
        .collect();
    found.extend(doctor::databases(&databases, now));
    let of = |key: &'static str, addresses: &[SocketAddr]| {
        let of_key = addresses.iter().map(move |address| (key, *address));
        of_key.collect::<Vec<_>>()
    };
    let addresses = [
        of("listen.http", &config.http),
        of("listen.https", &config.https),
        of("listen.admin", config.admin.as_slice()),
    ];
    found.extend(doctor::ports(&addresses.concat()));
    found.push(doctor::open_files(config.limits.connections));
    found.extend(config.click_log.as_ref().map(doctor::click_log));
    found
}

fn known(config: &Config) -> Known {
    Known {
        real_ip: Some(config.real_ip().clone()),
        asn: config.places().asn.clone(),
    }
}

/// The logs that are named, or that of the configuration if it is there.
fn logs(args: &args::Doctor, config: Option<&Config>) -> Vec<PathBuf> {
    if !args.files.is_empty() {
        return args.files.clone();
    }
    let log = config.and_then(|config| config.click_log.as_ref());
    log.map(|log| log.path.clone())
        .filter(|path| path.is_file())
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, expected) in [
            ("y\n", true),
            ("Yes\n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yep\n", false),
        ] {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }
}
