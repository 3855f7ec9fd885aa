//! One row of a report: what became of hits that have something in common.

use serde::Serialize;

use super::{
    distinct::{self, Budget, Count, Distinct},
    latency::Latency,
};
use crate::{
    history::Line,
    outcome::{Kind, Reason},
};

/// A hit, as far as rows count it.
pub(super) struct Hit {
    kind: Kind,
    failed: bool,
    click: Option<u64>,
    total_ms: Option<f64>,
}

/// Hits that have something in common.
#[derive(Debug, Default)]
pub struct Row {
    hits: u64,
    kinds: [u64; Kind::ALL.len()],
    failures: u64,
    clicks: Distinct,
    latency: Latency,
}

/// A row as it is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Hits.
    pub hits: u64,
    /// … that went to an advertiser, with a click id.
    pub advertiser: u64,
    /// Different click ids among those.
    pub clicks: u64,
    /// Whether that is estimated, to within some hundredths.
    pub clicks_estimated: bool,
    /// Hits to an advertiser with a click id that another hit had.
    pub repeats: u64,
    /// … to a trafficback URL.
    pub trafficback: u64,
    /// … to an ordinary tracking link.
    pub tracking: u64,
    /// … to a preview URL.
    pub preview: u64,
    /// … without a link.
    pub unmatched: u64,
    /// … answered without a destination.
    pub refused: u64,
    /// Hits for which the Click API failed, wherever they went.
    pub failures: u64,
    /// Milliseconds within which half of the hits were answered, to within a twentieth.
    pub p50_ms: Option<f64>,
    /// … 95 of 100.
    pub p95_ms: Option<f64>,
    /// … 99 of 100.
    pub p99_ms: Option<f64>,
}

impl Hit {
    /// `None` when the outcome is none.
    pub(super) fn of(line: &Line<'_>) -> Option<Self> {
        let kind = Kind::parse(&line.outcome)?;
        let reason = line.reason.as_deref().and_then(Reason::parse);
        Some(Self {
            kind,
            failed: reason.is_some_and(Reason::is_failure),
            click: line.click_id.as_deref().map(distinct::hash),
            total_ms: line.total_ms,
        })
    }
}

impl Row {
    pub(super) fn add(&mut self, hit: &Hit, budget: &mut Budget) {
        self.hits += 1;
        self.kinds[hit.kind as usize] += 1;
        self.failures += u64::from(hit.failed);
        if let Some(click) = hit.click {
            self.clicks.add(click, budget);
        }
        if let Some(ms) = hit.total_ms {
            self.latency.add(ms);
        }
    }

    /// How many hits it has.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// As it is told.
    pub fn summary(&self) -> Summary {
        let of = |kind: Kind| self.kinds[kind as usize];
        let Count { number, is_estimate } = self.clicks.count();
        let advertiser = of(Kind::Advertiser);
        Summary {
            hits: self.hits,
            advertiser,
            clicks: number,
            clicks_estimated: is_estimate,
            repeats: advertiser.saturating_sub(number),
            trafficback: of(Kind::Trafficback),
            tracking: of(Kind::Tracking),
            preview: of(Kind::Preview),
            unmatched: of(Kind::Unmatched),
            refused: of(Kind::Refused),
            failures: self.failures,
            p50_ms: self.latency.percentile(0.5),
            p95_ms: self.latency.percentile(0.95),
            p99_ms: self.latency.percentile(0.99),
        }
    }
}
