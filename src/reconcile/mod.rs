//! Why a network counts more or fewer clicks than the log: its export beside the log, each gap with its cause.
//!
//! The export is read first, and remembered as prints of its click ids, or as counts of days; then each hit of the log is given its
//! cause; then the export is read again, and each of its rows is given one. Every hit and every click has exactly one.

mod calls;
mod cause;
mod columns;
mod dates;
mod days;
mod export;
mod ids;
mod written;
mod zones;

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    path::Path,
};

use jiff::Timestamp;

use self::{
    calls::{Call, Calls},
    cause::{Example, Tally},
    dates::When,
    days::Days,
    export::Row,
    ids::{Ids, written_plainly},
    zones::Ahead,
};
pub use self::{
    cause::Cause,
    columns::Named,
    dates::Order,
    export::{Asked, Export, Unusable},
    written::{json, text},
};
use crate::{
    history::Whole,
    keyed_hash::KeyedHash,
    outcome::{Kind, Reason},
};

/// A click may be made so long after its hit, and clocks of the edge and of the network do not agree better.
const SLACK_SECONDS: i64 = 60;

/// A comparison under way.
pub struct Reconcile {
    export: Export,
    tracker: Option<String>,
    prints: KeyedHash,
    tally: Tally,
    log: Option<Span>,
    offers: HashSet<u64>,
    /// What was told with clicks that are not in the index, by their prints.
    alone: HashMap<u128, u32>,
    /// Those of them that the index has in other letters, as prints of their ids written plainly, until their rows come.
    otherwise: HashSet<u128>,
    /// Hits with clicks after the export's last row.
    after: u64,
    theirs: Theirs,
    calls: Calls,
    /// By each tracker's name, how many of its clicks the network has, and how many it does not have.
    trackers: HashMap<String, [u64; 2]>,
}

/// Trackers of a configuration, and more: what a log has beyond is not looked at.
const MAX_TRACKERS: usize = 100;

/// What the network counts.
enum Theirs {
    Ids(Ids),
    Days(Days),
}

/// The times of the first and the last hit.
#[derive(Clone, Copy, Debug)]
struct Span {
    first: Timestamp,
    last: Timestamp,
}

/// A comparison at its end.
pub struct Compared {
    pub(self) export: Export,
    pub(self) tally: Tally,
    log: Option<Span>,
    /// Of the hits with clicks outside of the export those after its last row.
    pub(self) after: u64,
    theirs: Theirs,
    calls: Calls,
    ahead: Option<Ahead>,
    trackers: HashMap<String, [u64; 2]>,
}

/// A row of the network's, for a list.
#[derive(Debug)]
pub struct Listed<'a> {
    /// Its click id.
    pub click_id: &'a str,
    /// Its time, as it stands there.
    pub time: &'a str,
    /// Its offer.
    pub offer_id: Option<u64>,
    /// Its campaign.
    pub campaign_id: Option<u64>,
    /// Its line in the export.
    pub line: u64,
}

impl Reconcile {
    /// Reads the export. Hits of other trackers than `tracker`, if one is named, are not compared.
    pub fn new(export: Export, tracker: Option<String>) -> Result<Self, Unusable> {
        let prints = KeyedHash::new();
        let theirs = if export.has_ids() {
            Theirs::Ids(Ids::read(&export, &prints)?)
        } else {
            Theirs::Days(Days::read(&export)?)
        };
        let calls = Calls::beside(&export, theirs.has_clock());
        Ok(Self {
            export,
            tracker,
            prints,
            tally: Tally::default(),
            log: None,
            offers: HashSet::new(),
            alone: HashMap::new(),
            otherwise: HashSet::new(),
            after: 0,
            theirs,
            calls,
            trackers: HashMap::new(),
        })
    }

    /// Gives a hit its cause; `None` when its time or its outcome is none.
    pub fn add(&mut self, line: &Whole<'_>, path: &Path, number: u64) -> Option<Cause> {
        let at: Timestamp = line.time.parse().ok()?;
        let kind = Kind::parse(&line.outcome)?;
        let span = self.log.get_or_insert(Span { first: at, last: at });
        span.first = span.first.min(at);
        span.last = span.last.max(at);
        let cause = self.cause(line, kind, at);
        if let Theirs::Days(days) = &mut self.theirs {
            days.hit(&self.export.dates, at, cause);
        }
        self.tally.add(cause, || Example {
            id: line
                .click_id
                .as_deref()
                .or(line.hit_id.as_deref())
                .unwrap_or_default()
                .to_owned(),
            time: (*line.time).to_owned(),
            place: format!("{}:{number}", path.display()),
        });
        Some(cause)
    }

    fn cause(&mut self, line: &Whole<'_>, kind: Kind, at: Timestamp) -> Cause {
        if let (Some(wanted), Some(tracker)) = (&self.tracker, &line.tracker)
            && **wanted != **tracker
        {
            return Cause::OtherTracker;
        }
        if let (Some(wanted), Some(offer)) = (self.export.offer(), line.offer_id)
            && wanted != offer
        {
            return Cause::OtherOffer;
        }
        self.offers.extend(line.offer_id);
        match (kind, line.click_id.as_deref()) {
            (Kind::Advertiser, Some(id)) => self.with_click(line, id, at),
            (Kind::Advertiser, None) => Cause::IdLeftOut,
            (Kind::Tracking, _) => {
                self.calls.add(&self.export.dates, Call::Tracking, line, at);
                Cause::TrackingLink
            }
            _ if is_unanswered(line, kind) => {
                self.calls.add(&self.export.dates, Call::Unanswered, line, at);
                Cause::Unanswered
            }
            _ => Cause::NoClick,
        }
    }

    fn with_click(&mut self, line: &Whole<'_>, id: &str, at: Timestamp) -> Cause {
        let print = self.prints.print(id.as_bytes());
        let told = self.told(line);
        let (before, theirs) = match &mut self.theirs {
            Theirs::Ids(ids) => match ids.find(print) {
                Some((told, minute)) => (told, Some(minute)),
                None => (self.alone.entry(print).or_default(), None),
            },
            Theirs::Days(_) => (self.alone.entry(print).or_default(), None),
        };
        if *before == told {
            return Cause::Repeat;
        }
        if *before != 0 {
            return Cause::Shared;
        }
        *before = told;
        if line.attempts.is_some_and(|attempts| attempts > 1) && line.cache.as_deref() != Some("hit") {
            self.calls.add(&self.export.dates, Call::Again, line, at);
        }
        let otherwise = theirs.is_none().then(|| self.otherwise(id)).flatten();
        let there = theirs.or(otherwise);
        if let (Some(minute), Theirs::Ids(ids)) = (there, &mut self.theirs) {
            ids.met(minute, at);
        }
        let tracker = line.tracker.as_deref().unwrap_or_default();
        if !self.trackers.contains_key(tracker) && self.trackers.len() < MAX_TRACKERS {
            self.trackers.insert(tracker.to_owned(), [0; 2]);
        }
        if let Some(clicks) = self.trackers.get_mut(tracker) {
            clicks[usize::from(there.is_none())] += 1;
        }
        if otherwise.is_some() {
            return Cause::InOtherLetters;
        }
        if there.is_some() {
            return Cause::InExport;
        }
        if line.offer_id.is_some_and(|offer| !self.theirs.has_offer(offer)) {
            return Cause::OfferNotThere;
        }
        let side = match &mut self.theirs {
            Theirs::Ids(ids) => ids.side(at),
            Theirs::Days(days) => days.click(&self.export.dates, at),
        };
        self.after += u64::from(side.is_gt());
        match self.theirs {
            _ if side != Ordering::Equal => Cause::OutsideExport,
            Theirs::Ids(_) => Cause::OnlyHere,
            // Until it is known how many the network has that day.
            Theirs::Days(_) => Cause::InExport,
        }
    }

    /// The minute of the row that has this id in other letters; each such row is one click's.
    fn otherwise(&mut self, id: &str) -> Option<u32> {
        let print = self.prints.print(written_plainly(id).as_bytes());
        let Theirs::Ids(ids) = &self.theirs else {
            return None;
        };
        ids.find_plain(print).filter(|_| self.otherwise.insert(print))
    }

    /// A print of what the tracker was told beside who the visitor is, and by which link; never 0.
    fn told(&self, line: &Whole<'_>) -> u32 {
        let mut text = String::new();
        let way = [line.link.as_deref(), line.path.as_deref(), line.referrer.text()];
        for word in way
            .into_iter()
            .chain(line.tags().flat_map(|(name, value)| [Some(name), Some(value)]))
        {
            // No text has a NUL of its own: the log escapes it, and a visitor's is one more sign.
            text.push_str(word.unwrap_or("\u{1}"));
            text.push('\0');
        }
        let print = self.prints.of(text.as_bytes());
        u32::try_from(print >> 32).unwrap_or_default() | 1
    }

    /// Gives each row of the export its cause, and tells it to `each`.
    pub fn end(mut self, mut each: impl FnMut(Cause, &Listed<'_>)) -> Result<Compared, Unusable> {
        let ahead;
        match &mut self.theirs {
            Theirs::Days(days) => {
                let span = self.log.map(|log| [log.first, log.last]);
                let span = span.map(|span| span.map(|at| self.export.dates.day(When::At(at))));
                ahead = days.end(&self.offers, span, &self.export.dates, &mut self.tally);
            }
            Theirs::Ids(ids) => {
                ahead = ids.ahead(&self.export.dates, self.log.map(|log| log.last));
                let mut rows = self.export.rows()?;
                while let Some(row) = rows.next_row()? {
                    let mut known = Known {
                        prints: &self.prints,
                        offers: &self.offers,
                        otherwise: &mut self.otherwise,
                        log: self.log,
                    };
                    let cause = known.cause(&row, ids, &mut self.calls, &self.export);
                    self.tally.add(cause, || Example {
                        id: row.id.clone().into_owned(),
                        time: row.time.clone().into_owned(),
                        place: format!("{}:{}", self.export.path().display(), row.line),
                    });
                    let listed = Listed {
                        click_id: &row.id,
                        time: &row.time,
                        offer_id: row.offer,
                        campaign_id: row.campaign,
                        line: row.line,
                    };
                    each(cause, &listed);
                }
            }
        }
        Ok(Compared {
            export: self.export,
            tally: self.tally,
            log: self.log,
            after: self.after,
            theirs: self.theirs,
            calls: self.calls,
            ahead,
            trackers: self.trackers,
        })
    }
}

impl Compared {
    /// Trackers of which the network has no click, though it has clicks of others.
    fn strangers(&self) -> Vec<&str> {
        let is_any = self.trackers.values().any(|[there, _]| *there > 0);
        let strangers = self.trackers.iter().filter(|(_, [there, _])| is_any && *there == 0);
        let mut names: Vec<&str> = strangers.map(|(name, _)| &**name).collect();
        names.sort_unstable();
        names
    }
}

/// What the log has come to.
struct Known<'a> {
    prints: &'a KeyedHash,
    offers: &'a HashSet<u64>,
    otherwise: &'a mut HashSet<u128>,
    log: Option<Span>,
}

impl Known<'_> {
    fn cause(&mut self, row: &Row<'_>, ids: &mut Ids, calls: &mut Calls, export: &Export) -> Cause {
        if row.id.is_empty() {
            return Cause::NoId;
        }
        match ids.meet(self.prints.print(row.id.as_bytes())) {
            Some(ids::Met::Again) => return Cause::Duplicate,
            Some(ids::Met::InLog) => return Cause::InLog,
            Some(ids::Met::NotInLog) | None => {}
        }
        if self
            .otherwise
            .remove(&self.prints.print(written_plainly(&row.id).as_bytes()))
        {
            return Cause::WrittenOtherwise;
        }
        if let (Some(when), Some(log)) = (row.when, self.log) {
            let (first, last) = export.dates.span(when);
            if last < log.first.as_second() - SLACK_SECONDS || first > log.last.as_second() + SLACK_SECONDS {
                return Cause::OutsideLog;
            }
        }
        if row.offer.is_some_and(|offer| !self.offers.contains(&offer)) {
            return Cause::OfferNotHere;
        }
        match calls.take(row, &export.dates) {
            Some(Call::Unanswered) => Cause::Unfollowed,
            Some(Call::Tracking) => Cause::Tracked,
            Some(Call::Again) => Cause::AskedTwice,
            None => Cause::OnlyThere,
        }
    }
}

impl Theirs {
    /// Whether rows say more than a day.
    fn has_clock(&self) -> bool {
        match self {
            Self::Ids(ids) => ids.has_clock,
            Self::Days(_) => false,
        }
    }

    /// Whether the export has an offer, as far as it says so.
    fn has_offer(&self, offer: u64) -> bool {
        let offers = match self {
            Self::Ids(ids) => &ids.offers,
            Self::Days(days) => &days.offers,
        };
        offers.is_empty() || offers.contains(&offer)
    }
}

/// Whether a tracker was asked that may have made a click, while the visitor went elsewhere.
fn is_unanswered(line: &Whole<'_>, kind: Kind) -> bool {
    if kind == Kind::Refused {
        // Visitors who left, while the tracker was waited for; what is refused at a link for another reason is so at once.
        return line.link.is_some() && line.total_ms.is_some_and(|ms| ms >= 1.0);
    }
    let reason = line.reason.as_deref().and_then(Reason::parse);
    let was_asked = line.attempts != Some(0) || line.cache.as_deref() == Some("joined");
    was_asked
        && match reason {
            Some(Reason::Timeout | Reason::Unreachable | Reason::TrackerError | Reason::BadAnswer) => true,
            // The tracker's own word, or the edge's: no click.
            _ => false,
        }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
