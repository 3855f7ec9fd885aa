//! The section `[click_log]`: the file, when another is begun, and what its lines tell.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use super::{Mistake, Mistakes, Spanned, TableReader, Zero, quoted, values};
use crate::observe::{
    click_log::Settings,
    log_file::Rotation,
    shape::{ALWAYS, Dropped, IpForm},
};

/// More files than a folder should have.
pub(super) const KEPT: RangeInclusive<i64> = 1..=100_000;
/// What is told of a visitor's address.
pub(super) const IP_FORMS: [(&str, IpForm); 3] = [
    ("full", IpForm::Full),
    ("truncated", IpForm::Truncated),
    ("hashed", IpForm::Hashed),
];

pub(super) fn read(table: Option<TableReader<'_>>, folder: &Path, mistakes: &Mistakes) -> Option<Settings> {
    let mut table = table?;
    let path = table.required_string("path");
    let rotation = rotation(&mut table);
    let ip = table.choice("ip", &IP_FORMS).map(|form| form.value);
    let dropped = table.strings("drop").map(|names| dropped(&names.value, mistakes));
    table.finish(&[]);
    Some(Settings {
        path: file(&path?, folder, mistakes),
        rotation,
        ip: ip.unwrap_or_default(),
        dropped: dropped.unwrap_or_default(),
    })
}

fn file(text: &Spanned<&str>, folder: &Path, mistakes: &Mistakes) -> PathBuf {
    let path = folder.join(text.value);
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    if path.is_dir() || parent.is_some_and(|parent| !parent.is_dir()) {
        let mistake = Mistake::error(format!("no file can be at `{}`", path.display())).at(text.place);
        mistakes.push(mistake.help("name a file in a folder that exists"));
    }
    path
}

fn rotation(table: &mut TableReader<'_>) -> Rotation {
    let size = table.size("rotate_size");
    let every = table.duration("rotate_every", Zero::Refused);
    let keep = table.integer_in("keep", KEPT);
    let gzip = table.bool("gzip");
    let rotation = Rotation {
        size: size.map(|size| size.value),
        every: every.map(|every| every.value),
        keep: keep.and_then(|keep| usize::try_from(keep.value).ok()),
        gzip: gzip.is_some_and(|gzip| gzip.value),
    };
    if !rotation.is_on()
        && let Some(place) = keep
            .map(|keep| keep.place)
            .or(gzip.filter(|on| on.value).map(|on| on.place))
    {
        let warning = Mistake::warning("the click log is never rotated, so that nothing comes of this").at(place);
        table
            .mistakes()
            .push(warning.help("say when: rotate_size = \"1GB\", or rotate_every = \"24h\""));
    }
    rotation
}

fn dropped(names: &[Spanned<&str>], mistakes: &Mistakes) -> Dropped {
    let mut dropped = Dropped::default();
    for name in names {
        if dropped.add(name.value) {
            continue;
        }
        mistakes.push(if ALWAYS.contains(&name.value) {
            let mistake = Mistake::error(format!("every line has the field {}", quoted(name.value)));
            mistake.at(name.place).help("leave it out of this list")
        } else {
            let known: Vec<&str> = Dropped::names().collect();
            let mistake = Mistake::error(format!("a line of the click log has no field {}", quoted(name.value)));
            mistake
                .at(name.place)
                .help(values::suggestion(name.value, &known, "fields"))
        });
    }
    dropped
}
