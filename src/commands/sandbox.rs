//! `onehop sandbox`: the stand-in Click API alone.

use std::process::ExitCode;

use super::on_runtime;
use crate::{
    app::{self, Failure},
    args, listener,
    observe::diagnostics,
    sandbox,
};

/// Runs the sandbox until it is told to stop.
pub fn run(args: args::Sandbox) -> ExitCode {
    let _diagnostics = diagnostics::start(None);
    on_runtime(async {
        let listener = listener::bind(args.listen).map_err(|error| Failure::Bind(args.listen, error))?;
        let address = listener.local_addr().map_err(Failure::Runtime)?;
        let is_default = args.options.key == sandbox::Key::new(sandbox::DEFAULT_KEY);
        println!(
            "A stand-in Click API for your onehop.toml (special offers: onehop sandbox --help):\n\n\
             [tracker.sandbox]\nurl = \"http://{address}{}\"\nsecure_key = \"{}\"\n\n\
             Its clicks of the last five minutes, as networks export them (for onehop reconcile): http://{address}{}",
            sandbox::PATH,
            if is_default {
                sandbox::DEFAULT_KEY
            } else {
                "what --key says"
            },
            sandbox::EXPORT,
        );
        let stop = app::told_to_stop()?;
        sandbox::serve(listener, args.options, stop).await;
        Ok::<_, Failure>(())
    })
}
