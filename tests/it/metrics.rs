//! What an edge counts, as a scraper sees it.

use std::collections::BTreeSet;

use crate::{
    readme,
    support::{ClickApi, Edge, Program, Visitor, click, eventually, one_link, program::Folder, trafficback, with_link},
};

/// The names in the README's table of metrics.
fn promised() -> BTreeSet<&'static str> {
    let row = |line: &'static str| line.strip_prefix("| `onehop_").is_some().then_some(line);
    let rows = readme::README.lines().filter_map(row);
    let cells = rows.filter_map(|row| row.split(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.filter_map(|name| name.split('{').next()).collect()
}

/// The metrics that a text describes in lines of a kind, such as HELP.
fn described<'a>(text: &'a str, kind: &str) -> BTreeSet<&'a str> {
    let begins = format!("# {kind} ");
    let rests = text.lines().filter_map(|line| line.strip_prefix(&*begins));
    rests.filter_map(|rest| rest.split(' ').next()).collect()
}

#[tokio::test]
async fn every_metric_is_described_and_promised() {
    let tracker = ClickApi::always(click("1")).await;
    let folder = Folder::new();
    folder.write("certs/localhost.crt", include_str!("../../certs/localhost.crt"));
    folder.write("certs/localhost.key", include_str!("../../certs/localhost.key"));
    let configuration = one_link(&tracker).replace("[listen]", "[listen]\nhttps = \"127.0.0.1:0\"")
        + "[tls]\ncerts = \"certs\"\n[metrics]\nper_link = true\n";
    let edge = Edge::start_in(folder.path(), &configuration);
    eventually("a certificate is told of", async || {
        edge.metrics.prometheus().contains("onehop_certificate_expiry")
    })
    .await;
    let classic = edge.metrics.prometheus();
    let promised = promised();
    assert!(promised.len() > 20, "{promised:?}");
    for kind in ["HELP", "TYPE"] {
        assert_eq!(described(&classic, kind), promised, "{kind}");
    }
    let open = edge.metrics.open_metrics();
    let with_unit: BTreeSet<&str> = promised
        .iter()
        .copied()
        .filter(|name| name.ends_with("_seconds"))
        .collect();
    assert_eq!(described(&open, "UNIT"), with_unit);
    let without_total = promised.iter().map(|name| name.trim_end_matches("_total")).collect();
    for kind in ["HELP", "TYPE"] {
        assert_eq!(described(&open, kind), without_total, "{kind}");
    }
    edge.stop().await;
}

const LINKS: &str = r#"
    [metrics]
    per_link = true
    [[link]]
    at = ["go.example.com/one", "/also-one"]
      [[link.offer]]
      offer_id = 1
      campaign_id = 2
      promo_id = 3
      traffic_url = "https://advertiser.example/?c={click_id}"
    [[link]]
    at = "/other/*"
      [[link.offer]]
      offer_id = 4
      campaign_id = 5
      promo_id = 6
      traffic_url = "https://advertiser.example/?c={click_id}"
"#;

fn of_links(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("onehop_link_")).collect()
}

#[tokio::test]
async fn each_link_has_counts_of_its_own() {
    let tracker = ClickApi::start(|call| match call.parameter("offer_id").as_deref() {
        Some(b"1") => click("1"),
        _ => trafficback("overcap"),
    })
    .await;
    let folder = Folder::new();
    let configuration = with_link(&tracker, LINKS).replace("[listen]", "[listen]\nadmin = \"127.0.0.1:0\"");
    folder.write("onehop.toml", &configuration);
    let program = Program::start(&["run"], folder.path(), &[]);
    let visitor = Visitor::new(program.hear("listening on http://").parse().expect("an address"));
    let operator = Visitor::new(program.hear("metrics on http://").parse().expect("an address")).host("localhost");
    let metrics = async || {
        let body = operator.get("/metrics").await.body;
        String::from_utf8(body).expect("UTF-8")
    };
    let reload = async |configuration: &str| {
        folder.write("onehop.toml", configuration);
        assert_eq!(operator.clone().method("POST").get("/reload").await.status, 200);
    };
    for path in ["/one", "/also-one", "/other/a", "/other/b", "/none", "/one?link=x"] {
        visitor.get(path).await;
    }
    visitor.clone().user_agent("curl/8").get("/one").await;
    visitor.clone().header("Purpose", "prefetch").get("/one").await;
    let one = [
        "onehop_link_hits_total{link=\"go.example.com/one\",outcome=\"advertiser\"} 3",
        "onehop_link_hits_total{link=\"go.example.com/one\",outcome=\"trafficback\"} 1",
        "onehop_link_hits_total{link=\"go.example.com/one\",outcome=\"refused\"} 1",
    ];
    let other = "onehop_link_hits_total{link=\"/other/*\",outcome=\"trafficback\"} 2";
    let clicks = "onehop_link_clicks_total{link=\"go.example.com/one\"} 1";
    assert_eq!(of_links(&metrics().await), [&one[..], &[other, clicks]].concat());

    // The link that stays keeps its counts, the one that goes has none any more, and none if it is back.
    reload(&configuration.replace("/other/*", "/another/*")).await;
    visitor.get("/another/a").await;
    let another = "onehop_link_hits_total{link=\"/another/*\",outcome=\"trafficback\"} 1";
    assert_eq!(of_links(&metrics().await), [&one[..], &[another, clicks]].concat());
    reload(&configuration).await;
    assert_eq!(of_links(&metrics().await), [&one[..], &[clicks]].concat());

    reload(&configuration.replace("per_link = true", "")).await;
    visitor.get("/one").await;
    assert!(!metrics().await.contains("onehop_link_"));
}

/// Whatever a configuration calls its places and trackers, a scraper reads one value a line.
#[tokio::test]
async fn labels_are_escaped() {
    let tracker = ClickApi::always(click("1")).await;
    let configuration = with_link(&tracker, LINKS)
        .replace("tracker.main", "tracker.\"a\\\"b\\\\c\\nd\"")
        .replace("/other/*", "/o\\\"t\\\\her/*");
    let edge = Edge::start(&configuration);
    edge.visitor().get("/o%22t%5Cher/x").await;
    let text = edge.metrics.prometheus();
    for line in [
        r#"onehop_click_api_requests_total{tracker="a\"b\\c\nd",result="click"} 1"#,
        r#"onehop_link_hits_total{link="/o\"t\\her/*",outcome="advertiser"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    edge.stop().await;
}
