//! `onehop run`: the edge.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    sync::Arc,
};

use super::{failed, on_runtime};
use crate::{
    app::{self, App},
    args::Configured,
    config,
    observe::{Metrics, click_log::Format, diagnostics},
};

/// Runs the edge until it is told to stop.
pub fn run(configured: &Configured) -> ExitCode {
    let _diagnostics = diagnostics::start();
    let metrics = Arc::new(Metrics::default());
    let read = config::read(&configured.config, &app::teller(&metrics), io::stderr().is_terminal());
    if !read.text.is_empty() {
        eprint!("{}", read.text);
    }
    let Some(config) = read.config else {
        return failed(&format!(
            "{0} cannot be used; `onehop check -c {0}` reads it without running",
            configured.config.display()
        ));
    };
    on_runtime(async {
        let log = app::open_click_log(config.click_log.as_deref(), Format::Json, &metrics)?;
        let app = App::bind(config, metrics)?.logging_to(log);
        app.run(app::told_to_stop()?).await
    })
}
