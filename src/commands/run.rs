//! `onehop run`: the edge.

use std::{io, process::ExitCode, sync::Arc, time::Instant};

use super::{colour_on, failed, on_runtime};
use crate::{
    app::{self, App},
    args, config,
    listener::inherited::Inherited,
    observe::{
        Metrics,
        diagnostics::{self, Format},
    },
};

/// Runs the edge until it is told to stop.
pub fn run(run: &args::Run) -> ExitCode {
    let configured = &run.config;
    let inherited = Inherited::from_environment();
    let diagnostics = diagnostics::start(run.log_format);
    let metrics = Arc::new(Metrics::default());
    let began = Instant::now();
    let read = config::read(&configured.config, &app::teller(&metrics), colour_on(&io::stderr()));
    if read.config.is_some() && diagnostics.format() == Format::Json {
        app::tell(&read.remarks);
    } else {
        eprint!("{}", read.text);
    }
    let Some(config) = read.config else {
        return failed(&format!(
            "{0} cannot be used; `onehop check -c {0}` reads it without running",
            configured.config.display()
        ));
    };
    tracing::info!(
        links = config.links.len(),
        offers = config.offers(),
        trackers = config.trackers.len(),
        ms = began.elapsed().as_millis(),
        "the configuration is read"
    );
    on_runtime(async {
        let app = App::bind_beside(config, metrics, inherited)?.reading_again(configured.config.clone(), read.watched);
        app.run(app::told_to_stop()?).await
    })
}
