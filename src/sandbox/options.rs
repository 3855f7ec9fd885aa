//! The sandbox's command line options. The listening address is the command's, not this file's.

use std::fmt;
use std::time::Duration;

/// The key in the Click API's own examples.
pub const DEFAULT_KEY: &str = "00000000-0000-0000-0000-000000000000";

/// How the sandbox behaves.
#[derive(clap::Args, Clone, Debug, PartialEq)]
pub struct Options {
    /// How long each answer takes, such as 80ms
    #[arg(long, value_name = "D", default_value = "0s", value_parser = duration)]
    pub latency: Duration,

    /// How far an answer's time strays from --latency, evenly to both sides, such as 20ms
    #[arg(long, value_name = "D", default_value = "0s", value_parser = duration)]
    pub jitter: Duration,

    /// The share of calls that fail with 500, from 0 to 1
    #[arg(long, value_name = "R", default_value = "0", value_parser = share, allow_negative_numbers = true)]
    pub fail: f64,

    /// The share of calls that are never answered, from 0 to 1; where it and --fail make more than 1, it comes first
    #[arg(long, value_name = "R", default_value = "0", value_parser = share, allow_negative_numbers = true)]
    pub hang: f64,

    /// How many clicks the capped offer (1004) takes before it answers overcap
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub cap: u64,

    /// The `secure_key` that calls must carry
    #[arg(long, value_name = "K", default_value = DEFAULT_KEY, value_parser = key)]
    pub key: Key,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            fail: 0.0,
            hang: 0.0,
            cap: 3,
            key: Key::new(DEFAULT_KEY),
        }
    }
}

/// A secure key. Its `Debug` hides it, so that options can be logged whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Takes a key as it is.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    pub(super) fn opens(&self, given: &[u8]) -> bool {
        self.0.as_bytes() == given
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An empty key would let in every call whose key was forgotten in a template.
fn key(text: &str) -> Result<Key, String> {
    if text.is_empty() {
        return Err("a key may not be empty".into());
    }
    Ok(Key::new(text))
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "must be a duration, such as 80ms or 1s".into())
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be a share from 0 to 1, such as 0.2 for a fifth of the calls".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn parse(args: &[&str]) -> Result<Options, String> {
        Command::try_parse_from([&["sandbox"], args].concat())
            .map(|command| command.options)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_and_default_agree() {
        assert_eq!(parse(&[]), Ok(Options::default()));
    }

    #[test]
    fn every_option_is_read() {
        let line = "--latency 80ms --jitter 20ms --fail 0.25 --hang 1 --cap 7 --key k";
        let expected = Options {
            latency: Duration::from_millis(80),
            jitter: Duration::from_millis(20),
            fail: 0.25,
            hang: 1.0,
            cap: 7,
            key: Key::new("k"),
        };
        assert_eq!(parse(&line.split(' ').collect::<Vec<_>>()), Ok(expected));
    }

    #[test]
    fn a_share_outside_0_to_1_is_refused_with_a_hint() {
        for option in ["--fail", "--hang"] {
            for bad in ["-0.1", "1.01", "NaN", "inf", "20%", ""] {
                let error = parse(&[option, bad]).unwrap_err();
                assert!(error.contains("a share from 0 to 1"), "{error}");
                assert!(error.contains(option), "{error}");
            }
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_a_hint() {
        for option in ["--latency", "--jitter"] {
            for bad in ["80", "fast", "99999999999999999999y"] {
                let error = parse(&[option, bad]).unwrap_err();
                assert!(error.contains("a duration, such as 80ms"), "{error}");
            }
        }
    }

    #[test]
    fn an_empty_key_is_refused() {
        assert!(parse(&["--key", ""]).unwrap_err().contains("empty"));
    }

    #[test]
    fn debug_does_not_print_the_key() {
        let options = parse(&["--key", "very-secret"]).unwrap();
        assert!(!format!("{options:?}").contains("very-secret"));
    }

    #[test]
    fn every_option_has_help() {
        let command = Command::command();
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{}", arg.get_id());
        }
        assert_eq!(command.get_arguments().count(), 6);
    }
}
