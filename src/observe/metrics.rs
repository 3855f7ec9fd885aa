//! Counters and histograms, for Prometheus. Every label value is of a closed set, or a tracker's name out of the
//! configuration: nothing that a visitor sends adds a series.

use std::{
    fmt::Write as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{
    link_metrics::Links,
    tracker_metrics::{TrackerMetrics, Trackers},
};
use crate::{
    click::CacheUse,
    edge::Link,
    link::Table,
    outcome::{Kind, Reason},
};

/// A hit from the cache takes microseconds; one that asks takes what a call takes.
const HIT_SECONDS: [f64; 14] = [
    0.000_025, 0.000_1, 0.000_5, 0.002_5, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0,
];

/// What the edge counts.
pub struct Metrics {
    registry: Registry,
    hits: Family<HitLabels, Counter>,
    /// The counters of `hits` by kind and reason (the last is none), made when first counted.
    hit_counters: [[OnceLock<Counter>; Reason::ALL.len() + 1]; Kind::ALL.len()],
    hit_seconds: [Histogram; Kind::ALL.len()],
    trackers: Trackers,
    cache: [Counter; 4],
    connections: Gauge,
    certificates: Family<CertificateLabel, Gauge>,
    turned_away: [Counter; 3],
    reloads: Counter,
    reload_failures: Counter,
    log_dropped: Counter,
    links: Links,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HitLabels {
    outcome: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CertificateLabel {
    certificate: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WhyLabel {
    why: &'static str,
}

/// Why a connection is closed before it says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// There are as many as may be.
    Connections,
    /// There are as many of its address as may be.
    Address,
    /// Nearly as many files are open as may be.
    Files,
}

impl TurnedAway {
    const ALL: [Self; 3] = [Self::Connections, Self::Address, Self::Files];

    /// The word in metrics and logs.
    pub fn why(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Address => "address",
            Self::Files => "files",
        }
    }

    /// What an operator can do.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Connections => "limits.connections are open",
            Self::Address => "limits.connections_per_address are open; name proxies in visitor.trusted_proxies",
            Self::Files => "95 % of the limit of open files are open; raise it (LimitNOFILE, ulimit -n)",
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CacheLabel {
    result: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("onehop");
        let hits = Family::default();
        registry.register("hits", "Requests at the edge, by how they ended", hits.clone());
        let by_outcome =
            Family::<OutcomeLabel, Histogram, fn() -> Histogram>::new_with_constructor(|| Histogram::new(HIT_SECONDS));
        registry.register_with_unit(
            "hit",
            "From a request's head to its answer",
            Unit::Seconds,
            by_outcome.clone(),
        );
        let trackers = Trackers::register(&mut registry);
        let by_result = Family::<CacheLabel, Counter>::default();
        registry.register(
            "click_cache",
            "Clicks looked for in the cache: found, not found, being asked for, or refused to every visitor of the offer",
            by_result.clone(),
        );
        let connections = Gauge::default();
        registry.register("connections", "Open connections of visitors", connections.clone());
        let certificates = Family::default();
        registry.register_with_unit(
            "certificate_expiry_timestamp",
            "When a certificate ends, in seconds since 1970",
            Unit::Seconds,
            certificates.clone(),
        );
        let by_why = Family::<WhyLabel, Counter>::default();
        registry.register(
            "connections_turned_away",
            "Connections that were closed at once, since there were too many",
            by_why.clone(),
        );
        let reloads = Counter::default();
        registry.register(
            "config_reloads",
            "Changed files that were taken up while serving",
            reloads.clone(),
        );
        let reload_failures = Counter::default();
        registry.register(
            "config_reload_failures",
            "Changed files that could not be used, so that the old ones are",
            reload_failures.clone(),
        );
        let log_dropped = Counter::default();
        registry.register(
            "click_log_dropped",
            "Lines of the click log that could not be written",
            log_dropped.clone(),
        );
        let links = Links::default();
        registry.register_collector(Box::new(links.clone()));
        let cached = |result| by_result.get_or_create_owned(&CacheLabel { result });
        let metrics = Self {
            hits,
            hit_counters: Default::default(),
            hit_seconds: Kind::ALL.map(|kind| by_outcome.get_or_create_owned(&OutcomeLabel { outcome: kind.as_str() })),
            trackers,
            cache: [cached("hit"), cached("miss"), cached("joined"), cached("offer")],
            connections,
            certificates,
            turned_away: TurnedAway::ALL.map(|why| by_why.get_or_create_owned(&WhyLabel { why: why.why() })),
            reloads,
            reload_failures,
            log_dropped,
            links,
            registry,
        };
        // So that each metric is there before the first hit. Reasons come as they are met.
        for kind in [Kind::Advertiser, Kind::Unmatched, Kind::Refused] {
            metrics.hits(kind, None);
        }
        metrics
    }
}

impl Metrics {
    /// Counts a changed file, and whether it could be used.
    pub fn reload(&self, used: bool) {
        if used { &self.reloads } else { &self.reload_failures }.inc();
    }

    /// Shows what is counted of each of these links from now on, and of no others.
    pub fn links(&self, links: Option<Arc<Table<Link>>>) {
        self.links.are(links);
    }

    /// The certificates in use, by name, and when each ends, in seconds since 1970.
    pub fn certificates<'a>(&self, ends: impl Iterator<Item = (&'a str, u64)>) {
        self.certificates.clear();
        for (certificate, end) in ends {
            let label = CertificateLabel {
                certificate: certificate.to_owned(),
            };
            self.certificates
                .get_or_create_owned(&label)
                .set(i64::try_from(end).unwrap_or(i64::MAX));
        }
    }

    fn hits(&self, kind: Kind, reason: Option<Reason>) -> &Counter {
        let index = reason.map_or(Reason::ALL.len(), |reason| reason as usize);
        self.hit_counters[kind as usize][index].get_or_init(|| {
            self.hits.get_or_create_owned(&HitLabels {
                outcome: kind.as_str(),
                reason: reason.map_or("", Reason::as_str),
            })
        })
    }

    /// Counts a hit.
    pub fn hit(&self, kind: Kind, reason: Option<Reason>, total: Duration) {
        self.hits(kind, reason).inc();
        self.hit_seconds[kind as usize].observe(total.as_secs_f64());
    }

    /// Counts a look into the cache.
    pub fn cache(&self, used: CacheUse) {
        let index = match used {
            CacheUse::Hit => 0,
            CacheUse::Miss => 1,
            CacheUse::Joined => 2,
            CacheUse::Offer => 3,
        };
        self.cache[index].inc();
    }

    /// What is counted of one tracker.
    pub fn tracker(&self, name: &str) -> TrackerMetrics {
        self.trackers.of(name)
    }

    /// Counts lines of the click log that are lost.
    pub fn click_log_dropped(&self, lines: u64) {
        self.log_dropped.inc_by(lines);
    }

    /// Counts a connection that was closed at once.
    pub fn turned_away(&self, why: TurnedAway) {
        self.turned_away[why as usize].inc();
    }

    /// Counts an open connection until the guard is dropped.
    pub fn connection(&self) -> ConnectionGuard {
        self.connections.inc();
        ConnectionGuard(self.connections.clone())
    }

    /// Everything in `OpenMetrics` text.
    pub fn open_metrics(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    /// Everything in Prometheus' own text format, in which the metadata of a counter names it with `_total`.
    pub fn prometheus(&self) -> String {
        let text = self.open_metrics();
        let counters: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
            .collect();
        let mut out = String::with_capacity(text.len());
        for line in text.lines() {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("EOF" | "UNIT"), ..) => {}
                (Some("#"), Some(what), Some(name), Some(rest)) if counters.contains(&name) => {
                    let _ = writeln!(out, "# {what} {name}_total {rest}");
                }
                _ => {
                    let _ = writeln!(out, "{line}");
                }
            }
        }
        out
    }
}

/// A connection that is open.
pub struct ConnectionGuard(Gauge);

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_text_formats() {
        let metrics = Metrics::default();
        metrics.hit(Kind::Advertiser, None, Duration::from_millis(1));
        metrics.hit(Kind::Trafficback, Some(Reason::Overcap), Duration::ZERO);
        let open = metrics.open_metrics();
        assert!(open.contains("# TYPE onehop_hits counter\n"), "{open}");
        assert!(open.ends_with("# EOF\n"));
        let classic = metrics.prometheus();
        for line in [
            "# TYPE onehop_hits_total counter",
            "onehop_hits_total{outcome=\"advertiser\",reason=\"\"} 1",
            "onehop_hits_total{outcome=\"trafficback\",reason=\"overcap\"} 1",
            "# TYPE onehop_hit_seconds histogram",
            "# TYPE onehop_connections gauge",
            "onehop_click_log_dropped_total 0",
        ] {
            assert!(classic.lines().any(|found| found == line), "{line}\n{classic}");
        }
        assert!(!classic.contains("EOF") && !classic.contains("# UNIT"));
    }

    #[test]
    fn an_open_connection_is_counted_while_it_is_open() {
        let metrics = Metrics::default();
        let guard = metrics.connection();
        assert!(metrics.prometheus().contains("onehop_connections 1"));
        drop(guard);
        assert!(metrics.prometheus().contains("onehop_connections 0"));
    }
}
