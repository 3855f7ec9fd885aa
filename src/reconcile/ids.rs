//! The click ids of an export, as prints: 24 bytes each, whatever their length, and as many again where case or blanks may differ.

use std::{cmp::Ordering, collections::HashSet};

use jiff::Timestamp;

use super::{
    dates::{Dates, When},
    export::{Export, Unusable},
    zones::{Ahead, Differences},
};
use crate::keyed_hash::KeyedHash;

/// Click ids, and what is known of the export as a whole.
pub(super) struct Ids {
    /// In the order of their prints.
    clicks: Vec<Click>,
    /// Prints of ids as `written_plainly` has them, where that is not how they stand, and their minutes; in their order.
    plain: Vec<([u64; 2], u32)>,
    /// The seconds from the first to the last row.
    period: Option<(i64, i64)>,
    pub has_clock: bool,
    pub offers: HashSet<u64>,
    differences: Differences,
}

/// A row. A print is two halves, so that 24 bytes are enough.
#[derive(Clone, Copy)]
struct Click {
    print: [u64; 2],
    /// The minute since 1970; 0 where it is not known.
    minute: u32,
    /// What was told with the log's first hit of it, 0 where there was none; such a word is odd, and even once the row has been met.
    told: u32,
}

/// What a row is beside the log and the rows before it.
pub(super) enum Met {
    Again,
    InLog,
    NotInLog,
}

/// Stands for no hit in a row that has been met.
const MET: u32 = 2;

impl Ids {
    /// Reads all rows.
    pub(super) fn read(export: &Export, prints: &KeyedHash) -> Result<Self, Unusable> {
        let mut ids = Self {
            clicks: Vec::new(),
            plain: Vec::new(),
            period: None,
            has_clock: false,
            offers: HashSet::new(),
            differences: Differences::default(),
        };
        let mut rows = export.rows()?;
        while let Some(row) = rows.next_row()? {
            if row.id.is_empty() {
                continue;
            }
            let mut minute = 0;
            if let Some(when) = row.when {
                let (first, last) = export.dates.span(when);
                let (begin, end) = ids.period.unwrap_or((first, last));
                ids.period = Some((begin.min(first), end.max(last)));
                if matches!(when, When::At(_)) {
                    ids.has_clock = true;
                    minute = u32::try_from(first / 60).unwrap_or_default();
                }
            }
            ids.offers.extend(row.offer);
            let plain = written_plainly(&row.id);
            if plain != row.id {
                ids.plain.push((halves(prints.print(plain.as_bytes())), minute));
            }
            ids.clicks.push(Click {
                print: halves(prints.print(row.id.as_bytes())),
                minute,
                told: 0,
            });
        }
        ids.clicks.sort_unstable_by_key(|click| click.print);
        ids.plain.sort_unstable();
        Ok(ids)
    }

    /// What the log told with a click, to be filled in, and the click's minute.
    pub(super) fn find(&mut self, print: u128) -> Option<(&mut u32, u32)> {
        let at = self.place(print)?;
        let click = &mut self.clicks[at];
        Some((&mut click.told, click.minute))
    }

    /// A click of that minute is the one of a hit at a time.
    pub(super) fn met(&mut self, minute: u32, at: Timestamp) {
        if minute > 0 {
            self.differences.add(i64::from(minute) * 60 - at.as_second());
        }
    }

    /// The minute of a row whose id is this one when it is written plainly.
    pub(super) fn find_plain(&self, print: u128) -> Option<u32> {
        let as_it_stands = self.place(print).map(|at| self.clicks[at].minute);
        as_it_stands.or_else(|| {
            let found = self.plain.binary_search_by_key(&halves(print), |(print, _)| *print);
            found.ok().map(|at| self.plain[at].1)
        })
    }

    /// Whether a time is before the export's first row, after its last, or between them.
    pub(super) fn side(&self, at: Timestamp) -> Ordering {
        match (self.period, at.as_second()) {
            (Some((first, _)), at) if at < first => Ordering::Less,
            (Some((_, last)), at) if at > last => Ordering::Greater,
            _ => Ordering::Equal,
        }
    }

    /// The first and the last second that it has.
    pub(super) fn period(&self) -> Option<(i64, i64)> {
        self.period
    }

    /// How far the network's clock is ahead of what it is taken for.
    pub(super) fn ahead(&self, dates: &Dates, last: Option<Timestamp>) -> Option<Ahead> {
        self.differences.ahead(&dates.zone, last?)
    }

    /// Goes to a row when it is read again.
    pub(super) fn meet(&mut self, print: u128) -> Option<Met> {
        let at = self.place(print)?;
        let told = &mut self.clicks[at].told;
        Some(match *told {
            0 => {
                *told = MET;
                Met::NotInLog
            }
            odd if odd & 1 == 1 => {
                *told = MET;
                Met::InLog
            }
            _ => Met::Again,
        })
    }

    /// Of several rows with one print the first.
    fn place(&self, print: u128) -> Option<usize> {
        let print = halves(print);
        let at = self.clicks.partition_point(|click| click.print < print);
        self.clicks
            .get(at)
            .is_some_and(|click| click.print == print)
            .then_some(at)
    }
}

/// An id without what exports change: case, and blanks around it.
pub(super) fn written_plainly(id: &str) -> String {
    id.trim().to_lowercase()
}

fn halves(print: u128) -> [u64; 2] {
    let low = u64::try_from(print & u128::from(u64::MAX)).expect("64 bits");
    [u64::try_from(print >> 64).expect("64 bits"), low]
}
