//! Mistakes in a configuration and their collection.
//!
//! Owned here: what a mistake is, their order, their number. Not owned: how they look (`render`).

use std::cell::{Cell, RefCell};

use super::redact::Secrets;
use super::render::Remark;
use super::source::{Place, Sources};

/// More errors, or warnings, than anybody reads; beyond it they are only counted.
const KEPT: usize = 100_000;
/// Names in messages are cut here.
const LONGEST_NAME: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Error,
    Warning,
}

/// One mistake; without its mend, a `Mistake<()>`, it cannot be told. The texts must not quote values of keys that may be secret;
/// known secrets in them are masked when they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mistake<Mend = String> {
    pub severity: Severity,
    pub message: String,
    /// A few words at the underlined text.
    pub label: Option<String>,
    pub place: Option<Place>,
    /// Another place with its words, such as "first here".
    pub second: Option<(Place, String)>,
    /// How to mend it.
    pub help: Mend,
}

impl Mistake<()> {
    pub(super) fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            label: None,
            place: None,
            second: None,
            help: (),
        }
    }

    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(message)
        }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Mistake {
        Mistake {
            severity: self.severity,
            message: self.message,
            label: self.label,
            place: self.place,
            second: self.second,
            help: help.into(),
        }
    }
}

impl<Mend> Mistake<Mend> {
    pub(super) fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub(super) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(super) fn second(mut self, place: Place, label: impl Into<String>) -> Self {
        self.second = Some((place, label.into()));
        self
    }
}

/// All mistakes of one configuration. Shared by reference, so that readers of nested tables can
/// exist beside each other.
#[derive(Default)]
pub(super) struct Mistakes {
    list: RefCell<Vec<Mistake>>,
    errors: Cell<usize>,
    warnings: Cell<usize>,
}

impl Mistakes {
    pub(super) fn push(&self, mistake: Mistake) {
        let count = match mistake.severity {
            Severity::Error => &self.errors,
            Severity::Warning => &self.warnings,
        };
        count.set(count.get() + 1);
        if count.get() <= KEPT {
            self.list.borrow_mut().push(mistake);
        }
    }

    pub(super) fn errors(&self) -> usize {
        self.errors.get()
    }

    pub(super) fn warnings(&self) -> usize {
        self.warnings.get()
    }

    /// The first mistakes: those without a place, then by file and position. Where there are too many, no warning stands for
    /// an error.
    pub(super) fn first(&self, most: usize) -> Vec<Mistake> {
        let mut list = self.list.borrow_mut();
        list.sort_by(|a, b| (a.place, a.severity, &a.message).cmp(&(b.place, b.severity, &b.message)));
        let mut room = [0; 2];
        room[Severity::Error as usize] = most;
        room[Severity::Warning as usize] = most.saturating_sub(self.errors());
        let has_room = |mistake: &&Mistake| {
            let room = &mut room[mistake.severity as usize];
            let has = *room > 0;
            *room = room.saturating_sub(1);
            has
        };
        list.iter().filter(has_room).cloned().collect()
    }

    /// The text to print, and the same for whoever prints otherwise: the first hundred mistakes and a line with their number.
    /// `colour` adds terminal colours.
    pub(super) fn told(&self, sources: &Sources, secrets: &Secrets, colour: bool) -> (String, Vec<Remark>) {
        super::render::render(self, sources, secrets, colour)
    }

    #[cfg(test)]
    pub(super) fn render(&self, sources: &Sources, secrets: &Secrets, colour: bool) -> String {
        self.told(sources, secrets, colour).0
    }
}

/// A name of the file in backquotes for a message, cut if it is very long.
pub(super) fn quoted(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((cut, _)) => format!("`{}…`", name.get(..cut).unwrap_or_default()),
        None => format!("`{name}`"),
    }
}
