//! Rules of offers, their order, places and devices, over real sockets.

use std::{fs, path::Path};

use crate::support::{
    ClickApi, Edge, Visitor, click, click_api::Call, eventually, program::Folder, trafficback, with_link,
};

/// The repository's database: 192.0.2.0/24 is in Germany, 198.51.100.0/24 in the United States, and so on.
const PLACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/geoip/sandbox.mmdb");

const PHONE: &str = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36";
const TABLET: &str = "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";

async fn location(visitor: Visitor, target: &str) -> String {
    visitor.get(target).await.location().to_owned()
}

fn geoip(folder: &str) -> String {
    format!("[geoip]\ncountry = \"{folder}\"\nasn = \"{folder}\"\n")
}

fn offer(id: u64, more: &str) -> String {
    format!(
        r#"
          [[link.offer]]
          offer_id = {id}
          campaign_id = 2
          promo_id = 3
          traffic_url = "https://advertiser.example/{id}?c={{click_id}}"
          {more}
        "#
    )
}

/// An edge with one link at `/go` with these offers, numbered from 1, and a tracker that gives every visitor a click.
async fn edge(link: &str, offers: &[&str]) -> (ClickApi, Edge) {
    let tracker = ClickApi::start(|_| click("1")).await;
    let offers: String = (1..).zip(offers).map(|(id, more)| offer(id, more)).collect();
    let links = format!("{}\n[[link]]\nat = \"/go\"\n{link}\n{offers}", geoip(PLACES));
    let edge = Edge::start(&with_link(&tracker, &links));
    (tracker, edge)
}

#[tokio::test]
async fn each_key_chooses_the_offer() {
    for (rules, who, other) in [
        (
            "when = { country = [\"DE\", \"at\"] }",
            "from 192.0.2.1",
            "from 198.51.100.1",
        ),
        ("when = { country = \"AT\" }", "from 203.0.113.1", "from 203.0.113.64"),
        (
            "when = { continent = [\"EU\"] }",
            "from 203.0.113.200",
            "from 198.51.100.1",
        ),
        (
            "unless = { continent = [\"EU\"] }",
            "from 198.51.100.1",
            "from 203.0.113.200",
        ),
        (
            "when = { country = \"US\" }",
            "from 2001:db8:8000::1",
            "from 2001:db8::1",
        ),
        ("when = { asn = [64497] }", "from 198.51.100.1", "from 192.0.2.1"),
        ("when = { asn = \"AS64497\" }", "from 198.51.100.1", "from 10.0.0.1"),
        (
            "when = { ip = [\"192.0.2.128/25\"] }",
            "from 192.0.2.128",
            "from 192.0.2.127",
        ),
        ("when = { device = [\"phone\", \"tablet\"] }", "phone", "desktop"),
        (
            "when = { device = \"tablet\", os = \"iOS\", browser = \"safari\" }",
            "tablet",
            "phone",
        ),
        ("unless = { device = \"phone\" }", "desktop", "phone"),
        (
            "when = { language = \"de\" }",
            "Accept-Language: en, de-AT;q=0.2",
            "Accept-Language: en, de;q=0",
        ),
        (
            "when = { referrer = \"*.example.com\" }",
            "Referer: https://blog.example.com/x",
            "Referer: https://example.com/x",
        ),
        (
            "when = { query = { zone = [\"a b\", \"c*\"] } }",
            "?zone=a+b",
            "?zone=b",
        ),
        ("unless = { query = { debug = \"*\" } }", "?zone=1", "?debug"),
        (
            "when = { country = \"DE\", device = \"phone\" }",
            "phone from 192.0.2.1",
            "phone from 198.51.100.1",
        ),
        (
            "unless = { country = \"US\", device = \"phone\" }",
            "from 192.0.2.1",
            "phone from 192.0.2.1",
        ),
    ] {
        let (_tracker, edge) = edge("", &[rules, ""]).await;
        for (visitor, expected) in [(who, "/1"), (other, "/2")] {
            let mut asks = edge.visitor();
            let mut target = "/go".to_owned();
            let (kind, place) = visitor
                .split_once("from ")
                .map_or((visitor, None), |(kind, ip)| (kind, Some(ip)));
            if let Some(ip) = place {
                asks = asks.from(ip);
            }
            match kind.trim() {
                "phone" => asks = asks.user_agent(PHONE),
                "tablet" => asks = asks.user_agent(TABLET),
                "desktop" | "" => {}
                query if query.starts_with('?') => target += query,
                header => {
                    let (name, value) = header.split_once(": ").expect("a header");
                    asks = asks.header(name, value);
                }
            }
            let to = location(asks, &target).await;
            assert!(
                to.starts_with(&format!("https://advertiser.example{expected}?")),
                "{rules}: {visitor} goes to {to}"
            );
        }
    }
}

#[tokio::test]
async fn a_rule_asks_nobody() {
    let (tracker, edge) = edge("", &["when = { country = \"DE\" }"]).await;
    let back = location(edge.visitor().from("198.51.100.1"), "/go").await;
    assert_eq!(back, "https://back.example/?why=no_offer");
    assert_eq!(tracker.calls().len(), 0);
    edge.visitor().from("10.0.0.1").get("/go").await.reason();
    assert_eq!(edge.hits("trafficback", "no_offer"), 2);
}

#[tokio::test]
async fn a_trafficback_moves_on_to_the_next_that_fits() {
    let tracker = ClickApi::start(|call: &Call| {
        if call.number == 0 {
            trafficback("targeting")
        } else {
            click("1")
        }
    })
    .await;
    let offers = [
        offer(1, ""),
        offer(2, "when = { country = \"US\" }"),
        offer(3, "when = { country = \"DE\" }"),
    ]
    .concat();
    let links = format!("{}\n[[link]]\nat = \"/go\"\n{offers}", geoip(PLACES));
    let edge = Edge::start(&with_link(&tracker, &links));
    let to = location(edge.visitor(), "/go").await;
    assert_eq!(to, "https://advertiser.example/3?c=1");
}

#[tokio::test]
async fn a_time_rule_holds_now_or_not() {
    let always = "when = { time = { days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\", \"sat\", \"sun\"] } }";
    let never = format!("un{}", always.replace("when", "less"));
    let (_tracker, edge) = edge("", &[&never, always]).await;
    let to = location(edge.visitor(), "/go").await;
    assert_eq!(to, "https://advertiser.example/2?c=1");
}

#[tokio::test]
async fn weighted_visitors_stay_with_their_offer() {
    let (_tracker, edge) = edge("order = \"weighted\"", &["weight = 70", "weight = 30"]).await;
    let mut first = 0;
    for number in 0..200 {
        let ip = format!("192.0.2.{number}");
        let first_time = location(edge.visitor().from(&ip), "/go").await;
        let again = location(edge.visitor().from(&ip), "/go?again").await;
        assert_eq!(first_time, again);
        first += i32::from(first_time.starts_with("https://advertiser.example/1"));
    }
    assert!((110..170).contains(&first), "{first} of 200 at weight 70");
    // Another edge, another process: the same draw.
    let (_other_tracker, other) = self::edge("order = \"weighted\"", &["weight = 70", "weight = 30"]).await;
    for number in 0..20 {
        let ip = format!("192.0.2.{number}");
        let one = location(edge.visitor().from(&ip), "/go").await;
        assert_eq!(one, location(other.visitor().from(&ip), "/go").await);
    }
}

#[tokio::test]
async fn a_weight_of_zero_is_for_those_whom_the_others_do_not_want() {
    let tracker = ClickApi::start(|call: &Call| {
        if call.parameter("offer_id").as_deref() == Some(b"2") {
            trafficback("overcap")
        } else {
            click("1")
        }
    })
    .await;
    let offers = [offer(1, "weight = 0"), offer(2, "weight = 5"), offer(3, "weight = 0")].concat();
    let links = format!("[[link]]\nat = \"/go\"\norder = \"weighted\"\n{offers}");
    let edge = Edge::start(&with_link(&tracker, &links));
    let to = location(edge.visitor(), "/go").await;
    assert_eq!(to, "https://advertiser.example/1?c=1");
    let asked: Vec<_> = tracker.calls().iter().map(|call| call.parameter("offer_id")).collect();
    assert_eq!(asked, [Some(b"2".to_vec()), Some(b"1".to_vec())]);
}

#[tokio::test]
async fn macros_tell_what_was_found_out() {
    let macros = "https://advertiser.example/?c={click_id}&m={country}-{asn}-{device}-{os}-{browser}-{language}";
    let tracker = ClickApi::start(|_| click("1")).await;
    let links = format!(
        r#"{}
        [[link]]
        at = "/go"
        trafficback_url = "https://back.example/{{country}}/{{device}}?l={{language}}&a={{asn}}"
          [[link.offer]]
          offer_id = 1
          campaign_id = 2
          promo_id = 3
          traffic_url = "{macros}"
          send = {{ subid1 = "{{country}}-{{device}}" }}
        "#,
        geoip(PLACES)
    );
    let edge = Edge::start(&with_link(&tracker, &links));
    let phone = edge
        .visitor()
        .user_agent(PHONE)
        .header("Accept-Language", "de-AT,de;q=0.9");
    let to = location(phone.clone(), "/go").await;
    assert_eq!(
        to,
        "https://advertiser.example/?c=1&m=DE-64496-phone-android-chrome-de-AT"
    );
    assert_eq!(
        tracker.calls()[0].parameter("subid1").as_deref(),
        Some(&b"DE-phone"[..])
    );
    let back = location(phone.clone().method("HEAD"), "/go").await;
    assert_eq!(back, "https://back.example/DE/phone?l=de-AT&a=64496");
    let unknown = edge
        .visitor()
        .from("10.0.0.1")
        .user_agent("Something/1.0")
        .method("HEAD");
    assert_eq!(location(unknown, "/go").await, "https://back.example//?l=&a=");
}

#[tokio::test]
async fn the_click_log_has_country_and_device_though_no_rule_asks() {
    let tracker = ClickApi::start(|_| click("1")).await;
    let folder = Folder::new();
    let links = format!(
        "{}\n[click_log]\npath = \"clicks.jsonl\"\n[[link]]\nat = \"/go\"\n{}",
        geoip(PLACES),
        offer(1, "")
    );
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, &links));
    location(edge.visitor().user_agent(PHONE), "/go").await;
    edge.visitor()
        .from("10.0.0.1")
        .user_agent("curl/8.0")
        .get("/none")
        .await;
    edge.stop().await;
    let told: Vec<serde_json::Value> = folder
        .read("clicks.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|line| (line["country"].as_str(), line["device"].as_str()))
        .collect();
    assert_eq!(told, [(Some("DE"), Some("phone")), (None, Some("bot"))]);
}

/// Puts a file in the place of another at once, as whoever renews databases does.
fn replace(path: &Path, bytes: &[u8]) {
    let beside = path.with_extension("new");
    fs::write(&beside, bytes).expect("a file");
    fs::rename(&beside, path).expect("a rename");
}

#[tokio::test]
async fn a_database_is_taken_up_while_serving_and_a_broken_one_is_not() {
    let tracker = ClickApi::start(|_| click("1")).await;
    let folder = Folder::new();
    let sandbox = fs::read(PLACES).expect("the database");
    // What was Germany is Denmark.
    let danish: Vec<u8> = {
        let at: Vec<usize> = (0..sandbox.len() - 1)
            .filter(|&at| &sandbox[at..at + 2] == b"DE")
            .collect();
        let mut bytes = sandbox.clone();
        for at in at {
            bytes[at + 1] = b'K';
        }
        bytes
    };
    let path = folder.write("places.mmdb", &sandbox);
    let links = format!(
        "{}\n[[link]]\nat = \"/go\"\ntrafficback_url = \"https://back.example/?c={{country}}\"\n{}",
        geoip("places.mmdb"),
        offer(1, "")
    );
    let edge = Edge::start_in(folder.path(), &with_link(&tracker, &links));
    let visitor = edge.visitor().method("HEAD");
    let country = async || location(visitor.clone(), "/go").await;
    assert_eq!(country().await, "https://back.example/?c=DE");

    replace(&path, &danish);
    eventually("the new database", async || country().await.ends_with("=DK")).await;
    eventually("a reload for each key", async || {
        edge.metric("onehop_config_reloads_total ") == 2
    })
    .await;

    for broken in [&sandbox[..sandbox.len() / 2], b"no database", b""] {
        let before = edge.metric("onehop_config_reload_failures_total ");
        fs::write(&path, broken).expect("a file");
        eventually("the refusal", async || {
            edge.metric("onehop_config_reload_failures_total ") >= before + 2
        })
        .await;
        assert!(country().await.ends_with("=DK"));
    }
    let before = edge.metric("onehop_config_reload_failures_total ");
    fs::remove_file(&path).expect("it is there");
    eventually("the complaint", async || {
        edge.metric("onehop_config_reload_failures_total ") >= before + 2
    })
    .await;
    assert!(country().await.ends_with("=DK"));

    // What is no file is not waited for, and what cannot be read now is read when it can be.
    std::os::unix::fs::symlink("/dev/null", &path).expect("a link");
    let before = edge.metric("onehop_config_reload_failures_total ");
    eventually("the refusal", async || {
        edge.metric("onehop_config_reload_failures_total ") >= before + 2
    })
    .await;
    fs::remove_file(&path).expect("it is there");

    replace(&path, &sandbox);
    eventually("the old database", async || country().await.ends_with("=DE")).await;
}
