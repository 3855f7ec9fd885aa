//! `onehop reconcile`: click logs beside what a network counts.

use std::{
    io::{self, BufWriter, Write as _},
    path::Path,
    process::ExitCode,
};

use super::{click_logs, failed, print, quiet_if_unread};
use crate::{
    args,
    history::Whole,
    plain_text::plain,
    reconcile::{self, Asked, Cause, Export, Listed, Reconcile, Unusable},
};

/// Compares on standard output.
pub fn run(args: &args::Reconcile) -> ExitCode {
    let files = match click_logs::named_or_of_configuration(&args.files, &args.config.config) {
        Ok(files) => files,
        Err(why) => return failed(&why),
    };
    if args.network == Path::new("-") && files.iter().any(|file| file == Path::new("-")) {
        return failed(&"standard input can be the export or the log, not both: give one of them as a file");
    }
    match compare(args, files) {
        Ok(status) => status,
        Err(why) => failed(&why),
    }
}

fn compare(args: &args::Reconcile, files: Vec<std::path::PathBuf>) -> Result<ExitCode, Unusable> {
    let asked = Asked {
        columns: args.columns(),
        zone: args.zone.clone(),
        order: args.dates,
        offer: args.offer,
    };
    let export = Export::open(&args.network, &asked)?;
    if let Some(cause) = args.list
        && !export.has_ids()
        && (!cause.is_of_hits() || matches!(cause, Cause::InExport | Cause::OnlyHere))
    {
        return Err(export.has_no_ids(cause));
    }
    let mut list = args.list.map(List::begin);
    let mut compared = Reconcile::new(export, args.tracker.clone())?;
    let is_whole = click_logs::each_line(files, |(line, path, number)| {
        let line = Whole::read(line).map_err(|error| error.to_string())?;
        let cause = compared
            .add(&line, path, number)
            .ok_or("it has no time or no outcome")?;
        if let Some(list) = &mut list {
            list.hit(cause, &line, path, number);
        }
        Ok(())
    });
    let compared = compared.end(|cause, row| {
        if let Some(list) = &mut list {
            list.row(cause, row, &args.network);
        }
    })?;
    let written = match list {
        Some(list) => list.end(),
        None if args.json => print(&format!("{:#}\n", reconcile::json(&compared))),
        None => print(&reconcile::text(&compared)),
    };
    Ok(match written {
        Ok(()) if is_whole => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => failed(&error),
    })
}

/// The hits or clicks of one cause, as CSV.
struct List {
    cause: Cause,
    out: BufWriter<io::Stdout>,
    /// What came of the lines so far.
    written: io::Result<()>,
}

impl List {
    fn begin(cause: Cause) -> Self {
        let mut list = Self {
            cause,
            out: BufWriter::new(io::stdout()),
            written: Ok(()),
        };
        list.line(["click_id", "hit_id", "time", "offer_id", "campaign_id", "place"].map(str::to_owned));
        list
    }

    fn hit(&mut self, cause: Cause, line: &Whole<'_>, path: &Path, number: u64) {
        if cause != self.cause {
            return;
        }
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let id = |id: Option<u64>| id.map_or_else(String::new, |id| id.to_string());
        self.line([
            text(line.click_id.as_deref()),
            text(line.hit_id.as_deref()),
            (*line.time).to_owned(),
            id(line.offer_id),
            id(line.campaign_id),
            format!("{}:{number}", path.display()),
        ]);
    }

    fn row(&mut self, cause: Cause, row: &Listed<'_>, path: &Path) {
        if cause != self.cause {
            return;
        }
        let id = |id: Option<u64>| id.map_or_else(String::new, |id| id.to_string());
        self.line([
            row.click_id.to_owned(),
            String::new(),
            row.time.to_owned(),
            id(row.offer_id),
            id(row.campaign_id),
            format!("{}:{}", path.display(), row.line),
        ]);
    }

    /// A line of fields, in quotes where they need them; no terminal obeys it.
    fn line(&mut self, fields: [String; 6]) {
        let fields = fields.map(|field| {
            let field = plain(&field);
            if field.contains([',', '"']) {
                format!("\"{}\"", field.replace('"', "\"\""))
            } else {
                field.into_owned()
            }
        });
        if self.written.is_ok() {
            self.written = write!(self.out, "{}\r\n", fields.join(","));
        }
    }

    fn end(mut self) -> io::Result<()> {
        quiet_if_unread(self.written.and_then(|()| self.out.flush()))
    }
}
