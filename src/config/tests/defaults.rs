//! What holds where a configuration says nothing.

use std::{path::Path, time::Duration};

use http::StatusCode;

use super::super::load::read_text;
use crate::{
    edge::{BotRule, Unmatched},
    visitor::RealIpHeader,
};

#[test]
fn the_table_of_the_guide() {
    let text = "[tracker.t]\nurl = 'http://127.0.0.1:9/x'\nsecure_key = 'k'\n[[link]]\nat = '/a'\n\
                trafficback_url = 'https://a.example'\n[[link.offer]]\noffer_id = 1\ncampaign_id = 2\npromo_id = 3\n\
                traffic_url = 'https://a.example/{click_id}'\n";
    let config = read_text(Path::new("x.toml"), text, &[], &|_| Box::new(|_| {})).config;
    let config = config.expect("no mistake");
    assert_eq!(config.http, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!((config.admin, config.click_log), (None, None));
    assert_eq!(config.limits.drain, Duration::from_secs(30));
    assert!(config.real_ip.trusted.is_empty());
    assert_eq!(config.real_ip.header, RealIpHeader::XForwardedFor);
    assert!(matches!(config.bots, BotRule::Stop));
    assert_eq!(config.click.care.deadline, Duration::from_secs(2));
    assert_eq!(config.click.cache_entries, 1_000_000);
    assert_eq!(config.click.ttl, Duration::from_mins(5));
    assert_eq!(config.click.ttl_when_exists, Duration::from_mins(1));
    assert!(matches!(config.unmatched, Unmatched::Status(StatusCode::NOT_FOUND)));
}
