//! Behaviour of the whole edge over real sockets: `click_api()` is scripted, `edge()` listens on a port of its own, and
//! `visitor()` looks at what comes back.

mod support;

mod admin;
mod answers;
mod breaker;
mod cache;
mod commands;
mod configuration;
mod connections;
mod connections_to_trackers;
mod diagnostics;
mod doctor;
mod drain;
mod explain;
mod faults;
mod fuzzed;
mod hedges;
mod http2_attacks;
mod http2_rules;
mod https;
mod limits;
mod log;
mod malformed;
mod metrics;
mod offers;
mod proxies;
mod readme;
mod real_ip;
mod reconcile;
mod reload;
mod repeats;
mod replay;
mod report;
mod requests;
mod restart;
mod rule_mistakes;
mod rules;
mod schema;
mod secret;
mod slow;
mod sums;
mod tidy;
mod tls;
mod what_a_visitor_gets;
mod words;
