//! The click ids of an export, as prints: 24 bytes each, whatever their length.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{
    SLACK_SECONDS,
    dates::{Dates, When},
    export::{Export, Unusable},
    zones::{Ahead, Differences},
};
use crate::keyed_hash::KeyedHash;

/// Click ids, and what is known of the export as a whole.
pub(super) struct Ids {
    /// In the order of their prints.
    clicks: Vec<Click>,
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
            ids.clicks.push(Click {
                print: halves(prints.print(row.id.as_bytes())),
                minute,
                told: 0,
            });
        }
        ids.clicks.sort_unstable_by_key(|click| click.print);
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

    /// Whether the export has clicks of this time.
    pub(super) fn covers(&self, at: Timestamp) -> bool {
        self.period
            .is_none_or(|(first, last)| (first - SLACK_SECONDS..=last + SLACK_SECONDS).contains(&at.as_second()))
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

fn halves(print: u128) -> [u64; 2] {
    let low = u64::try_from(print & u128::from(u64::MAX)).expect("64 bits");
    [u64::try_from(print >> 64).expect("64 bits"), low]
}
