//! A network's counts of days beside the log's.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap, HashSet},
};

use jiff::{Timestamp, civil::Date};

use super::{
    calls,
    cause::{Cause, Tally},
    dates::{Dates, When},
    export::{Export, Unusable},
    zones::{Ahead, HalfHours},
};

/// Days, with what both sides count.
pub(super) struct Days {
    by_day: BTreeMap<Date, Day>,
    /// The network's first and last day.
    period: Option<(Date, Date)>,
    counts: HashMap<(Date, Option<u64>), u64>,
    pub offers: HashSet<u64>,
    half_hours: HalfHours,
    last: Option<(i64, Date)>,
}

/// One day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Day {
    pub hits: u64,
    /// First hits of clicks, which the network should count.
    pub clicks: u64,
    pub repeats: u64,
    pub shared: u64,
    pub tracking: u64,
    pub unanswered: u64,
    /// What the network counts, but for offers that the log does not have.
    pub theirs: u64,
}

/// Zones begin their days, and change their clocks, at such times.
const QUARTER_SECONDS: i64 = 900;

impl Days {
    /// Reads all rows.
    pub(super) fn read(export: &Export) -> Result<Self, Unusable> {
        let mut days = Self {
            by_day: BTreeMap::new(),
            period: None,
            counts: HashMap::new(),
            offers: HashSet::new(),
            half_hours: HalfHours::default(),
            last: None,
        };
        let mut rows = export.rows()?;
        while let Some(row) = rows.next_row()? {
            let Some(when) = row.when else { continue };
            let day = export.dates.day(when);
            let (first, last) = days.period.unwrap_or((day, day));
            days.period = Some((first.min(day), last.max(day)));
            days.offers.extend(row.offer);
            let count = days.counts.entry((day, row.offer)).or_default();
            *count = count.saturating_add(row.count);
        }
        Ok(days)
    }

    /// The first hit of a click; whether its day is before the network's first, after its last, or between them.
    pub(super) fn click(&mut self, dates: &Dates, at: Timestamp) -> Ordering {
        self.half_hours.add(at);
        let day = self.day(dates, at);
        match self.period {
            Some((first, _)) if day < first => Ordering::Less,
            Some((_, last)) if day <= last => Ordering::Equal,
            _ => Ordering::Greater,
        }
    }

    /// A hit and its cause.
    pub(super) fn hit(&mut self, dates: &Dates, at: Timestamp, cause: Cause) {
        let day = self.day(dates, at);
        let day = self.by_day.entry(day).or_default();
        day.hits += 1;
        match cause {
            Cause::InExport => day.clicks += 1,
            Cause::Repeat => day.repeats += 1,
            Cause::Shared => day.shared += 1,
            Cause::TrackingLink => day.tracking += 1,
            Cause::Unanswered => day.unanswered += 1,
            _ => {}
        }
    }

    /// Gives the network's clicks their causes, and takes hits with clicks beyond the network's for clicks that it does not have.
    /// `log` is the log's first and last day.
    pub(super) fn end(
        &mut self,
        offers: &HashSet<u64>,
        log: Option<[Date; 2]>,
        dates: &Dates,
        tally: &mut Tally,
    ) -> Option<Ahead> {
        let mut theirs = BTreeMap::new();
        for ((day, offer), count) in std::mem::take(&mut self.counts) {
            let is_covered = log.is_none_or(|[first, last]| (first..=last).contains(&day));
            if !is_covered {
                tally.add_number(Cause::OutsideLog, count);
            } else if offer.is_some_and(|offer| !offers.contains(&offer)) {
                tally.add_number(Cause::OfferNotHere, count);
            } else {
                self.by_day.entry(day).or_default().theirs += count;
                *theirs.entry(calls::number(day)).or_default() += count;
            }
        }
        let mut wrong = 0;
        for day in self.by_day.values() {
            let both = day.clicks.min(day.theirs);
            tally.add_number(Cause::InLog, both);
            tally.move_number(Cause::InExport, Cause::OnlyHere, day.clicks - both);
            let mut beyond = day.theirs - both;
            wrong += beyond + day.clicks - both;
            for (cause, number) in [(Cause::Unfollowed, day.unanswered), (Cause::Tracked, day.tracking)] {
                let explained = beyond.min(number);
                tally.add_number(cause, explained);
                beyond -= explained;
            }
            tally.add_number(Cause::OnlyThere, beyond);
        }
        // Taken only if it is another clock than that of the zone.
        let ahead = self.half_hours.ahead(&theirs, wrong)?;
        let (_, day) = self.period?;
        let said = dates
            .zone
            .to_offset(day.to_zoned(dates.zone.clone()).ok()?.timestamp())
            .seconds();
        (ahead.of_utc != i64::from(said)).then_some(ahead)
    }

    /// All of them, in their order.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Date, Day)> {
        self.by_day.iter().map(|(date, day)| (*date, *day))
    }

    /// The network's first and last day.
    pub(super) fn period(&self) -> Option<(Date, Date)> {
        self.period
    }

    /// The day of a time: most hits are of the same quarter of an hour.
    fn day(&mut self, dates: &Dates, at: Timestamp) -> Date {
        let quarter = at.as_second().div_euclid(QUARTER_SECONDS);
        match self.last {
            Some((known, day)) if known == quarter => day,
            _ => {
                let day = dates.day(When::At(at));
                self.last = Some((quarter, day));
                day
            }
        }
    }
}
