//! The command line.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::SystemTime,
};

use clap::{
    Args, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::{
    commands,
    observe::diagnostics::Format,
    reconcile::{Cause, Named, Order},
    report::{By, Rows, Where},
    sandbox,
};

/// An edge redirect proxy: the one hop between an ad and the advertiser.
///
/// onehop sits on an affiliate's own domain. For each visitor of an ad link it asks the tracker's Click API for a click,
/// and answers 302 to the advertiser's link with the click id filled in, or to the trafficback URL.
#[derive(Debug, Parser)]
#[command(version, after_help = "Example: onehop demo")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it: an edge and a sandbox tracker on this machine, with links to click
    #[command(after_help = "Example: onehop demo\n         onehop demo --listen 127.0.0.1:9000")]
    Demo(Demo),
    /// Run the edge
    #[command(after_help = "Example: HOQU_SECURE_KEY=… onehop run -c onehop.toml\n\n\
        SIGTERM and SIGINT drain: hits in flight end, then onehop exits. RUST_LOG=debug tells more.\n\
        Standard error is JSON lines where it is no terminal; `--log-format text` if you read it there.")]
    Run(Run),
    /// Read everything that `run` would read, and print every mistake at once
    #[command(after_help = "Example: onehop check -c onehop.toml\n         onehop check --explain-limits")]
    Check(Check),
    /// Tell what would become of a request, and why, without asking anybody
    #[command(
        after_help = "Example: onehop explain go.example.com/shoes --ip 192.0.2.1\n         \
        onehop explain 'https://go.example.com/shoes?zone=1' --user-agent 'Mozilla/5.0 (iPhone …)' --header 'Accept-Language: de' --json\n\n\
        The key is never shown. Behind a trusted proxy, --ip is the proxy's address, and --header 'X-Forwarded-For: …' the visitor's."
    )]
    Explain(Explain),
    /// Look what is wrong: trackers, keys, certificates, databases, clock, ports, and what a click log tells; with the mend
    #[command(after_help = "Example: onehop doctor -c onehop.toml\n         \
        onehop doctor --offline --json\n         \
        onehop doctor clicks.jsonl.*.gz clicks.jsonl\n\n\
        Each finding is ok, warn, fail, or ? where it could not be found out. Exit status: 1 if something fails, 0 otherwise.\n\
        Each tracker is asked for a click of no offer, which makes none; a real one is made only with --click, or after a question.")]
    Doctor(Doctor),
    /// Count where the clicks of click logs went: by link, offer, day, country, device and reason
    #[command(after_help = "Example: onehop report clicks.jsonl\n         \
        onehop report --where reason=no_offer --by link+country,offer clicks.jsonl\n         \
        onehop report --by offer,day --zone Europe/Berlin clicks.jsonl.2.gz clicks.jsonl.1 clicks.jsonl\n         \
        ssh edge cat clicks.jsonl | onehop report --json -\n\n\
        Files of any size are read line by line, those that are compressed by gzip too.")]
    Report(Report),
    /// Send the hits of click logs through another configuration, and tell who would go elsewhere
    #[command(
        after_help = "Example: onehop replay -c new.toml --old onehop.toml clicks.jsonl\n         \
        onehop replay -c new.toml --old onehop.toml clicks.jsonl.*.gz clicks.jsonl --top 50\n         \
        onehop replay -c new.toml --old onehop.toml --fail-above 5 clicks.jsonl\n\n\
        No tracker is asked: its answers are those that the log tells of. What is not known from a log is told at the end.\n\
        Exit status: 0 too where visitors would go elsewhere, unless --fail-above says otherwise."
    )]
    Replay(Replay),
    /// Compare click logs with what the network counts, and name the cause of each gap
    #[command(
        after_help = "Example: onehop reconcile --network export.csv clicks.jsonl\n         \
        onehop reconcile --network days.csv --zone Europe/Moscow clicks.jsonl.*.gz clicks.jsonl\n         \
        onehop reconcile --network export.csv --list only_here clicks.jsonl > for-their-support.csv\n\n\
        The export is CSV (commas, semicolons or tabs; gzip too) with a column of click ids, or with days and counts of clicks.\n\
        Columns of time, offer_id, campaign_id, IP and User-Agent are used where they are there: the more, the surer the causes."
    )]
    Reconcile(Reconcile),
    /// Print the JSON Schema of configurations, by which editors complete and check them
    #[command(after_help = "Example: onehop schema > onehop.schema.json\n         \
        onehop schema --links > links.schema.json\n\n\
        Editors that know TOML schemas (VS Code with Even Better TOML, and all that use taplo) take it from\n\
        the first line of a file:\n\n\
        #:schema ./onehop.schema.json\n\n\
        In JSON it is the value of the key \"$schema\". `onehop check` finds what a schema cannot.")]
    Schema(Schema),
    /// Run the stand-in Click API alone, to develop against
    #[command(after_help = sandbox_help())]
    Sandbox(Sandbox),
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub struct Configured {
    /// The configuration: TOML, or JSON if its name ends in `.json`
    #[arg(short, long, value_name = "FILE", default_value = "onehop.toml")]
    pub config: PathBuf,
}

/// How the edge runs.
#[derive(Debug, Args)]
pub struct Run {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: Configured,
    /// How standard error looks [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<Format>,
}

/// What is checked.
#[derive(Debug, Args)]
pub struct Check {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: Configured,
    /// Print each key of `[limits]` with the value in effect, its default and its reason
    #[arg(long)]
    pub explain_limits: bool,
}

/// What is explained.
#[derive(Debug, Args)]
pub struct Explain {
    /// The link as a visitor has it; its scheme may be left out
    #[arg(value_name = "URL")]
    pub url: String,
    /// Where the configuration is.
    #[command(flatten)]
    pub config: Configured,
    /// Who connects: the visitor, or a trusted proxy [default: 203.0.113.7]
    #[arg(long, value_name = "A")]
    pub ip: Option<IpAddr>,
    /// The User-Agent; '' for none [default: a desktop browser's]
    #[arg(long, value_name = "S")]
    pub user_agent: Option<String>,
    /// The page that the visitor comes from
    #[arg(long, visible_alias = "referer", value_name = "S")]
    pub referrer: Option<String>,
    /// Another header; may be given again
    #[arg(long = "header", short = 'H', value_name = "'N: V'")]
    pub headers: Vec<String>,
    /// When, such as 2026-12-24T18:00Z, 2026-12-24T19:00+01:00 or 2026-12-24T19:00[Europe/Berlin] [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<SystemTime>,
    /// For programs: JSON
    #[arg(long)]
    pub json: bool,
}

/// What is looked at.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Click logs, plain or gzip; `-` is standard input [default: the click log that the configuration names, if it is there]
    #[arg(value_name = "LOG FILES")]
    pub files: Vec<PathBuf>,
    /// Where the configuration is.
    #[command(flatten)]
    pub config: Configured,
    /// Ask nobody: leave out the trackers, and the clock, which is compared with theirs
    #[arg(long, conflicts_with = "click")]
    pub offline: bool,
    /// Make one real click at each tracker of which nothing less tells whether it accepts the key
    #[arg(long)]
    pub click: bool,
    /// For programs: JSON
    #[arg(long)]
    pub json: bool,
}

/// What is reported.
#[derive(Debug, Args)]
pub struct Report {
    /// Click logs, plain or gzip; `-` is standard input [default: the click log that the configuration names]
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// Where the configuration is.
    #[command(flatten)]
    pub config: Configured,
    /// The tables, in their order: reason, link, offer, day, country, device, or several at once, as link+country
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = By::ALL.map(Rows::from))]
    pub by: Vec<Rows>,
    /// Count only hits of this, such as reason=overcap or link=go.example.com/shoes; may be given again
    #[arg(long = "where", value_name = "KEY=WORD")]
    pub only: Vec<Where>,
    /// Rows of each table that are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = at_least_one)]
    pub top: usize,
    /// Whose days they are, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub zone: TimeZone,
    /// For programs: JSON, with all rows
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// For spreadsheets: CSV, with all rows
    #[arg(long)]
    pub csv: bool,
}

/// What is replayed.
#[derive(Debug, Args)]
pub struct Replay {
    /// Click logs, plain or gzip; `-` is standard input [default: the click log that the configuration of then names, or the other]
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// Where the configuration is that is to come.
    #[command(flatten)]
    pub config: Configured,
    /// The configuration of then: tells which offers were asked for in vain, and shows changed URLs too
    #[arg(long, value_name = "FILE")]
    pub old: Option<PathBuf>,
    /// Groups of changes that are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = at_least_one)]
    pub top: usize,
    /// For checks before a deployment: exit status 1 if more than this share of the hits would go elsewhere
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub fail_above: Option<f64>,
    /// For programs: JSON, with all changes
    #[arg(long)]
    pub json: bool,
}

/// What is compared.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// The network's own export of clicks; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub network: PathBuf,
    /// Click logs, plain or gzip; `-` is standard input [default: the click log that the configuration names]
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// Where the configuration is.
    #[command(flatten)]
    pub config: Configured,
    /// Whose days, and times without an offset, the export has, such as Europe/Moscow
    #[arg(long, value_name = "ZONE", default_value = "UTC", value_parser = zone)]
    pub zone: TimeZone,
    /// Compare only hits of this tracker of the configuration, where the log has several
    #[arg(long, value_name = "NAME")]
    pub tracker: Option<String>,
    /// Compare only hits and rows of the offer with this id
    #[arg(long, value_name = "ID")]
    pub offer: Option<u64>,
    /// The column of click ids, where its name does not say it
    #[arg(long, value_name = "NAME")]
    pub id_column: Option<String>,
    /// The column of times or days
    #[arg(long, value_name = "NAME")]
    pub time_column: Option<String>,
    /// The column of counts
    #[arg(long, value_name = "NAME", conflicts_with = "id_column")]
    pub count_column: Option<String>,
    /// How dates such as 11/12/2026 are meant
    #[arg(long, value_name = "ORDER")]
    pub dates: Option<Order>,
    /// Print the hits or clicks of one cause as CSV, instead of the comparison
    #[arg(long, value_name = "CAUSE", conflicts_with = "json", hide_possible_values = true)]
    pub list: Option<Cause>,
    /// For programs: JSON
    #[arg(long)]
    pub json: bool,
}

impl Reconcile {
    /// What is said of columns.
    pub fn columns(&self) -> Named {
        Named {
            id: self.id_column.clone(),
            time: self.time_column.clone(),
            count: self.count_column.clone(),
        }
    }
}

/// What the schema is of.
#[derive(Debug, Args)]
pub struct Schema {
    /// The schema of the files that `links` names, which hold `[[link]]` alone
    #[arg(long)]
    pub links: bool,
}

/// How the demonstration runs.
#[derive(Debug, Args)]
pub struct Demo {
    /// Where visitors are served [default: 127.0.0.1:8080, with --https 127.0.0.1:8443, or a free port]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Serves them through TLS, with a certificate for localhost that nobody trusts
    #[arg(long)]
    pub https: bool,
}

/// How the sandbox runs.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Where calls are taken
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// What it does.
    #[command(flatten)]
    pub options: sandbox::Options,
}

fn moment(text: &str) -> Result<SystemTime, &'static str> {
    let zoned = text.parse::<Zoned>().map(|there| there.timestamp());
    let stamp = zoned.or_else(|_| text.parse::<Timestamp>());
    let stamp =
        stamp.map_err(|_| "write it with its offset or zone: 2026-12-24T18:00Z, or 2026-12-24T19:00[Europe/Berlin]")?;
    if stamp < Timestamp::UNIX_EPOCH {
        return Err("it is before 1970");
    }
    Ok(stamp.into())
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| "it is no time zone: write it like UTC or Europe/Berlin".to_owned())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("it is a whole number of at least 1".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("it is a number from 0 to 100".to_owned()),
    }
}

fn sandbox_help() -> String {
    format!(
        "{}\n\nExample: onehop sandbox --latency 60ms --jitter 20ms --fail 0.01",
        sandbox::OFFERS_HELP.trim_end()
    )
}

/// Reads the program's command line; a wrong one ends the program with status 2.
pub fn parse() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|error| hinted(error).exit())
}

/// Tells whoever names a configuration without its option, as after `check`, how it is named.
fn hinted(mut error: clap::Error) -> clap::Error {
    let takes_configuration = error.get(ContextKind::Usage).is_some_and(|usage| {
        [" run ", " check "]
            .iter()
            .any(|command| usage.to_string().contains(command))
    });
    if error.kind() == ErrorKind::UnknownArgument
        && takes_configuration
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidArg)
        && !word.starts_with('-')
    {
        let hint = format!("a configuration is named with '-c {word}'");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

impl Arguments {
    /// Does what was asked.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Demo(demo) => commands::demo::run(&demo),
            Command::Run(run) => commands::run::run(&run),
            Command::Check(check) => commands::check::run(&check),
            Command::Explain(explain) => commands::explain::run(&explain),
            Command::Doctor(doctor) => commands::doctor::run(&doctor),
            Command::Report(report) => commands::report::run(&report),
            Command::Replay(replay) => commands::replay::run(&replay),
            Command::Reconcile(reconcile) => commands::reconcile::run(&reconcile),
            Command::Schema(schema) => commands::schema::run(&schema),
            Command::Sandbox(sandbox) => commands::sandbox::run(sandbox),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_shows_examples() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        for sub in command.get_subcommands_mut().filter(|c| c.get_name() != "help") {
            let help = sub.render_long_help().to_string();
            assert!(help.contains("Example: "), "{help}");
        }
    }

    #[test]
    fn a_configuration_without_its_option_is_told_of_it() {
        let told = |words: &[&str]| {
            let wrong = Arguments::try_parse_from([&["onehop"], words].concat()).expect_err("is wrong");
            hinted(wrong).to_string()
        };
        let hint = "a configuration is named with '-c my.toml'";
        for command in ["run", "check"] {
            assert!(told(&[command, "my.toml"]).contains(hint));
            assert!(!told(&[command, "--loud"]).contains("is named with"));
        }
        assert!(!told(&["sandbox", "my.toml"]).contains("is named with"));
    }
}
