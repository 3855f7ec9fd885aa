//! onehop: an edge redirect proxy, the one hop between an ad and the advertiser.
//!
//! The modules stand in the order of a hit.
//!
//! | module | owns |
//! | --- | --- |
//! | [`args`], [`commands`] | the command line |
//! | [`app`] | wiring, start and drain |
//! | [`config`], [`databases`], [`certificates`] | files, and every mistake in them; those that are taken up as they change |
//! | [`listener`], [`tls`], [`door`], [`server`] | connections; an outcome's answer |
//! | [`hit`], [`edge`], [`outcome`] | the way of a hit, what it is served from, how it ends |
//! | [`visitor`] | who clicked |
//! | [`link`] | which link stands at a host and path |
//! | [`click`] | the Click API |
//! | [`redirect`] | templates and locations |
//! | [`explain`] | the same without asking anybody |
//! | [`doctor`] | what is wrong around an edge, and the mend |
//! | [`observe`], [`admin`] | metrics, click log, diagnostics |
//! | [`history`], [`report`], [`replay`] | click logs read back, what they come to, and what another configuration would have made of them |
//! | [`reconcile`] | click logs beside what a network counts |
//! | [`sandbox`] | the stand-in Click API |
//! | [`click_id`], [`hit_id`], [`trace_id`], [`query`], [`percent`], [`networks`], [`offer_ids`], [`file_print`] | words that stages share |
//! | [`plain_text`] | words of others, shown to a person |
//! | [`in_place`], [`spare`] | futures made in their boxes, and room kept from one hit for the next |
//! | [`about`], [`country`], [`device`], [`language`] | what can be found out about a visitor, and its words |
//!
//! What always holds:
//!
//! 1. No visitor goes to an advertiser without a click id: only a template that demands one makes that kind of location.
//! 2. No visitor sees an error because a tracker failed, and none waits longer than `click.deadline`.
//! 3. The secret key is in no type that can be printed.
//! 4. A visitor's bytes set values, never names, hosts or headers.
//! 5. Only `visitor::real_ip` reads forwarded headers; only `server::reply` writes statuses.

pub mod about;
pub mod admin;
pub mod app;
pub mod args;
pub mod certificates;
pub mod click;
pub mod click_id;
pub mod commands;
pub mod config;
pub mod country;
pub mod databases;
pub mod device;
pub mod doctor;
pub mod door;
pub mod edge;
pub mod explain;
pub mod file_print;
pub mod headers;
pub mod history;
pub mod hit;
pub mod hit_id;
pub mod in_place;
pub mod keyed_hash;
pub mod language;
pub mod link;
pub mod listener;
pub mod networks;
pub mod observe;
pub mod offer_ids;
pub mod outcome;
pub mod percent;
pub mod plain_json;
pub mod plain_text;
pub mod query;
pub mod reconcile;
pub mod redirect;
pub mod replay;
pub mod report;
pub mod sandbox;
pub mod server;
pub mod spare;
pub mod tls;
pub mod trace_id;
pub mod visitor;
