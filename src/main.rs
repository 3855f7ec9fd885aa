//! The `onehop` program: command line, command, exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    onehop::args::parse().run()
}
