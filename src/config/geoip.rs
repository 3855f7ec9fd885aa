//! `[geoip]`: the databases of places, and what needs them.

use std::path::Path;

use super::{Mistake, Mistakes, Spanned, TableReader, source::Place, watched::Watched};
use crate::{
    databases::{self, Database, Kind, Unusable},
    visitor::Places,
};

/// Which databases a configuration names, readable or not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Named {
    country: bool,
    asn: bool,
}

/// What `[geoip]` comes to.
#[derive(Default)]
pub(super) struct Geoip {
    pub(super) named: Named,
    pub(super) places: Places,
    /// The files, to look at while serving.
    pub(super) databases: Vec<Database>,
}

/// A file that is not on disk: its name and content.
pub type BuiltIn = (&'static str, &'static [u8]);

impl Named {
    /// Tells of a missing database of countries at what needs it.
    pub(super) fn need_country(self, place: Place, what: &str, mistakes: &Mistakes) {
        if !self.country {
            missing("country", what, place, mistakes);
        }
    }

    /// The same of autonomous systems.
    pub(super) fn need_asn(self, place: Place, what: &str, mistakes: &Mistakes) {
        if !self.asn {
            missing("asn", what, place, mistakes);
        }
    }
}

fn missing(key: &str, what: &str, place: Place, mistakes: &Mistakes) {
    let mistake = Mistake::error(what).at(place).label("no database is named");
    mistakes.push(mistake.help(format!("name one: [geoip] {key} = \"…/{key}.mmdb\"")));
}

pub(super) fn read(
    table: Option<TableReader<'_>>,
    folder: &Path,
    built_in: &[BuiltIn],
    watched: &mut Watched,
    mistakes: &Mistakes,
) -> Geoip {
    let mut geoip = Geoip::default();
    let Some(mut table) = table else { return geoip };
    for (key, kind) in [("country", Kind::Country), ("asn", Kind::Asn)] {
        let has_key = table.raw(key).is_some();
        match kind {
            Kind::Country => geoip.named.country = has_key,
            Kind::Asn => geoip.named.asn = has_key,
        }
        let Some(text) = table.string(key) else { continue };
        if let Some((_, bytes)) = built_in.iter().find(|(name, _)| *name == text.value) {
            let taken = databases::take(kind, bytes.to_vec(), &mut geoip.places);
            debug_assert!(taken.is_ok(), "what is built in is usable");
            continue;
        }
        let path = folder.join(text.value);
        watched.database(&path);
        match Database::open(kind, path.clone(), &mut geoip.places) {
            Ok(database) => geoip.databases.push(database),
            Err(why) => unusable(&text, kind, &path, &why, mistakes),
        }
    }
    table.finish(&[]);
    geoip
}

fn unusable(text: &Spanned<&str>, kind: Kind, path: &Path, why: &Unusable, mistakes: &Mistakes) {
    let mistake = Mistake::error(format!("`{}` cannot be used: {why}", path.display())).at(text.place);
    mistakes.push(mistake.help(match (why, kind) {
        (Unusable::Unreadable(_), _) => "paths are relative to the file that names them",
        (Unusable::NotAFile, _) => "name the .mmdb file itself",
        (Unusable::NotADatabase(_), Kind::Country) => {
            "name a database of countries or cities in MaxMind's format, .mmdb"
        }
        (Unusable::NotADatabase(_), Kind::Asn) => "name a database of autonomous systems in MaxMind's format, .mmdb",
        (Unusable::Puzzling, _) => "fetch it again, or take another",
    }));
}
