//! What is told of hits and calls: metrics, the click log, diagnostics. One record for each outcome.
//!
//! Nothing in here makes a hit wait: counters are resolved beforehand, log lines are written elsewhere.

pub mod calls;
pub mod click_log;
pub mod diagnostics;
pub mod json;
pub mod lines;
mod link_metrics;
pub mod log_file;
pub mod metrics;
pub mod record;
mod repeats;
mod rotated;
pub mod shape;
pub mod text;
pub mod tracker_metrics;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

pub use self::{
    click_log::ClickLog,
    metrics::Metrics,
    record::{Found, Record, Seen, Trace},
};
use crate::{
    click::CacheUse,
    hit_id::{HitId, HitIds},
    outcome::{Outcome, Refusal},
};

/// Everything that is told of hits.
#[derive(Clone)]
pub struct Observe {
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// Where hits are written down, if anywhere.
    pub log: Option<ClickLog>,
}

/// A hit under way. Dropped before [`Watch::end`], it is recorded as one whose visitor left.
pub struct Watch<'a> {
    observe: &'a Observe,
    seen: Seen<'a>,
    began: Instant,
    ended: bool,
    /// What the way of the hit tells.
    pub trace: Trace,
}

impl Observe {
    /// Begins to watch a hit that began at a time.
    pub fn watch<'a>(&'a self, seen: Seen<'a>, began: Instant, trace: Trace) -> Watch<'a> {
        Watch {
            observe: self,
            seen,
            began,
            ended: false,
            trace,
        }
    }

    /// Tells of a hit whose head cannot be read, and is refused. `peer` is the other end of its connection.
    pub fn unreadable(&self, at: SystemTime, peer: IpAddr, refusal: Refusal) {
        let seen = Seen {
            at,
            ids: HitIds {
                hit: HitId::new(at),
                trace: None,
            },
            host: "",
            head: None,
        };
        self.watch(seen, Instant::now(), Trace::new(peer))
            .end(&Outcome::Refused(refusal));
    }
}

impl Watch<'_> {
    /// Records how the hit ended.
    pub fn end(mut self, outcome: &Outcome) {
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: &Outcome) {
        self.ended = true;
        let total = self.began.elapsed();
        let metrics = &self.observe.metrics;
        metrics.hit(outcome.kind(), outcome.reason(), total);
        if let Some(counts) = &self.trace.link_counts {
            counts.hit(outcome.kind(), self.trace.cache == Some(CacheUse::Miss));
        }
        for used in &self.trace.looks {
            metrics.cache(*used);
        }
        if let Some(log) = &self.observe.log {
            let record = Record {
                seen: &self.seen,
                trace: &self.trace,
                outcome,
                total,
            };
            if !log.write(&record) {
                metrics.click_log_dropped(1);
            }
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.finish(&Outcome::Refused(Refusal::Left));
        }
    }
}

/// Milliseconds, to the microsecond.
fn milliseconds(duration: Duration) -> f64 {
    // Whole microseconds below 2^52 are exact.
    #[expect(clippy::cast_precision_loss, reason = "no hit takes 142 years")]
    let microseconds = duration.as_micros() as f64;
    microseconds / 1000.0
}
