//! How mistakes look in a terminal.
//!
//! Owned here: how many are shown, the drawing. Not owned: which part of a line is shown
//! (`excerpt`), what is secret (`redact`).

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
};

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};

use super::excerpt::{Excerpts, WIDTH, clean};
use super::mistake::{Mistake, Mistakes, Severity};
use super::redact::{Secrets, masked};
use super::shown::Shown;
use super::source::{Place, Source, SourceId, Sources};

/// Mistakes printed in full.
const PRINTED: usize = 100;

/// A mistake or a warning in words, for whoever does not draw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Whether the configuration cannot be used for it.
    pub is_mistake: bool,
    /// What is wrong.
    pub message: String,
    /// The file, and where in it: line and column count from 1.
    pub place: Option<(String, usize, usize)>,
    /// The mend.
    pub mend: String,
}

/// The first hundred mistakes as they are printed, and the same as remarks.
pub(super) fn render(mistakes: &Mistakes, sources: &Sources, secrets: &Secrets, colour: bool) -> (String, Vec<Remark>) {
    let printed = mistakes.first(PRINTED);
    let mut secrets = secrets.clone();
    let ids: BTreeSet<SourceId> = printed.iter().flat_map(places).map(|place| place.source).collect();
    // All are masked before the first is shown: a secret of one file may stand in another.
    let files: Vec<(SourceId, &Source, Shown<'_>, String)> = ids
        .into_iter()
        .filter_map(|id| {
            let source = sources.get(id)?;
            let here = printed.iter().flat_map(places).filter(|place| place.source == id);
            let shown = Shown::new(source, here);
            let masked = masked(&shown.text, source.is_json(), &mut secrets);
            Some((id, source, shown, masked))
        })
        .collect();
    let files: HashMap<SourceId, Excerpts> = files
        .into_iter()
        .map(|(id, source, shown, masked)| (id, Excerpts::new(source, shown, &masked, &secrets)))
        .collect();
    // Lines are already cut; the renderer must not cut them again.
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.term_width(4 * WIDTH).hyperlink(false);
    let remarks = printed.iter().map(|mistake| remark(mistake, &files, &secrets));
    let remarks = remarks.collect();
    let mut out = String::new();
    for mistake in &printed {
        out += &one(mistake, &files, &secrets, &renderer);
        out += "\n\n";
    }
    let (errors, warnings) = (mistakes.errors(), mistakes.warnings());
    let hidden = (errors + warnings).saturating_sub(printed.len());
    if hidden > 0 {
        let _ = writeln!(out, "… and {hidden} more that are not shown");
    }
    if errors + warnings > 0 {
        let _ = writeln!(out, "{}, {}", count(errors, "error"), count(warnings, "warning"));
    }
    (out, remarks)
}

/// What is wrong, in words that may be shown.
fn message(mistake: &Mistake, files: &HashMap<SourceId, Excerpts>, secrets: &Secrets) -> String {
    let message = match mistake.place.and_then(|p| Some((p, files.get(&p.source)?))) {
        Some((place, shown)) => shown.without_hidden(&mistake.message, place),
        None => mistake.message.clone(),
    };
    clean(&message, secrets)
}

fn remark(mistake: &Mistake, files: &HashMap<SourceId, Excerpts>, secrets: &Secrets) -> Remark {
    let mut message = message(mistake, files, secrets);
    if let Some(label) = &mistake.label {
        message += ": ";
        message += &clean(label, secrets);
    }
    let place = mistake.place.and_then(|place| {
        let shown = files.get(&place.source)?;
        let spot = shown.spot(place);
        Some((shown.path.clone(), spot.line, spot.column))
    });
    Remark {
        is_mistake: mistake.severity == Severity::Error,
        message,
        place,
        mend: clean(&mistake.help, secrets),
    }
}

fn places(mistake: &Mistake) -> impl Iterator<Item = Place> {
    let second = mistake.second.as_ref().map(|second| second.0);
    mistake.place.into_iter().chain(second)
}

fn count(number: usize, word: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {word}{s}")
}

fn one(mistake: &Mistake, files: &HashMap<SourceId, Excerpts>, secrets: &Secrets, renderer: &Renderer) -> String {
    let level = match mistake.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(message(mistake, files, secrets)).elements(
        // An empty list only to get a group from a title.
        std::iter::empty::<Element<'_>>(),
    );
    let second = mistake.second.as_ref();
    let spots = [
        (mistake.place, mistake.label.as_deref(), AnnotationKind::Primary),
        (
            second.map(|s| s.0),
            second.map(|s| s.1.as_str()),
            AnnotationKind::Context,
        ),
    ];
    for (place, label, kind) in spots {
        let Some((place, shown)) = place.and_then(|p| Some((p, files.get(&p.source)?))) else {
            continue;
        };
        let spot = shown.spot(place);
        let origin = Origin::path(shown.path.clone())
            .line(spot.line)
            .char_column(spot.column);
        let label = label.map(|label| clean(label, secrets));
        let snippet = Snippet::source(spot.text).line_start(spot.line);
        let annotation = kind.span(spot.start..spot.end).label(label);
        group = group.element(origin).element(snippet.annotation(annotation));
    }
    let group = group.element(Level::HELP.message(clean(&mistake.help, secrets)));
    let text = renderer.render(&[group]);
    let lines: Vec<&str> = text.lines().filter(|line| !is_bare(line)).collect();
    lines.join("\n")
}

/// Where the renderer is not told the path with the text it draws `:::` with nothing after it. It
/// must not be told: it would count the column in the part of the line that is shown.
fn is_bare(line: &str) -> bool {
    let mut in_colour = false;
    let plain = line.chars().filter(|&c| {
        let hidden = in_colour || c == '\u{1b}';
        in_colour = hidden && c != 'm';
        !hidden
    });
    plain.filter(|c| !c.is_whitespace()).eq(":::".chars())
}
