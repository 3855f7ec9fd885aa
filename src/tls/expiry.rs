//! When somebody is to be told that a certificate ends.
//!
//! For the metric, [`Certificate::not_after`] is the number to give: exporters of certificates give the unix time of the end
//! (`probe_ssl_earliest_cert_expiry`, `nginx_ingress_controller_ssl_expire_time_seconds`). It changes only with the
//! certificate, and alerts subtract `time()`; seconds that are left would be wrong by a scrape's age, and stand still at a
//! process that hangs.

use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::{certificate::Certificate, certificates::Certificates};

const DAY: Duration = Duration::from_hours(24);
/// What renews certificates does it 30 days before the end, of those for 90 days: whoever is told has weeks to look why it
/// does not.
const FIRST: Duration = DAY.saturating_mul(21);
const SECOND: Duration = DAY.saturating_mul(7);
/// Certificates for shorter times are renewed when a third of their time is left: that must not be told of each time. (By 2029
/// none is made for more than 47 days: CA/Browser Forum, ballot SC-081.)
const FIRST_PART: u32 = 4;
const SECOND_PART: u32 = 12;

/// How near an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 21 days or less; of a certificate for less than 84 days, a quarter of them.
    First,
    /// 7 days or less; or a twelfth.
    Second,
    /// It has ended.
    Over,
}

/// A certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// Its name.
    pub certificate: String,
    /// Its file.
    pub path: PathBuf,
    /// When it ends.
    pub not_after: SystemTime,
    /// What is left until then; zero if it has ended.
    pub left: Duration,
    /// How near that is.
    pub level: Level,
}

/// Who was told of what.
#[derive(Debug, Default)]
pub struct ExpiryWatch(HashMap<String, (SystemTime, Level)>);

impl ExpiryWatch {
    /// What is to be told now: each certificate at most once at each level. For a call every few minutes, or more often.
    pub fn due(&mut self, certificates: &Certificates, now: SystemTime) -> Vec<Expiring> {
        let mut due = Vec::new();
        let mut told = HashMap::new();
        for certificate in certificates.all() {
            let not_after = certificate.not_after();
            // Another certificate of that name begins anew; a clock that was set back tells nothing twice.
            let before = self.0.get(certificate.name());
            let before = before.filter(|before| before.0 == not_after).map(|before| before.1);
            let level = level(certificate, now);
            if let Some(level) = level
                && before.is_none_or(|before| before < level)
            {
                due.push(Expiring {
                    certificate: certificate.name().to_owned(),
                    path: certificate.path().to_owned(),
                    not_after,
                    left: not_after.duration_since(now).unwrap_or_default(),
                    level,
                });
            }
            if let Some(most) = before.max(level) {
                told.insert(certificate.name().to_owned(), (not_after, most));
            }
        }
        self.0 = told;
        due
    }
}

/// How near a certificate's end is; `None` when it is far.
pub fn level(certificate: &Certificate, now: SystemTime) -> Option<Level> {
    let Ok(left) = certificate.not_after().duration_since(now) else {
        return Some(Level::Over);
    };
    let whole = certificate
        .not_after()
        .duration_since(certificate.not_before())
        .unwrap_or_default();
    if left.is_zero() {
        Some(Level::Over)
    } else if left <= SECOND.min(whole / SECOND_PART) {
        Some(Level::Second)
    } else if left <= FIRST.min(whole / FIRST_PART) {
        Some(Level::First)
    } else {
        None
    }
}
