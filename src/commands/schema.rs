//! `onehop schema`: what configurations look like, for editors.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use super::failed;
use crate::{args, config};

/// Prints the schema on standard output.
pub fn run(args: &args::Schema) -> ExitCode {
    let schema = if args.links {
        config::links_schema()
    } else {
        config::schema()
    };
    // Half a schema in a file is worse than none: unlike a person's reader, a full disk is told of.
    match writeln!(io::stdout(), "{schema:#}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}
