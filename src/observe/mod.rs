//! What is told of hits and calls: metrics, the click log, diagnostics. One record for each outcome.
//!
//! Nothing in here makes a hit wait: counters are resolved beforehand, log lines are formatted and written elsewhere.

pub mod calls;
pub mod click_log;
pub mod diagnostics;
pub mod json;
pub mod metrics;
pub mod record;
pub mod text;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, Uri, header};

pub use self::{
    click_log::ClickLog,
    metrics::Metrics,
    record::{Record, Trace},
};
use crate::{
    hit_id::HitId,
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
pub struct Watch {
    observe: Observe,
    began: Instant,
    record: Option<Box<Record>>,
    ended: bool,
    /// What the way of the hit tells.
    pub trace: Trace,
}

impl Observe {
    /// Begins to watch a hit.
    pub fn watch(&self, at: SystemTime, id: HitId, host: &str, uri: &Uri, headers: &HeaderMap, trace: Trace) -> Watch {
        let record = || Record {
            at,
            hit_id: id,
            host: host.into(),
            uri: Some(uri.clone()),
            user_agent: headers.get(header::USER_AGENT).cloned(),
            referrer: headers.get(header::REFERER).cloned(),
            ended: None,
        };
        self.begin(record, trace)
    }

    /// Tells of a hit whose head cannot be read. `peer` is the other end of its connection.
    pub fn unreadable(&self, at: SystemTime, peer: IpAddr) {
        let record = || Record {
            at,
            hit_id: HitId::new(at),
            host: "".into(),
            uri: None,
            user_agent: None,
            referrer: None,
            ended: None,
        };
        self.begin(record, Trace::new(peer))
            .end(&Outcome::Refused(Refusal::BadRequest));
    }

    fn begin(&self, record: impl FnOnce() -> Record, trace: Trace) -> Watch {
        let record = self.log.is_some().then(|| Box::new(record()));
        Watch {
            observe: self.clone(),
            began: Instant::now(),
            record,
            ended: false,
            trace,
        }
    }
}

impl Watch {
    /// Records how the hit ended.
    pub fn end(mut self, outcome: &Outcome) {
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: &Outcome) {
        self.ended = true;
        let total = self.began.elapsed();
        let metrics = &self.observe.metrics;
        metrics.hit(outcome.kind(), outcome.reason(), total);
        for used in &self.trace.looks {
            metrics.cache(*used);
        }
        if let (Some(log), Some(mut record)) = (&self.observe.log, self.record.take()) {
            let trace = std::mem::take(&mut self.trace);
            record.end(outcome, trace, total);
            if !log.write(record) {
                metrics.click_log_dropped(1);
            }
        }
    }
}

impl Drop for Watch {
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
