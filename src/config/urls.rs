//! Templates in a configuration: their mistakes, at the very characters.

use std::{collections::HashMap, ops::Range, sync::Arc};

use super::{Mistake, Mistakes, Spanned, geoip::Named, source::Place};
use crate::redirect::{
    FallbackUrl, Forward, SendValue, TemplateMistakes, TrafficUrl,
    location::TrafficMistake,
    macros::{self, Macro, Use},
};

/// A template that is read once and used by many links: good, or bad and told of already.
#[derive(Clone)]
pub(super) enum Fallback {
    Good(Arc<FallbackUrl>),
    Bad,
}

impl Fallback {
    pub(super) fn good(self) -> Option<Arc<FallbackUrl>> {
        match self {
            Self::Good(url) => Some(url),
            Self::Bad => None,
        }
    }
}

pub(super) fn fallback(text: &Spanned<&str>, usage: Use, named: Named, mistakes: &Mistakes) -> Option<FallbackUrl> {
    let url = told(FallbackUrl::parse(text.value, usage), text, mistakes)?;
    need_databases(url.macros(), text, named, mistakes);
    warn_of_habits(text, mistakes);
    Some(url)
}

pub(super) fn send(text: &Spanned<&str>, named: Named, mistakes: &Mistakes) -> Option<SendValue> {
    let value = told(SendValue::parse(text.value), text, mistakes)?;
    need_databases(value.macros(), text, named, mistakes);
    Some(value)
}

fn need_databases<'m>(
    macros: impl Iterator<Item = &'m Macro>,
    text: &Spanned<&str>,
    named: Named,
    mistakes: &Mistakes,
) {
    let mut places = MacroPlaces::of(text);
    for found in macros {
        match found {
            Macro::Country => {
                named.need_country(places.next("country"), "`{country}` needs a database", mistakes);
            }
            Macro::Asn => named.need_asn(places.next("asn"), "`{asn}` needs a database", mistakes),
            _ => {}
        }
    }
}

pub(super) fn traffic(text: &Spanned<&str>, forward: Forward, named: Named, mistakes: &Mistakes) -> Option<TrafficUrl> {
    let url = match TrafficUrl::parse(text.value, forward) {
        Ok(url) => url,
        Err(TrafficMistake::Template(wrong)) => return told(Err(wrong), text, mistakes),
        Err(TrafficMistake::NoClickId) => {
            let mistake = Mistake::error("a traffic URL without `{click_id}` loses every conversion");
            let slip = slip_of_click_id(text.value);
            let place = slip.as_ref().map_or(text.place, |at| part(text, at));
            let help = match slip {
                Some(_) => "did you mean `{click_id}`?",
                None => "put `{click_id}` into its path or query, as the campaign card shows it",
            };
            mistakes.push(mistake.at(place).help(help));
            return None;
        }
    };
    if url.hides_click_id_from_server() {
        let warning = Mistake::warning("`{click_id}` stands behind `#`, which browsers do not send").at(text.place);
        mistakes.push(warning.help("keep it if the advertiser's page reads it there; else move it before `#`"));
    }
    let mut places = MacroPlaces::of(text);
    for name in url.params() {
        let warning = Mistake::warning(format!(
            "`{{{name}}}` is no macro of onehop's, and is taken from the tracker's answer"
        ));
        let near = macros::nearest(name).map_or_else(
            || "if the tracker does not send it, it stays empty".to_owned(),
            |near| format!("did you mean `{{{near}}}`?"),
        );
        mistakes.push(warning.at(places.next(name)).help(near));
    }
    need_databases(url.macros(), text, named, mistakes);
    warn_of_habits(text, mistakes);
    if !url.site().secure {
        let warning = Mistake::warning("the visitor goes to the advertiser unencrypted").at(part(text, &(0..7)));
        mistakes.push(
            warning
                .help("write `https://` if the advertiser has it: browsers warn of `http`, and may drop the referrer"),
        );
    }
    Some(url)
}

/// Where something stands that is probably meant to be `{click_id}`.
fn slip_of_click_id(text: &str) -> Option<Range<usize>> {
    let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '-'], "");
    let opens = text.match_indices('{').filter_map(|(begin, _)| {
        let end = begin + text[begin..].find('}')?;
        (plain(&text[begin + 1..end]) == "clickid").then_some(begin..end + 1)
    });
    let escaped = text.to_ascii_lowercase().find("%7bclick_id%7d");
    opens
        .chain(escaped.map(|begin| begin..begin + "%7Bclick_id%7D".len()))
        .next()
}

/// What is written so in other places, and stands for itself here.
fn warn_of_habits(text: &Spanned<&str>, mistakes: &Mistakes) {
    if !text.value.contains(['$', ';']) {
        return;
    }
    for (written, message, help) in [
        (
            "${",
            "the `$` goes to the visitor's browser as it stands",
            "leave the `$` out: macros are written `{name}`",
        ),
        (
            "&amp;",
            "`&amp;` is the HTML for `&`, and goes to the visitor's browser as it stands",
            "write `&`",
        ),
    ] {
        if let Some(at) = text.value.find(written) {
            mistakes.push(
                Mistake::warning(message)
                    .at(part(text, &(at..at + written.len())))
                    .help(help),
            );
        }
    }
}

/// Where macros stand, the same one at its next place each time.
struct MacroPlaces<'t> {
    text: &'t Spanned<&'t str>,
    /// By name, how much of the text is behind us.
    read: HashMap<&'t str, usize>,
}

impl<'t> MacroPlaces<'t> {
    fn of(text: &'t Spanned<&'t str>) -> Self {
        Self {
            text,
            read: HashMap::new(),
        }
    }

    fn next(&mut self, name: &'t str) -> Place {
        let read = self.read.entry(name).or_default();
        let found = self.text.value[*read..].find(&format!("{{{name}}}"));
        let begin = *read + found.unwrap_or_default();
        let end = begin + name.len() + "{}".len();
        *read = end;
        part(self.text, &(begin..end))
    }
}

fn told<T>(read: Result<T, TemplateMistakes>, text: &Spanned<&str>, mistakes: &Mistakes) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(wrong) => {
            for mistake in wrong {
                let told = Mistake::error(mistake.message).at(part(text, &mistake.at));
                mistakes.push(told.help(mistake.help));
            }
            None
        }
    }
}

/// A stretch of a string's text as a place in its file, where the file writes the string plainly: quote, text, quote.
/// Elsewhere the whole string.
fn part(text: &Spanned<&str>, at: &Range<usize>) -> Place {
    let place = text.place;
    if place.end - place.start != text.value.len() + 2 {
        return place;
    }
    Place {
        start: place.start + 1 + at.start,
        end: place.start + 1 + at.end,
        ..place
    }
}
