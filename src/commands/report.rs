//! `onehop report`: where the clicks went, out of click logs.

use std::process::ExitCode;

use super::{click_logs, failed, print};
use crate::{
    args,
    history::Line,
    report::{self, Report},
};

/// Reports on standard output.
pub fn run(args: &args::Report) -> ExitCode {
    let files = match click_logs::named_or_of_configuration(&args.files, &args.config.config) {
        Ok(files) => files,
        Err(why) => return failed(&why),
    };
    let mut report = Report::new(&args.by, args.only.clone(), args.zone.clone());
    let is_whole = click_logs::each_line(files, |(line, ..)| match Line::read(line) {
        Ok(line) if report.add(&line) => Ok(()),
        Ok(_) => Err("it has no time or no outcome".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    let text = if args.json {
        format!("{:#}\n", report::json(&report))
    } else if args.csv {
        report::csv(&report)
    } else {
        report::table(&report, args.top)
    };
    if let Err(error) = print(&text) {
        return failed(&error);
    }
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
