//! `onehop schema`: what configurations look like, for editors.

use std::process::ExitCode;

use super::{failed, print};
use crate::{args, config};

/// Prints the schema on standard output.
pub fn run(args: &args::Schema) -> ExitCode {
    let schema = if args.links {
        config::links_schema()
    } else {
        config::schema()
    };
    match print(&format!("{schema:#}\n")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}
