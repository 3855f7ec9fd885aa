//! The `onehop` program: command line, command, exit status.

use std::process::ExitCode;

/// Clicks that are kept stand between requests that come and go: glibc's allocator then takes 2.3 KB and more for a click of
/// half a KB, this one what the click takes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    onehop::args::parse().run()
}
