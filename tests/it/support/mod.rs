//! The three parties of every test, and the configuration that joins them.

use std::time::Duration;

pub(crate) mod click_api;
pub(crate) mod edge;
pub(crate) mod frames;
pub(crate) mod program;
pub(crate) mod visitor;

pub(crate) use click_api::{Act, ClickApi, click, click_bytes, trafficback};
pub(crate) use edge::Edge;
pub(crate) use program::Program;
pub(crate) use visitor::Visitor;

/// Ends once something holds that nobody tells of; a test that waits for what never comes fails.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        let mut look = tokio::time::interval(Duration::from_millis(2));
        while !holds().await {
            look.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "in vain: {what}");
}

/// The key in every configuration of these tests; nobody but the tracker may ever see it.
pub(crate) const KEY: &str = "ca9a71e5-0000-4000-8000-5ec2e7ca9a71";

/// A configuration with one tracker at `tracker`, a short deadline and one link at any host's `/go`.
pub(crate) fn one_link(tracker: &ClickApi) -> String {
    one_link_with(tracker, "")
}

/// The same with more keys of the link's offer.
pub(crate) fn one_link_with(tracker: &ClickApi, more: &str) -> String {
    let link = format!(
        r#"
        [[link]]
        at = "/go"
          [[link.offer]]
          offer_id = 1
          campaign_id = 2
          promo_id = 3
          traffic_url = "https://advertiser.example/?click_id={{click_id}}"
          {more}
        "#
    );
    with_link(tracker, &link)
}

/// The same around links of the test's own.
pub(crate) fn with_link(tracker: &ClickApi, links: &str) -> String {
    format!(
        r#"
        [listen]
        http = "127.0.0.1:0"
        [visitor]
        trusted_proxies = ["127.0.0.0/8"]
        [tracker.main]
        url = "{}"
        secure_key = "{KEY}"
        [click]
        deadline = "{DEADLINE_MS}ms"
        [defaults]
        trafficback_url = "https://back.example/?why={{reason}}"
        {links}
        "#,
        tracker.url(),
    )
}

/// The deadline of these configurations.
pub(crate) const DEADLINE_MS: u64 = 500;
