//! Templates in a configuration: their mistakes, at the very characters.

use std::ops::Range;

use super::{Mistake, Mistakes, Spanned, source::Place};
use crate::redirect::{
    FallbackUrl, Forward, SendValue, TemplateMistakes, TrafficUrl,
    location::TrafficMistake,
    macros::{self, Use},
};

/// A template that is read once and used by many links: good, or bad and told of already.
#[derive(Clone)]
pub(super) enum Fallback {
    Good(FallbackUrl),
    Bad,
}

impl Fallback {
    pub(super) fn read(text: &Spanned<&str>, usage: Use, mistakes: &Mistakes) -> Self {
        fallback(text, usage, mistakes).map_or(Self::Bad, Self::Good)
    }

    pub(super) fn good(&self) -> Option<FallbackUrl> {
        match self {
            Self::Good(url) => Some(url.clone()),
            Self::Bad => None,
        }
    }
}

pub(super) fn fallback(text: &Spanned<&str>, usage: Use, mistakes: &Mistakes) -> Option<FallbackUrl> {
    told(FallbackUrl::parse(text.value, usage), text, mistakes)
}

pub(super) fn send(text: &Spanned<&str>, mistakes: &Mistakes) -> Option<SendValue> {
    told(SendValue::parse(text.value), text, mistakes)
}

pub(super) fn traffic(text: &Spanned<&str>, forward: Forward, mistakes: &Mistakes) -> Option<TrafficUrl> {
    let url = match TrafficUrl::parse(text.value, forward) {
        Ok(url) => url,
        Err(TrafficMistake::Template(wrong)) => return told(Err(wrong), text, mistakes),
        Err(TrafficMistake::NoClickId) => {
            let mistake = Mistake::error("a traffic URL without `{click_id}` loses every conversion").at(text.place);
            mistakes.push(mistake.help("put `{click_id}` into its path or query, as the campaign card shows it"));
            return None;
        }
    };
    if url.hides_click_id_from_server() {
        let warning = Mistake::warning("`{click_id}` stands behind `#`, which browsers do not send").at(text.place);
        mistakes.push(warning.help("keep it if the advertiser's page reads it there; else move it before `#`"));
    }
    for name in url.params() {
        let warning = Mistake::warning(format!(
            "`{{{name}}}` is no macro of onehop's, and is taken from the tracker's answer"
        ));
        let near = macros::nearest(name).map_or_else(
            || "if the tracker does not send it, it stays empty".to_owned(),
            |near| format!("did you mean `{{{near}}}`?"),
        );
        let begin = text.value.find(&format!("{{{name}}}")).unwrap_or_default();
        let at = begin..begin + name.len() + 2;
        mistakes.push(warning.at(part(text, &at)).help(near));
    }
    Some(url)
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
