//! `[tls]`: the folder of certificates, read as the edge reads it.

use std::{path::Path, time::SystemTime};

use super::{Mistake, Mistakes, TableReader, sections::Listen, watched::Watched};
use crate::tls::{Certificates, Severity};

/// The certificates, if there are some to serve with.
pub(super) fn read(
    table: Option<TableReader<'_>>,
    listen: &Listen<'_>,
    folder: &Path,
    watched: &mut Watched,
    mistakes: &Mistakes,
) -> Option<Certificates> {
    let Some(mut table) = table else {
        if let Some(place) = listen.https_at {
            let mistake = Mistake::error("there are no certificates for https").at(place);
            mistakes.push(mistake.help("name their folder: [tls] certs = \"certs\""));
        }
        return None;
    };
    let certs = table.required_string("certs");
    table.finish(&[]);
    let certs = certs?;
    if listen.https_at.is_none() {
        let warning = Mistake::warning("nothing is served with these certificates").at(certs.place);
        mistakes.push(warning.help("name an address for https in [listen], such as https = \"[::]:443\""));
    }
    let folder = folder.join(certs.value);
    watched.certificates(&folder);
    let reading = Certificates::read(&folder, SystemTime::now());
    for found in &reading.mistakes {
        let message = format!("`{}` {}", found.path.display(), found.message);
        let mistake = match found.severity {
            Severity::Error => Mistake::error(message),
            Severity::Warning => Mistake::warning(message),
        };
        mistakes.push(mistake.at(certs.place).help(found.help.clone()));
    }
    reading.certificates
}
