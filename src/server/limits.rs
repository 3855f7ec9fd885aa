//! The limits of the front door: the one table of their keys, defaults, ranges and reasons.
//!
//! Not owned: how they are read (`config`) and who holds to them (the rest of `server`, `listener`, `tls`).

use std::{ops::RangeInclusive, time::Duration};

/// What connections and requests may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections in all.
    pub connections: u32,
    /// Open connections of one address, or of one IPv6 /64; trusted proxies speak for many and have no such limit, and those whom
    /// their PROXY headers announce have.
    pub connections_per_address: u32,
    /// From a connection to its first byte.
    pub first_byte: Duration,
    /// For a handshake of TLS.
    pub handshake: Duration,
    /// From a head's first byte to its last, and for a frame of HTTP/2.
    pub head: Duration,
    /// For the next request on a kept HTTP/1 connection.
    pub keep_alive: Duration,
    /// Without a request on an HTTP/2 connection, whatever else it says.
    pub http2_idle: Duration,
    /// For the client to take what is to be sent.
    pub write_stall: Duration,
    /// Requests on one connection.
    pub requests_per_connection: u32,
    /// Age of a connection after which it takes no more requests.
    pub connection_age: Duration,
    /// Length of a request's head, in bytes.
    pub header_bytes: u32,
    /// Fields of a request's head.
    pub header_fields: u32,
    /// Length of a request's target, in bytes.
    pub target_bytes: u32,
    /// Requests of an HTTP/2 connection at a time.
    pub http2_streams: u32,
    /// Streams that an HTTP/2 client resets, or makes the edge reset.
    pub http2_resets: u32,
    /// Frames of an HTTP/2 connection that are no request, beyond ten for each request.
    pub http2_frames: u32,
    /// For stopping.
    pub drain: Duration,
}

/// Frames without a request that each request of an HTTP/2 connection pays for: an honest client sends two or three.
pub(super) const FRAMES_PER_REQUEST: u64 = 10;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 1_000,
            first_byte: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_mins(1),
            http2_idle: Duration::from_mins(1),
            write_stall: Duration::from_secs(20),
            requests_per_connection: 1_000,
            connection_age: Duration::from_hours(1),
            header_bytes: 16 * 1024,
            header_fields: 64,
            target_bytes: 8 * 1024,
            http2_streams: 100,
            http2_resets: 128,
            http2_frames: 1_000,
            drain: Duration::from_secs(30),
        }
    }
}

/// One limit.
pub struct Limit {
    /// Its key in `[limits]`.
    pub key: &'static str,
    /// What it is of, for who configures it.
    pub what: &'static str,
    /// Why there is one, and why this one.
    pub reason: &'static str,
    /// What it counts, and where it stands.
    pub measure: Measure,
}

/// What a limit counts.
pub enum Measure {
    /// A number of things of this name, within a range.
    Count(&'static str, RangeInclusive<i64>, fn(&mut Limits) -> &mut u32),
    /// A time that is longer than zero.
    Time(fn(&mut Limits) -> &mut Duration),
    /// A time.
    TimeOrNone(fn(&mut Limits) -> &mut Duration),
}

impl Limit {
    /// Its value, with its unit, as people read it.
    pub fn shown(&self, mut of: Limits) -> String {
        match self.measure {
            Measure::Count(unit, _, at) => format!("{} {unit}", at(&mut of)),
            Measure::Time(at) | Measure::TimeOrNone(at) => humantime::format_duration(*at(&mut of)).to_string(),
        }
    }

    /// Its value as a configuration has it.
    pub fn written(&self, mut of: Limits) -> String {
        match self.measure {
            Measure::Count(_, _, at) => at(&mut of).to_string(),
            Measure::Time(at) | Measure::TimeOrNone(at) => {
                format!("\"{}\"", humantime::format_duration(*at(&mut of)))
            }
        }
    }
}

/// Every limit.
pub static LIMITS: [Limit; 17] = [
    Limit {
        key: "connections",
        what: "Open connections in all; more are closed at once.",
        reason: "some 10 KB of memory each, and a descriptor; at 95 % of the limit of open files they are closed too",
        measure: Measure::Count("connections", 1..=1_000_000, |limits| &mut limits.connections),
    },
    Limit {
        key: "connections_per_address",
        what: "Open connections of one address, or one IPv6 /64: the peer's, or whom a PROXY header announces; trusted_proxies have no such limit.",
        reason: "an office or a carrier behind one address fits, one machine does not take every place",
        measure: Measure::Count("connections", 1..=1_000_000, |limits| {
            &mut limits.connections_per_address
        }),
    },
    Limit {
        key: "first_byte",
        what: "From a connection to its first byte.",
        reason: "browsers connect ahead of a click, and come again when they were closed",
        measure: Measure::Time(|limits| &mut limits.first_byte),
    },
    Limit {
        key: "handshake",
        what: "For a handshake of TLS.",
        reason: "it is two round trips",
        measure: Measure::Time(|limits| &mut limits.handshake),
    },
    Limit {
        key: "head",
        what: "From a request's first byte to the end of its head.",
        reason: "a head is a few packets: whoever sends it drop by drop means harm",
        measure: Measure::Time(|limits| &mut limits.head),
    },
    Limit {
        key: "keep_alive",
        what: "For the next request on a kept HTTP/1 connection.",
        reason: "visitors seldom click twice; proxies in front keep connections for about a minute",
        measure: Measure::Time(|limits| &mut limits.keep_alive),
    },
    Limit {
        key: "http2_idle",
        what: "Without a request on an HTTP/2 connection, whatever PINGs say.",
        reason: "as for HTTP/1: PINGs are no visitors",
        measure: Measure::Time(|limits| &mut limits.http2_idle),
    },
    Limit {
        key: "write_stall",
        what: "For a client to take all that is ready to be sent.",
        reason: "an answer is one packet; whoever does not read has gone, or holds memory on purpose",
        measure: Measure::Time(|limits| &mut limits.write_stall),
    },
    Limit {
        key: "requests_per_connection",
        what: "Requests on one connection, which then closes politely.",
        reason: "what a connection gathered is given back, and connections spread over nodes anew",
        measure: Measure::Count("requests", 1..=1_000_000_000, |limits| {
            &mut limits.requests_per_connection
        }),
    },
    Limit {
        key: "connection_age",
        what: "Age of a connection, which then closes politely.",
        reason: "nobody stays for ever, however little he sends",
        measure: Measure::Time(|limits| &mut limits.connection_age),
    },
    Limit {
        key: "header_bytes",
        what: "Length of a request's head.",
        reason: "browsers' cookies for a link's domain fit many times",
        measure: Measure::Count("bytes", 1_024..=262_144, |limits| &mut limits.header_bytes),
    },
    Limit {
        key: "header_fields",
        what: "Fields of a request's head; over HTTP/2 all its cookies are one.",
        reason: "browsers send about 20, proxies add a few",
        measure: Measure::Count("fields", 1..=1_000, |limits| &mut limits.header_fields),
    },
    Limit {
        key: "target_bytes",
        what: "Length of a request's path and query.",
        reason: "an ad's link with every parameter that a network adds fits many times",
        measure: Measure::Count("bytes", 1..=65_534, |limits| &mut limits.target_bytes),
    },
    Limit {
        key: "http2_streams",
        what: "Requests of an HTTP/2 connection at a time.",
        reason: "each may wait for a tracker; the least that RFC 9113 (section 6.5.2) recommends",
        measure: Measure::Count("streams", 1..=10_000, |limits| &mut limits.http2_streams),
    },
    Limit {
        key: "http2_resets",
        what: "Streams that an HTTP/2 client resets, or makes the edge reset, before it is cut off.",
        reason: "a reset stream has cost work and counts for no place (CVE-2023-44487, CVE-2025-8671)",
        measure: Measure::Count("resets", 1..=1_000_000, |limits| &mut limits.http2_resets),
    },
    Limit {
        key: "http2_frames",
        what: "HTTP/2 frames that are no request, beyond 10 for each request, before the client is cut off.",
        reason: "SETTINGS, PING and the like cost an answer each and bring no visitor (CVE-2019-9512, CVE-2019-9515)",
        measure: Measure::Count("frames", 100..=1_000_000_000, |limits| &mut limits.http2_frames),
    },
    Limit {
        key: "drain",
        what: "The longest that stopping takes.",
        reason: "longer than any deadline, so that whoever waits for a tracker gets an answer",
        measure: Measure::TimeOrNone(|limits| &mut limits.drain),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_key_of_its_own_and_a_default_that_may_be_written() {
        for (n, limit) in LIMITS.iter().enumerate() {
            assert!(LIMITS[..n].iter().all(|other| other.key != limit.key), "{}", limit.key);
            let mut limits = Limits::default();
            match &limit.measure {
                Measure::Count(_, range, at) => assert!(range.contains(&i64::from(*at(&mut limits)))),
                Measure::Time(at) | Measure::TimeOrNone(at) => assert!(!at(&mut limits).is_zero()),
            }
        }
    }

    /// Two limits in one place would be one limit.
    #[test]
    fn each_limit_stands_in_a_place_of_its_own() {
        let shown = |limits| LIMITS.iter().map(|limit| limit.shown(limits)).collect::<Vec<_>>();
        let default = shown(Limits::default());
        for (n, limit) in LIMITS.iter().enumerate() {
            let mut limits = Limits::default();
            match &limit.measure {
                Measure::Count(_, _, at) => *at(&mut limits) += 7,
                Measure::Time(at) | Measure::TimeOrNone(at) => *at(&mut limits) += Duration::from_secs(7),
            }
            let changed: Vec<usize> = (0..LIMITS.len())
                .filter(|&other| shown(limits)[other] != default[other])
                .collect();
            assert_eq!(changed, [n], "{}", limit.key);
        }
    }
}
