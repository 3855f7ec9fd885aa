//! The section `[limits]`, by the one table of limits.

use super::{TableReader, Zero};
use crate::server::limits::{LIMITS, Limits, Measure};

/// Reads every limit that is written, and leaves the others at their defaults.
pub(super) fn read(table: Option<TableReader<'_>>) -> Limits {
    let mut limits = Limits::default();
    let Some(mut table) = table else { return limits };
    for limit in &LIMITS {
        match &limit.measure {
            Measure::Count(_, range, at) => {
                let count = table.integer_in(limit.key, range.clone());
                if let Some(count) = count.and_then(|count| u32::try_from(count.value).ok()) {
                    *at(&mut limits) = count;
                }
            }
            Measure::Time(at) => {
                if let Some(time) = table.duration(limit.key, Zero::Refused) {
                    *at(&mut limits) = time.value;
                }
            }
            Measure::TimeOrNone(at) => {
                if let Some(time) = table.duration(limit.key, Zero::Allowed) {
                    *at(&mut limits) = time.value;
                }
            }
        }
    }
    table.finish(&[]);
    limits
}
